# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Shows a campaign on the terminal while it runs."""

import sys
import threading
from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rich.console import Console, Group, RenderableType
from rich.live import Live

from robomd_msgs import msg
from robomd_ros.core.campaign.followed import FollowedCampaign
from robomd_ros.core.evidence.ranking_table import ranking_table
from robomd_ros.ros.conversions import ranking_from_msg, status_from_msg, trial_from_msg
from robomd_ros.ros.node_parameters import MonitorParameters
from robomd_ros.ros.parameters import declare
from robomd_ros.ros.qos import LATCHED, TRIALS
from robomd_ros.ros.runtime import main_of
from robomd_ros.terminal.live_view import CampaignView
from robomd_ros.terminal.live_view import console as terminal_console


class MonitorNode(Node):
    """Subscribes to what a diagnosis publishes; run it in the diagnosis' namespace.

    On a terminal the view is redrawn in place; elsewhere (a log, `ros2 launch`) a line is printed
    every period, and the whole table when the campaign has ended.

    Parameters:
        period (double, s): between lines where the output is no terminal.
        rows (int): failure modes shown while the campaign runs.

    Subscriptions:
        campaign_status (robomd_msgs/CampaignStatus, latched)
        failure_ranking (robomd_msgs/FailureRanking, latched)
        trials (robomd_msgs/Trial, reliable, depth 50)
    """

    def __init__(
        self, console: Console | None = None, table_at_end: bool = True, **kwargs: Any
    ) -> None:
        super().__init__("monitor_node", **kwargs)
        values = declare(self, MonitorParameters)
        self.view = CampaignView(rows=values["rows"])
        self._followed = FollowedCampaign()
        self.above: Callable[[], RenderableType] | None = None  # drawn over the view, if set
        self.blind: Callable[[], bool] = lambda: False  # nothing that could sway a label is drawn
        self._console = console or terminal_console()
        self._lock = threading.Lock()
        self._last_line = ""
        self._table_at_end = table_at_end
        self._live: Live | None = None
        self.create_subscription(msg.CampaignStatus, "campaign_status", self._on_status, LATCHED)
        self.create_subscription(msg.FailureRanking, "failure_ranking", self._on_ranking, LATCHED)
        self.create_subscription(msg.Trial, "trials", self._on_trial, TRIALS)
        self._period = 0.25 if self._console.is_terminal else values["period"]
        self.create_timer(self._period, self.draw)

    def connect(self) -> None:
        """Begin to draw in place, if the output is a terminal."""
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()

    def close(self) -> None:
        """Give the terminal back; idempotent."""
        with self._lock:
            live, self._live = self._live, None
        if live is not None:
            live.stop()

    def print_line(self, text: str) -> None:
        """Print a line above the view."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def draw(self) -> None:
        """Bring the screen up to date."""
        with self._lock:
            if self._live is not None:
                view = self.view.render(blind=self.blind())
                whole = view if self.above is None else Group(self.above(), view)
                self._live.update(whole, refresh=True)
                return
        line = self.view.line()
        if line != self._last_line and not self.blind():
            self._last_line = line
            self.print_line(line)
            sys.stdout.flush()

    def _on_status(self, message: msg.CampaignStatus) -> None:
        status = status_from_msg(message)
        if self._followed.takes_status(status):
            self.view.on_status(status)
            self._conclude()

    def _on_ranking(self, message: msg.FailureRanking) -> None:
        if self._followed.takes(message.campaign_id):
            self.view.on_ranking(ranking_from_msg(message))
            self._conclude()

    def _conclude(self) -> None:
        """Print the whole table once: when the end and the ranking of all trials are there."""
        status, ranking = self.view.status, self.view.ranking
        if not (self._table_at_end and self.view.over and status and ranking):
            return
        if ranking.trials == status.trials_done:
            self._table_at_end = False
            self.close()
            self.draw()
            self._console.print(ranking_table(ranking))

    def _on_trial(self, message: msg.Trial) -> None:
        if self._followed.takes(message.campaign_id):
            self.view.on_trial(trial_from_msg(message))


def main() -> None:
    """Run the node."""
    main_of(MonitorNode)


if __name__ == "__main__":
    main()
