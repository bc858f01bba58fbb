# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The terminal prompt: what it shows, what it sends, and that the line being typed survives."""

import io
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import threading
import time

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from graph import wait_for
from in_process import Graph, overrides, stays
from rclpy.action import ActionClient
from rich.console import Console
from std_srvs.srv import Trigger

from robomd_msgs.action import ApplyScene, LabelOutcome
from robomd_msgs.msg import CampaignStatus, Outcome
from robomd_msgs.srv import AnswerOperatorRequest, RelabelTrial
from robomd_ros.core.operator.desk import Answer
from robomd_ros.core.share import config_file
from robomd_ros.core.variations import Scene, load_catalogue
from robomd_ros.nodes.operator_prompt import OperatorPrompt
from robomd_ros.nodes.perturbation_node import PerturbationNode
from robomd_ros.ros.conversions import scene_to_msg
from robomd_ros.ros.qos import LATCHED
from robomd_ros.terminal.conversation import FRESH
from robomd_ros.terminal.prompt_screen import PromptScreen, styled

CATALOGUE = load_catalogue(config_file("variations", "ur5e_tabletop"))
GREEN = CATALOGUE["cube_color_green"]
PLACE = "/robomd/cell_0"


class Cell(Graph):
    """A perturbation node, a campaign's services, and prompts that are typed at by the test."""

    def start(self):
        self.told, self.undone = [], []
        for name in ("pause", "resume", "stop"):
            self.client.create_service(Trigger, f"/robomd/{name}", self._campaign(name))
        self.client.create_service(AnswerOperatorRequest, f"{PLACE}/undo_label", self._undo)
        self.status = self.client.create_publisher(
            CampaignStatus, "/robomd/campaign_status", LATCHED
        )
        operator = overrides(backend="operator", countdown=0.0)
        node = PerturbationNode(namespace=PLACE, parameter_overrides=operator)
        self.perturbation = self.add(node)
        self.scenes = ActionClient(self.client, ApplyScene, f"{PLACE}/apply_scene")
        self.labels = ActionClient(self.client, LabelOutcome, f"{PLACE}/label_outcome")
        assert self.scenes.wait_for_server(10) and self.labels.wait_for_server(10)
        return self

    @property
    def open_number(self):
        return self.perturbation._desk.open_request.number

    def _campaign(self, name):
        def called(_request, response):
            self.told.append(name)
            response.success, response.message = True, f"it will {name}"
            return response

        return called

    def _undo(self, request, response):
        self.undone.append(request.operator_name)
        response.accepted = len(self.undone) == 1
        if not response.accepted:
            response.error_code = response.NOT_AN_ANSWER
            response.error_msg = "there is nothing to undo"
        return response

    def prompt(self):
        """(prompt, texts shown)"""
        shown = []
        prompt = self.add(OperatorPrompt(show=shown.append, keyboard=False, namespace=PLACE))
        wait_for(prompt._client.service_is_ready, "the answer service", 10)
        return prompt, shown

    def label(self):
        goal = LabelOutcome.Goal(instruction="lift the cube", outcome=Outcome(duration=3.0))
        handle = self.result(self.labels.send_goal_async(goal), "answer to the goal")
        return handle.get_result_async()

    def scene(self, *variations):
        goal = ApplyScene.Goal(scene=scene_to_msg(Scene(variations)))
        handle = self.result(self.scenes.send_goal_async(goal), "answer to the goal")
        return handle.get_result_async()


@pytest.fixture
def cell(domain):
    graph = Cell(domain)
    yield graph.start()
    graph.close()


def settle(*prompts):
    """A person reads first: what is typed at once was meant for what was there before."""
    wait_for(lambda: all(p.text for p in prompts), "what is asked", 10)
    time.sleep(FRESH)


def shows(shown, text):
    wait_for(lambda: any(text in each for each in shown), f"{text!r} among {shown}", 10)


