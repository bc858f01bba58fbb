# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The fast engine: robosuite's models, stepped and drawn without its layers."""
