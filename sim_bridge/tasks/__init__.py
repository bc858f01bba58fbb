# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The simulated tasks and their catalogues."""
