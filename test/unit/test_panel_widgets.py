"""The panel's widgets, without ROS: what is shown, and that nothing is answered by accident."""

import ast
import json
import math
import os
import subprocess
import sys
import time
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml
from panel_feed import DrivenFeed, application, pass_time, until

from robomd_ros.core.campaign_status import CampaignState, CampaignStatus
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.failure_modes import FailureMode, FailureRanking
from robomd_ros.core.operator import ANSWERS, NOTHING_ASKED, Answer, Changes, Request, RequestKind
from robomd_ros.core.trial import Outcome, Result, Source, Trial
from robomd_ros.core.variations import NOMINAL, Scene, load_catalogue
from robomd_ros.rqt import cell_view, qt, request_view, style
from robomd_ros.rqt.panel import Panel
from robomd_ros.rqt.parts import DeliberateButton
from robomd_ros.rqt.qt import Qt, QtCore, QtGui, QtWidgets
from robomd_ros.rqt.ranking_model import (
    AGENT,
    BAR,
    COUNTS,
    FIGURES,
    NAME,
    RELIABILITY,
    cell_text,
    paint_interval,
)
from robomd_ros.rqt.request_view import answers_shown
from robomd_ros.rqt.trials_view import KEPT, OUTCOME, Listed, TrialsModel
from robomd_ros.rqt.values import CallResult, CellPresence, Presence, RobotMode, RobotState
from robomd_ros.rqt.values import SafetyMode as Safety
from robomd_ros.share import share_path

