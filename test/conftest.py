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


def pytest_collection_modifyitems(items):
    """Files that start processes take turns with those that compute, so that each has a core.

    Those of the arm, which are the longest and the last by name, come first: no worker is left
    with one of them at the end.
    """
    files = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    starting = [path for path in files if path.parent.name == "integration"][::-1]
    rest = [path for path in files if path.parent.name != "integration"]
    share = len(rest) / max(1, len(starting))
    order = [] if starting else rest
    for number, path in enumerate(starting):
        order += [path, *rest[round(number * share) : round((number + 1) * share)]]
    items[:] = [item for path in order for item in files[path]]


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
