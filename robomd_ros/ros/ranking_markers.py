# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The ranking as a board of bars beside the robot, for RViz and other 3D views."""

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache

from geometry_msgs.msg import Point
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from robomd_ros.core.evidence.failure_colours import Colour, failure_colour
from robomd_ros.core.evidence.failure_modes import FailureMode, FailureRanking
from robomd_ros.core.wording import (
    HALF,
    counted,
    estimate,
    ids_of,
    nominal_of,
    not_shown,
    ranks,
    settled,
)
from robomd_ros.ros.node_parameters import BoardPlace

_LENGTH = 0.5
"""m, from a failure probability of 0 to 1."""
_ROW = 0.06
_BAR = 0.04
_THICK = 0.01
_TEXT = 0.032
"""m, height of a letter; a letter is about half as wide."""
_GAP = 0.03
_FRONT = 0.008
"""m in front of the bars, so that lines are not inside them."""
_LINE = 0.004
_WHITE: Colour = (0.95, 0.95, 0.95)
_AXIS: Colour = (0.6, 0.6, 0.6)
_ZERO: Colour = (0.0, 0.62, 0.451)
"""Bluish green of the Okabe-Ito palette: the unchanged scene."""


def ranking_markers(ranking: FailureRanking, place: BoardPlace) -> MarkerArray:
    """The board of a ranking.

    The array begins with a deletion of all that was shown before, so that it is complete in itself:
    whoever has missed one, or comes late, shows no bar that is gone. Stamps are 0 (always the
    newest transform), because a latched board has no moment of its own.

    Bars of failure modes that no trial held are hollow.
    """
    return MarkerArray(markers=[Marker(action=Marker.DELETEALL), *_Board(ranking, place).markers()])


class _Board:
    def __init__(self, ranking: FailureRanking, place: BoardPlace) -> None:
        self._ranking = ranking
        self._modes = ranking.failure_modes[: place.rows]
        # one more, which may share the last one's place
        self._ranks = ranks(ranking.failure_modes[: place.rows + 1])
        self._place = place

    def markers(self) -> Iterator[Marker]:
        yield self._text("title", 0, self._title(), _LENGTH / 2, self._height(-1), _WHITE)
        if not self._modes:
            return
        yield self._axis()
        for i, p in enumerate((0.0, HALF, 1.0)):
            yield self._text("axis", i + 1, f"{p:g}", p * _LENGTH, -_TEXT, _AXIS)
        if self._ranking.nominal_trials:
            yield self._nominal()
        for i, mode in enumerate(self._modes):
            yield from self._row(i, mode)
        yield self._intervals()
        hollow = self._hollow()
        if hollow.points:
            yield hollow

    def _row(self, i: int, mode: FailureMode) -> Iterator[Marker]:
        name, value, height = label(self._ranks[i], mode), estimate(mode), self._height(i)
        left, right = -_GAP - _width(name) / 2, _LENGTH + _GAP + _width(value) / 2
        yield self._text("label", i, name, left, height, _WHITE)
        yield self._text("estimate", i, value, right, height, _WHITE)
        if mode.seen and not math.isnan(mode.failure_probability):
            yield _bar(self._place, i, mode.failure_probability, height)

    def _intervals(self) -> Marker:
        """All 95 % intervals: a line with an upright end at each side."""
        lines = self._lines("interval", 0)
        for i, mode in enumerate(self._modes):
            if mode.unknown or math.isnan(mode.lower) or math.isnan(mode.upper):
                continue
            low, high, height = mode.lower * _LENGTH, mode.upper * _LENGTH, self._height(i)
            self._line(lines, (low, height), (high, height), _WHITE)
            for end in (low, high):
                self._line(lines, (end, height - _BAR / 4), (end, height + _BAR / 4), _WHITE)
        return lines

    def _hollow(self) -> Marker:
        """The outlines that stand for bars of what was never tried."""
        lines = self._lines("unseen", 0)
        for i, mode in enumerate(self._modes):
            if mode.seen or mode.unknown or math.isnan(mode.failure_probability):
                continue
            right, colour = mode.failure_probability * _LENGTH, failure_colour(math.nan)
            low, high = self._height(i) - _BAR / 2, self._height(i) + _BAR / 2
            corners = [(0.0, low), (right, low), (right, high), (0.0, high)]
            for a, b in zip(corners, corners[1:] + corners[:1], strict=True):
                self._line(lines, a, b, colour)
        return lines

    def _axis(self) -> Marker:
        lines = self._lines("axis", 0)
        for p in (0.0, HALF, 1.0):
            bottom, top = (p * _LENGTH, 0.0), (p * _LENGTH, self._height(0) + _ROW / 2)
            self._line(lines, bottom, top, _AXIS)
        return lines

    def _nominal(self) -> Marker:
        """Where the unchanged scene lies, the zero of all effects, with its 95 % interval."""
        ranking = self._ranking
        lines = self._lines("nominal", 0)
        top = self._height(0) + _ROW / 2
        along = ranking.nominal_probability * _LENGTH
        self._line(lines, (along, 0.0), (along, top), _ZERO)
        low, high = ranking.nominal_lower * _LENGTH, ranking.nominal_upper * _LENGTH
        self._line(lines, (low, 0.0), (high, 0.0), _ZERO)
        return lines

    def _title(self) -> str:
        ranking = self._ranking
        hidden = len(ranking.failure_modes) - len(self._modes)
        more = f", {not_shown(hidden)}" if hidden else ""
        trials = counted(ranking.trials, "trial")
        unchanged = f"unchanged {nominal_of(ranking)}"
        return (
            f"{ranking.policy} in {ranking.task}: {trials}, {unchanged}, {settled(ranking)}{more}"
        )

    def _height(self, row: int) -> float:
        """Of the middle of a row above the board's lower edge, m; the first row is the top one."""
        return (len(self._modes) - row - 0.5) * _ROW

    def _text(
        self, namespace: str, i: int, text: str, along: float, up: float, c: Colour
    ) -> Marker:
        return _text(self._place, namespace, i, text, along, up, c)

    def _lines(self, namespace: str, i: int) -> Marker:
        marker = _marker(self._place, namespace, i, Marker.LINE_LIST, 0.0, 0.0)
        marker.scale.x, marker.color = _LINE, _colour(_WHITE)
        return marker

    @staticmethod
    def _line(lines: Marker, a: Sequence[float], b: Sequence[float], colour: Colour) -> None:
        for along, up in (a, b):
            lines.points.append(Point(x=_FRONT, y=along, z=up))
            lines.colors.append(_colour(colour))


