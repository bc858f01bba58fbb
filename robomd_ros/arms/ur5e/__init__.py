# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A UR5e behind ur_rtde: its control process, limits, stops and recovery."""
