# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The vision-language space of scenes (Sections III-B and III-C, Appendix I-C and III).

Nothing is imported here: an encoder's weights and torch load only where they are used.
"""
