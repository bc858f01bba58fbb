# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Serves the console: one page, its pictures, and a WebSocket for what is asked and answered."""

import asyncio
import contextlib
import json
import threading
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Any, Protocol

from aiohttp import WSMsgType, web

from robomd_ros.console.access import COOKIE, Access, allowed_hosts
from robomd_ros.console.board import Board
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.operator.desk import LONGEST_TEXT, Answer
from robomd_ros.core.trial import Result

_LONGEST_MESSAGE = 16_384
"""Bytes of what a page may send at once."""
_MOST_TRIALS = 2**32 - 1
_HEARTBEAT = 5.0
"""s between looks whether a page is still there."""
_REPEAT = 1.0
"""s after which a page is told everything again: it shows by that that the line is alive."""
_START = 10.0
"""s that the server may take to listen."""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; "
    "script-src 'self'; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; "
    "base-uri 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_FILES = {
    "/console.css": ("console.css", "text/css"),
    "/console.js": ("console.js", "text/javascript"),
    "/enter.js": ("enter.js", "text/javascript"),
}
_OPEN = frozenset({"/enter", "/enter.js", "/console.css"})
"""What is served to whoever has no session: the page that exchanges a code for one."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Told = Callable[[bool, str], None]
"""Is called with whether something counted, and what was said of it; from any thread."""


class Hand(Protocol):
    """What a console can do in the cell."""

    def answer(self, number: int, answer: Answer, name: str, tag: str, told: Told) -> None:
        """Answer a request."""
        ...

    def control(self, what: str, told: Told) -> None:
        """`stop_motion` of the arm; `pause`, `resume`, `stop` of the campaign."""
        ...

    def relabel(self, index: int, result: Result, name: str, told: Told) -> None:
        """Give an earlier trial another label."""
        ...


class ConsoleServer:
    """A web server on a thread of its own; it ends with `close`.

    Every request must name the server by one of its own addresses, and whatever changes something
    must come from its own page. A page that is cut off holds nothing: what was asked stays asked.
    """

    def __init__(self, board: Board, hand: Hand, host: str, port: int) -> None:
        """Prepare.

        Args:
            board: what is shown.
            hand: what can be done.
            host: address to listen on.
            port: likewise; 0: any that is free.
        """
        self.access = Access()
        self.port = port
        self._board, self._hand, self._host = board, hand, host
        self._hosts: frozenset[str] = frozenset()
        self._pages: set[web.WebSocketResponse] = set()
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._problem = ""
        self._ending = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="console", daemon=True)

    def start(self) -> None:
        """Listen.

        Raises:
            ConfigurationError: the address cannot be used.
        """
        self._thread.start()
        if not self._started.wait(_START) or self._problem:
            raise ConfigurationError(
                f"the console cannot listen on {self._host} port {self.port}: "
                f"{self._problem or 'no answer'}; give another console_port or console_host"
            )
        self._board.changed = self._wake

    def close(self) -> None:
        """End; pages see that the line is cut."""
        self._board.changed = lambda: None
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ending.set)
            self._thread.join(5.0)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._started.set()
            self._loop.close()

    async def _serve(self) -> None:
        application = web.Application(middlewares=[self._guard], client_max_size=_LONGEST_MESSAGE)
        application.add_routes(
            [
                web.get("/", self._page),
                web.get("/enter", self._enter_page),
                web.post("/enter", self._enter),
                web.get("/line", self._line),
                web.get("/picture/{which:now|before}.jpg", self._picture),
                *(web.get(path, self._file) for path in _FILES),
            ]
        )
        runner = web.AppRunner(
            application, access_log=None, handle_signals=False, shutdown_timeout=1.0
        )
        await runner.setup()
        site = web.TCPSite(runner, self._host, self.port)
        try:
            await site.start()
        except OSError as error:
            self._problem = error.strerror or str(error)
            await runner.cleanup()
            return
        self.port = runner.addresses[0][1]
        self._hosts = allowed_hosts(self._host, self.port)
        self._started.set()
        while not self._ending.is_set():
            try:
                await asyncio.wait_for(self._ending.wait(), _REPEAT)
            except asyncio.TimeoutError:
                await self._tell_all()
        for page in list(self._pages):
            await page.close(code=1001, message=b"the console has ended")
        await runner.cleanup()

    def _wake(self) -> None:
        """Tell every page; from any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(lambda: self._loop.create_task(self._tell_all()))

    async def _tell_all(self) -> None:
        pages = list(self._pages)
        if pages:
            text = json.dumps({"board": self._board.snapshot()})
            await asyncio.gather(*(_send(page, text) for page in pages))

    # Who may

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse other hosts' names, other pages' requests, and who has no session."""
        host = request.headers.get("Host", "").lower()
        if host not in self._hosts:
            return _refused(421, "this console is not called by that name")
        origin = request.headers.get("Origin")
        must_have = request.method != "GET" or request.path == "/line"
        if (origin is None and must_have) or (origin not in (None, f"http://{host}")):
            return _refused(403, "only the console's own page may do that")
        known = self.access.admits(request.cookies.get(COOKIE, ""))
        if not known and request.path not in _OPEN:
            return _refused(403, "open the console with the code on the terminal")
        try:
            response = await handler(request)
        except web.HTTPException as error:
            response = _refused(error.status, error.reason)
        if not response.prepared:
            response.headers.update(_HEADERS)
        return response

    async def _enter(self, request: web.Request) -> web.StreamResponse:
        """Exchange a code for a session."""
        session = self.access.enter((await request.text()).strip())
        if not session:
            return _refused(403, "this code is wrong, or was used already; ask for a new one")
        response = web.Response(text="welcome")
        response.set_cookie(COOKIE, session, httponly=True, samesite="Strict", path="/")
        return response

    # What is served

    async def _page(self, _request: web.Request) -> web.StreamResponse:
        return web.Response(text=_text("console.html"), content_type="text/html")

    async def _enter_page(self, _request: web.Request) -> web.StreamResponse:
        return web.Response(text=_text("enter.html"), content_type="text/html")

    async def _file(self, request: web.Request) -> web.StreamResponse:
        name, kind = _FILES[request.path]
        return web.Response(text=_text(name), content_type=kind)

    async def _picture(self, request: web.Request) -> web.StreamResponse:
        which = request.match_info["which"]
        data = await asyncio.to_thread(self._board.picture, which)
        if data is None:
            return _refused(404, "there is no picture yet")
        return web.Response(body=data, content_type="image/jpeg")

    async def _line(self, request: web.Request) -> web.StreamResponse:
        """What is asked, told to a page as it changes; what it answers."""
        page = web.WebSocketResponse(heartbeat=_HEARTBEAT, max_msg_size=_LONGEST_MESSAGE)
        await page.prepare(request)
        self._pages.add(page)
        try:
            await _send(page, json.dumps({"board": self._board.snapshot()}))
            async for message in page:
                if message.type is WSMsgType.TEXT:
                    self._take(page, message.data)
        finally:
            self._pages.discard(page)
        return page

    def _take(self, page: web.WebSocketResponse, text: str) -> None:
        """Do what a page wants, and tell it what came of it."""

        def told(counted: bool, said: str) -> None:
            answer = json.dumps({"told": {"counted": counted, "said": said}})
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(lambda: self._loop.create_task(_send(page, answer)))

        try:
            wish = json.loads(text)
            if "do" in wish:
                self._control(str(wish["do"]), told)
            elif "relabel" in wish:
                self._relabel(wish, told)
            else:
                self._answer(wish, told)
        except (ValueError, TypeError, KeyError, AttributeError):
            told(False, "this page sent what nobody understands; load it anew")

    def _control(self, what: str, told: Told) -> None:
        if what not in ("stop_motion", "pause", "resume", "stop"):
            raise ValueError(what)
        self._hand.control(what, told)

    def _relabel(self, wish: dict[str, Any], told: Told) -> None:
        index, result = int(wish["relabel"]), Result[str(wish["label"])]
        name = str(wish.get("name", ""))
        if not 0 <= index <= _MOST_TRIALS:
            raise ValueError(index)
        if len(name) > LONGEST_TEXT:
            told(False, f"a text has at most {LONGEST_TEXT} characters; nothing was sent")
        else:
            self._hand.relabel(index, result, name, told)

    def _answer(self, wish: dict[str, Any], told: Told) -> None:
        number, answer = int(str(wish["number"])), Answer[str(wish["answer"])]
        name, tag = str(wish.get("name", "")), str(wish.get("tag", ""))
        if max(len(name), len(tag)) > LONGEST_TEXT:
            told(False, f"a text has at most {LONGEST_TEXT} characters; nothing was sent")
        elif refusal := self._board.refusal(number, answer):
            told(False, refusal)
        else:
            self._hand.answer(number, answer, name, tag, told)


async def _send(page: web.WebSocketResponse, text: str) -> None:
    if not page.closed:
        with contextlib.suppress(ConnectionError, RuntimeError):  # it is being closed
            await page.send_str(text)


def _refused(status: int, why: str) -> web.Response:
    return web.Response(status=status, text=f"{why}\n", headers=_HEADERS)


def _text(name: str) -> str:
    return (resources.files(__package__) / "templates" / name).read_text(encoding="utf-8")
