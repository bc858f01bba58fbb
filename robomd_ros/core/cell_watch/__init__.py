# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A broken cell is noticed before its trials become labels: pictures, gripper, arm, changes."""
