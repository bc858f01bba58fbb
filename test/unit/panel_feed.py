"""Qt for the panel's tests: an application without a screen, and a feed that the test drives."""

import os
import time

import pytest

from robomd_ros.core.errors import RoboMDError

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
try:
    from robomd_ros.rqt.qt import QtCore, QtWidgets, Signal
except RoboMDError as error:
    pytest.skip(str(error), allow_module_level=True)

_kept = []  # Qt's application ends when nobody holds it


def application():
    """The one application of the process."""
    if not _kept:
        _kept.append(QtWidgets.QApplication.instance() or QtWidgets.QApplication(["test"]))
    return _kept[0]


def until(condition, what, timeout=10.0):
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

    def answer(self, cell, number, answer, operator, comment):
        self.wanted.append(("answer", cell, number, answer, operator, comment))

    def asked_for(self, kind):
        """What of a kind was wanted."""
        return [w[1:] for w in self.wanted if w[0] == kind]
