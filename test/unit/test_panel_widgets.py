# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The panel: cells, robot, campaign, and that no request is answered by accident."""

import time
from dataclasses import replace

import numpy as np
import panel_feed
import pytest
from panel_feed import (
    APPLY,
    ARM,
    BLUE,
    GREEN,
    LABEL,
    READY,
    RED,
    SIMULATED,
    STOPPED,
    ask,
    pass_time,
    press,
    status,
    strike,
)

from robomd_ros.core.campaign.status import CampaignState
from robomd_ros.core.operator.desk import (
    ANSWERS,
    NOTHING_ASKED,
    Answer,
    Changes,
    Request,
    RequestKind,
)
from robomd_ros.core.variations import Scene
from robomd_ros.rqt import cell_view, request_view
from robomd_ros.rqt.qt import Qt, QtGui, QtWidgets
from robomd_ros.rqt.request_view import answers_shown
from robomd_ros.rqt.values import CallResult, CellPresence, Presence

feed, panel, one_cell = panel_feed.feed, panel_feed.panel, panel_feed.one_cell


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
        f"1.  Take back: {RED.description}",
        f"2.  {GREEN.description}",
        f"3.  {BLUE.description}",
        "Make these changes.",
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


def test_an_answer_carries_the_request_the_name_and_the_tag(one_cell, feed):
    ask(one_cell, feed, LABEL)
    one_cell.request.operator.setText(" Ada ")
    assert not one_cell.request.comment.isVisible()
    one_cell.request.tag.setText("slipped once")
    press(one_cell.request.buttons[Answer.SUCCESS], Qt.Key.Key_Space)  # the keyboard's way
    assert feed.asked_for("answer") == [("cell_0", 5, Answer.SUCCESS, "Ada", "", "slipped once")]
    assert not any(b.isEnabled() for b in one_cell.request.buttons.values())  # one is on its way
    feed.call_ended.emit(CallResult("cell_0", "answer", True, "", 5, Answer.SUCCESS))
    assert "“success” counted" in one_cell.request.notice.text()
    feed.request_changed.emit("cell_0", NOTHING_ASKED)
    assert "counted" in one_cell.request.notice.text() and not one_cell.request.buttons


def test_a_tag_belongs_to_one_trial_and_is_kept_when_its_rollout_ends(one_cell, feed):
    tag = one_cell.request.tag
    ask(one_cell, feed, APPLY)
    assert not tag.isVisible() and one_cell.request.comment.isVisible()
    one_cell.request.comment.setText("the blue one")
    press(one_cell.request.buttons[Answer.DONE], Qt.Key.Key_Space)
    assert feed.asked_for("answer")[0][4:] == ("the blue one", "")
    feed.call_ended.emit(CallResult("cell_0", "answer", True, "", 4, Answer.DONE))
    runs = replace(LABEL, number=7, kind=RequestKind.ROLLOUT_RUNS)
    ask(one_cell, feed, runs)
    tag.setText("grasped slipped")
    ask(one_cell, feed, replace(LABEL, number=8))
    assert tag.isVisible() and tag.text() == "grasped slipped"
    ask(one_cell, feed, replace(runs, number=9))
    assert tag.text() == ""


def test_keys_press_what_is_seen_and_nothing_while_a_text_is_typed(one_cell, feed):
    ask(one_cell, feed, APPLY)
    for field in (one_cell.request.comment, one_cell.ranking.filter):
        field.setFocus()
        for key in (Qt.Key.Key_D, Qt.Key.Key_S, Qt.Key.Key_Escape):
            strike(field, key)
    assert not feed.asked_for("answer") and not feed.asked_for("robot")
    one_cell.request.text.setFocus()
    for key in (Qt.Key.Key_S, Qt.Key.Key_F):  # no answers to this request
        strike(one_cell.request.text, key)
    assert not feed.asked_for("answer")
    strike(one_cell.request.text, Qt.Key.Key_D)
    assert feed.asked_for("answer")[0][:3] == ("cell_0", 4, Answer.DONE)
    strike(one_cell, Qt.Key.Key_Escape)
    assert feed.asked_for("robot") == [("cell_0", "stop_motion")]


@pytest.mark.parametrize(("key", "answer"), [("S", Answer.SUCCESS), ("F", Answer.FAILURE)])
def test_a_label_has_a_key(one_cell, feed, key, answer):
    ask(one_cell, feed, LABEL)
    strike(one_cell.request.text, getattr(Qt.Key, f"Key_{key}"))
    assert feed.asked_for("answer")[0][:3] == ("cell_0", 5, answer)


def test_what_is_dangerous_is_pressed_twice(one_cell, feed):
    ask(one_cell, feed, LABEL)
    invalid = one_cell.request.buttons[Answer.INVALID]
    invalid.click()
    assert not feed.asked_for("answer")
    assert "Is this trial not to count?" in one_cell.request.notice.text()
    invalid.click()
    assert feed.asked_for("answer")[0][:3] == ("cell_0", 5, Answer.INVALID)


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
    assert "came too late and did not count: request 5 has its answer" in told


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
