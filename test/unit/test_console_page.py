# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The console without ROS: who may see and answer, what is told, and what a cut line leaves."""

import asyncio
import json
import time

import aiohttp
import numpy as np
import pytest
from fakes import make_catalogue, wait_until

from robomd_ros.console.access import COOKIE, MOST_SESSIONS, Access, allowed_hosts
from robomd_ros.console.board import Board, progress_of
from robomd_ros.console.needs import check_console
from robomd_ros.console.qr import terminal_code
from robomd_ros.console.server import ConsoleServer
from robomd_ros.core.campaign.status import CampaignState, CampaignStatus
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.operator.desk import (
    NOTHING_ASKED,
    Answer,
    Changes,
    Request,
    RequestKind,
)
from robomd_ros.core.trial import Outcome, Result, Source, Trial
from robomd_ros.core.variations import Scene

V = make_catalogue(3).variations
NUMBER = 1_795_829_996_004
APPLY = Request(NUMBER, RequestKind.APPLY_SCENE, "Put it back.", Changes((V[0],), (V[1],)))
LABEL = Request(NUMBER + 1, RequestKind.LABEL_OUTCOME, "Did it do the task?")


class Cell:
    """A console of a cell whose perturbation node and arm are lists."""

    def __init__(self):
        self.answers, self.controls, self.labels = [], [], []
        self.counts = True
        self.board = Board("ur5e")
        self.board.presence(True, True)
        self.server = ConsoleServer(self.board, self, "127.0.0.1", 0)
        self.server.start()
        self.url = f"http://127.0.0.1:{self.server.port}"

    def answer(self, number, answer, name, tag, told):
        self.answers.append((number, answer, name, tag))
        told(self.counts, "taken" if self.counts else "too late: Ada answered done")

    def control(self, what, told):
        self.controls.append(what)
        told(True, f"{what}: done")

    def relabel(self, index, result, name, told):
        self.labels.append((index, result, name))
        self.board.relabelled(index, result)
        told(True, f"trial {index} is {result.name} now")

    def run(self, visit, **headers):
        """Run a coroutine function with a client of this console."""

        async def go():
            async with aiohttp.ClientSession(
                self.url, headers=headers, cookie_jar=aiohttp.CookieJar(unsafe=True)
            ) as client:
                return await asyncio.wait_for(visit(client), 10)

        return asyncio.run(go())

    async def enter(self, client, code=None):
        """The status of handing a code in."""
        given = self.server.access.new_code() if code is None else code
        async with client.post("/enter", data=given, headers={"Origin": self.url}) as response:
            return response.status

    def line(self, client, **headers):
        return client.ws_connect("/line", headers={"Origin": self.url, **headers})


@pytest.fixture
def cell():
    made = Cell()
    yield made
    made.server.close()


async def status(client, path, **headers):
    async with client.get(path, headers=headers) as response:
        return response.status


# Who may


def test_a_code_is_good_once_and_the_cookie_is_kept_from_scripts_and_other_sites(cell):
    code = cell.server.access.new_code()

    async def first(client):
        assert await status(client, "/") == 403
        async with client.post("/enter", data=code, headers={"Origin": cell.url}) as response:
            assert response.status == 200
            cookie = response.headers["Set-Cookie"]
        assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and COOKIE in cookie
        async with client.get("/") as page:
            text = await page.text()
        assert (
            page.status == 200 and "default-src 'none'" in page.headers["Content-Security-Policy"]
        )
        assert "http://" not in text and "https://" not in text  # nothing from elsewhere

    async def second(client):
        assert await cell.enter(client, code) == 403
        assert await status(client, "/") == 403

    cell.run(first)
    cell.run(second)  # another phone, with a picture of the code


@pytest.mark.parametrize("code", ["", "wrong", "é" * 50, "x" * 10_000])
def test_a_wrong_code_opens_nothing(cell, code):
    cell.server.access.new_code()

    async def visit(client):
        assert await cell.enter(client, code) == 403
        for path in ("/", "/line", "/picture/now.jpg", "/console.js"):
            assert await status(client, path, Origin=cell.url) == 403

    cell.run(visit)


def test_foreign_origins_and_hosts_are_refused_even_with_a_session(cell):
    async def visit(client):
        assert await cell.enter(client) == 200
        assert await status(client, "/") == 200
        for host in (
            "evil.example",
            f"evil.example:{cell.server.port}",
            "127.0.0.1",
            "localhost:1",
        ):
            assert await status(client, "/", Host=host) == 421
        assert await status(client, "/", Host=f"localhost:{cell.server.port}") == 200
        for origin in ("http://evil.example", "null", cell.url.replace("http", "https")):
            assert await status(client, "/line", Origin=origin) == 403
            assert await status(client, "/", Origin=origin) == 403
            async with client.post("/enter", data="x", headers={"Origin": origin}) as response:
                assert response.status == 403
        assert await status(client, "/line") == 403  # a browser always names the origin
        async with client.post("/enter", data="x") as response:
            assert response.status == 403
        assert not cell.answers

    cell.run(visit)


