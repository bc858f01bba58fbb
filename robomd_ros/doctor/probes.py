# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the doctor tries in processes of their own: `python -m robomd_ros.doctor.probes <name>`.

Graphics drivers and ROS 2 can hang or end the process that loads them. Each probe prints
one line when it worked and raises otherwise.
"""

import json
import os
import sys
import time
from collections.abc import Sequence
from typing import Any

_JITTER = 5.0
"""s over which a loop is watched."""
_PATIENCE = 8.0
"""s in which two processes of one machine must find each other."""
_SETTLED = 1.0
"""s after which what is published is known."""
_LOOK = 2.0
"""s over which the rate of pictures is taken."""


def draw() -> None:
    """Draw a picture with MuJoCo."""
    import sim_bridge  # noqa: F401 - chooses how to draw, before mujoco is imported
    import mujoco  # isort: skip
    from sim_bridge.engine.renderer import CameraRenderer

    ball = '<geom type="sphere" size=".2" rgba="1 0 0 1" group="1"/><light pos="0 -1 3"/>'
    camera = '<camera name="eye" pos="0 -1 0" xyaxes="1 0 0 0 0 1"/>'
    model = mujoco.MjModel.from_xml_string(
        f"<mujoco><worldbody>{ball}{camera}</worldbody></mujoco>"
    )
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    begun = time.monotonic()
    picture = CameraRenderer(model, "eye", (84, 84)).draw(data)
    taken = time.monotonic() - begun
    if picture.std() < 5.0:
        raise RuntimeError(f"the picture is empty: every pixel is about {picture.mean():.0f}")
    backend = os.environ.get("MUJOCO_GL", "not set")
    print(f"MUJOCO_GL={backend}, a first picture in {1000 * taken:.0f} ms")


def talk(topic: str) -> None:
    """Publish on a topic until ended."""
    import rclpy
    from std_msgs.msg import String

    from robomd_ros.ros.qos import LATCHED

    rclpy.init()
    node = rclpy.create_node("doctor_talker")
    node.create_publisher(String, topic, LATCHED).publish(String(data="hello"))
    rclpy.spin(node)


def listen(topic: str) -> None:
    """Wait for what `talk` publishes."""
    import rclpy
    from std_msgs.msg import String

    from robomd_ros.ros.qos import LATCHED

    rclpy.init()
    node = rclpy.create_node("doctor_listener")
    heard: list[String] = []
    node.create_subscription(String, topic, heard.append, LATCHED)
    begun = time.monotonic()
    while not heard:
        rclpy.spin_once(node, timeout_sec=0.1)
        if time.monotonic() - begun > _PATIENCE:
            raise TimeoutError(f"two processes of this machine do not meet within {_PATIENCE:g} s")
    taken = time.monotonic() - begun
    print(f"{rclpy.get_rmw_implementation_identifier()}, two processes met after {taken:.1f} s")


def look(topic: str) -> None:
    """Receive pictures of a camera's driver: a JSON line of what comes, or why none does."""
    import rclpy

    from robomd_ros.ros.image_topic import ImageTopic, published_types
    from robomd_ros.ros.standard import image_from_msg, time_from_msg

    rclpy.init()
    node = rclpy.create_node("doctor_looker")
    came: list[Any] = []
    watched = ImageTopic(node, topic, came.append)
    begun = time.monotonic()
    while not came and time.monotonic() - begun < _PATIENCE:
        rclpy.spin_once(node, timeout_sec=0.1)
        if watched.foreign and time.monotonic() - begun > _SETTLED:
            raise LookupError(watched.foreign)
    if not came:
        published = published_types(node, topic)
        raise LookupError(f"no picture on {topic} within {_PATIENCE:g} s: " + (
            "it is published, but its driver sends nothing" if published else "nobody publishes it"
        ))  # fmt: skip
    came.clear()
    begun = time.monotonic()
    while not came or time.monotonic() - begun < _LOOK:
        rclpy.spin_once(node, timeout_sec=0.1)
        if time.monotonic() - begun > _PATIENCE:
            raise LookupError(f"pictures on {topic} stopped after the first")
    taken = time.monotonic() - begun
    image = image_from_msg(came[-1])
    stamp = time_from_msg(came[-1].header.stamp)
    print(
        json.dumps({
            "size": [image.shape[1], image.shape[0]],
            "encoding": getattr(came[-1], "encoding", getattr(came[-1], "format", "")),
            "rate": len(came) / taken,
            "mean": float(image.mean()),
            "pictures": len(came),
            "same": all(one.data == came[0].data for one in came[1:]),
            "age": node.get_clock().now().nanoseconds * 1e-9 - stamp if stamp else None,
        })
    )  # fmt: skip


def jitter(rate: str) -> None:
    """How late a loop at a rate, Hz, is within 5 s, with the priority that it gets."""
    from robomd_ros.core.hosted.priority import measured_jitter, raise_priority

    priority = raise_priority()
    found = measured_jitter(float(rate), _JITTER)
    print(json.dumps({"p99": found.p99, "worst": found.worst, "priority": priority}))


def driver(asked: str) -> None:
    """Look at a ros2_control driver; see doctor/driver.py for what is asked and answered."""
    import rclpy
    from sensor_msgs.msg import JointState
    from std_msgs.msg import Bool

    from robomd_ros.ros.qos import LATCHED, STATE_IN

    wanted = json.loads(asked)
    rclpy.init()
    node = rclpy.create_node("doctor_driver")
    states: list[JointState] = []
    programs: list[bool] = []
    node.create_subscription(JointState, wanted["joint_states"], states.append, STATE_IN)
    status = f"{wanted['status']}/robot_program_running"
    node.create_subscription(Bool, status, lambda m: programs.append(m.data), LATCHED)
    begun = time.monotonic()
    while not states and time.monotonic() - begun < _PATIENCE:
        rclpy.spin_once(node, timeout_sec=0.1)
    if not states:
        raise LookupError(f"no joint states on {wanted['joint_states']} within {_PATIENCE:g} s")
    states.clear()
    begun = time.monotonic()
    while time.monotonic() - begun < _LOOK:
        rclpy.spin_once(node, timeout_sec=0.1)
    names = {name for message in states for name in message.name}
    services = dict(node.get_service_names_and_types())
    print(
        json.dumps({
            "rate": len(states) / _LOOK,
            "missing": [name for name in wanted["joints"] if name not in names],
            "action": f"{wanted['action']}/_action/send_goal" in services,
            "listeners": node.count_subscribers(wanted["stream"]),
            "publishers": [
                f"{info.node_namespace.rstrip('/')}/{info.node_name}"
                for info in node.get_publishers_info_by_topic(wanted["stream"])
            ],
            "program": programs[-1] if programs else None,
        })
    )  # fmt: skip


_PROBES = {
    "draw": draw,
    "driver": driver,
    "jitter": jitter,
    "listen": listen,
    "look": look,
    "talk": talk,
}


def main(argv: Sequence[str]) -> None:
    """Run one probe with its arguments."""
    name, *arguments = argv
    _PROBES[name](*arguments)
    sys.stdout.flush()
    os._exit(0)  # no library's exit handler may hang or fail after the answer


if __name__ == "__main__":
    main(sys.argv[1:])