CATALOGUE = load_catalogue(share_path("config/variations/lift.yaml"))
GREEN, BLUE, RED = (
    CATALOGUE[i] for i in ("cube_color_green", "table_color_blue", "robot_color_red")
)
ARM = CellPresence(operator=True, camera=True, robot=True, recover=True, stop_motion=True)
SIMULATED = CellPresence(operator=True, camera=True)
READY = RobotState(RobotMode.RUNNING, Safety.NORMAL, True, True, 1.0, True)
STOPPED = RobotState(
    RobotMode.RUNNING, Safety.PROTECTIVE_STOP, False, True, 0.0, False, "clear the arm, recover"
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


def ask(panel, feed, request, cell="cell_0"):
    """A request, after the time in which it takes no answer."""
    feed.request_changed.emit(cell, request)
    until(lambda: all(b.isEnabled() for b in panel.request.buttons.values()), "buttons")


# The operator's request


@pytest.mark.parametrize("kind", [k for k in RequestKind if k is not RequestKind.UNKNOWN])
def test_the_buttons_are_the_answers_of_the_request(one_cell, feed, kind):
    ask(one_cell, feed, Request(7, kind, "Do it.", Changes((), ())))
    shown = set(one_cell.request.buttons)
    # pause and stop stand at the campaign, undo is always heard
    assert shown == (set(ANSWERS[kind]) | {Answer.UNDO}) - {Answer.STOP, Answer.PAUSE}
    assert list(one_cell.request.buttons) == answers_shown(kind)


def test_the_steps_are_numbered_and_what_goes_back_comes_first(one_cell, feed):
    feed.request_changed.emit("cell_0", APPLY)
    assert one_cell.request.text.text().splitlines() == [
        "Make these changes.",
        f"1.  Take back: {RED.description}",
        f"2.  {GREEN.description}",
        f"3.  {BLUE.description}",
    ]


def test_enter_answers_nothing_wherever_the_focus_is(one_cell, feed):
    ask(one_cell, feed, LABEL)
    for widget in one_cell.findChildren(QtWidgets.QWidget):
        if widget.isVisible() and widget.focusPolicy() != Qt.FocusPolicy.NoFocus:
            widget.setFocus()
            for key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                press(widget, key)
    assert not feed.asked_for("answer") and not feed.asked_for("robot")
    assert not feed.asked_for("control")
    assert not any(b.isDefault() or b.autoDefault() for b in one_cell.request.buttons.values())


def test_an_answer_carries_the_request_the_name_and_the_comment(one_cell, feed):
    ask(one_cell, feed, LABEL)
    one_cell.request.operator.setText(" Ada ")
    one_cell.request.comment.setText("slipped once")
    press(one_cell.request.buttons[Answer.SUCCESS], Qt.Key.Key_Space)  # the keyboard's way
    assert feed.asked_for("answer") == [("cell_0", 5, Answer.SUCCESS, "Ada", "slipped once")]
    assert not any(b.isEnabled() for b in one_cell.request.buttons.values())  # one is on its way
    feed.call_ended.emit(CallResult("cell_0", "answer", True, "", 5, Answer.SUCCESS))
    assert "“success” counted" in one_cell.request.notice.text()
    feed.request_changed.emit("cell_0", NOTHING_ASKED)
    assert "counted" in one_cell.request.notice.text() and not one_cell.request.buttons


def test_a_request_is_numbered_with_64_bit(one_cell, feed):
    number = 2**64 - 1
    ask(one_cell, feed, Request(number, LABEL.kind, "x", Changes((), ())))
    one_cell.request.buttons[Answer.SUCCESS].click()
    assert feed.asked_for("answer")[0][1] == number


def test_a_new_request_takes_no_answer_at_once(one_cell, feed):
    ask(one_cell, feed, LABEL)
    button = one_cell.request.buttons[Answer.SUCCESS]
    button.setFocus()
    feed.request_changed.emit("cell_0", Request(6, LABEL.kind, "Again.", Changes((), ())))
    button.click()
    press(button, Qt.Key.Key_Space)
    assert not feed.asked_for("answer")
    assert one_cell.focusWidget() is not button
    pass_time(request_view.GUARD / 1000 + 0.2)
    one_cell.request.buttons[Answer.SUCCESS].click()
    assert feed.asked_for("answer")[0][:3] == ("cell_0", 6, Answer.SUCCESS)


def test_somebody_else_was_faster(one_cell, feed):
    ask(one_cell, feed, LABEL)
    one_cell.request.buttons[Answer.FAILURE].click()
    feed.request_changed.emit("cell_0", NOTHING_ASKED)  # the other's answer closed it
    late = CallResult("cell_0", "answer", False, "request 5 has its answer", 5, Answer.FAILURE, 2)
    feed.call_ended.emit(late)
    told = one_cell.request.notice.text()
    assert "Somebody else answered first" in told and "did not count" in told


def test_a_request_that_ends_without_our_answer_is_told(one_cell, feed):
    ask(one_cell, feed, APPLY)
    feed.request_changed.emit("cell_0", LABEL)
    assert "The last request was answered by another front end" in one_cell.request.notice.text()


def test_a_refused_answer_leaves_the_request_open(one_cell, feed):
    ask(one_cell, feed, LABEL)
    one_cell.request.buttons[Answer.UNDO].click()
    feed.call_ended.emit(
        CallResult("cell_0", "answer", False, "no label was given yet", 5, Answer.UNDO, 3)
    )
    assert "no label was given yet" in one_cell.request.notice.text()
    assert all(b.isEnabled() for b in one_cell.request.buttons.values())


def test_nothing_can_be_answered_when_the_node_is_gone(one_cell, feed):
    ask(one_cell, feed, LABEL)
    gone = CellPresence(camera=True, robot=True)
    feed.presence_changed.emit(Presence(True, True, {"cell_0": gone}))
    assert not one_cell.request.buttons and one_cell.request.chip.text() == "not connected"
    feed.presence_changed.emit(Presence(True, True, {"cell_0": ARM}))
    ask(one_cell, feed, Request(1, LABEL.kind, "After the restart.", Changes((), ())))
    assert "After the restart." in one_cell.request.text.text()


def test_the_time_left_is_shown(one_cell, feed):
    feed.request_changed.emit(
        "cell_0", Request(8, RequestKind.APPLY_SCENE, "x", Changes((), ()), time.time() + 100)
    )
    assert "at cell_0" in one_cell.request.remark.text()
    assert " min left" in one_cell.request.remark.text()


# Cells


def test_the_other_cell_that_asks_is_named_and_shown_on_a_press(panel, feed):
    feed.presence_changed.emit(Presence(True, True, {"cell_0": ARM, "cell_1": SIMULATED}))
    assert panel.cell.cell == "cell_0" and feed.asked_for("watch") == [("cell_0",)]
    assert not panel.cell.elsewhere.isVisible()
    feed.request_changed.emit("cell_1", LABEL)
    assert "cell_1 asks" in panel.cell.elsewhere.text() and panel.cell.elsewhere.isVisible()
    assert "asks" in panel.cell.choice.itemText(1) and not panel.request.buttons
    panel.cell.elsewhere.click()
    assert panel.cell.cell == "cell_1" and Answer.SUCCESS in panel.request.buttons
    assert feed.asked_for("watch")[-1] == ("cell_1",) and not panel.cell.elsewhere.isVisible()


def test_a_cell_that_left_stays_listed_and_its_picture_greys(panel, feed, monkeypatch):
    feed.presence_changed.emit(Presence(True, True, {"cell_0": SIMULATED}))
    image = QtGui.QImage(8, 8, QtGui.QImage.Format.Format_RGB888)
    image.fill(QtGui.QColor("red"))
    feed.picture_arrived.emit("cell_1", image)
    assert panel.cell.picture.image is None  # of another cell
    feed.picture_arrived.emit("cell_0", image)
    assert panel.cell.picture.image is not None and not panel.cell.picture.faded
    coloured = _reddest(panel.cell.picture)
    monkeypatch.setattr(cell_view, "OLD", 0.0)
    feed.presence_changed.emit(Presence(True, True, {"cell_0": CellPresence()}))
    assert "camera not connected" in panel.cell.picture.faded
    assert "not connected" in panel.cell.choice.itemText(0)
    assert _reddest(panel.cell.picture) < 10 < 200 < coloured


def _reddest(widget):
    """The largest excess of red over green in what the widget paints."""
    image = widget.grab().toImage().convertToFormat(QtGui.QImage.Format.Format_RGB888)
    pointer = image.constBits()
    if hasattr(pointer, "setsize"):
        pointer.setsize(image.bytesPerLine() * image.height())
    rows = np.frombuffer(pointer, np.uint8).reshape(image.height(), image.bytesPerLine())
    pixels = rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(int)
    return int((pixels[:, :, 0] - pixels[:, :, 1]).max())


# The robot


def test_recovery_is_confirmed_and_stopping_is_not(one_cell, feed):
    feed.robot_changed.emit("cell_0", STOPPED)
    robot = one_cell.robot
    assert robot.chip.text() == "✘ NOT READY" and robot.detail.text() == "clear the arm, recover"
    assert "protective stop" in robot.facts.text()
    robot.recover.button.click()
    assert not feed.asked_for("robot") and robot.recover.asking
    robot.recover.no.click()
    assert not feed.asked_for("robot") and not robot.recover.asking
    robot.recover.button.click()
    robot.recover.yes.click()
    assert feed.asked_for("robot") == [("cell_0", "recover")]
    robot.stop.click()
    assert feed.asked_for("robot")[-1] == ("cell_0", "stop_motion")
    feed.call_ended.emit(CallResult("cell_0", "recover", False, "the button is still pressed"))
    assert "recover failed: the button is still pressed" in robot.told.text()


def test_a_confirmation_is_never_carried_to_another_cell(panel, feed):
    feed.presence_changed.emit(Presence(True, True, {"cell_0": ARM, "cell_1": ARM}))
    feed.robot_changed.emit("cell_0", STOPPED)
    panel.robot.recover.button.click()
    panel.cell.choose("cell_1")
    assert not panel.robot.recover.asking and not feed.asked_for("robot")


def test_what_is_not_offered_cannot_be_pressed(panel, feed):
    feed.presence_changed.emit(Presence(True, True, {"cell_0": SIMULATED}))
    assert panel.robot.chip.text() == "no robot status"
    assert not panel.robot.recover.button.isEnabled() and not panel.robot.stop.isEnabled()
    feed.presence_changed.emit(Presence(True, True, {"cell_0": ARM}))
    feed.robot_changed.emit("cell_0", READY)
    assert panel.robot.chip.text() == "✔ ready"
    panel.robot.recover.button.click()
    gone = CellPresence(operator=True, camera=True)
    feed.presence_changed.emit(Presence(True, True, {"cell_0": gone}))
    assert not panel.robot.recover.asking  # its service has gone meanwhile
    assert panel.robot.chip.text() == "not connected"


# The campaign


@pytest.mark.parametrize(
    ("state", "offered"),
    [
        (CampaignState.STARTING, {"pause", "stop"}),
        (CampaignState.RUNNING, {"pause", "stop"}),
        (CampaignState.WAITING, {"pause", "stop"}),
        (CampaignState.PAUSED, {"resume", "stop"}),
        (CampaignState.STOPPED, set()),
        (CampaignState.FINISHED, set()),
        (CampaignState.FAILED, set()),
    ],
)
def test_what_a_campaign_can_be_told(panel, feed, state, offered):
    feed.presence_changed.emit(Presence(True, True, {}))
    feed.status_changed.emit(status(state))
    bar = panel.campaign
    buttons = {"pause": bar.pause, "resume": bar.resume, "stop": bar.stop.button}
    assert {name for name, button in buttons.items() if button.isEnabled()} == offered
    assert state.name in bar.chip.text()
    feed.presence_changed.emit(Presence(False, False, {}))
    assert not any(button.isEnabled() for button in buttons.values())
    assert bar.chip.text() == "not connected" and "gone since" in bar.facts.text()


def test_progress_and_time_left(panel, feed):
    feed.presence_changed.emit(Presence(True, True, {}))
    feed.status_changed.emit(
        status(invalid_trials=2, scene=Scene((GREEN, BLUE)), waiting_for="cell_0", eta=245.0)
    )
    assert (panel.campaign.progress.value(), panel.campaign.progress.maximum()) == (30, 100)
    assert panel.campaign.figures.text() == "30 of 100 trials  ·  4:05 min left  ·  2 invalid"
    assert f"scene now: {GREEN.id} + {BLUE.id}" in panel.campaign.facts.text()
    assert "waiting for cell_0" in panel.campaign.facts.text()


def test_pause_at_once_and_stop_after_a_question(panel, feed):
    feed.presence_changed.emit(Presence(True, True, {}))
    feed.status_changed.emit(status())
    panel.campaign.pause.click()
    panel.campaign.stop.button.click()
    assert feed.asked_for("control") == [("pause",)]
    panel.campaign.stop.yes.click()
    assert feed.asked_for("control") == [("pause",), ("stop",)]
    feed.call_ended.emit(CallResult("", "stop", False, "no campaign is running"))
    assert "stop failed: no campaign is running" in panel.campaign.facts.text()


def test_an_empty_panel_says_what_it_waits_for(panel):
    assert "Waiting for a diagnosis node" in panel.campaign.facts.text()
    assert panel.campaign.chip.text() == "not connected"
    assert panel.ranking.caption.text() == "No ranking yet."
    assert not panel.request.buttons


def test_what_cannot_be_read_is_told(panel, feed):
    feed.problem.emit("a message cannot be shown: 9 is not a valid CampaignState")
    assert panel.problem.isVisible() and "CampaignState" in panel.problem.text()


# The ranking


def test_texts_of_a_failure_mode():
    tried = mode(GREEN, p=0.857, policy_probability=0.1234)
    assert cell_text(tried, NAME) == GREEN.id
    assert cell_text(tried, FIGURES) == "0.86 (0.76 to 0.96)"
    assert cell_text(tried, COUNTS) == "6/7" and cell_text(tried, AGENT) == "0.123"
    both = mode(GREEN, BLUE, seen=False, reliability=0.3456, log_density=-2.5)
    assert cell_text(both, NAME) == f"{GREEN.id} + {BLUE.id}"
    assert cell_text(both, COUNTS) == "untried" and cell_text(both, RELIABILITY) == "0.35"
    assert cell_text(both, AGENT) == "-2.500"


def test_columns_that_say_nothing_are_hidden_and_a_selection_stays(panel, feed):
    feed.presence_changed.emit(Presence(True, True, {}))
    feed.ranking_changed.emit(ranking(mode(GREEN), mode(BLUE, p=0.4, rank=2)))
    table = panel.ranking.table
    assert table.isColumnHidden(AGENT) and table.isColumnHidden(RELIABILITY)
    table.selectRow(1)
    assert BLUE.description in panel.ranking.sentence.text()
    feed.ranking_changed.emit(
        ranking(mode(RED, p=0.9), mode(BLUE, p=0.5, rank=2, seen=False, reliability=0.4))
    )
    until(lambda: not table.isColumnHidden(RELIABILITY), "the newer ranking")
    assert table.currentIndex().row() == 1
    assert "never tried" in panel.ranking.sentence.text()
    assert "20 trials" in panel.ranking.caption.text()
    feed.presence_changed.emit(Presence())
    assert "not connected" in panel.ranking.remark.text()


def test_a_flood_of_rankings_is_drawn_now_and_then_and_the_last_one_stays(panel, feed):
    drawn, begun = [], time.monotonic()
    panel.ranking.model.dataChanged.connect(lambda *_: drawn.append(1))
    for number in range(200):
        feed.ranking_changed.emit(ranking(mode(GREEN, trials=number, failures=0)))
        application().processEvents()
    until(lambda: panel.ranking.model.modes[0].trials == 199, "the last ranking")
    assert len(drawn) <= 2 + (time.monotonic() - begun)  # once a second


def _painted(shown):
    image = QtGui.QImage(216, 24, QtGui.QImage.Format.Format_RGB32)
    image.fill(QtGui.QColor("white"))
    painter = QtGui.QPainter(image)
    paint_interval(painter, QtCore.QRectF(0, 0, 216, 24), shown)
    painter.end()
    return lambda p: image.pixelColor(8 + round(200 * p), 12).name()


def test_the_interval_is_painted_to_scale():
    color = _painted(mode(GREEN, p=0.8, lower=0.6, upper=0.9))
    assert color(0.8) == color(0.65) == color(0.88) == style.VERMILLION
    assert color(0.55) != style.VERMILLION and color(0.95) != style.VERMILLION
    assert _painted(mode(GREEN, p=0.2))(0.2) == style.BLUE
    untried = _painted(mode(GREEN, p=0.8, lower=0.3, upper=1.0, seen=False))
    assert untried(0.8) == "#ffffff"  # hollow


def test_the_colours_differ_also_without_colour():
    """Grey values of success and failure, and of every state's ground and text, lie apart."""

    def grey(name):
        color = QtGui.QColor(name)
        return 0.2126 * color.redF() + 0.7152 * color.greenF() + 0.0722 * color.blueF()

    for _symbol, background, text in style.STATES.values():
        assert abs(grey(background) - grey(text)) > 0.35
    assert len({style.RESULTS[r][0] for r in Result}) == len(Result)
    symbols = [STATE[0] for STATE in style.STATES.values()]
    assert all(symbols)


# Trials and their pictures


@pytest.fixture
def campaign(tmp_path):
    """A campaign's folder with a recorded picture."""
    application()
    (tmp_path / "images").mkdir()
    (tmp_path / "campaign.yaml").write_text(yaml.safe_dump({"campaign_id": "c-1", "config": {}}))
    image = QtGui.QImage(6, 4, QtGui.QImage.Format.Format_RGB888)
    image.fill(QtGui.QColor("green"))
    assert image.save(str(tmp_path / "images" / "3.png"))
    return tmp_path


def _text_of(picture):
    return picture._nothing


def test_a_click_on_a_trial_shows_its_picture(panel, feed, campaign):
    feed.folder_found.emit(str(campaign))
    feed.trial_arrived.emit(trial(), "c-1", time.time())
    feed.trial_arrived.emit(trial(4, image_path=""), "c-1", time.time())
    assert panel.trials.model.index(0, 0).data() == "#4"  # the newest first
    panel.trials.table.selectRow(1)
    until(lambda: panel.trials.picture.image is not None, "picture")
    shown = panel.trials.picture.image
    assert (shown.width(), shown.height()) == (6, 4) and "Trial 3" in panel.trials.caption.text()
    feed.trial_arrived.emit(trial(5), "c-1", time.time())
    assert panel.trials.selected.trial.index == 3  # newer ones do not move the choice
    panel.trials.table.selectRow(1)
    until(lambda: "No picture was recorded" in _text_of(panel.trials.picture), "reason")


@pytest.mark.parametrize(
    ("where", "campaign_id", "path", "said"),
    [
        ("", "c-1", "images/3.png", "which the diagnosis does not tell"),
        ("/no/such/folder", "c-1", "images/3.png", "/no/such/folder is not on this machine"),
        (None, "c-2", "images/3.png", "holds the campaign c-1, not c-2"),
        (None, "c-1", "images/9.png", "9.png is missing or no picture"),
        (None, "c-1", "../outside.png", "leads out of the campaign's folder"),
        (None, "c-1", "/etc/hostname", "leads out of the campaign's folder"),
    ],
)
def test_why_there_is_no_picture(panel, feed, campaign, where, campaign_id, path, said):
    feed.folder_found.emit(str(campaign) if where is None else where)
    feed.trial_arrived.emit(trial(image_path=path), campaign_id, time.time())
    panel.trials.table.selectRow(0)
    until(lambda: said in _text_of(panel.trials.picture), said)
    assert panel.trials.picture.image is None


def test_another_folder_is_tried_for_the_selected_trial(panel, feed, campaign):
    feed.folder_found.emit("/somewhere/else")
    feed.trial_arrived.emit(trial(), "c-1", time.time())
    panel.trials.table.selectRow(0)
    until(lambda: "not on this machine" in _text_of(panel.trials.picture), "reason")
    panel.set_folder(str(campaign))
    until(lambda: panel.trials.picture.image is not None, "picture")


def test_an_invalid_trial_says_why():
    application()
    model = TrialsModel()
    model.add(Listed(trial(result=Result.INVALID, detail="the policy returned NaN"), "c-1", 0.0))
    assert model.index(0, OUTCOME).data() == "! invalid"
    assert "the policy returned NaN" in model.index(0, 0).data(Qt.ItemDataRole.ToolTipRole)


def test_the_list_of_trials_is_bounded():
    application()
    model = TrialsModel()
    for index in range(KEPT + 5):
        model.add(Listed(trial(index), "c-1", 0.0))
    assert model.rowCount() == KEPT
    assert model.index(0, 0).data() == f"#{KEPT + 4}" and model.index(KEPT - 1, 0).data() == "#5"


# Small things


def test_everything_can_be_reached_with_the_keyboard(one_cell, feed):
    ask(one_cell, feed, APPLY)
    buttons = [b for b in one_cell.findChildren(DeliberateButton) if b.isVisible()]
    assert all(b.focusPolicy() & Qt.FocusPolicy.TabFocus for b in buttons)
    shortcuts = [b.shortcut().toString() for b in buttons if "&" in b.text()]
    assert shortcuts and len(set(shortcuts)) == len(shortcuts), shortcuts


def test_it_fits_on_a_small_screen(one_cell, feed):
    ask(one_cell, feed, APPLY)
    feed.robot_changed.emit("cell_0", STOPPED)
    pass_time(0.1)
    assert one_cell.minimumSizeHint().width() <= 1280
    assert one_cell.minimumSizeHint().height() <= 800


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(12.4, "12 s"), (245, "4:05 min"), (7500, "2 h 05 min"), (math.nan, "-"), (-3.0, "-")],
)
def test_durations(seconds, text):
    assert style.duration(seconds) == text


