# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The panel as a plug-in of rqt, which brings the window, the node and the thread that spins it."""

from argparse import ArgumentParser
from typing import Any

from rqt_gui_py.plugin import Plugin

from robomd_ros.core.share import NAMESPACE
from robomd_ros.rqt.feed import Feed
from robomd_ros.rqt.panel import Panel


class RoboMDPlugin(Plugin):
    """RoboMD in rqt; the campaign folder is kept with the perspective."""

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self.setObjectName("RoboMDPlugin")
        parser = ArgumentParser("rqt_robomd", add_help=False)
        self.add_arguments(parser)
        options, _ = parser.parse_known_args(context.argv())
        self._feed = Feed(context.node, options.namespace)
        self._panel = Panel(self._feed)
        if context.serial_number() > 1:
            self._panel.setWindowTitle(f"{self._panel.windowTitle()} ({context.serial_number()})")
        context.add_widget(self._panel)

    @staticmethod
    def add_arguments(parser: ArgumentParser) -> None:
        """What `rqt --standalone ... --args` takes; rqt's help shows it."""
        parser.add_argument(
            "--namespace", default=NAMESPACE, help=f"of the diagnosis ({NAMESPACE})"
        )

    def shutdown_plugin(self) -> None:
        """Leave the graph; rqt's node stays."""
        self._panel.close_panel()
        self._feed.close()

    def save_settings(self, _plugin_settings: Any, instance_settings: Any) -> None:
        """Keep what the person chose."""
        instance_settings.set_value("campaign_dir", self._panel.chosen_folder)

    def restore_settings(self, _plugin_settings: Any, instance_settings: Any) -> None:
        """Take it up again."""
        folder = instance_settings.value("campaign_dir", "")
        if folder:
            self._panel.set_folder(folder)
