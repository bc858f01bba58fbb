#!/usr/bin/env bash
# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
# Sets up everything that `make` needs: system packages, a virtual environment with ROS 2 from PyPI wheels, the
# interface package, and this package itself. Does only what is missing; a second call takes well under a second.
# ROS_WHEELS=kilted takes ROS 2 Kilted instead of Jazzy; an environment that is there keeps what it has.
set -euo pipefail
cd "$(dirname "$0")/.."
VENV="${VENV:-$PWD/.venv}"
STAMPS="$VENV/robomd-stamps"
ROS_WHEELS="${ROS_WHEELS:-$(cat "$STAMPS/ros" 2>/dev/null || printf jazzy)}"
ROS_REQUIREMENTS="requirements-ros-$ROS_WHEELS.txt"

# A sourced ROS installation or another Python's path must not leak into the virtual environment.
unset RMW_IMPLEMENTATION PYTHONPATH AMENT_PREFIX_PATH CMAKE_PREFIX_PATH COLCON_PREFIX_PATH PYTHONHOME
unset _ROS_WHEELS_BOOTSTRAP_COMPLETE

say() { printf '== %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
digest() { cat "$@" | sha256sum | cut -d' ' -f1; }
fresh() { [ "$(cat "$STAMPS/$1" 2>/dev/null)" = "$2" ]; }
stamp() { mkdir -p "$STAMPS"; printf '%s' "$2" > "$STAMPS/$1"; }

known_ros() {
  [ -f "$ROS_REQUIREMENTS" ] && return
  die "ROS_WHEELS=$ROS_WHEELS is not known; choose one of: $(ls requirements-ros-*.txt | sed 's/.*-ros-\(.*\)\.txt/\1/' | xargs)"
}

find_python() {
  local candidate
  for candidate in "${PYTHON:-python3}" python3.12 python3.11 python3.10; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
      command -v "$candidate"; return
    fi
  done
  die "no Python 3.10 to 3.13 found (PYTHON=${PYTHON:-python3}); install python3 or set PYTHON=/path/to/python3"
}

# What the Python packages need from the system: a compiler for the interface package, EGL for rendering without a
# display, and the libraries that OpenCV links.
missing_system_packages() {
  command -v g++ >/dev/null || printf 'g++ '
  command -v git >/dev/null || printf 'git '
  "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || printf 'python3-venv '
  "$PYTHON" -c 'import os, sysconfig, sys; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' \
    || printf 'python3-dev '
  local libraries; libraries="$( (ldconfig -p || /sbin/ldconfig -p) 2>/dev/null)"
  grep -q 'libEGL\.so\.1' <<<"$libraries" || printf 'libegl1 '
  grep -q 'libEGL_mesa\.so\.0' <<<"$libraries" || printf 'libegl-mesa0 libgl1-mesa-dri '
  grep -q 'libGL\.so\.1' <<<"$libraries" || printf 'libgl1 '
  grep -q 'libglib-2\.0\.so\.0' <<<"$libraries" || printf 'libglib2.0-0 '
}

install_system_packages() {
  local wanted; wanted="$(missing_system_packages)"
  [ -z "$wanted" ] && return
  local line="apt-get update && apt-get install -y --no-install-recommends $wanted"
  command -v apt-get >/dev/null || die "these system packages are missing, and there is no apt-get here: $wanted"
  say "Installing system packages: $wanted"
  if [ "$(id -u)" = 0 ]; then
    # shellcheck disable=SC2086
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $wanted
  elif sudo -n true 2>/dev/null; then
    # shellcheck disable=SC2086
    sudo apt-get update -qq && sudo DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $wanted
  else
    die "system packages are missing; run this once, then call make again:  sudo sh -c '$line'"
  fi
}

make_environment() {
  # A virtual environment cannot be moved, and the wheels of two ROS distributions overwrite each other.
  if [ -x "$VENV/bin/python" ] && fresh where "$VENV" && fresh ros "$ROS_WHEELS"; then return; fi
  say "Making the virtual environment $VENV with $("$PYTHON" --version)"
  rm -rf "$VENV"
  "$PYTHON" -m venv "$VENV"
  "$VENV/bin/python" -m pip install -qq -U pip wheel "setuptools<80"  # colcon's bound
  stamp where "$VENV"
  stamp ros "$ROS_WHEELS"
}

install_requirements() {
  local want; want="$(digest requirements.txt requirements-dev.txt "$ROS_REQUIREMENTS")"
  fresh requirements "$want" && return
  say "Installing Python packages and the wheels of ROS 2 ${ROS_WHEELS^} (some minutes the first time)"
  "$VENV/bin/python" -m pip install -qq -r "$ROS_REQUIREMENTS" -r requirements-dev.txt
  stamp requirements "$want"
}

# The wheels' exported CMake targets name directories of the machine that built them; point them at this one.
repoint_cmake_targets() {
  "$VENV/bin/python" - <<'PY'
import pathlib, re, sys, sysconfig
import numpy
python_include, numpy_include = sysconfig.get_path("include"), numpy.get_include()
for path in pathlib.Path(sys.prefix, "share").rglob("*.cmake"):
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    new = re.sub(r"/opt/python/cp\d+-cp\d+/include/python3\.\d+", python_include, text)
    new = re.sub(r"/opt/[^;\"]*?/numpy/_?core/include", numpy_include, new)
    if new != text:
        path.write_text(new, encoding="utf-8", errors="surrogateescape")
PY
}

build_interfaces() {
  local want; want="$(digest $(find robomd_msgs -type f | LC_ALL=C sort) "$ROS_REQUIREMENTS")"
  fresh interfaces "$want" && return
  say "Building the interface package robomd_msgs (about half a minute)"
  repoint_cmake_targets
  local build="$VENV/robomd_msgs-build" log="$VENV/robomd_msgs-build.log"
  rm -rf "$build"
  if ! AMENT_PREFIX_PATH="$VENV" CMAKE_PREFIX_PATH="$VENV" PATH="$VENV/bin:$PATH" bash -c "
      cmake -S robomd_msgs -B '$build' -G Ninja -DCMAKE_INSTALL_PREFIX='$VENV' -DBUILD_TESTING=OFF \
        -DPython3_EXECUTABLE='$VENV/bin/python' && cmake --build '$build' && cmake --install '$build'" > "$log" 2>&1
  then tail -n 30 "$log" >&2; die "robomd_msgs did not build; the whole log is $log"; fi
  stamp interfaces "$want"
}

# pip links the modules to this folder (editable); launch and ros2 run look in lib/ and share/.
install_package() {
  local want; want="$( (cat setup.py setup.cfg package.xml plugin.xml; find launch config -type f | LC_ALL=C sort) | digest)"
  fresh package "$want" && return
  say "Installing robomd_ros from this folder (editable)"
  "$VENV/bin/python" -m pip install -qq --no-deps --no-build-isolation -e .
  local lib="$VENV/lib/robomd_ros" share="$VENV/share/robomd_ros"
  rm -rf "$lib" "$share"
  mkdir -p "$lib" "$share" "$VENV/share/ament_index/resource_index/packages"
  "$VENV/bin/python" - "$VENV/bin" "$lib" <<'PY'
import importlib.metadata, pathlib, sys
bin, lib = map(pathlib.Path, sys.argv[1:])
for script in importlib.metadata.distribution("robomd_ros").entry_points.select(group="console_scripts"):
    (lib / script.name).symlink_to(bin / script.name)
PY
  # links to files in real folders: ros2 launch does not follow links to folders
  cp -rs "$PWD/launch" "$PWD/config" "$PWD/package.xml" "$PWD/plugin.xml" "$share/"
  touch "$VENV/share/ament_index/resource_index/packages/robomd_ros"
  stamp package "$want"
}

known_ros
PYTHON="$(find_python)"
export PYTHON
install_system_packages
make_environment
install_requirements
build_interfaces
install_package