def test_what_is_no_part_of_it(cell):
    async def visit(client):
        await cell.enter(client)
        assert await status(client, "/picture/now.jpg") == 404  # there is none yet
        for path in ("/picture/other.jpg", "/../setup.py", "/templates/console.html", "/x"):
            assert await status(client, path) == 404
        async with client.put("/", headers={"Origin": cell.url}) as response:
            assert response.status == 405
        async with client.post("/enter", data="x" * 10**6, headers={"Origin": cell.url}) as big:
            assert big.status == 413

    cell.run(visit)


def test_sessions_are_few():
    access = Access()
    sessions = [access.enter(access.new_code()) for _ in range(MOST_SESSIONS + 1)]
    assert not access.admits(sessions[0]) and all(access.admits(s) for s in sessions[1:])
    assert not access.admits("") and access.enter("") == ""


def test_hosts():
    assert "localhost:80" in allowed_hosts("127.0.0.1", 80)
    assert allowed_hosts("192.168.1.7", 80) == {"192.168.1.7:80"}
    assert "localhost:80" in allowed_hosts("0.0.0.0", 80)


def test_a_port_that_is_taken_is_said(cell):
    second = ConsoleServer(Board("x"), cell, "127.0.0.1", cell.server.port)
    with pytest.raises(ConfigurationError, match=r"cannot listen on 127.0.0.1 port \d+: .*in use"):
        second.start()
    second.close()


# What is told and answered


async def board_of(line):
    while True:
        message = json.loads((await line.receive(timeout=5)).data)
        if "board" in message:
            return message["board"]


async def told(line):
    while True:
        message = json.loads((await line.receive(timeout=5)).data)
        if "told" in message:
            return message["told"]


def test_a_request_is_told_and_answered(cell):
    async def visit(client):
        await cell.enter(client)
        async with cell.line(client) as line:
            assert (await board_of(line))["request"] is None
            cell.board.ask(APPLY)
            request = (await board_of(line))["request"]
            assert request["number"] == str(NUMBER) and request["title"] == "change the scene"
            assert request["steps"] == [f"take back: {V[0].description}", V[1].description]
            names = [a["name"] for a in request["answers"]]
            assert names == ["DONE", "REALLY_DONE", "SKIP", "INVALID", "UNDO"]
            asked_back = [a["name"] for a in request["answers"] if a["question"]]
            assert asked_back == ["INVALID"]
            await line.send_json({"number": request["number"], "answer": "DONE", "name": "Bob"})
            assert await told(line) == {"counted": True, "said": "taken"}
            await line.send_json({"do": "stop_motion"})
            assert (await told(line))["said"] == "stop_motion: done"

    cell.run(visit)
    assert cell.answers == [(NUMBER, Answer.DONE, "Bob", "")]
    assert cell.controls == ["stop_motion"]


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"number": str(NUMBER - 1), "answer": "DONE"}, "request 3 is not open any more"),
        ({"number": "0", "answer": "DONE"}, "not open any more"),
        ({"number": str(NUMBER), "answer": "SUCCESS"}, "success is no answer to this request"),
        ({"number": str(NUMBER), "answer": "UNKNOWN"}, "is no answer"),
        ({"number": str(NUMBER), "answer": "DONE", "tag": "x" * 3000}, "at most 2000 characters"),
        ({"number": str(NUMBER), "answer": "NONSENSE"}, "nobody understands"),
        ({"number": "a", "answer": "DONE"}, "nobody understands"),
        ({"relabel": 3, "label": "GOOD"}, "nobody understands"),
        ({"relabel": -1, "label": "SUCCESS"}, "nobody understands"),
        ({"relabel": 2**32, "label": "SUCCESS"}, "nobody understands"),
        ({"relabel": 3, "label": "SUCCESS", "name": "x" * 3000}, "at most 2000 characters"),
        ({"do": "home"}, "nobody understands"),
        ([1, 2], "nobody understands"),
        ({}, "nobody understands"),
    ],
)
def test_what_is_no_answer_is_refused_with_its_reason(cell, wish, said):
    cell.board.ask(APPLY)

    async def visit(client):
        await cell.enter(client)
        async with cell.line(client) as line:
            await line.send_json(wish)
            answer = await told(line)
            assert not answer["counted"] and said in answer["said"]

    cell.run(visit)
    assert not cell.answers and not cell.controls and not cell.labels


def ended(index, result, source=Source.OPERATOR, detail=""):
    outcome = Outcome(result, source, detail=detail)
    return Trial(index, "ur5e", Scene((V[0],)), 7, outcome)


