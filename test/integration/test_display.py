# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What RViz shows, over real DDS: the markers node and the shipped configuration."""

import math

import numpy as np
import pytest
import yaml

pytest.importorskip("rclpy", reason="needs ROS 2")

from builtin_interfaces.msg import Time
from graph import NO_CONTROL, wait_for
from in_process import Graph, TableCell, overrides
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    LivelinessPolicy,
    QoSCompatibility,
    QoSProfile,
    ReliabilityPolicy,
    qos_check_compatible,
)
from sensor_msgs.msg import Image
from visualization_msgs.msg import Marker, MarkerArray

from robomd_msgs import msg
from robomd_ros.bringup import sim as bringup
from robomd_ros.bringup.display import check_display
from robomd_ros.core.arguments import parse_arguments
from robomd_ros.core.evidence.failure_modes import FailureMode, FailureRanking
from robomd_ros.core.share import share_path
from robomd_ros.core.trial import Outcome, Result, Trial
from robomd_ros.core.variations import Scene, Variation
from robomd_ros.nodes.diagnosis_node import DiagnosisNode
from robomd_ros.nodes.perturbation_node import PerturbationNode
from robomd_ros.nodes.ranking_markers_node import RankingMarkersNode
from robomd_ros.ros.conversions import ranking_to_msg, trial_to_msg
from robomd_ros.ros.qos import IMAGE_OUT, LATCHED, TRIALS
from robomd_ros.ros.standard import image_from_msg, image_to_msg, time_to_msg
from sim_bridge.sim_bridge_node import SimBridgeNode

