# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Child processes with a handshake and a deadline that die with their parent.

channel.py, serve.py, main.py and program.py run in the child, in any Python from 3.8 on that has
numpy: they use nothing newer, and import nothing else of this package but errors.py.
"""
