# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Campaigns as CSV, Parquet and MCAP, for other programs."""