def test_an_earlier_label_is_corrected(cell):
    cell.board.trial(ended(3, Result.SUCCESS))
    cell.board.trial(ended(4, Result.INVALID, Source.UNKNOWN, "the camera froze"))
    cell.board.trial(ended(5, Result.INVALID, detail="somebody bumped the table"))

    async def visit(client):
        await cell.enter(client)
        async with cell.line(client) as line:
            shown = [(t["index"], t["label"]) for t in (await board_of(line))["labelled"]]
            assert shown == [(5, "INVALID"), (3, "SUCCESS")]  # what a fault spoiled stays so
            await line.send_json({"relabel": 3, "label": "FAILURE", "name": "Bob"})
            assert (await told(line))["said"] == "trial 3 is FAILURE now"

    cell.run(visit)
    assert cell.labels == [(3, Result.FAILURE, "Bob")]
    assert cell.board.snapshot()["labelled"][-1]["label"] == "FAILURE"


def test_a_count_down_says_how_long_it_still_is():
    board = Board("ur5e")
    board.ask(Request(instruction="The arm may move in 3 s", deadline=time.time() + 3.0))
    board.wait("The arm may move in 3 s")
    assert 2.0 < board.snapshot()["wait_left"] <= 3.0
    board.wait("")
    assert board.snapshot()["wait_left"] == 0.0


def test_nobody_there_takes_no_answer(cell):
    cell.board.ask(APPLY)
    cell.board.presence(False, False)
    assert "the perturbation node is not on the graph" in cell.board.refusal(NUMBER, Answer.DONE)


def test_a_line_cut_in_mid_request_answers_nothing_and_holds_nothing(cell):
    cell.board.ask(APPLY)

    async def cut(client):
        await cell.enter(client)
        line = await cell.line(client)
        await board_of(line)
        line._writer.transport.abort()  # as when a phone leaves the network

    async def again(client):
        await cell.enter(client)
        async with cell.line(client) as line:
            assert (await board_of(line))["request"]["number"] == str(NUMBER)
            await line.send_json({"number": str(NUMBER), "answer": "DONE"})
            assert (await told(line))["counted"]

    cell.run(cut)
    assert not cell.answers and cell.board.request == APPLY
    wait_until(lambda: not cell.server._pages, 10)
    cell.run(again)
    assert len(cell.answers) == 1


def test_a_flood_is_cut_and_another_page_goes_on(cell):
    async def flood(client):
        await cell.enter(client)
        async with cell.line(client) as line:
            await line.send_str("x" * 10**6)
            while (message := await line.receive(timeout=5)).type is aiohttp.WSMsgType.TEXT:
                pass
            assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        async with cell.line(client) as line:
            assert await board_of(line)

    cell.run(flood)


def test_two_pages_the_slower_one_is_told_who_answered(cell):
    cell.board.ask(APPLY)

    async def visit(client):
        await cell.enter(client)
        async with cell.line(client) as fast, cell.line(client) as slow:
            await board_of(slow)
            await fast.send_json({"number": str(NUMBER), "answer": "DONE"})
            assert (await told(fast))["counted"]
            cell.board.ask(Request(instruction="Ada answered done"))
            while (told_slow := await board_of(slow))["request"]:
                pass
            assert told_slow["ended"] == "Ada answered done"
            await slow.send_json({"number": str(NUMBER), "answer": "SKIP"})
            assert not (await told(slow))["counted"]

    cell.run(visit)
    assert len(cell.answers) == 1


# The board


def test_pictures_before_and_now(cell):
    red = np.zeros((24, 32, 3), np.uint8)
    red[..., 0] = 255
    cell.board.look(red)
    cell.board.ask(APPLY)
    cell.board.look(red[..., ::-1].copy())
    cell.board.ask(LABEL)
    before, now = cell.board.picture("before"), cell.board.picture("now")
    assert before != now and before.startswith(b"\xff\xd8")

    async def visit(client):
        await cell.enter(client)
        async with client.get("/picture/before.jpg") as response:
            return response.headers["Content-Type"], await response.read()

    assert cell.run(visit) == ("image/jpeg", before)
    assert cell.board.snapshot()["picture_age"] < 5


def test_the_board_is_blind_and_says_how_far_it_is():
    board = Board("ur5e")
    assert board.snapshot()["progress"] == "" and progress_of(None) == ""
    status = CampaignStatus(
        CampaignState.RUNNING, 12, 60, 0, message="light_dim fails 0.9", eta=245.0
    )
    board.campaign(status)
    board.ask(LABEL)
    board.wait("the arm may move in 3 s")
    told = board.snapshot()
    assert told["progress"] == "12 of 60 trials done, 48 left, 4:05 min"
    assert "light_dim" not in json.dumps(told)
    assert told["waits"] == "the arm may move in 3 s"
    board.ask(NOTHING_ASKED)
    assert board.snapshot()["request"] is None


def test_what_it_needs_is_said(monkeypatch):
    check_console("0.0.0.0")
    with pytest.raises(ConfigurationError, match=r"must be an address .* got 'my-robot'"):
        check_console("my-robot")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"apt-get install python3-aiohttp python3-qrcode"):
        check_console("127.0.0.1")


def test_the_code_is_shown_as_blocks():
    address = "http://192.168.1.7:8321/enter#" + "x" * 32
    lines = terminal_code(address).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert len(lines[0]) <= 80 and len(lines) <= 24
