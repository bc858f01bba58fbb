# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The console for the hand: the cell's requests as one page on a phone. No ROS here."""
