# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Client of the twin's HTTP port, for tests and for an operator who is a program."""

import json
import select
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from typing import Any

from robomd_ros.core.errors import RoboMDError
from robomd_ros.core.hosted.parent import program
from robomd_ros.core.variations import Scene, Variation

_START = 60.0
"""s that a twin may take to say READY."""


class TwinError(RoboMDError):
    """The twin is not there, or refused what it was asked."""


class TwinClient:
    """Looks at a twin and changes its scene and its health."""

    def __init__(self, url: str = "http://127.0.0.2:8080", timeout: float = 10.0) -> None:
        """Remember where the twin is; nothing is sent yet.

        Args:
            url: `control` of the twin's READY line.
            timeout: s, for each request.
        """
        self.url = url.rstrip("/")
        self._timeout = timeout

    def state(self) -> dict[str, Any]:
        """What GET /state answers; TwinError if the twin does not."""
        return self._ask("/state", None)

    def set_scene(
        self,
        variations: Scene | Iterable[Variation | Mapping[str, Any]] = (),
        *,
        seed: int | None = None,
    ) -> dict[str, Any]:
        """Put a scene in force, and the cube back to its start.

        Args:
            variations: all that is changed, from the catalogue or as mappings with id, factor,
                target and parameters; none is the nominal scene.
            seed: of the cube's start; None keeps the last one.

        Returns:
            The state after it.

        Raises:
            TwinError: the twin refused it, with its reason.
        """
        entries = [_entry(variation) for variation in variations]
        return self._ask("/scene", {"variations": entries, "seed": seed})

    def reset(self, seed: int) -> dict[str, Any]:
        """Put the objects back to a seeded start of the scene in force."""
        return self._ask("/reset", {"seed": seed})

    def fault(self, kind: str, **arguments: Any) -> dict[str, Any]:
        """Let a fault happen; TwinError for an unknown kind or argument."""
        return self._ask("/fault", {"kind": kind, **arguments})

    def clear(self, kind: str = "all") -> dict[str, Any]:
        """End a fault, or all."""
        return self._ask("/clear", {"kind": kind})

    def wait_for(self, timeout: float = 10.0, **wanted: Any) -> dict[str, Any]:
        """Wait until these keys of the state have these values.

        Raises:
            TwinError: they did not within `timeout` s; names what they were.
        """
        deadline = time.monotonic() + timeout
        while True:
            state = self.state()
            if all(state[key] == value for key, value in wanted.items()):
                return state
            if time.monotonic() > deadline:
                got = {key: state[key] for key in wanted}
                raise TwinError(f"waited {timeout:g} s for {wanted}; the twin has {got}")
            time.sleep(0.02)

    def _ask(self, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data)  # noqa: S310 - the user's own url
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as response:  # noqa: S310
                answer: dict[str, Any] = json.load(response)
                return answer
        except urllib.error.HTTPError as error:
            raise TwinError(f"the twin refused {path}: {_reason(error)}") from error
        except (OSError, ValueError) as error:
            raise TwinError(
                f"no answer from the twin at {self.url} ({error}); start it with `robomd twin`"
            ) from error


class TwinProcess:
    """A twin in a process of its own, as a context manager.

    Attributes:
        ready: what its READY line said: address, ports, camera, control.
        client: its TwinClient.
    """

    def __init__(self, *arguments: str) -> None:
        """Start sim_bridge.twin with these name:=value arguments and wait for it.

        Raises:
            TwinError: it ended, or did not say READY in time.
        """
        # a file, as a pipe that nobody reads would block it
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - close() closes it
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            program("sim_bridge.twin", *arguments),
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self.ready = self._wait(_START)
        self.client = TwinClient(self.ready["control"])

    def _wait(self, timeout: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        deadline = time.monotonic() + timeout
        while select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))[
            0
        ]:
            line = self._process.stdout.readline()
            if line.startswith("READY "):
                ready: dict[str, Any] = json.loads(line[6:])
                return ready
            if not line:
                self._process.wait()
                self._errors.seek(0)
                raise TwinError(f"the twin did not start: {self._errors.read().strip()}")
        self.kill()
        raise TwinError(f"the twin did not say READY within {timeout:g} s")

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End it in order."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=10.0)
            except subprocess.TimeoutExpired:
                self.kill()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._errors.close()

    def __enter__(self) -> "TwinProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _entry(variation: Variation | Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(variation, Variation):
        return dict(variation)
    return {
        "id": variation.id,
        "factor": variation.factor,
        "target": variation.target,
        "parameters": dict(variation.parameters),
    }


def _reason(error: urllib.error.HTTPError) -> str:
    text = error.read().decode("utf-8", "replace")
    try:
        return str(json.loads(text)["error"])
    except (ValueError, KeyError, TypeError):
        return text
