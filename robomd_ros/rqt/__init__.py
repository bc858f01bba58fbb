# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The panel: plain Qt widgets, what feeds them from ROS, and the glue that puts them into rqt."""
