# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
import os

import pytest


@pytest.fixture(scope="module")
def domain(request):
    """A ROS domain for the launches of one file, on this host only."""
    number = 1 + (os.getpid() + 17 * len(request.node.name)) % 101
    return {"ROS_DOMAIN_ID": str(number)}
