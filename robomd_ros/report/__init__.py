# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The report: reads campaign folders, writes figures and pages for people; needs no ROS."""
