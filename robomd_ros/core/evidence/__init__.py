# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What trials say about variations: posteriors, combinations, the ranking and its metrics."""
