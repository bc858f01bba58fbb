"""The twin's HTTP port: its state, the control of scene and faults, and the camera."""

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from robomd_ros.core.errors import ConfigurationError, RoboMDError
from sim_bridge.twin.scene import scene_from
from sim_bridge.twin.server import Twin

_LONGEST = 1 << 20
_MOST_SEED = 2**32


class TwinHttpServer(ThreadingHTTPServer):
    """Serves one twin; each client in a thread of its own."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: str, port: int, twin: Twin) -> None:
        """Open the port.

        Raises:
            ConfigurationError: it cannot be opened.
        """
        try:
            super().__init__((address, port), _Handler)
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on {address}:{port}: {error.strerror}; choose another http_port:="
            ) from error
        self.twin = twin

    def start(self) -> None:
        """Serve in a thread."""
        threading.Thread(target=self.serve_forever, name="http", daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    server: TwinHttpServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path == "/state":
            self._answer(200, self.server.twin.state_json())
        else:
            self._refuse(404, f"there is no {path}; there are /state, /camera.jpg, /camera.mjpg")

    def do_POST(self) -> None:
        actions = {
            "/scene": self._scene,
            "/reset": self._reset,
            "/fault": self._fault,
            "/clear": self._clear,
        }
        path = self.path.split("?")[0]
        if path not in actions:
            self._refuse(404, f"there is no {path} to post to; there are {', '.join(actions)}")
            return
        try:
            actions[path](self._body())
        except RoboMDError as error:
            self._refuse(400, str(error))
            return
        self._answer(200, self.server.twin.state_json())

    def _body(self) -> dict[str, Any]:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > _LONGEST:
            raise ConfigurationError(f"Content-Length must be 0 to {_LONGEST}; got {length!r}")
        text = self.rfile.read(int(length))
        try:
            body = json.loads(text or b"{}")
        except ValueError as error:
            raise ConfigurationError(f"the body is not JSON: {error}") from error
        if not isinstance(body, dict):
            raise ConfigurationError(f"the body must be a JSON object; got {body!r}")
        return body

    def _scene(self, body: Mapping[str, Any]) -> None:
        _only(body, ("variations", "seed", "reset_objects"))
        scene = scene_from(body.get("variations", []))
        reset = body.get("reset_objects", True)
        if not isinstance(reset, bool):
            raise ConfigurationError(f"reset_objects must be true or false; got {reset!r}")
        seed = _seed(body) if body.get("seed") is not None else None
        twin = self.server.twin
        twin.call(lambda: twin.tabletop.apply(scene, reset_objects=reset, seed=seed))

    def _reset(self, body: Mapping[str, Any]) -> None:
        _only(body, ("seed",))
        seed, twin = _seed(body), self.server.twin
        twin.call(lambda: twin.tabletop.reset(seed))

    def _fault(self, body: Mapping[str, Any]) -> None:
        arguments = {k: v for k, v in body.items() if k not in ("kind", "args")}
        nested = body.get("args", {})
        if not isinstance(nested, dict):
            raise ConfigurationError(f"args must be an object; got {nested!r}")
        twin = self.server.twin
        twin.call(lambda: twin.faults.start(body.get("kind"), {**arguments, **nested}))

    def _clear(self, body: Mapping[str, Any]) -> None:
        _only(body, ("kind",))
        twin = self.server.twin
        twin.call(lambda: twin.faults.clear(body.get("kind", "all")))

    def _refuse(self, code: int, text: str) -> None:
        self._answer(code, json.dumps({"error": text}).encode())

    def _answer(self, code: int, content: bytes, kind: str = "application/json") -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged."""


def _only(body: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key in body:
        if key not in known:
            raise ConfigurationError(f"unknown key {key!r}; known: {', '.join(known)}")


def _seed(body: Mapping[str, Any]) -> int:
    seed = body.get("seed", 0)
    if type(seed) is not int or not 0 <= seed < _MOST_SEED:
        raise ConfigurationError(f"seed must be 0 to {_MOST_SEED - 1}; got {seed!r}")
    return seed
