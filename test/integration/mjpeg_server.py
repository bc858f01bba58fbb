# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""An MJPEG server for tests, whose pictures say when they were made."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np

_BITS = 16
_BLOCK = 40


def numbered(number, size=(640, 480), colour=(40, 90, 160)):
    """A picture, (H, W, 3) uint8 RGB, with a number of 16 bits as black and white blocks."""
    image = np.full((size[1], size[0], 3), colour, np.uint8)
    for bit in range(_BITS):
        left = bit * _BLOCK
        image[:_BLOCK, left : left + _BLOCK] = 255 * (number >> bit & 1)
    return image


def number_in(image):
    """The number that `numbered` wrote into a picture."""
    middles = image[_BLOCK // 2, _BLOCK // 2 : _BITS * _BLOCK : _BLOCK, 0]
    return sum(1 << bit for bit, value in enumerate(middles) if value > 127)


class MjpegServer:
    """Serves pictures at a rate; it can freeze, drop its clients, and go away and return."""

    def __init__(self, rate=20.0, picture=numbered, port=0):
        self.rate = rate
        self.picture = picture
        self.frozen = threading.Event()
        self.made = {}
        """Number of a picture to the time.time() at which it was made."""
        self._number = 0
        self._generation = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/camera.mjpg"

    def drop_clients(self):
        """End every stream; clients may come back."""
        self._generation += 1

    def close(self):
        self.drop_clients()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _next(self):
        self._number = (self._number + 1) % (1 << _BITS)
        self.made[self._number] = time.time()
        done, data = cv2.imencode(".jpg", self.picture(self._number)[:, :, ::-1])
        assert done
        return data.tobytes()

    def _handler(self):
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                generation = server._generation
                try:
                    while server._generation == generation:
                        if not server.frozen.is_set():
                            self._part(server._next())
                        time.sleep(1.0 / server.rate)
                except OSError:
                    pass  # the client is gone
                self.close_connection = True

            def _part(self, data):
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                self.wfile.write(head.encode() + data + b"\r\n")

        return Handler
