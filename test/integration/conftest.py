import itertools
import os

import pytest

# 0 to 101 are safe on Linux; a number per process and test keeps runs side by side apart
_numbers = itertools.count(os.getpid())


@pytest.fixture
def domain(monkeypatch):
    """A ROS domain of this test's own, on this host only; also set for this process."""
    environment = {
        "ROS_DOMAIN_ID": str(1 + next(_numbers) % 101),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return environment
