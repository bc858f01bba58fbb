# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What ROS 2 itself gives a node; apart from the models of all nodes, which no node loads."""

OF_EVERY_NODE = ("use_sim_time", "start_type_description_service", "qos_overrides")
"""Parameters, or first parts of their names."""
