# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""RoboMD for ROS 2: find out, before deployment, which changes make a manipulation policy fail."""

__version__ = "0.1.0"
