#!/usr/bin/env bash
# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
# What a new development container needs beside its image: the tools for tests, and a first build that follows the sources.
set -eo pipefail
cd "$WORKSPACE"
.venv/bin/pip install --extra-index-url https://download.pytorch.org/whl/cpu -r src/robomd/requirements-dev.txt
source "/opt/ros/$ROS_DISTRO/setup.bash"
source .venv/bin/activate
colcon build --symlink-install
line="source $WORKSPACE/.venv/bin/activate && source $WORKSPACE/install/setup.bash"
grep -qxF "$line" ~/.bashrc || printf '%s\n' "$line" >> ~/.bashrc
