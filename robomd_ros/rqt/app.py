# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The panel in a window of its own, without rqt: `robomd panel`, or `ros2 run ... robomd_panel`."""

import argparse
import ctypes
import gc
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args

from robomd_ros.core.errors import EXIT_CONFIGURATION, ConfigurationError, RoboMDError
from robomd_ros.core.share import NAMESPACE
from robomd_ros.rqt.feed import Feed
from robomd_ros.rqt.panel import Panel
from robomd_ros.rqt.qt import QtCore, QtWidgets

_SIZE = (1280, 800)
_X11 = (
    "libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-render-util0 libxcb-shape0 "
    "libxcb-xinerama0 libxcb-xkb1 libxkbcommon-x11-0"
)
"""Packages with what Qt's wheels need and do not bring."""
_SIGNALS = 200
"""ms between moments at which Python may run the handler of a signal."""


class GraphThread:
    """Spins a node in a thread of its own, beside Qt's loop."""

    def __init__(self, node: Node) -> None:
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(node)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._spin, name="ros-graph", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what it was doing is done."""
        self._ending.set()
        self._executor.wake()
        self._thread.join(timeout=5.0)

    def _spin(self) -> None:
        try:
            while not self._ending.is_set():
                self._executor.spin_once(timeout_sec=0.5)
        except ExternalShutdownException:
            pass


def run(arguments: Sequence[str]) -> int:
    """Show the panel until its window is closed or the process is asked to end.

    Args:
        arguments: of the command line, ROS arguments included.

    Returns:
        The exit code.

    Raises:
        ConfigurationError: no display.
    """
    options = _options(remove_ros_args(list(arguments)))
    application = _application()
    rclpy.init(args=list(arguments), signal_handler_options=SignalHandlerOptions.NO)
    # it has no parameters, and every service costs at every wake-up
    node = rclpy.create_node(f"robomd_panel_{os.getpid()}", start_parameter_services=False)
    feed = Feed(node, options.namespace)
    panel = Panel(feed, options.campaign_dir)
    graph = GraphThread(node)
    _end_on_signals(application)
    panel.resize(*_SIZE)
    panel.show()
    gc.freeze()  # all of this lives as long as the panel: not to be gone through again and again
    code = int(application.exec())
    panel.close_panel()
    feed.close()
    graph.stop()
    node.destroy_node()
    rclpy.try_shutdown()
    return code


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "robomd panel", description="Show a running diagnosis and answer what is asked."
    )
    parser.add_argument("--namespace", default=NAMESPACE, help=f"of the diagnosis ({NAMESPACE})")
    parser.add_argument(
        "--campaign-dir",
        default="",
        help="folder of the campaign, for recorded pictures; default: what the diagnosis says",
    )
    return parser.parse_args(arguments)


def _application() -> Any:
    """The Qt application; ConfigurationError where it could only abort for lack of a display."""
    shown = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))
    if sys.platform.startswith("linux") and not shown:
        raise ConfigurationError(
            "there is no display (DISPLAY and WAYLAND_DISPLAY are not set); run the panel in a "
            "desktop session, or `robomd operator <cell>` on this terminal"
        )
    _check_windows()
    application = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["robomd panel"])
    sys.excepthook = _report
    return application


def _check_windows() -> None:
    """ConfigurationError where Qt would abort the process because a library of X11 is missing."""
    if os.environ.get("QT_QPA_PLATFORM", "xcb") != "xcb" or not os.environ.get("DISPLAY"):
        return
    info = QtCore.QLibraryInfo
    where = getattr(info, "path", None) or info.location
    plugins = Path(where(getattr(info, "LibraryPath", info).PluginsPath))
    try:
        ctypes.CDLL(str(plugins / "platforms" / "libqxcb.so"))
    except OSError as error:
        raise ConfigurationError(
            f"Qt cannot open a window: {error}; on Debian and Ubuntu: apt-get install {_X11}"
        ) from error


def _report(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """Print an error of a slot: with Python's own hook PyQt would end the panel beside a robot."""
    sys.__excepthook__(kind, error, trace)


def _end_on_signals(application: Any) -> None:
    def end(_number: int, _frame: Any) -> None:
        application.quit()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    waker = QtCore.QTimer(application)
    waker.timeout.connect(lambda: None)  # gives Python a moment to run the handler
    waker.start(_SIGNALS)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the panel and leave at once, so that no library's exit handler can hang."""
    try:
        code = run(sys.argv[1:] if arguments is None else arguments)
    except RoboMDError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        code = EXIT_CONFIGURATION
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
