# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""One diagnosis drives a namespace: taken as a whole, told by whom, free when its holder dies."""

import os
import subprocess
import sys
import time

import pytest

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.ros.driving import Driving

DOMAIN = 100_000 + os.getpid()
"""No ROS domain: nobody else takes it."""
HOLDER = """
import sys, time
from robomd_ros.ros.driving import Driving
held = Driving(int(sys.argv[1]), ["/a", "/a/cell_0"])
print("held", flush=True)
time.sleep(60)
"""


def test_another_namespace_or_another_domain_is_free():
    held = Driving(DOMAIN, ["/a", "/a/cell_0"])
    Driving(DOMAIN, ["/b", "/b/cell_0"]).release()
    Driving(DOMAIN + 1, ["/a", "/a/cell_0"]).release()
    held.release()


def test_who_cannot_have_all_has_none():
    held = Driving(DOMAIN, ["/a/cell_1"])
    with pytest.raises(ConfigurationError, match="drives /a/cell_1 in"):
        Driving(DOMAIN, ["/a", "/a/cell_0", "/a/cell_1"])
    Driving(DOMAIN, ["/a", "/a/cell_0"]).release()
    held.release()
    Driving(DOMAIN, ["/a", "/a/cell_0", "/a/cell_1"]).release()


def test_long_namespaces_are_told_apart():
    long = "/a" * 120
    held = Driving(DOMAIN, [long])
    Driving(DOMAIN, [f"{long}b"]).release()
    with pytest.raises(ConfigurationError):
        Driving(DOMAIN, [long])
    held.release()


def test_the_holder_is_named_and_its_death_frees_everything():
    command = [sys.executable, "-c", HOLDER, str(DOMAIN)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        for _ in range(100):  # askers leave nothing behind
            with pytest.raises(ConfigurationError, match=rf"\(process {holder.pid}\)"):
                Driving(DOMAIN, ["/a/cell_0"])
        holder.kill()
        holder.wait()
        deadline = time.monotonic() + 5.0
        while True:
            try:
                Driving(DOMAIN, ["/a", "/a/cell_0"]).release()
                break
            except ConfigurationError:
                assert time.monotonic() < deadline, "the dead hold it"
