# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""`python -m sim_bridge.twin`: as `robomd twin`."""

import sys

from sim_bridge.twin.main import main

sys.exit(main())