def test_a_label_is_typed_and_nothing_counts_by_default(cell):
    prompt, shown = cell.prompt()
    result = cell.label()
    shows(shown, "Did it do the task? It took 3.0 s.")
    settle(prompt)
    assert "Type: success / failure / invalid / undo / pause / stop" in prompt.text
    assert "policy says" not in prompt.text  # the question is blind
    for typed in ("", "   ", "y", "s", "done"):
        prompt.take(typed)
    assert stays(lambda: not result.done(), 0.7)
    assert any("'done' is no answer here" in text for text in shown)
    prompt.take("?")
    shows(shown, "failure: the policy did not do the task")
    prompt.take("FAIL grasped slipped")
    outcome = cell.result(result, "result").result.outcome
    assert (outcome.result, outcome.source) == (Outcome.FAILURE, Outcome.SOURCE_OPERATOR)
    assert (outcome.duration, outcome.stage, outcome.tags) == (3.0, "grasped", ["slipped"])
    shows(shown, "(failure: taken)")
    wait_for(lambda: not prompt.text, "the end of the request", 5)
    assert not any("closed" in text for text in shown)


def test_the_slower_of_two_is_told_so(cell):
    fast, seen_by_fast = cell.prompt()
    slow, seen_by_slow = cell.prompt()
    result = cell.label()
    wait_for(lambda: fast.text and slow.text, "the request at both", 10)
    fast._operator = "Ada"
    stale = slow._talk.request
    settle(fast, slow)
    fast.take("success")
    assert cell.result(result, "result").result.outcome.result == Outcome.SUCCESS
    shows(seen_by_slow, "is closed: Ada answered success.")
    assert not any("closed" in text for text in seen_by_fast)
    slow.answer(stale, Answer.FAILURE, "")  # typed in the moment in which the other answered
    shows(seen_by_slow, "Your failure came too late: Ada answered success.")


def test_undo_leaves_the_request_open(cell):
    prompt, shown = cell.prompt()
    result = cell.label()
    wait_for(lambda: prompt.text, "the request", 10)
    settle(prompt)
    prompt.take("undo")
    shows(shown, "The last label is taken back; its scene is asked again.")
    prompt.take("und")
    shows(shown, "Your undo did not count: there is nothing to undo")
    assert not result.done() and prompt.text
    prompt.take("success")
    assert cell.result(result, "result").result.error_code == LabelOutcome.Result.NONE


def test_pause_resume_and_stop_at_any_time(cell):
    prompt, shown = cell.prompt()
    wait_for(lambda: all(c.service_is_ready() for c in prompt._campaign.values()), "services", 10)
    prompt.take("")
    shows(shown, "Nothing is asked now. You may type: pause / resume / stop")
    prompt.take("pause")
    shows(shown, "it will pause")
    cell.status.publish(CampaignStatus(state=CampaignStatus.PAUSED))
    shows(shown, "The campaign is paused: type resume to go on.")
    result = cell.label()
    wait_for(lambda: prompt.text, "the request", 10)
    settle(prompt)
    prompt.take("pau")
    wait_for(lambda: cell.told == ["pause", "pause"], "the campaign's pause", 5)
    prompt.take("resume")
    shows(shown, "it will resume")
    prompt.take("stop")
    shows(shown, "End the campaign? The same command goes on with it later. Type yes")
    assert not result.done()
    prompt.take("yes")
    ended = cell.result(result, "result").result
    assert ended.error_code == LabelOutcome.Result.CANCELED
    wait_for(lambda: cell.told == ["pause", "pause", "resume", "stop"], "what was told", 5)


def test_an_earlier_trial_is_relabelled(cell):
    asked = []

    def relabel(request, response):
        asked.append((request.index, request.result, request.tag))
        response.accepted = request.index == 12
        response.error_msg = "" if response.accepted else "there is no trial 13"
        return response

    prompt, shown = cell.prompt()
    prompt.take("relabel 12 failure slipped")
    shows(shown, "relabel_trial is not offered: no campaign runs.")
    cell.client.create_service(RelabelTrial, "/robomd/relabel_trial", relabel)
    wait_for(prompt._relabel.service_is_ready, "the service", 10)
    prompt.take("relabel 12 failure slipped")
    shows(shown, "(trial 12 is FAILURE now)")
    prompt.take("relabel 13 success")
    shows(shown, "Trial 13 was not relabelled: there is no trial 13")
    assert asked == [(12, Outcome.FAILURE, "slipped"), (13, Outcome.SUCCESS, "")]


