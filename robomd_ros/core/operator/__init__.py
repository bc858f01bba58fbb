# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The person beside a cell: what is asked, which answers count, how much work is left."""
