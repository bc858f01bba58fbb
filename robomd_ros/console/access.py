# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Who may see and answer at a console: one-time codes, sessions, and which addresses it has."""

import hmac
import ipaddress
import secrets
import socket
import threading
from collections.abc import Iterable

COOKIE = "robomd_session"
MOST_SESSIONS = 8
"""Phones at a time; the oldest session ends when another one begins."""


class Access:
    """Exchanges a one-time code for a session; thread-safe.

    The code is in the QR code on the terminal, behind the # of the address, which browsers send to
    nobody. It is good once: who comes second, with a picture of the code, is refused.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._code = ""
        self._sessions: list[str] = []

    def new_code(self) -> str:
        """A code that is good once; the one before is good no more."""
        with self._lock:
            self._code = secrets.token_urlsafe(24)
            return self._code

    def enter(self, code: str) -> str:
        """A new session for this code; "" where it is wrong, or was used."""
        with self._lock:
            right = bool(self._code) and hmac.compare_digest(code.encode(), self._code.encode())
            if not right:
                return ""
            self._code = ""
            session = secrets.token_urlsafe(32)
            self._sessions = [*self._sessions, session][-MOST_SESSIONS:]
            return session

    def admits(self, session: str) -> bool:
        """Whether this is a session that goes on."""
        with self._lock:
            given = session.encode()
            return any([hmac.compare_digest(given, s.encode()) for s in self._sessions])


def allowed_hosts(host: str, port: int, names: Iterable[str] = ()) -> frozenset[str]:
    """What a browser may call this server: its Host header; another one is a page of elsewhere.

    Args:
        host: the address that it listens on; 0.0.0.0 or ::: all of this machine.
        port: likewise.
        names: further names of this machine.
    """
    found = {host, *names}
    if is_local(host):
        found |= {"localhost", "127.0.0.1", "[::1]"}
    elif ipaddress.ip_address(host).is_unspecified:
        found |= {"localhost", "127.0.0.1", socket.gethostname(), *own_addresses()}
        found.add(f"{socket.gethostname()}.local")
    return frozenset(f"{name.lower()}:{port}" for name in found)


def is_local(host: str) -> bool:
    """Whether only this machine reaches an address."""
    return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback


def own_addresses() -> list[str]:
    """IPv4 addresses of this machine in its networks, the one towards others first."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent: it asks which way it would go
            found.append(probe.getsockname()[0])
        except OSError:
            pass
    try:
        infos = socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
        found += [str(info[4][0]) for info in infos]
    except OSError:
        pass
    return list(dict.fromkeys(found))