def label(rank: str, mode: FailureMode) -> str:
    """The name of a row: its rank and what is changed."""
    return f"{rank}{'' if rank.endswith('=') else '.'} {ids_of(mode)}"


def _marker(
    place: BoardPlace, namespace: str, i: int, kind: int, along: float, up: float
) -> Marker:
    marker = Marker(ns=namespace, id=i, type=kind, action=Marker.ADD)
    marker.header.frame_id = place.frame
    marker.pose.position = Point(
        x=place.x - along * math.sin(place.yaw),
        y=place.y + along * math.cos(place.yaw),
        z=place.z + up,
    )
    marker.pose.orientation.z = math.sin(place.yaw / 2)
    marker.pose.orientation.w = math.cos(place.yaw / 2)
    return marker


# Kept from board to board, and so never changed: most rows stay as they are, and making a marker
# costs more than sending it.


@lru_cache(maxsize=512)
def _text(
    place: BoardPlace, namespace: str, i: int, text: str, along: float, up: float, c: Colour
) -> Marker:
    marker = _marker(place, namespace, i, Marker.TEXT_VIEW_FACING, along, up)
    marker.text, marker.scale.z, marker.color = text, _TEXT, _colour(c)
    return marker


@lru_cache(maxsize=512)
def _bar(place: BoardPlace, i: int, failure_probability: float, height: float) -> Marker:
    length = max(failure_probability * _LENGTH, _LINE)
    bar = _marker(place, "bar", i, Marker.CUBE, length / 2, height)
    bar.scale.x, bar.scale.y, bar.scale.z = _THICK, length, _BAR
    bar.color = _colour(failure_colour(failure_probability))
    return bar


@lru_cache(maxsize=512)
def _colour(colour: Colour) -> ColorRGBA:
    red, green, blue = colour
    return ColorRGBA(r=red, g=green, b=blue, a=1.0)


def _width(text: str) -> float:
    return 0.5 * _TEXT * len(text)
