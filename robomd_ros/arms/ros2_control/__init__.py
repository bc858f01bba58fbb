# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Any arm behind the topics and actions of a ros2_control driver."""
