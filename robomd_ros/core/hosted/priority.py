# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A raised priority for what must not be late, and how late a loop is on this machine."""

import os
import time
from dataclasses import dataclass

import numpy as np

_REAL_TIME = 10
"""Of SCHED_FIFO: above everything of other people, below the kernel's own threads."""
_NICE = -10


def raise_priority() -> str:
    """Ask for real time, else for a raised priority, for this process and all that it starts.

    Returns:
        What it got, in words.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_REAL_TIME))
        return f"real-time priority {_REAL_TIME}"
    except (OSError, AttributeError):  # not permitted, or a system that has none
        pass
    try:
        os.setpriority(os.PRIO_PROCESS, 0, _NICE)
        return f"raised priority (nice {_NICE})"
    except OSError:
        return (
            "no raised priority: allow it with `ulimit -r 10` or `ulimit -e 30` "
            "(/etc/security/limits.conf: rtprio 10, nice -10)"
        )


@dataclass(frozen=True)
class Jitter:
    """How late a loop was.

    Attributes:
        p99: 99th percentile, s.
        worst: s.
    """

    p99: float
    worst: float


def measured_jitter(rate: float, seconds: float) -> Jitter:
    """Run an empty loop at a rate, Hz, as the one that sends servo commands; blocks for so long."""
    period, late = 1.0 / rate, []
    begun = due = time.monotonic()
    while due - begun < seconds:
        due += period
        time.sleep(max(0.0, due - time.monotonic()))
        late.append(time.monotonic() - due)
        due = max(due, time.monotonic() - period)
    return Jitter(float(np.percentile(late, 99)), float(max(late)))
