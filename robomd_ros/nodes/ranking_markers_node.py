# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Shows the ranking and the newest trial in RViz."""

from collections import deque
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Image
from visualization_msgs.msg import MarkerArray

from robomd_msgs import msg
from robomd_ros.core.campaign.followed import FollowedCampaign
from robomd_ros.core.campaign.trial_picture import trial_picture
from robomd_ros.core.evidence.failure_modes import FailureRanking
from robomd_ros.ros.conversions import ranking_from_msg, status_from_msg, trial_from_msg
from robomd_ros.ros.node_parameters import MarkersParameters
from robomd_ros.ros.parameters import declare
from robomd_ros.ros.polled import PolledSubscription
from robomd_ros.ros.qos import LATCHED, RECENT_IMAGES, TRIALS
from robomd_ros.ros.ranking_markers import BoardPlace, ranking_markers
from robomd_ros.ros.runtime import main_of
from robomd_ros.ros.standard import image_from_msg, image_to_msg, time_from_msg

_PAUSE = 1.0
"""s between two boards: of rankings that come faster the newest is shown, nobody reads more."""


class RankingMarkersNode(Node):
    """Draws what a diagnosis publishes; run it in the diagnosis' namespace.

    The board is published once per ranking, and at most once a second; the picture once per trial:
    with the ranking that counts the trial, or with the next trial if no ranking comes in between.

    Parameters:
        Those of MarkersParameters; `ros2 param describe` prints them.

    Publishers:
        ranking_markers (visualization_msgs/MarkerArray, latched): the board of bars, m.
        ranking_image (sensor_msgs/Image, rgb8, latched): the newest trial, annotated.

    Subscriptions:
        failure_ranking (robomd_msgs/FailureRanking, latched)
        campaign_status (robomd_msgs/CampaignStatus, latched)
        trials (robomd_msgs/Trial, reliable, depth 50)
        <cell>/camera/image_raw (sensor_msgs/Image, sensor data): of every name in `cells`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("ranking_markers_node", **kwargs)
        values = declare(self, MarkersParameters)
        self._place = BoardPlace(
            **{name: values[name] for name in ("frame", "x", "y", "z", "yaw", "rows")}
        )
        self._width: int = values["image_width"]
        self._ranking: FailureRanking | bytes | None = None  # as bytes until it is read
        self._is_new = False  # it is not on the board yet
        self._followed = FollowedCampaign()
        self._shown: FailureRanking | None = None
        self._status: bytes | None = None
        self._due: msg.Trial | None = None
        self._pictures: dict[str, deque[bytes]] = {
            cell: deque(maxlen=RECENT_IMAGES.depth) for cell in values["cells"]
        }
        # taken when a trial is drawn: there are many more of them than trials
        self._statuses = PolledSubscription(self, msg.CampaignStatus, "campaign_status", LATCHED)
        self._cameras = {
            cell: PolledSubscription(self, Image, f"{cell}/camera/image_raw", RECENT_IMAGES)
            for cell in self._pictures
        }
        self._markers = self.create_publisher(MarkerArray, "ranking_markers", LATCHED)
        self._images = self.create_publisher(Image, "ranking_image", LATCHED)
        # as bytes: many a ranking is replaced before it is drawn, and reading it costs time
        self.create_subscription(
            msg.FailureRanking, "failure_ranking", self._on_ranking, LATCHED, raw=True
        )
        self.create_subscription(msg.Trial, "trials", self._on_trial, TRIALS)
        self._pause = self.create_timer(_PAUSE, self._on_pause_over)
        self._pause.cancel()
        self.get_logger().info("up: waits for failure_ranking")

    def _on_ranking(self, data: bytes) -> None:
        self._ranking = data
        self._is_new = True
        self._show_board()
        self._show_due()

    def _on_trial(self, message: msg.Trial) -> None:
        if not self._followed.takes(message.campaign_id):
            return
        self._show_due()
        self._due = message
        if message.outcome.result == msg.Outcome.INVALID:  # no ranking follows
            self._show_due()

    def _on_pause_over(self) -> None:
        self._pause.cancel()
        self._show_board()

    def _show_board(self) -> None:
        """Publish the board if it is new; later, if the last one was just now."""
        if not (self._is_new and self._pause.is_canceled()):
            return
        ranking = self._read_ranking()
        if ranking is not None:
            self._pause.reset()
            self._is_new = False
            self._markers.publish(ranking_markers(ranking, self._place))

    def _show_due(self) -> None:
        """Publish the trial that waits to be shown, if there is one."""
        message, self._due = self._due, None
        if message is None:
            return
        self._status = next(reversed(self._statuses.take()), self._status)
        status = None
        if self._status is not None:
            status = status_from_msg(deserialize_message(self._status, msg.CampaignStatus))
            status = status if self._followed.takes_status(status) else None
        picture, frame_id = self._picture_of(message)
        trial = replace(trial_from_msg(message), image=picture)
        drawn = trial_picture(trial, self._read_ranking(), status, self._width)
        self._images.publish(image_to_msg(drawn, message.header.stamp, frame_id))

    def _read_ranking(self) -> FailureRanking | None:
        if isinstance(self._ranking, bytes):
            read = ranking_from_msg(deserialize_message(self._ranking, msg.FailureRanking))
            if self._followed.takes(read.campaign_id):
                self._shown = read
            self._ranking = self._shown
        return self._ranking

    def _picture_of(self, trial: msg.Trial) -> tuple[NDArray[np.uint8] | None, str]:
        """The cell's last picture before the trial's end, and its frame.

        Newer ones show the next scene already. If all are newer (clocks of two machines differ) it
        is the oldest one kept.
        """
        ended = time_from_msg(trial.header.stamp)
        image = None
        for data in reversed(self._pictures_of(trial.cell)):
            image = deserialize_message(data, Image)
            if time_from_msg(image.header.stamp) <= ended:
                break
        if image is None:
            return None, ""
        try:
            return image_from_msg(image), image.header.frame_id
        except ValueError as error:
            self.get_logger().warning(str(error), once=True)
            return None, image.header.frame_id

    def _pictures_of(self, cell: str) -> deque[bytes]:
        """The newest pictures of a cell, oldest first."""
        if cell not in self._cameras:
            return deque()
        self._pictures[cell].extend(self._cameras[cell].take())
        return self._pictures[cell]


def main() -> None:
    """Run the node."""
    main_of(RankingMarkersNode)


if __name__ == "__main__":
    main()
