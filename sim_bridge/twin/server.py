# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The twin as a whole: one thread that serves the robot's ports and runs the control cycles."""

import json
import queue
import threading
import time
from collections.abc import Callable
from concurrent import futures
from concurrent.futures import Future
from typing import Any

from robomd_ros.core.robot_modes import RobotMode
from robomd_ros.core.variations import Scene
from sim_bridge.twin import dashboard, gripper, rtde, script_server
from sim_bridge.twin.arm import TwinArm
from sim_bridge.twin.controller import Controller
from sim_bridge.twin.faults import Faults
from sim_bridge.twin.network import Network
from sim_bridge.twin.scene import Tabletop
from sim_bridge.twin.states import Runtime

PORTS = (dashboard.PORT, script_server.PORT, rtde.PORT, gripper.PORT)
"""The ports of the robot."""


class Twin:
    """A controller with its arm, its scene and its ports.

    All attributes belong to the thread of `run`; other threads use `call` and `state`.
    """

    def __init__(
        self, network: Network, version: tuple[int, int, int], frequency: int, seed: int
    ) -> None:
        """Set the scene up and serve the robot's PORTS, which are open."""
        self.network = network
        tabletop = Tabletop(seed)
        tabletop.reset(seed)
        self.tabletop = tabletop
        self.controller = Controller(TwinArm(tabletop, 1.0 / frequency), 1.0 / frequency, version)
        self.rtde = rtde.RtdeServer(self.controller)
        self.dashboard = dashboard.DashboardServer(self.controller)
        self.network.listen(rtde.PORT, self.rtde.connect)
        self.network.listen(dashboard.PORT, self.dashboard.connect)
        self.network.listen(script_server.PORT, script_server.ScriptServer(self.controller).connect)
        self.gripper = gripper.TwinGripper(self.controller.arm)
        self.faults = Faults(self.controller, self.network, self.gripper)
        self.gripper_server = gripper.GripperServer(self.gripper)
        self.network.listen(gripper.PORT, self.gripper_server.connect)
        self._calls: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = queue.SimpleQueue()
        self._stopping = threading.Event()

    def run(self) -> None:
        """Serve until `stop`; robot time slips when the machine is late, it never catches up."""
        period = self.controller.dt
        due = time.monotonic()
        while not self._stopping.is_set():
            self.cycle()
            due += period
            wait = due - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            else:
                due = time.monotonic()
        self.network.close()

    def cycle(self) -> None:
        """One control cycle and what the clients want meanwhile."""
        while not self._calls.empty():
            action, future = self._calls.get()
            try:
                future.set_result(action())
            except Exception as error:  # noqa: BLE001 - the caller's thread raises it
                future.set_exception(error)
        if not self.faults.frozen:
            self.gripper_server.silent = self.faults.has("gripper_silent")
            self.dashboard.silent = self.faults.has("dashboard_silent")
            self.network.poll()
        mode = self.controller.robot_mode
        if mode < RobotMode.POWER_ON:  # it is fed by the arm's tool flange
            self.gripper.lose_power()
        self.gripper.cycle(self.controller.dt, mode is RobotMode.RUNNING)
        self.controller.cycle()
        if not self.faults.frozen:
            self.rtde.send()

    def stop(self) -> None:
        """Let `run` return; from any thread."""
        self._stopping.set()

    def call(self, action: Callable[[], Any], timeout: float = 10.0) -> Any:
        """Run an action between two control cycles, from another thread; returns its result.

        Raises:
            TimeoutError: no cycle has run it within `timeout` s.
        """
        future: Future[Any] = Future()
        self._calls.put((action, future))
        try:
            return future.result(timeout)
        except futures.TimeoutError as error:  # a class of its own before Python 3.11
            raise TimeoutError(f"the control cycle stands still for {timeout:g} s") from error

    def state(self) -> dict[str, Any]:
        """What GET /state answers; for the thread of `run`."""
        c = self.controller
        pose = self.rtde.outputs.value("actual_TCP_pose")
        return {
            "time": c.time,
            "q": c.arm.q.tolist(),
            "qd": c.arm.qd.tolist(),
            "speed": float(abs(c.arm.qd).max()),
            "tcp_pose": list(pose),  # type: ignore[arg-type]
            "robot_mode": c.robot_mode.name,
            "safety_mode": c.safety_mode.name,
            "runtime_state": c.runtime.name,
            "remote_control": c.remote,
            "program_running": c.runtime is Runtime.PLAYING,
            "gripper": c.arm.gripper,
            "lifted": self.tabletop.lifted(),
            "objects": {name: place.tolist() for name, place in c.arm.objects().items()},
            "faults": self.faults.active,
            "scene": list(self.tabletop.scene.ids),
            "log": list(c.messages)[-20:],
        }

    def picture(self) -> tuple[Any, Scene, dict[str, float]]:
        """What the camera draws: the positions of all joints, the scene, the camera's faults."""
        return self.tabletop.data.qpos.copy(), self.tabletop.scene, self.faults.of_camera()

    def state_json(self) -> bytes:
        """The state as JSON; from any thread."""
        return json.dumps(self.call(self.state)).encode()