def test_a_machine_without_qt_is_told_what_to_install(monkeypatch):
    monkeypatch.setattr(qt, "_PACKAGES", ("no_such_binding",))
    with pytest.raises(qt.QtMissingError, match=r"python3-pyqt5.*no_such_binding"):
        qt._load()


def test_opencv_does_not_choose_the_plugins_of_qt():
    code = "import cv2, os, robomd_ros.rqt.qt; print(os.environ.get('QT_QPA_PLATFORM_PLUGIN_PATH'))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=dict(os.environ),
        check=True,
    )
    assert done.stdout.strip() == "None"


def test_nominal_is_a_word(panel, feed):
    feed.status_changed.emit(status(scene=NOMINAL))
    feed.trial_arrived.emit(trial(scene=()), "c-1", 0.0)
    assert "nominal" in panel.campaign.facts.text()
    assert panel.trials.model.index(0, 2).data() == "nominal"
    assert panel.ranking.table.model().columnCount() > BAR


def test_rqt_finds_the_plugin():
    """plugin.xml names the class, package.xml exports it, setup.py installs it, and so on."""
    root = ElementTree.parse(share_path("plugin.xml")).getroot()
    (found,) = root.iter("class")
    assert found.get("base_class_type") == "rqt_gui_py::Plugin"
    module, _, name = found.get("type").rpartition(".")
    source = share_path(module.replace(".", "/") + ".py").read_text()
    assert f"class {name}(Plugin)" in source
    assert '<rqt_gui plugin="${prefix}/plugin.xml"/>' in share_path("package.xml").read_text()
    assert '"plugin.xml"' in share_path("setup.py").read_text()
    perspective = json.loads(share_path("config/rqt/robomd.perspective").read_text())
    running = perspective["groups"]["pluginmanager"]["keys"]["running-plugins"]["repr"]
    assert ast.literal_eval(running) == {f"robomd_ros/{found.get('name')}": [1]}


def test_a_missing_library_of_the_window_system_is_named(monkeypatch):
    app = pytest.importorskip("robomd_ros.rqt.app", reason="needs ROS 2")

    def missing(path):
        raise OSError("libxcb-icccm.so.4: cannot open shared object file")

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.delenv("QT_QPA_PLATFORM")
    monkeypatch.setattr(app.ctypes, "CDLL", missing)
    with pytest.raises(ConfigurationError, match=r"libxcb-icccm.*apt-get install libxcb-icccm4"):
        app._check_windows()


def test_a_machine_without_a_display_is_told_of_the_terminal(monkeypatch):
    app = pytest.importorskip("robomd_ros.rqt.app", reason="needs ROS 2")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigurationError, match=r"no display.*robomd operator <cell>"):
        app._application()
