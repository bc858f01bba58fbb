# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The ROS-free core: variations, trials, search, evidence and the campaign loop."""
