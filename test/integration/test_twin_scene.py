# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The twin's table: scenes, starts, the camera, the gripper, and the arguments of the command."""

import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import cv2
import numpy as np
import psutil
import pytest
from twin_session import own_address, start_twin

from robomd_ros.core.share import share_path
from robomd_ros.core.variations import load_catalogue
from sim_bridge.twin.client import TwinError
from sim_bridge.twin.main import main

FALL = 2e-3
"""m, how far a cube that was just put down may still be from where it comes to rest."""


@pytest.fixture(scope="module")
def twin():
    with start_twin("seed:=3") as process:
        yield process


@pytest.fixture(scope="module")
def catalogue():
    return load_catalogue(share_path("config/variations/ur5e_tabletop.yaml"))


def picture(twin):
    with urllib.request.urlopen(twin.ready["control"] + "/camera.jpg", timeout=60) as response:
        return cv2.imdecode(np.frombuffer(response.read(), np.uint8), cv2.IMREAD_COLOR)


def post(twin, path, body):
    request = urllib.request.Request(twin.ready["control"] + path, body)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_every_change_of_the_catalogue_can_be_made_and_undone(twin, catalogue):
    nominal = twin.client.set_scene((), seed=3)["objects"]
    for variation in catalogue:
        state = twin.client.set_scene([variation])
        assert state["scene"] == [variation.id]
    again = twin.client.set_scene(())["objects"]
    assert again.keys() == nominal.keys() == {"cube"}
    assert np.allclose(again["cube"], nominal["cube"], atol=FALL)


def test_what_is_changed_is_seen(twin, catalogue):
    twin.client.set_scene((), seed=3)
    nominal = picture(twin)
    assert nominal.shape == (480, 640, 3)
    for name in ("table_color_blue", "light_dark", "distractor_red_mug", "cube_color_green"):
        twin.client.set_scene([catalogue[name]])
        assert np.abs(picture(twin).astype(int) - nominal).max() > 60, name
    twin.client.set_scene([catalogue["table_color_blue"]])
    blue, green, red = picture(twin)[400, 320].astype(int)
    assert blue > green + 40 and blue > red + 40
    twin.client.set_scene(())
    again = np.abs(picture(twin).astype(int) - nominal)
    assert 0 < again.mean() < 2.0, "the same, but for a sensor's noise"


@pytest.mark.parametrize(
    ("kind", "spoilt"),
    [
        ("black", lambda now, good: now.max() < 3),
        ("half", lambda now, good: np.ptp(now[250:]) == 0 and np.ptp(now[:230]) > 100),
        ("resized", lambda now, good: now.shape == (240, 320, 3)),
        ("swapped", lambda now, good: np.abs(now[..., ::-1].astype(int) - good).mean() < 2.0),
    ],
)
def test_the_camera_s_pictures_may_be_spoilt(twin, kind, spoilt):
    good = picture(twin)
    twin.client.fault(f"camera_{kind}")
    try:
        now = picture(twin)
    finally:
        twin.client.clear(f"camera_{kind}")
    assert spoilt(now, good), now.shape
    assert not spoilt(picture(twin), good)


@pytest.mark.long
def test_the_camera_freezes_and_comes_late(twin, catalogue):
    twin.client.set_scene(())
    good = picture(twin)
    twin.client.fault("camera_frozen")
    twin.client.set_scene([catalogue["light_dark"]])
    frozen = [picture(twin) for _ in range(3)]
    assert all((p == frozen[0]).all() for p in frozen) and frozen[0].mean() > 0.9 * good.mean()
    twin.client.clear("camera_frozen")
    assert picture(twin).mean() < 0.3 * good.mean()
    twin.client.fault("camera_late", seconds=1.5)
    capture = cv2.VideoCapture(twin.ready["camera"])
    for _ in range(40):  # the stream runs, so that there is a past
        assert capture.read()[0]
    changed = time.monotonic()
    twin.client.set_scene(())
    while (picture(twin)).mean() < 0.9 * good.mean():
        assert time.monotonic() - changed < 20.0
    assert time.monotonic() - changed > 1.2
    twin.client.clear("camera_late")


