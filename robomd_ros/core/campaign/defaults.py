# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Defaults of a campaign that its readers need too: of what an older description does not name.

Apart from the configuration's model, because the panel in rqt reads campaigns in the Python of ROS.
"""

ACTION_SPACE = "discrete"
"""The catalogue's variations (Algorithm 1)."""
ORDER_BY = "evidence"
"""The ranking is in the order of the posterior."""
NOMINAL_LIMIT = 0.3
"""Failure rate of the unchanged scene above which no change can be blamed."""
