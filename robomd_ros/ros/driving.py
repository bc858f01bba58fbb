# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""At most one diagnosis of this host drives a namespace of a ROS domain."""

import errno
import hashlib
import socket
import struct
from collections.abc import Iterable

from robomd_ros.core.errors import ConfigurationError

_BACKLOG = 1024
"""Askers that are told which process it is; nobody ever takes their connections up."""
_CREDENTIALS = struct.Struct("3i")
"""What the kernel tells about the process at the other end: pid, uid, gid."""


class Driving:
    """The namespaces that this process drives, held until `release` or its death.

    Each is a name in the kernel's abstract socket namespace (Linux): there is no file that could be
    left behind, be somebody else's or be a link to elsewhere, and it reaches exactly as far as
    the loopback interface, over which two diagnoses would meet.
    """

    def __init__(self, domain: int, namespaces: Iterable[str]) -> None:
        """Take them all, or none.

        Args:
            domain: ROS domain.
            namespaces: absolute, e.g. those of the diagnosis and of its cells.

        Raises:
            ConfigurationError: another process drives one of them.
        """
        self._held: list[socket.socket] = []
        for namespace in namespaces:
            held = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._held.append(held)
            try:
                held.bind(_address(domain, namespace))
                held.listen(_BACKLOG)
            except OSError as error:
                self.release()
                if error.errno != errno.EADDRINUSE:
                    raise
                raise ConfigurationError(
                    f"another diagnosis{_who(domain, namespace)} drives {namespace} in "
                    f"ROS_DOMAIN_ID={domain}; end it, or give this one another namespace:= or "
                    "another ROS_DOMAIN_ID"
                ) from error

    def release(self) -> None:
        """Let another drive them."""
        for held in self._held:
            held.close()
        self._held.clear()


def _address(domain: int, namespace: str) -> str:
    # hashed: an address has 107 bytes, and a namespace may be longer
    digest = hashlib.sha256(namespace.encode()).hexdigest()[:32]
    return f"\0robomd-{domain}-{digest}"


def _who(domain: int, namespace: str) -> str:
    """Which process it is, if it tells."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.setblocking(False)
        try:
            asking.connect(_address(domain, namespace))
            data = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        except OSError:
            return ""
    return f" (process {_CREDENTIALS.unpack(data)[0]})"