def test_distances_are_the_catalogues(twin, catalogue):
    """x away from the robot and y to its left are -x and -y of the controller's base frame."""
    nominal = np.array(twin.client.set_scene((), seed=3)["objects"]["cube"])
    left = twin.client.set_scene([catalogue["cube_shift_left"]])["objects"]["cube"]
    assert np.allclose(np.array(left) - nominal, (0.0, -0.08, 0.0), atol=2e-3)
    away = twin.client.set_scene([catalogue["cube_shift_away"]])["objects"]["cube"]
    assert np.allclose(np.array(away) - nominal, (-0.06, 0.0, 0.0), atol=2e-3)
    mug = twin.client.set_scene([catalogue["distractor_red_mug"]])["objects"]["red_mug"]
    assert np.allclose(mug[:2], (-0.58, -0.14), atol=2e-3)


def test_a_seed_gives_a_start(twin):
    first, other, again = (
        np.array(twin.client.reset(seed)["objects"]["cube"]) for seed in (11, 12, 11)
    )
    assert np.allclose(first, again, atol=FALL) and not np.allclose(first, other, atol=FALL)
    assert (np.abs(first[:2] - (-0.56, 0.0)) < 0.04).all()


def test_the_stream_is_read_by_opencv_and_ends_with_the_camera(twin):
    capture = cv2.VideoCapture(twin.ready["camera"])
    frames = [capture.read() for _ in range(5)]
    assert all(there and frame.shape == (480, 640, 3) for there, frame in frames)
    twin.client.fault("camera_loss")
    deadline = time.monotonic() + 20
    while capture.read()[0]:
        assert time.monotonic() < deadline
    with pytest.raises(urllib.error.HTTPError, match="503"):
        picture(twin)
    assert not cv2.VideoCapture(twin.ready["camera"]).read()[0]
    twin.client.clear("camera_loss")
    assert cv2.VideoCapture(twin.ready["camera"]).read()[0]


@pytest.mark.long
def test_the_camera_comes_back_after_the_process_that_draws_has_died(twin):
    before = picture(twin)
    for child in psutil.Process(twin.pid).children(recursive=True):
        if any("spawn_main" in part for part in child.cmdline()):
            child.kill()

    def sees():
        with contextlib.suppress(urllib.error.HTTPError):
            return picture(twin).shape == before.shape
        return False

    deadline = time.monotonic() + 60
    while not sees():
        assert time.monotonic() < deadline
    assert cv2.VideoCapture(twin.ready["camera"]).read()[0]


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        ("/scene", b"no json", "not JSON"),
        ("/scene", b"[]", "JSON object"),
        ("/scene", b'{"variation": []}', "unknown key 'variation'"),
        ("/scene", b'{"variations": 3}', "must be a list"),
        ("/scene", b'{"variations": [{"id": "x"}]}', "needs id, factor, target"),
        ("/scene", b'{"seed": -1}', "seed must be"),
        ("/scene", b'{"reset_objects": 1}', "true or false"),
        (
            "/scene",
            b'{"variations": [{"id": "a", "factor": "taste", "target": "cube"}]}',
            "cannot change taste/cube",
        ),
        (
            "/scene",
            b'{"variations": [{"id": "a", "factor": "color", "target": "cube",'
            b' "parameters": {"rgb": [1, 2, 3]}}]}',
            "rgb must be 3 numbers",
        ),
        ("/reset", b'{"seed": "a"}', "seed must be"),
        ("/fault", b'{"kind": "earthquake"}', "unknown fault 'earthquake'"),
        ("/fault", b"{}", "unknown fault None"),
        ("/fault", b'{"kind": "rtde_drop", "how": "slowly"}', "fin or rst"),
        ("/fault", b'{"kind": "freeze", "args": {"seconds": -1}}', "above 0"),
        ("/fault", b'{"kind": "local_mode", "seconds": 1}', "no argument 'seconds'"),
        ("/clear", b'{"kind": "weather"}', "unknown fault 'weather'"),
    ],
)
def test_what_is_malformed_is_refused_with_its_reason(twin, path, body, reason):
    before = twin.client.state()
    code, answer = post(twin, path, body)
    assert code == 400 and reason in answer["error"]
    after = twin.client.state()
    assert after["scene"] == before["scene"] and after["faults"] == before["faults"]


def test_unknown_paths_are_told_the_known_ones(twin):
    code, answer = post(twin, "/scenes", b"{}")
    assert code == 404 and "/scene" in answer["error"]


class Fingers:
    """A client of the gripper's socket."""

    def __init__(self, twin):
        address = (twin.ready["address"], twin.ready["ports"]["gripper"])
        self._socket = socket.create_connection(address, timeout=10)
        self._file = self._socket.makefile("rw", newline="\n")

    def __call__(self, line):
        self._file.write(line + "\n")
        self._file.flush()
        return self._file.readline().strip()

    def until(self, line, answer):
        deadline = time.monotonic() + 20
        while (got := self(line)) != answer:
            assert time.monotonic() < deadline, got


