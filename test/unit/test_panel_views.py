# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The panel: the ranking, trials and their pictures, and what a machine may lack."""

import ast
import json
import math
import os
import subprocess
import sys
import time
from dataclasses import replace
from xml.etree import ElementTree

import panel_feed
import pytest
import yaml
from panel_feed import (
    APPLY,
    BLUE,
    GREEN,
    LABEL,
    RED,
    STOPPED,
    application,
    ask,
    mode,
    pass_time,
    ranking,
    status,
    trial,
    until,
)
from stored_campaigns import store_campaign

from robomd_ros.core.campaign.stored import read_campaign
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.evidence.verdict import Verdict
from robomd_ros.core.operator.desk import NOTHING_ASKED
from robomd_ros.core.share import share_path
from robomd_ros.core.trial import Result
from robomd_ros.core.variations import NOMINAL, Variation
from robomd_ros.core.wording import lasting, ranks
from robomd_ros.rqt import panel as panel_module
from robomd_ros.rqt import qt, style
from robomd_ros.rqt.parts import DeliberateButton
from robomd_ros.rqt.qt import Qt, QtCore, QtGui
from robomd_ros.rqt.ranking_model import (
    AGENT,
    BAR,
    COUNTS,
    EFFECT,
    FIGURES,
    NAME,
    RANK,
    RELIABILITY,
    VERDICT,
    cell_text,
    paint_interval,
)
from robomd_ros.rqt.trials_view import KEPT, OUTCOME, Listed, TrialsModel
from robomd_ros.rqt.values import Presence

feed, panel, one_cell = panel_feed.feed, panel_feed.panel, panel_feed.one_cell


# The ranking


def test_texts_of_a_failure_mode():
    tried = mode(GREEN, p=0.857, policy_probability=0.1234)
    assert cell_text(tried, NAME) == GREEN.id
    assert cell_text(tried, FIGURES) == "0.86 (0.76 to 0.96)"
    assert cell_text(tried, COUNTS) == "0/0 (6/7)" and cell_text(tried, AGENT) == "0.123"
    both = mode(GREEN, BLUE, seen=False, reliability=0.3456, log_density=-2.5)
    assert cell_text(both, NAME) == f"{GREEN.id} + {BLUE.id}"
    assert cell_text(both, COUNTS) == "predicted" and cell_text(both, RELIABILITY) == "0.35"
    assert cell_text(both, AGENT) == "-2.500"
    assert cell_text(mode(GREEN, seen=False), COUNTS) == "untried"
    far = replace(both, failure_probability=0.5, lower=0.0, upper=1.0)
    assert (cell_text(far, COUNTS), cell_text(far, FIGURES)) == ("not known", "-")


def test_verdict_and_effect_stand_beside_the_rate_and_are_sorted_by(panel, feed):
    own = {"own_trials": 7, "own_failures": 6, "effect_lower": 0.4, "effect_upper": 0.9}
    fails = mode(GREEN, verdict=Verdict.FAILS, effect=0.7, **own)
    hurts = mode(BLUE, p=0.45, rank=2, verdict=Verdict.HURTS, effect=0.72, **own)
    assert cell_text(fails, VERDICT) == "▲ fails" and cell_text(hurts, VERDICT) == "△ hurts"
    assert cell_text(fails, EFFECT) == "+0.70 (+0.40 to +0.90)"
    assert cell_text(mode(RED, seen=False), EFFECT) == "-"
    feed.ranking_changed.emit(ranking(fails, hurts))
    model, table = panel.ranking.model, panel.ranking.table
    assert model.has_column(EFFECT) and not table.isColumnHidden(VERDICT)
    model.sort(EFFECT, Qt.SortOrder.DescendingOrder)
    assert [m.verdict for m in model.modes] == [Verdict.HURTS, Verdict.FAILS]
    feed.ranking_changed.emit(ranking(mode(RED, seen=False)))
    assert not model.has_column(EFFECT)


def test_columns_that_say_nothing_are_hidden_and_a_selection_stays(panel, feed):
    feed.presence_changed.emit(Presence(True, True, {}))
    feed.ranking_changed.emit(ranking(mode(GREEN), mode(BLUE, p=0.4, rank=2)))
    table = panel.ranking.table
    assert table.isColumnHidden(AGENT) and table.isColumnHidden(RELIABILITY)
    table.selectRow(1)
    assert BLUE.description in panel.ranking.sentence.text()
    feed.ranking_changed.emit(
        ranking(mode(BLUE, p=0.5, seen=False, reliability=0.4), mode(RED, p=0.4, rank=2))
    )
    until(lambda: not table.isColumnHidden(RELIABILITY), "the newer ranking")
    assert table.currentIndex().row() == 0  # the selection follows the failure mode, not the row
    assert "never tried" in panel.ranking.sentence.text()
    feed.ranking_changed.emit(ranking(mode(RED), mode(GREEN, p=0.4, rank=2)))
    assert not panel.ranking.sentence.isVisible()  # it is not in this ranking
    feed.ranking_changed.emit(ranking(mode(RED), mode(BLUE, p=0.4, rank=2)))
    assert BLUE.description in panel.ranking.sentence.text()
    assert "20 trials" in panel.ranking.caption.text()
    feed.presence_changed.emit(Presence())
    assert "not connected" in panel.ranking.remark.text()


