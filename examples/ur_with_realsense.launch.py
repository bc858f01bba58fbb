# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A UR with its own driver and a RealSense camera, and the diagnosis of a policy on them.

ros2 launch ur_with_realsense.launch.py robot_ip:=<address> policy:=<checkpoint>

Start External Control at the pendant when the driver waits for it.
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, GroupAction, IncludeLaunchDescription
from launch.substitutions import LaunchConfiguration
from launch_ros.substitutions import FindPackageShare


def included(package, file, **arguments):
    """Another launch file, with arguments that stay its own."""
    source = [FindPackageShare(package), f"/launch/{file}"]
    return GroupAction([IncludeLaunchDescription(source, launch_arguments=arguments.items())])


def generate_launch_description():
    """The robot's driver, the camera's, and the diagnosis between them."""
    robot_ip = LaunchConfiguration("robot_ip")
    return LaunchDescription(
        [
            DeclareLaunchArgument("robot_ip"),
            DeclareLaunchArgument("policy"),
            included(
                "ur_robot_driver", "ur_control.launch.py",
                ur_type="ur5e", robot_ip=robot_ip, launch_rviz="false",
            ),
            included("realsense2_camera", "rs_launch.py"),
            included(
                "robomd_ros", "diagnose_ur5e.launch.py",
                arm="ros2_control",
                trajectory_controller="/scaled_joint_trajectory_controller",
                joint_states="/joint_states",
                robot_description="/robot_description",
                gripper="robotiq", robot_ip=robot_ip,
                cameras="agentview=/camera/camera/color/image_raw",
                policy=LaunchConfiguration("policy"),
                params_file="my_cell.yaml",
            ),
        ]
    )  # fmt: skip
