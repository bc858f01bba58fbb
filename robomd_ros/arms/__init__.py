# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Devices of a real cell: the arm, its gripper, the camera."""
