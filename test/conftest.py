# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""For every test."""

import os

import pytest

# files run side by side, one a core: said before numpy or torch is imported
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import sim_bridge  # noqa: E402, F401 - chooses the graphics before a test imports mujoco


def pytest_addoption(parser):
    parser.addoption(
        "--fault-moments",
        type=int,
        default=5,
        help="how often each fault comes in a campaign of test_ur5e_faults.py",
    )


@pytest.fixture
def tmp_path(tmp_path):
    """A folder beside which nothing lies: a campaign looks at those beside its own."""
    folder = tmp_path / "own"
    folder.mkdir()
    return folder


@pytest.fixture
def own_environment():
    """What a command that runs in the tests' process sets is undone."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
