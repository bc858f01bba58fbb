# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
import contextlib
import fcntl
import itertools
import os
import tempfile
from pathlib import Path

import pytest
from graph import PLANTED
from stalls import repeat

from robomd_ros.cli.main import main
from sim_bridge.twin.client import TwinError

_numbers = itertools.count(os.getpid())


@contextlib.contextmanager
def own_domain():
    """The environment of a ROS domain that no other test run uses meanwhile, on this host only."""
    # 0 to 101 are safe on Linux
    for number in _numbers:
        domain = 1 + number % 101
        path = Path(tempfile.gettempdir(), f"robomd-test-domain-{os.getuid()}-{domain}.lock")
        with path.open("w") as lock, contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield {
                "ROS_DOMAIN_ID": str(domain),
                "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
            }
            return


@pytest.fixture(scope="module")
def module_domain():
    """A ROS domain of this file's own; not set for this process."""
    with own_domain() as environment:
        yield environment


@pytest.fixture
def domain(monkeypatch):
    """A ROS domain of this test's own; also set for this process."""
    with own_domain() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield environment


@pytest.fixture
def sim(tmp_path, monkeypatch, capfd, domain):
    """`robomd sim` here, as if started in the test's folder: exit code, and what it said."""

    def run(*arguments):
        (tmp_path / "planted_policy.py").write_text(PLANTED)
        monkeypatch.chdir(tmp_path)
        capfd.readouterr()
        code = main(["sim", *arguments])
        return code, capfd.readouterr().err.strip()

    return run


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Repeat a test whose fixture can `begin_anew` if it failed while this computer stalled."""
    begins = [value for value in pyfuncitem.funcargs.values() if hasattr(value, "begin_anew")]
    if not begins:
        return None
    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    said = getattr(begins[0], "said", ())
    failures = (AssertionError, TwinError)
    repeat(lambda: pyfuncitem.obj(**arguments), begins[0].begin_anew, said, failures=failures)
    return True
