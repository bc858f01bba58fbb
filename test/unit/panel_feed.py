# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Qt for the panel's tests: an application without a screen, and a feed that the test drives."""

import importlib
import os
import time

import pytest

from robomd_ros.core.campaign.status import CampaignState, CampaignStatus
from robomd_ros.core.errors import RoboMDError
from robomd_ros.core.evidence.failure_modes import FailureMode, FailureRanking
from robomd_ros.core.operator.desk import Changes, Request, RequestKind
from robomd_ros.core.share import share_path
from robomd_ros.core.trial import Outcome, Result, Source, Trial
from robomd_ros.core.variations import Scene, load_catalogue
from robomd_ros.rqt.values import CellPresence, Presence, RobotState

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
try:
    from robomd_ros.rqt.panel import Panel
    from robomd_ros.rqt.qt import Qt, QtCore, QtGui, QtWidgets, Signal
except RoboMDError as error:
    pytest.skip(str(error), allow_module_level=True)

_kept = []  # Qt's application ends when nobody holds it


def application():
    """The one application of the process."""
    if not _kept:
        _kept.append(QtWidgets.QApplication.instance() or QtWidgets.QApplication(["test"]))
    return _kept[0]


def until(condition, what, timeout=30.0):
    """Let Qt work until the condition is true."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come within {timeout:g} s"
        application().processEvents()
        time.sleep(0.005)


def pass_time(seconds):
    """Let Qt work for a while."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        application().processEvents()
        time.sleep(0.005)


class DrivenFeed(QtCore.QObject):
    """The signals of a Feed; what the panel wants of it is written down."""

    status_changed = Signal(object)
    ranking_changed = Signal(object)
    trial_arrived = Signal(object, str, float)
    request_changed = Signal(str, object)
    robot_changed = Signal(str, object)
    picture_arrived = Signal(str, object)
    presence_changed = Signal(object)
    folder_found = Signal(str)
    call_ended = Signal(object)
    problem = Signal(str)
    namespace = "/robomd"

    def __init__(self):
        super().__init__()
        self.wanted = []

    def watch(self, cell):
        self.wanted.append(("watch", cell))

    def control(self, what):
        self.wanted.append(("control", what))

    def command_robot(self, cell, what):
        self.wanted.append(("robot", cell, what))

    def answer(self, cell, number, answer, operator, comment, tag):
        self.wanted.append(("answer", cell, number, answer, operator, comment, tag))

    def asked_for(self, kind):
        """What of a kind was wanted."""
        return [w[1:] for w in self.wanted if w[0] == kind]


CATALOGUE = load_catalogue(share_path("config/variations/lift.yaml"))
GREEN, BLUE, RED = (
    CATALOGUE[i] for i in ("cube_color_green", "table_color_blue", "robot_color_red")
)
ARM = CellPresence(operator=True, camera=True, robot=True, recover=True, stop_motion=True)
SIMULATED = CellPresence(operator=True, camera=True)
FACTS = {"robot_mode": "RUNNING", "safety_mode": "NORMAL", "remote_control": True, "tcp": [0.0]}
READY = RobotState(True, speed_scaling=1.0, position="at home", facts=FACTS)
STOPPED = RobotState(
    False,
    "clear the arm, recover",
    speed_scaling=0.0,
    stop_latched=True,
    facts={**FACTS, "safety_mode": "PROTECTIVE_STOP", "remote_control": False},
)
APPLY = Request(4, RequestKind.APPLY_SCENE, "Make these changes.", Changes((RED,), (GREEN, BLUE)))
LABEL = Request(5, RequestKind.LABEL_OUTCOME, "Lift the cube.", Changes((), ()))


def mode(*variations, p=0.8, rank=1, **fields):
    values = {"trials": 7, "failures": 6, "lower": max(0.0, p - 0.1), "upper": min(1.0, p + 0.1)}
    return FailureMode(variations, rank, failure_probability=p, **{**values, **fields})


def ranking(*modes):
    return FailureRanking(
        "c-1", "lift", "lift_bc", "ppo", "discrete", modes, 20, 1.0, 1, 1.5, False
    )


def status(state=CampaignState.RUNNING, **fields):
    return CampaignStatus(state, 30, 100, **fields)


def trial(index=3, result=Result.FAILURE, detail="", image_path="images/3.png", scene=(GREEN,)):
    outcome = Outcome(result, Source.SIMULATOR, 2.0, 40, detail)
    return Trial(index, "cell_0", Scene(scene), 1, outcome, None, image_path)


@pytest.fixture
def feed():
    application()
    return DrivenFeed()


@pytest.fixture
def panel(feed):
    made = Panel(feed)
    made.resize(1280, 800)
    made.show()
    made.activateWindow()
    application().processEvents()
    yield made
    made.close_panel()
    made.hide()
    made.deleteLater()


@pytest.fixture
def one_cell(panel, feed):
    """The panel beside an arm whose cell is there."""
    feed.presence_changed.emit(Presence(True, True, {"cell_0": ARM}))
    feed.robot_changed.emit("cell_0", READY)
    return panel


def press(widget, key):
    for kind in (QtCore.QEvent.Type.KeyPress, QtCore.QEvent.Type.KeyRelease):
        event = QtGui.QKeyEvent(kind, key, Qt.KeyboardModifier.NoModifier, "\r")
        application().sendEvent(widget, event)


def strike(widget, key):
    """Type a key as a person does: shortcuts hear it too."""
    test = importlib.import_module(f"{QtCore.__name__.rsplit('.', 1)[0]}.QtTest").QTest
    test.keyClick(widget, key)
    application().processEvents()


def ask(panel, feed, request, cell="cell_0"):
    """A request, after the time in which it takes no answer."""
    feed.request_changed.emit(cell, request)
    until(lambda: all(b.isEnabled() for b in panel.request.buttons.values()), "buttons")
