# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Demonstrations, training, and the truth that a diagnosis is judged against."""
