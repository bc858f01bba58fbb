# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whether this computer was too busy for what a test asks of it, by what it did meanwhile."""

import threading
import time

_LOOK = 0.02
LATE = 0.15
"""s by which a thread that only sleeps is late where the computer stalled."""
OWN_WORDS = (
    "gave no sign of life",
    "this computer was late",
    "the controller is silent",
    "the connection to the controller is lost",
    "did not start within",
)
"""What an arm's node says when a process of its own, or the twin, was not served in time."""


class Stalls:
    """Watches from now on; `seen` says what was too late.

    Attributes:
        said: lines of an arm's node, which grow meanwhile.
    """

    def __init__(self, said=()):
        self.said, self._begun = said, len(said)
        self._worst = 0.0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ending.set()
        self._thread.join()

    def _run(self):
        before = time.monotonic()
        while not self._ending.wait(_LOOK):
            now = time.monotonic()
            self._worst = max(self._worst, now - before - _LOOK)
            before = now

    def seen(self):
        """What was late, in words; empty: nothing, and a failure is the code's."""
        found = [line for line in self.said[self._begun :] if any(w in line for w in OWN_WORDS)]
        if self._worst > LATE:
            found.append(f"a thread that sleeps woke up {self._worst:.2f} s late")
        return "; ".join(found)


def repeat(attempt, heal, said=(), times=3, failures=AssertionError):
    """Call `attempt`, again where it failed while this computer stalled, with `heal` in between.

    Raises:
        AssertionError: of the last attempt, or of one in which nothing stalled; or other failures.
    """
    for left in reversed(range(times)):
        with Stalls(said) as stalls:
            try:
                return attempt()
            except failures as error:
                if not left or not (why := stalls.seen()):
                    raise
                print(f"once more, for this computer was late ({why}): {error}")
        heal()
    return None