def test_of_a_newer_ranking_the_rows_that_changed_are_painted(panel, feed):
    first, second, third = (
        mode(v, p=0.9 - 0.1 * i, rank=i + 1) for i, v in enumerate((GREEN, BLUE, RED))
    )
    feed.ranking_changed.emit(ranking(first, second, third))
    for _ in range(3):
        application().processEvents()
    painted = []
    panel.ranking.model.dataChanged.connect(lambda a, b: painted.append((a.row(), b.row())))
    feed.ranking_changed.emit(ranking(first, replace(second, failures=7), third))
    assert set(painted) == {(1, 1)}
    painted.clear()
    feed.ranking_changed.emit(ranking(first, replace(second, failures=7), third))
    assert not painted
    shown = panel.ranking.table.model().index(1, COUNTS).data()
    assert shown == "0/0 (7/7)"


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


def many(count):
    name = "distractor_object_number_{:04d}_left_of_the_cube"
    return [
        mode(
            Variation(name.format(i), "color", "cube", f"Change {i}"), p=0.9 - i / 2000, rank=i + 1
        )
        for i in range(count)
    ]


@pytest.mark.parametrize("size", [(602, 552), (800, 480), (1280, 800)])
def test_it_fits_with_long_words_and_many_rows(one_cell, feed, size):
    one_cell.resize(*size)
    feed.ranking_changed.emit(ranking(*many(1000)))
    feed.status_changed.emit(status(message="x" * 300))
    feed.problem.emit("y" * 300)
    long = replace(STOPPED, detail="The robot is not ready: " + "z" * 300)
    feed.robot_changed.emit("cell_0", long)
    ask(one_cell, feed, replace(APPLY, instruction="w" * 300))
    pass_time(0.1)
    assert (one_cell.width(), one_cell.height()) == size
    stop = one_cell.robot.stop
    corner = stop.mapTo(one_cell, stop.rect().bottomRight())
    assert one_cell.rect().contains(corner) and stop.height() >= 40
    assert all(b.height() >= 30 for b in one_cell.request.buttons.values())
    if one_cell.width() < panel_module.WIDE:
        one_cell._tabs.setCurrentWidget(one_cell.ranking)
        pass_time(0.1)
    table = one_cell.ranking.table
    shown = [c for c in range(7) if not table.isColumnHidden(c)]
    assert {RANK, NAME, FIGURES} <= set(shown)
    assert sum(table.columnWidth(c) for c in shown) <= table.viewport().width()
    if size[0] >= 800:
        text = one_cell.ranking.model.index(7, NAME).data()
        assert table.columnWidth(NAME) > table.fontMetrics().horizontalAdvance(text)


def test_rows_are_filtered_and_sorted_and_the_selection_stays(panel, feed):
    feed.ranking_changed.emit(ranking(*many(1000)))
    table, view = panel.ranking.table, panel.ranking
    table.selectRow(7)
    view.filter.setText("0007 CUBE")
    assert [m.ids[0][-28:-17] for m in view.model.modes] == ["number_0007"]
    assert table.currentIndex().row() == 0 and "Change 7" in view.sentence.text()
    told = ranks(many(1000))
    assert view.model.index(0, RANK).data() == told[7]  # its place in the whole ranking
    view.filter.setText("nothing like that")
    assert not view.model.modes and not view.sentence.isVisible()
    view.filter.clear()
    assert table.currentIndex().row() == 7
    table.sortByColumn(RANK, Qt.SortOrder.DescendingOrder)
    assert table.currentIndex().row() == 992 and view.model.index(0, RANK).data() == told[-1]
    feed.ranking_changed.emit(ranking(*many(900)))
    assert view.model.rowCount() == 900 and "Change 7" in view.sentence.text()


def test_what_could_sway_a_label_is_hidden_until_it_is_given(one_cell, feed):
    feed.ranking_changed.emit(ranking(mode(GREEN)))
    feed.status_changed.emit(status(message="light_dim fails"))
    ask(one_cell, feed, LABEL)
    assert not one_cell.ranking.table.isVisible() and not one_cell.trials.table.isVisible()
    assert not one_cell.ranking.caption.isVisible()
    assert "light_dim" not in one_cell.campaign.facts.text()
    feed.request_changed.emit("cell_0", NOTHING_ASKED)
    assert one_cell.ranking.table.isVisible() and one_cell.trials.table.isVisible()
    assert "light_dim" in one_cell.campaign.facts.text()


def test_opened_late_it_lists_what_the_folder_holds(feed, tmp_path):
    stored = read_campaign(store_campaign(tmp_path / "c", 6))
    made = panel_module.Panel(feed, str(tmp_path / "c"))
    try:
        until(lambda: made.trials.model.rowCount() == len(stored.trials), "the folder's trials")
        assert made.ranking.model.total
        first = made.trials.model.row(0)
        feed.trial_arrived.emit(replace(first.trial, image_path=""), first.campaign_id, 2e9)
        assert made.trials.model.rowCount() == len(stored.trials)  # relabelled, not once more
        assert made.trials.model.row(0).ended == 2e9
        made.set_folder("/no/such/folder")
        pass_time(0.2)
        assert made.trials.model.rowCount() == len(stored.trials)
    finally:
        made.close_panel()
        made.deleteLater()


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
    assert lasting(seconds) == text


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
    """plugin.xml names the class, package.xml exports it, both ways of installing take it along."""
    root = ElementTree.parse(share_path("plugin.xml")).getroot()
    (found,) = root.iter("class")
    assert found.get("base_class_type") == "rqt_gui_py::Plugin"
    module, _, name = found.get("type").rpartition(".")
    source = share_path(module.replace(".", "/") + ".py").read_text()
    assert f"class {name}(Plugin)" in source
    assert '<rqt_gui plugin="${prefix}/plugin.xml"/>' in share_path("package.xml").read_text()
    assert '"plugin.xml"' in share_path("setup.py").read_text()
    assert "install(FILES plugin.xml DESTINATION" in share_path("CMakeLists.txt").read_text()
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
