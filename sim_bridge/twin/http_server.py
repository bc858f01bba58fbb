# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The twin's HTTP port: its state, the control of scene and faults, and the camera."""

import contextlib
import json
import sys
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from robomd_ros.core.errors import ConfigurationError, RoboMDError
from sim_bridge.twin.camera import RATE, CameraError, TwinCamera
from sim_bridge.twin.scene import scene_from
from sim_bridge.twin.server import Twin

_LONGEST = 1 << 20
_MOST_SEED = 2**32
_BOUNDARY = "picture"
_RETRY = 1.0
"""s after a failure of the camera until it is started again."""


class TwinHttpServer(ThreadingHTTPServer):
    """Serves one twin; each client in a thread of its own."""

    daemon_threads = True
    allow_reuse_address = True

    twin: Twin
    camera: TwinCamera

    def __init__(self, address: str, port: int) -> None:
        """Open the port; nobody is answered before `start`.

        Raises:
            ConfigurationError: it cannot be opened.
        """
        try:
            super().__init__((address, port), _Handler)
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on {address}:{port}: {error.strerror}; choose another http_port:="
            ) from error
        self._stopping = threading.Event()

    def start(self, twin: Twin, camera: TwinCamera) -> None:
        """Serve in a thread, and draw in another while somebody looks."""
        self.twin, self.camera = twin, camera
        threading.Thread(target=self.serve_forever, name="http", daemon=True).start()
        threading.Thread(target=self._draw, name="pictures", daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say what went wrong with a client, unless it was the client that went away."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def stop(self) -> None:
        """End both."""
        self._stopping.set()
        self.shutdown()

    def _draw(self) -> None:
        while not self._stopping.wait(1.0 / RATE):
            if not self.camera.wanted():
                continue
            try:
                self.camera.draw(*self.twin.call(self.twin.picture))
            except TimeoutError:  # the control cycle stands still, and so does the scene
                continue
            except CameraError as error:
                self.camera.fail(str(error))
                self._stopping.wait(_RETRY)


class _Handler(BaseHTTPRequestHandler):
    server: TwinHttpServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path == "/state":
            self._state()
        elif path == "/camera.jpg":
            self._picture()
        elif path == "/camera.mjpg":
            self._stream()
        else:
            self._refuse(404, f"there is no {path}; there are /state, /camera.jpg, /camera.mjpg")

    def _state(self) -> None:
        try:
            content = self.server.twin.state_json()
        except TimeoutError:
            self._refuse(503, "the control cycle stands still")
        else:
            self._answer(200, content)

    def _picture(self) -> None:
        try:
            self._require_camera()
            # one picture may be half drawn from what was before this request
            _, jpeg = self.server.camera.newest(self.server.camera.number + 1)
        except CameraError as error:
            self._refuse(503, str(error))
            return
        self._answer(200, jpeg, "image/jpeg")

    def _stream(self) -> None:
        """Pictures, one after the other, until the camera or the viewer goes."""
        self.close_connection = True
        try:
            self._require_camera()
        except CameraError as error:
            self._refuse(503, str(error))
            return
        self.send_response(200)
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
        self.send_header("Connection", "close")
        self.end_headers()
        number = self.server.camera.number
        with contextlib.suppress(OSError, CameraError):  # the viewer or the camera went
            while True:
                number, jpeg = self.server.camera.newest(number)
                self._require_camera()
                head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}"
                self.wfile.write(f"{head}\r\n\r\n".encode() + jpeg + b"\r\n")

    def _require_camera(self) -> None:
        if self.server.twin.faults.has("camera_loss"):
            raise CameraError("the camera is unplugged (fault camera_loss)")

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
        except TimeoutError:
            self._refuse(503, "the control cycle stands still")
        else:
            self._state()

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
