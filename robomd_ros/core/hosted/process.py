# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The parent's side: one life of a hosted child."""

import collections
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.hosted.channel import Channel, ChannelError, enlarge
from robomd_ros.core.hosted.parent import START, clean_environment
from robomd_ros.core.hosted.serve import PROTOCOL

_LAST_LINES = 40
"""Lines that are kept of what a child prints."""
_WORDS = 300
"""Characters of them in the text of its death."""
_EXIT_TIME = 5.0
"""s that a child may take to end after it has closed its channel."""
_EXIT_LOOK = 0.02
_EXIT_UNUSABLE = 78
"""Exit code of an interpreter that cannot host anything."""
_CRASH = "Fatal Python error"
_living: "weakref.WeakSet[HostedProcess]" = weakref.WeakSet()


class HostedProcess:
    """One life of a child: a process group of its own that ends with this process, in any case.

    What it prints appears on this process's stderr; the last lines are kept for the text of its
    death.
    """

    def __init__(
        self,
        host: str,
        options: Any,
        python: str = "",
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """Start it; returns at once.

        Args:
            host: `<module>:<function>`, called in the child with its channel and the options.
            options: data, see channel.py.
            python: path of the interpreter; empty: this one, with the same module path as here.
            variables: of the environment, beside this process's own.

        Raises:
            ConfigurationError: it cannot be started.
        """
        self.hello: Mapping[str, Any] = {}
        """What the child has said of itself: pid, python, numpy, hosts; empty before."""
        self._host = host
        self._guard = threading.Lock()
        self._lines: collections.deque[str] = collections.deque(maxlen=_LAST_LINES)
        down, up, life, said = os.pipe(), os.pipe(), os.pipe(), os.pipe()
        self._channel = Channel(up[0], down[1])
        enlarge(up[0])
        theirs = {"reading": down[0], "writing": up[1], "life": life[0]}
        try:
            self._process = self._started(theirs, said[1], python, variables or {})
        except OSError as error:
            os.close(life[1])
            os.close(said[0])
            raise ConfigurationError(
                f"{python or sys.executable} cannot be started: {error.strerror}; give the path of "
                "a Python interpreter"
            ) from error
        finally:
            for descriptor in (*theirs.values(), said[1]):
                os.close(descriptor)
        self._life = weakref.finalize(self, os.close, life[1])
        self._echo = threading.Thread(
            target=_echo, args=(said[0], self._lines), name="child-output", daemon=True
        )
        self._echo.start()
        _living.add(self)
        with contextlib.suppress(ChannelError):  # it has died: who receives is told
            self._channel.send(options)

    @property
    def pid(self) -> int:
        """Process id, which is that of its group too."""
        return self._process.pid

    def send(self, message: Any, timeout: float | None = None) -> None:
        """Send; ChannelError if the child is gone, TimeoutError if it takes nothing within s."""
        self._channel.send(message, timeout)

    def poll(self, timeout: float) -> bool:
        """Whether something comes within s, or the child's end."""
        return self._channel.poll(timeout)

    def receive(self, timeout: float | None = None) -> Any:
        """The next message; TimeoutError after s, ChannelError if the child is gone."""
        message = self._channel.receive(timeout)
        if self.hello:
            return message
        if not isinstance(message, dict) or message.get("protocol") != PROTOCOL:
            raise ChannelError(f"the child does not speak protocol {PROTOCOL}: {message!r:.100}")
        self.hello = message
        return self._channel.receive(timeout)

    def exit_code(self) -> int | None:
        """As of subprocess: negative for a signal; None while it lives.

        The process is not waited for: as long as that is so, nobody else gets its number.
        """
        if self._process.returncode is not None:
            return self._process.returncode
        try:
            how = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return self._process.poll()
        if how is None:
            return None
        return how.si_status if how.si_code == os.CLD_EXITED else -how.si_status

    def wait(self, timeout: float) -> bool:
        """Whether it ends within s."""
        deadline = time.monotonic() + timeout
        while self.exit_code() is None:
            if time.monotonic() > deadline:
                return False
            time.sleep(_EXIT_LOOK)
        return True

    def death(self) -> str:
        """How it ended, and its last words; what has closed its channel and lives is killed."""
        if not self.wait(_EXIT_TIME):
            return "closed its connection and was killed"
        self._echo.join(0.2)
        code = self.exit_code() or 0
        if code >= 0:
            return f"exit code {code}{self._last_words()}"
        how = f"signal {-code} ({signal_name(-code)})"
        return how if code == -signal.SIGKILL else f"{how}{self._last_words()}"

    def unusable(self) -> str:
        """Why its interpreter can host nothing; empty if that was not the reason of its end."""
        return self._lines[-1] if self.exit_code() == _EXIT_UNUSABLE and self._lines else ""

    def kill(self) -> None:
        """End it and all that it has started, at once; idempotent, from any thread."""
        with self._guard:
            if self._process.returncode is not None:
                return
            self._life()  # the kernel now kills the group, also what a child of it has forked
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
        self._echo.join(0.5)

    def release_in_fork(self) -> None:
        """A copy of this process without exec holds the child's life too: let it go."""
        self._life()

    def _started(
        self, theirs: Mapping[str, int], output: int, python: str, variables: Mapping[str, str]
    ) -> "subprocess.Popen[bytes]":
        settings: dict[str, Any] = dict(theirs)
        environment = clean_environment(python)
        if python:
            settings["packages"] = ["robomd_ros"]
        else:
            settings["path"] = list(sys.path)
        # its own session: a Ctrl-C in the terminal reaches the parent alone
        return subprocess.Popen(  # noqa: S603 - no shell
            [python or sys.executable, "-u", START, self._host],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=tuple(theirs.values()),
            env={**environment, **variables, "ROBOMD_START": json.dumps(settings)},
            start_new_session=True,
        )

    def _last_words(self) -> str:
        """What it printed last, from the place where it crashed on."""
        lines = [line.strip() for line in self._lines if line.strip()]
        crash = next((i for i, line in enumerate(lines) if line.startswith(_CRASH)), None)
        if crash is not None:
            place = next((line for line in lines[crash:] if line.startswith("File ")), "")
            lines = [lines[crash], place]
        text = " | ".join(filter(None, lines[-3:]))
        return f"; its last words: {text[-_WORDS:]}" if text else ""


def interpreter(python: str) -> str:
    """The absolute path of an interpreter that the user names; empty stays empty.

    Raises:
        ConfigurationError: there is none.
    """
    if not python.strip():
        return ""
    path = Path(python.strip()).expanduser()
    if path.is_dir():
        raise ConfigurationError(
            f"python is the folder {path}; give the interpreter in it, such as {path}/bin/python"
        )
    found = shutil.which(path)
    if found is None:
        raise ConfigurationError(
            f"python is {python!r}, which is no program; give the path of the interpreter that "
            "hosts the policy, such as /home/me/venv/bin/python, or leave it empty for this one"
        )
    return os.path.abspath(found)  # not resolved: a venv is known by the path of its link


def one_thread(*names: str) -> dict[str, str]:
    """The variables of libraries that would take every core, at 1 unless somebody has set them."""
    return {name: os.environ.get(name, "1") for name in names}


def signal_name(number: int) -> str:
    """SIGKILL, ...; the number where it has no name."""
    with contextlib.suppress(ValueError):
        return signal.Signals(number).name
    return str(number)


def _echo(descriptor: int, lines: "collections.deque[str]") -> None:
    """Pass on what a child prints, and keep its last lines, until nobody can print any more."""
    begun = b""
    with os.fdopen(descriptor, "rb", buffering=0) as output:
        while piece := output.read(1 << 16):
            with contextlib.suppress(OSError):
                os.write(2, piece)
            *complete, begun = (begun + piece).splitlines()[-_LAST_LINES:] or [b""]
            if piece.endswith((b"\n", b"\r")):
                complete, begun = [*complete, begun], b""
            lines.extend(line[-1000:].decode(errors="replace") for line in complete)
            begun = begun[-10_000:]
    if begun:
        lines.append(begun[-1000:].decode(errors="replace"))


def _release() -> None:
    for process in list(_living):
        process.release_in_fork()


os.register_at_fork(after_in_child=_release)
