# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What runs in the Python of ROS imports only what apt installs there."""

import subprocess
import sys

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

FROM_APT = (
    "numpy cv2 yaml rich matplotlib jinja2 scipy psutil "  # package.xml's keys
    "pygments markdown_it mdurl dateutil PIL packaging six markupsafe typing_extensions "  # theirs
    "PyQt5 PySide2 PySide6 sip shiboken2 shiboken6 python_qt_binding rqt_gui_py "
    "rclpy rosidl_parser rpyutils ament_index_python lark ros_wheels_bootstrapper robomd_ros"
).split()
REFUSE = f"""
import importlib.abc, os, sys, types

class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        known = top in sys.stdlib_module_names or top in {FROM_APT!r} or top.startswith("_")
        if not known and not top.endswith(("_msgs", "_srvs", "_interfaces")):
            raise ModuleNotFoundError(f"No module named {{top!r}}, says apt's Python", name=top)

plugin = types.ModuleType("rqt_gui_py.plugin")
plugin.Plugin = object
sys.modules["rqt_gui_py"] = types.ModuleType("rqt_gui_py")
sys.modules["rqt_gui_py.plugin"] = plugin
os.environ["QT_QPA_PLATFORM"] = "offscreen"
sys.meta_path.insert(0, Refuse())
"""


def imported(module):
    command = [sys.executable, "-c", f"{REFUSE}\nimport {module}"]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)


def test_the_panel_in_rqt():
    pytest.importorskip("robomd_ros.rqt.qt", reason="needs Qt")
    done = imported("robomd_ros.rqt.plugin")
    assert done.returncode == 0, done.stderr


def test_what_apt_lacks_is_missed_here():
    done = imported("robomd_ros.core.policies.checkpoint")
    assert "No module named 'safetensors', says apt's Python" in done.stderr
