# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a diagnosis consists of: its arguments, its checks and its processes."""
