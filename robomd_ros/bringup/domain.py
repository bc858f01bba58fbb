# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The ROS domain of a diagnosis that is started without ROS' own launch."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.ros.driving import Driving

_LAST_DOMAIN = 101
"""The highest ROS_DOMAIN_ID whose ports are free of the system's ephemeral ones on Linux."""
_STARTING = "/starting"
"""Above the namespace of a diagnosis: the place of whoever chose a domain and starts it there."""


def domain_in_use() -> int:
    """The ROS domain of this process.

    Raises:
        ConfigurationError: ROS_DOMAIN_ID is no number in [0, 101].
    """
    given = os.environ.get("ROS_DOMAIN_ID", "")
    if given and not (given.isdecimal() and int(given) <= _LAST_DOMAIN):
        raise ConfigurationError(
            f"ROS_DOMAIN_ID must be a number from 0 to {_LAST_DOMAIN}; got {given!r}"
        )
    return int(given or 0)


@contextmanager
def own_domain(namespace: str) -> Iterator[int]:
    """A ROS domain in which no other process of this host drives this namespace.

    The user's ROS_DOMAIN_ID where it is set, as everywhere in ROS. Else the first free one, which
    is set for this process and its children: two diagnoses that are started side by side do not
    meet.

    Args:
        namespace: of the diagnosis, absolute.

    Raises:
        ConfigurationError: ROS_DOMAIN_ID is no number in [0, 101], or a diagnosis runs there.
    """
    if os.environ.get("ROS_DOMAIN_ID"):
        Driving(domain_in_use(), [namespace]).release()  # the diagnosis will take it itself
        yield domain_in_use()
        return
    for number in range(_LAST_DOMAIN + 1):
        try:
            Driving(number, [namespace]).release()
            starting = Driving(number, [f"{_STARTING}{namespace}"])
        except ConfigurationError:
            continue
        os.environ["ROS_DOMAIN_ID"] = str(number)
        try:
            yield number
        finally:
            starting.release()
        return
    raise ConfigurationError(
        f"a diagnosis drives {namespace} in every ROS domain from 0 to {_LAST_DOMAIN} of this "
        "machine; end one, or give another namespace:="
    )
