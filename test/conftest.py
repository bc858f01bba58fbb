# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""For every test."""

import os

import pytest

import sim_bridge  # noqa: F401 - chooses the graphics before a test imports mujoco


def pytest_addoption(parser):
    parser.addoption(
        "--fault-moments",
        type=int,
        default=5,
        help="how often each fault comes in a campaign of test_ur5e_faults.py",
    )


@pytest.fixture
def own_environment():
    """What a command that runs in the tests' process sets is undone."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