def test_the_count_down_is_told_with_a_bell(cell):
    prompt, shown = cell.prompt()
    rung = []
    prompt.ring = lambda: rung.append(1)
    for left in (2, 1, 1):
        cell.perturbation._state.lock(f"count-down: the arm may move in {left} s")
        time.sleep(0.1)
    cell.perturbation._state.unlock()
    shows(shown, "(the arm may move in 1 s)")
    assert shown == ["(the arm may move in 2 s)", "(the arm may move in 1 s)"]
    assert len(rung) == 2


def test_no_perturbation_node_and_no_campaign(domain):
    graph = Graph(domain)
    try:
        shown = []
        prompt = graph.add(OperatorPrompt(show=shown.append, keyboard=False, namespace=PLACE))
        prompt.take("resume")
        assert shown == ["/robomd/resume is not offered: no campaign to resume."]
    finally:
        graph.close()


# The screen


def test_the_line_being_typed_stands_below_what_appears():
    written = io.StringIO()
    screen = PromptScreen(Console(file=written, force_terminal=True, width=80), lambda: "don")
    screen.draw()
    screen.show("--- Request 1: Make this.\n  1. [red] cube")
    lines = re.sub(r"\x1b\[[0-9;]*m", "", written.getvalue()).split("\x1b[2K")
    assert lines[-1] == "--- Request 1: Make this.\n  1. [red] cube\n> don"
    plain = io.StringIO()
    PromptScreen(Console(file=plain, width=80), lambda: "don").show("one\n")
    assert plain.getvalue() == "one\n"


def test_heading_steps_and_answers_look_different():
    text = styled("--- Request 1\n  1. take back: x\nType one of: done\nother")
    assert len({str(span.style) for span in text.spans}) == 3
    assert text.plain.splitlines()[3] == "other"


@pytest.mark.slow
def test_at_a_real_terminal_the_typed_line_survives_and_the_terminal_is_given_back(cell, domain):
    keys, screen = pty.openpty()
    before, written = termios.tcgetattr(screen), []
    process = subprocess.Popen(
        [sys.executable, "-m", "robomd_ros.cli.main", "operator", "cell_0"],
        stdin=screen, stdout=screen, stderr=screen, start_new_session=True,
        env={**os.environ, **domain, "TERM": "xterm", "COLUMNS": "100"},
    )  # fmt: skip
    threading.Thread(target=_read, args=(keys, written), daemon=True).start()
    try:

        def text():
            return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", "".join(written))

        first = cell.scene(GREEN)
        wait_for(lambda: "does not know the scene" in text(), "the first request", 30)
        time.sleep(FRESH)
        os.write(keys, b"don")
        wait_for(lambda: text().endswith("> don"), "the typed keys", 10)
        cell.status.publish(CampaignStatus(state=CampaignStatus.PAUSED))
        wait_for(lambda: text().endswith("resume to go on.\r\n> don"), "the line below", 10)
        os.write(keys, b"e\n")
        wait_for(lambda: f"1. {GREEN.description}" in text(), "the second request", 10)
        time.sleep(FRESH)
        os.write(keys, b"don")  # half typed, as somebody else answers
        wait_for(lambda: text().endswith("> don"), "the typed keys", 10)
        other = cell.call(
            AnswerOperatorRequest, f"{PLACE}/answer_operator_request",
            request_id=cell.open_number, answer=int(Answer.DONE), operator_name="Ada",
        )  # fmt: skip
        assert other.accepted
        assert cell.result(first, "result").result.error_code == ApplyScene.Result.NONE
        wait_for(lambda: "'don' was thrown away" in text(), "what became of the line", 10)
        assert "is closed: Ada answered done." in text()
        label = cell.label()
        wait_for(lambda: "Did it do the task?" in text(), "the question", 10)
        os.write(keys, b"e\nsu\nst\n")
        wait_for(lambda: text().count("is no answer here") + text().count("in the moment") == 3,
                 "three refusals", 10)  # fmt: skip
        assert not label.done()
        time.sleep(FRESH)
        os.write(keys, b"success\n")
        assert cell.result(label, "label").result.outcome.result == Outcome.SUCCESS
        process.send_signal(signal.SIGINT)
        assert process.wait(15) == 0
        assert termios.tcgetattr(screen) == before
    finally:
        process.kill()
        process.wait(10)
        os.close(screen)


def _read(keys, written):
    while True:
        try:
            written.append(os.read(keys, 4096).decode(errors="replace"))
        except OSError:
            return
