# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What repeats a test where this computer was too busy for it, and nowhere else."""

import threading

import pytest
import stalls
from stalls import Stalls, repeat


@pytest.fixture
def quiet(monkeypatch):
    """As on a computer of one's own."""
    monkeypatch.setattr(stalls, "LATE", 1e9)


@pytest.mark.usefixtures("quiet")
def test_what_failed_while_nothing_stalled_has_failed():
    tries, said = [], ["ready", "the control process gave no sign of life for 0.4 s"]
    with pytest.raises(AssertionError, match="try 1"):
        repeat(lambda: fail(tries), lambda: said.append("healed"), said)
    assert said[-1] != "healed"  # what was said before does not count


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("line", stalls.OWN_WORDS)
def test_what_failed_while_a_process_was_late_is_repeated_but_not_for_ever(line):
    tries, said, healed = [], [], []

    def attempt(good=99):
        said.append(f"now {line} for a while")
        return fail(tries, good)

    assert repeat(lambda: attempt(good=3), lambda: healed.append(1), said) == 3
    assert len(healed) == 2
    tries.clear()
    with pytest.raises(AssertionError, match="try 3"):
        repeat(attempt, lambda: None, said)


@pytest.mark.usefixtures("quiet")
def test_an_error_is_no_stall():
    said = []
    with pytest.raises(ZeroDivisionError):
        repeat(lambda: said.append(stalls.OWN_WORDS[0]) or 1 / 0, lambda: None, said)


def test_a_thread_that_wakes_up_late_is_a_stall(monkeypatch):
    monkeypatch.setattr(stalls, "LATE", 1e-9)
    with Stalls() as watched:
        threading.Event().wait(0.2)
    assert "woke up" in watched.seen()


def fail(tries, good=99):
    tries.append(1)
    assert len(tries) >= good, f"try {len(tries)}"
    return len(tries)
