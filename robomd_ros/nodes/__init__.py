# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The thin ROS shell: one node per file. Nothing imports from here but entry points and tests."""
