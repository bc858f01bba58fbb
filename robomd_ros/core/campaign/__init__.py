# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A campaign: its loop, what it keeps in its folder, and what it tells while it runs."""
