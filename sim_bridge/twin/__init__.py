# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The UR5e twin: a process that speaks the controller's protocols and moves a simulated arm."""
