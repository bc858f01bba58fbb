# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What every node shares: parameters, QoS, conversions, starting and ending."""