def test_the_gripper_must_be_activated_and_then_moves(twin):
    ask = Fingers(twin)
    assert ask("GET STA") == "STA 0"
    assert ask("SET POS 255 GTO 1") == "ack"
    assert ask("SET ACT 1") == "ack"
    ask.until("GET STA", "STA 3")
    assert ask("SET SPE 255 FOR 100") == "ack"
    ask.until("GET OBJ", "OBJ 3")
    assert twin.client.state()["gripper"] > 0.95
    assert ask("SET POS 0") == "ack"
    assert ask("GET PRE") == "PRE 0"
    ask.until("GET OBJ", "OBJ 3")
    assert twin.client.state()["gripper"] < 0.05
    for wrong in ("SET POS 256", "SET POS", "SET COLOUR 3", "GET COLOUR", "SET POS x", "hello"):
        assert ask(wrong) == "?"


def test_a_gripper_that_has_lost_its_power_forgets_and_one_that_is_stuck_stays(twin):
    ask = Fingers(twin)
    ask("SET ACT 1")
    ask.until("GET STA", "STA 3")
    ask("SET GTO 1 SPE 255 FOR 100 POS 200")
    ask.until("GET OBJ", "OBJ 3")
    twin.client.fault("gripper_stuck")
    ask("SET POS 0")
    time.sleep(0.5)
    assert int(ask("GET POS").split()[1]) > 190 and ask("GET PRE") == "PRE 0"
    twin.client.clear("gripper_stuck")
    ask.until("GET OBJ", "OBJ 3")
    twin.client.fault("gripper_fault", code=7)
    assert ask("GET FLT") == "FLT 7"
    twin.client.clear("gripper_fault")
    twin.client.fault("gripper_lost")
    assert (ask("GET STA"), ask("GET POS")) == ("STA 0", "POS 0")
    ask("SET POS 255 GTO 1")
    time.sleep(0.3)
    assert twin.client.state()["gripper"] < 0.1
    ask("SET ACT 1")
    ask.until("GET STA", "STA 3")


def test_a_silent_gripper_does_not_answer(twin):
    ask = Fingers(twin)
    twin.client.fault("gripper_silent")
    ask._socket.settimeout(0.5)
    with pytest.raises(TimeoutError):
        ask("GET POS")
    twin.client.clear("gripper_silent")
    assert Fingers(twin)("GET FLT") == "FLT 0"


# The command


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "robomd_ros.cli.main", "twin", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("argument", "reason"),
    [
        ("adress:=127.0.0.3", "did you mean 'address'?"),
        ("address:=192.168.1.10", "must be a loopback address"),
        ("address:=robot", "must be a loopback address"),
        ("polyscope:=10.8", "version 3.x, 5.x"),
        ("frequency:=300", "125 or 250 or 500 Hz"),
        ("http_port:=80", "in [1,024, 65,535]; got 80"),
        ("task:=chess", "must be one of ur5e_tabletop"),
        ("seed:=-1", "in [0, 2,147,483,647]; got -1"),
        ("seed", "name:=value"),
    ],
)
def test_a_wrong_argument_is_one_clear_error(argument, reason, caplog, capsys):
    assert main([argument]) == 2
    assert capsys.readouterr().out == ""
    assert len(caplog.messages) == 1 and reason in caplog.messages[0]


def test_taken_ports_are_named(twin):
    done = command(f"address:={twin.ready['address']}")
    assert done.returncode == 2 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert f"{twin.ready['address']}:29999" in done.stderr and "another" in done.stderr
    busy = socket.create_server((own_address(), 0))
    address, port = busy.getsockname()
    with pytest.raises(TwinError, match=rf"{address}:{port}.*http_port"):
        start_twin(f"http_port:={port}", address=address)
    busy.close()


def test_help_lists_the_arguments():
    done = command("--help")
    assert done.returncode == 0
    assert all(name in done.stdout for name in ("address", "http_port", "polyscope", "frequency"))


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)]
)
def test_it_ends_on_a_signal_also_where_a_script_started_it_with_an_ampersand(number):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # children inherit it
    try:
        twin = start_twin()
    finally:
        signal.signal(signal.SIGINT, before)
    with twin:
        process = psutil.Process(twin.pid)
        process.send_signal(number)
        assert process.wait(timeout=30) == 0