RED, BLUE, GREEN = (Variation(f"cube_{c}", "color", c, f"Make it {c}") for c in ("r", "b", "g"))
DISPLAYS = {
    "rviz_default_plugins/MarkerArray": "visualization_msgs/msg/MarkerArray",
    "rviz_default_plugins/Image": "sensor_msgs/msg/Image",
    "rviz_default_plugins/RobotModel": "std_msgs/msg/String",
    "rviz_default_plugins/TF": "tf2_msgs/msg/TFMessage",
    "rviz_default_plugins/Grid": None,
}
"""What a display of RViz subscribes to."""
ALL = QoSProfile(
    depth=100,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
"""For a test that wants to see every message of a latched topic."""


def ranking(*variations, trials=3):
    modes = [FailureMode((v,), i + 1, 3, 2, 0.6, 0.2, 0.9) for i, v in enumerate(variations)]
    return ranking_to_msg(
        FailureRanking(
            "c", "lift", "p", "ppo", "discrete", tuple(modes), trials, 0.0, 1, 1.0, False
        )
    )


class Display(Graph):
    """The markers node, and a client that plays the diagnosis and a camera."""

    def __init__(self, domain, **parameters):
        super().__init__(domain)
        self.node = RankingMarkersNode(
            namespace="/robomd", parameter_overrides=overrides(**parameters)
        )
        self.add(self.node)
        make = self.client.create_publisher
        self.rankings = make(msg.FailureRanking, "/robomd/failure_ranking", LATCHED)
        self.trials = make(msg.Trial, "/robomd/trials", TRIALS)
        self.pictures = make(Image, "/robomd/cell_0/camera/image_raw", IMAGE_OUT)
        self.markers, self.images = [], []
        self.client.create_subscription(
            MarkerArray, "/robomd/ranking_markers", self.markers.append, ALL
        )
        self.client.create_subscription(Image, "/robomd/ranking_image", self.images.append, ALL)
        for publisher in (self.rankings, self.trials, self.pictures):
            wait_for(publisher.get_subscription_count, publisher.topic_name, 10)

    def picture(self, colour, stamp):
        image = np.full((40, 60, 3), colour, np.uint8)
        self.pictures.publish(image_to_msg(image, time_to_msg(stamp), "camera"))

    def received(self, count):
        """Wait until the node has so many pictures of the cell."""
        held = self.node._pictures_of
        wait_for(lambda: len(held("cell_0")) == count, f"{count} pictures", 10)

    def trial(self, index, stamp, result=Result.FAILURE, cell="cell_0"):
        outcome = Outcome(result, detail="" if result is not Result.INVALID else "lost")
        trial = Trial(index, cell, Scene((RED,)), 1, outcome)
        self.trials.publish(trial_to_msg(trial, "c", time_to_msg(stamp)))

    def image(self, count):
        wait_for(lambda: len(self.images) >= count, f"{count} annotated pictures", 10)
        return self.images[count - 1]


@pytest.fixture
def display(domain):
    shown = Display(domain, frame="base", rows=2)
    yield shown
    shown.close()


def colour_of(message):
    """Of the middle of the camera's picture within the annotated one."""
    drawn = image_from_msg(message)
    return tuple(drawn[drawn.shape[0] // 2, drawn.shape[1] // 2])


def test_markers_follow_the_ranking_and_reach_who_comes_late(display):
    display.rankings.publish(ranking(RED, BLUE, GREEN))
    wait_for(lambda: display.markers, "markers", 10)
    late = display.latched(MarkerArray, "/robomd/ranking_markers", LATCHED)
    assert late == display.markers[-1]
    shown = {m.text for m in late.markers if m.ns == "label"}
    assert shown == {"1= cube_r", "1= cube_b"}  # rows: 2, and they tie
    assert {m.header.frame_id for m in late.markers[1:]} == {"base"}
    display.rankings.publish(ranking(GREEN))
    wait_for(lambda: len(display.markers) == 2, "second array", 10)
    newest = display.markers[-1]
    assert newest.markers[0].action == Marker.DELETEALL
    assert [m.text for m in newest.markers if m.ns == "label"] == ["1. cube_g"]


def test_the_picture_is_the_one_of_the_trial_and_comes_with_its_ranking(display):
    display.picture((200, 10, 10), stamp=100.0)
    display.received(1)
    display.picture((10, 200, 10), stamp=102.0)  # of the next scene
    display.received(2)
    display.trial(0, stamp=101.0)
    wait_for(lambda: display.node._due is not None, "the trial", 10)
    assert not display.images
    display.rankings.publish(ranking(RED))
    first = display.image(1)
    assert colour_of(first) == (200, 10, 10)
    assert first.header.stamp == time_to_msg(101.0)
    assert first.header.frame_id == "camera"
    assert first.width == 480
    display.trial(1, stamp=103.0, result=Result.INVALID)  # no ranking follows it
    assert colour_of(display.image(2)) == (10, 200, 10)


def test_every_trial_is_shown_once_also_where_rankings_are_skipped(display):
    for index in range(3):
        display.trial(index, stamp=100.0 + index)
        wait_for(lambda i=index: len(display.images) == i, f"picture {index}", 10)
    display.rankings.publish(ranking(RED))
    display.image(3)
    display.rankings.publish(ranking(RED, BLUE))
    wait_for(lambda: len(display.markers) == 2, "second array", 10)
    stamps = [m.header.stamp for m in display.images]
    assert stamps == [time_to_msg(100.0 + i) for i in range(3)]


def test_unknown_cells_and_encodings_are_no_error(display):
    display.pictures.publish(Image(encoding="mono16", width=2, height=2, data=bytes(8)))
    display.received(1)
    display.trial(0, stamp=100.0, result=Result.INVALID)
    display.image(1)
    display.trial(1, stamp=101.0, result=Result.INVALID, cell="elsewhere")
    display.image(2)


# The shipped configuration


def displays(path):
    """(class, topic or None, whole display) of every display, groups included."""
    found = []
    todo = list(yaml.safe_load(path.read_text())["Visualization Manager"]["Displays"])
    while todo:
        display = todo.pop()
        todo += display.get("Displays", [])
        topic = display.get("Topic") or display.get("Description Topic")
        if display["Class"].endswith("/TF"):
            topic = {"Value": "/tf"}
        found.append((display["Class"], topic, display))
    return found


def as_qos(topic):
    """The profile with which RViz subscribes."""
    durability = {
        "Transient Local": DurabilityPolicy.TRANSIENT_LOCAL,
        "Volatile": DurabilityPolicy.VOLATILE,
    }
    reliability = {
        "Reliable": ReliabilityPolicy.RELIABLE,
        "Best Effort": ReliabilityPolicy.BEST_EFFORT,
    }
    return QoSProfile(
        depth=topic["Depth"],
        history=HistoryPolicy.KEEP_LAST,
        durability=durability[topic["Durability Policy"]],
        reliability=reliability[topic["Reliability Policy"]],
        liveliness=LivelinessPolicy.AUTOMATIC,
    )


def test_every_display_of_the_rviz_file_has_a_publisher_with_its_type(domain, tmp_path):
    graph = Graph(domain)
    try:
        place = {"namespace": "/robomd/cell_0"}
        graph.add(SimBridgeNode(lambda name, options: TableCell(), **place))
        graph.add(PerturbationNode(**place))
        graph.add(DiagnosisNode(namespace="/robomd"))
        graph.add(RankingMarkersNode(namespace="/robomd"))
        checked = 0
        for kind, topic, _ in displays(share_path("config/rviz/robomd.rviz")):
            expected = DISPLAYS[kind]
            if expected is None:
                continue
            name = topic["Value"]
            infos = wait_for(lambda n=name: graph.client.get_publishers_info_by_topic(n), name, 10)
            assert [info.topic_type for info in infos] == [expected]
            verdict, reason = qos_check_compatible(infos[0].qos_profile, as_qos(topic))
            assert verdict == QoSCompatibility.OK, f"{name}: {reason}"
            checked += 1
        assert checked == 2
    finally:
        graph.close()


def test_the_rviz_file_shows_the_frame_of_the_markers(display):
    whole = yaml.safe_load(share_path("config/rviz/robomd.rviz").read_text())
    options = whole["Visualization Manager"]["Global Options"]
    assert options["Fixed Frame"] == "world"  # the default of the node's parameter `frame`


def test_a_campaign_is_shown_while_it_runs(domain, tmp_path):
    """Every trial of a campaign has its picture, and the last board is that of the last ranking."""
    graph = Graph(domain)
    try:
        ids = "cube_color_green,table_color_blue,robot_color_red,light_color_gray"
        values = overrides(
            report=False,
            campaign_dir=str(tmp_path / "campaign"), policy="python:table:policy", budget=8,
            search="uniform", variations=ids, confidence=0.9999999, autostart=True,
            **NO_CONTROL,
        )  # fmt: skip
        images, markers, rankings = [], [], []
        client = graph.client
        client.create_subscription(Image, "/robomd/ranking_image", images.append, ALL)
        client.create_subscription(MarkerArray, "/robomd/ranking_markers", markers.append, ALL)
        client.create_subscription(
            msg.FailureRanking, "/robomd/failure_ranking", rankings.append, LATCHED
        )
        place = {"namespace": "/robomd/cell_0"}
        node = graph.add(RankingMarkersNode(namespace="/robomd"))
        cell = TableCell(fails_in=[{"table_color_blue"}], duration=0.05)
        graph.add(SimBridgeNode(lambda name, options: cell, **place))
        graph.add(PerturbationNode(**place))
        graph.add(DiagnosisNode(namespace="/robomd", parameter_overrides=values))
        wait_for(lambda: rankings and rankings[-1].trials == 8, "the last ranking", 60)
        wait_for(lambda: len(images) == 8, "eight pictures", 20)
        best = f"1. {rankings[-1].failure_modes[0].variations[0].id}"
        wait_for(lambda: any(m.text == best for m in markers[-1].markers), best, 20)
        assert best == "1. table_color_blue"
        assert len({(m.header.stamp.sec, m.header.stamp.nanosec) for m in images}) == 8
        assert not any(math.isnan(m.pose.position.y) for m in markers[-1].markers)
        assert node._due is None
        assert Time() not in [m.header.stamp for m in images]
    finally:
        graph.close()


def test_the_node_takes_part_in_a_bring_up_only_when_asked():
    def executables(*given):
        values = bringup.resolve_sim(parse_arguments(given, bringup.SimArguments))
        return [(p.package, p.executable) for p in bringup.sim_processes(values)], values

    node, rviz = ("robomd_ros", "ranking_markers_node"), ("rviz2", "rviz2")
    plain, _ = executables()
    assert node not in plain
    assert rviz not in plain
    marked, values = executables("markers:=true")
    assert node in marked
    assert rviz not in marked
    check_display(values)
    shown, _ = executables("launch_rviz:=true")
    assert shown[-2:] == [node, rviz]
