# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The same reason again and again: what is said of a cell, and read from it again."""

from robomd_ros.core.campaign.repeats import LIMIT, Repeats, rest_of


def test_a_cell_rests_after_the_same_reason_and_its_reason_is_read_again():
    repeats = Repeats()
    assert not repeats.invalid("a", "late by 2.1 s") and not repeats.invalid("a", "other")
    reasons = [f"the picture is frozen for {n}.5 s; start it. Then more" for n in range(LIMIT)]
    assert [repeats.invalid("a", reason) for reason in reasons] == [False] * (LIMIT - 1) + [True]
    assert all(not repeats.invalid("ba", "x") for _ in range(LIMIT - 1))
    told = f"plan; {repeats.describe()}; trial 4 in a was invalid"
    assert rest_of(told, "a") == reasons[-1]
    assert rest_of(repeats.describe(), "a") == reasons[-1]
    assert rest_of(told, "ba") == "" and rest_of("", "a") == ""
    repeats.invalid("ba", "x")
    assert rest_of(repeats.describe(), "ba") == "x" and rest_of(repeats.describe(), "a")
    repeats.clear()
    assert rest_of(repeats.describe(), "a") == ""
