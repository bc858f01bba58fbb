# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a bring-up starts: nodes and other programs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from robomd_ros.core.hosted.parent import program, tool
from robomd_ros.core.share import PACKAGE


def process_defaults() -> dict[str, str]:
    """Variables of the environment that our processes have unless they are set."""
    return {
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",  # unless the user widens it
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": "1",  # one thread per process: cells run side by side
    }


@dataclass(frozen=True)
class NodeProcess:
    """One process of a bring-up.

    Attributes:
        executable: entry point of the package.
        module: the Python module with its main(), for starting it without `ros2 run`; "" where it
            is a program of another package.
        namespace: absolute.
        parameters: all of the node's parameters that differ from the defaults.
        respawn: start it again when it dies.
        package: the ROS package of the executable.
        arguments: of the command line, before those of ROS.
        window: a person may close it at any time; the campaign goes on.
    """

    executable: str
    module: str
    namespace: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    respawn: bool = True
    package: str = PACKAGE
    arguments: tuple[str, ...] = ()
    window: bool = False

    @property
    def name(self) -> str:
        """Unique among the processes: namespace and executable."""
        return f"{self.namespace.strip('/')}/{self.executable}"

    def command(self) -> list[str]:
        """The command that starts it: a module of this Python, or a program on the PATH."""
        if not self.module:
            return tool(self.executable, *self.arguments, *self.ros_arguments())
        return program(self.module, *self.ros_arguments())

    def ros_arguments(self) -> list[str]:
        """Command line arguments that give the node its namespace and parameters."""
        return ["--ros-args", "-r", f"__ns:={self.namespace}", *self.parameter_arguments()]

    def parameter_arguments(self) -> list[str]:
        """Those of them that give it its parameters."""
        arguments = []
        for name, value in self.parameters.items():
            # JSON is YAML with every text in quotes: a policy called "1" stays a text
            arguments += ["-p", f"{name}:={json.dumps(value, ensure_ascii=False)}"]
        return arguments


@dataclass(frozen=True)
class ToolProcess:
    """A process of a bring-up that is no node of ours.

    Attributes:
        name: unique among the processes.
        arguments: program and arguments, as of hosted.parent.program or tool.
        respawn: start it again when it dies.
        window: as of NodeProcess.
    """

    name: str
    arguments: tuple[str, ...]
    respawn: bool = True
    window: bool = False

    def command(self) -> list[str]:
        """The command that starts it."""
        return list(self.arguments)


AnyProcess = NodeProcess | ToolProcess
