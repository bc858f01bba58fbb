import itertools
import os

import pytest

# 0 to 101 are safe on Linux; a number per process and test keeps runs side by side apart
_numbers = itertools.count(os.getpid())


def new_domain():
    """The environment of a ROS domain that no other test uses, on this host only."""
    return {
        "ROS_DOMAIN_ID": str(1 + next(_numbers) % 101),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
    }


@pytest.fixture(scope="module")
def module_domain():
    """A ROS domain of this file's own; not set for this process."""
    return new_domain()


@pytest.fixture
def domain(monkeypatch):
    """A ROS domain of this test's own; also set for this process."""
    environment = new_domain()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return environment
