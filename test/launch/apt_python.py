# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A Python as apt's on a machine with ROS 2: what package.xml names, and nothing else of ours.

Made from wheels where there is no ROS installation: `python test/launch/apt_python.py <folder>`.
"""

import subprocess
import sys
import venv
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[2]
ROS = ROOT / "requirements-ros-jazzy.txt"

WHEELS = {
    "python3-aiohttp": "aiohttp>=3.9,<3.10",
    "python3-jinja2": "jinja2>=3.1,<4",
    "python3-matplotlib": "matplotlib>=3.6,<3.9",
    "python3-numpy": "numpy==1.26.*",
    "python3-opencv": "opencv-python-headless==4.6.*",
    "python3-psutil": "psutil>=5.9",
    "python3-pytest": "pytest>=7.4,<8.4",
    "python3-pytest-timeout": "pytest-timeout>=2.2",
    "python3-qrcode": "qrcode>=7.4,<8",
    "python3-rich": "rich>=13.7",
    "python3-scipy": "scipy>=1.11,<1.15",
    "python3-tqdm": "tqdm>=4.66",
    "python3-yaml": "PyYAML>=6.0",
    "python_qt_binding": "PyQt5>=5.15,<5.16",
}
"""What serves for a key of Ubuntu 24.04: its version, or the nearest that has a wheel."""

IN_ROS = frozenset(
    "action_msgs ament_cmake ament_cmake_pytest ament_cmake_python builtin_interfaces "
    "diagnostic_msgs geometry_msgs rcl_interfaces rclpy rosidl_default_generators "
    "rosidl_default_runtime sensor_msgs std_msgs std_srvs trajectory_msgs unique_identifier_msgs "
    "visualization_msgs".split()
)
"""Keys that the pinned wheels of ROS bring."""

NO_WHEEL = frozenset(
    "control_msgs launch launch_pytest launch_ros python3-dev python3-venv robot_state_publisher "
    "ros2launch rqt_gui rqt_gui_py rviz2 tf2_msgs ur_description xacro".split()
)
"""Keys that no wheel serves; the launch stack is laid beside the environment where it is there."""


def wheels(package: Path = ROOT / "package.xml") -> list[str]:
    """Requirements of pip for the keys of a package.xml that are not in the pinned wheels of ROS.

    Raises:
        KeyError: a key that this file does not know: add it to one of the tables.
    """
    keys = {e.text for e in ElementTree.parse(package).getroot() if e.tag.endswith("depend")}
    unknown = sorted(keys - WHEELS.keys() - IN_ROS - NO_WHEEL)
    if unknown:
        raise KeyError(f"{package} names {', '.join(unknown)}; add it to a table of {__file__}")
    return sorted(WHEELS[key] for key in keys if key in WHEELS)


def make(folder: Path) -> Path:
    """Make the environment; its Python."""
    venv.create(folder, with_pip=True)
    python = folder / "bin/python"
    command = [str(python), "-m", "pip", "install", "-q", "-r", str(ROS), *wheels()]
    subprocess.run(command, check=True)
    return python


if __name__ == "__main__":
    print(make(Path(sys.argv[1]).resolve()))
