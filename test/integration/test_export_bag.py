# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The exported MCAP against what subscribers received, read with three independent readers."""

import json
import math
import time

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("mcap_ros2", reason="needs mcap-ros2-support")
pytest.importorskip("rosbags", reason="needs rosbags")

from graph import NO_CONTROL, Bringup, rows, wait_for
from in_process import Graph, TableCell, overrides
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from rosbags.rosbag2 import Reader
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from sensor_msgs.msg import Image

from robomd_msgs import msg
from robomd_ros.cli import main as cli
from robomd_ros.cli.export import export
from robomd_ros.core.campaign.message_log import MESSAGES_FILE
from robomd_ros.core.errors import CellFault
from robomd_ros.nodes.diagnosis_node import DiagnosisNode
from robomd_ros.nodes.perturbation_node import PerturbationNode
from robomd_ros.ros.standard import image_from_msg
from sim_bridge.sim_bridge_node import SimBridgeNode

TOPICS = {
    "/robomd/trials": msg.Trial,
    "/robomd/failure_ranking": msg.FailureRanking,
    "/robomd/campaign_status": msg.CampaignStatus,
    "/robomd/variation_catalogue": msg.VariationCatalogue,
    "/robomd/cell_0/operator_request": msg.OperatorRequest,
}
PICTURES = "/robomd/cell_0/camera/image_raw"
IDS = "cube_color_green,table_color_blue,robot_color_red,light_color_gray"
LATCHED = set(TOPICS) - {"/robomd/trials"}


class OddCell(TableCell):
    """Has no valid label now and then; its pictures differ from trial to trial."""

    def run(self, scene, seed, *wish):
        if len(self.runs) == 2:
            self.runs.append(scene.ids)
            raise CellFault("planted fault: the gripper is gone")
        return super().run(scene, seed, *wish)

    def observe(self, scene, seed):
        generator = np.random.default_rng(seed)
        return generator.integers(0, 256, (84, 84, 3), np.uint8)


def plain(value):
    """A message of any reader as lists and dicts of plain values, NaN as text."""
    if isinstance(value, bytes | bytearray):
        return list(value)
    if isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return "nan" if math.isnan(value) else value
    if isinstance(value, np.ndarray) or hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if hasattr(value, "get_fields_and_field_types"):
        names = value.get_fields_and_field_types()
    elif hasattr(value, "__dataclass_fields__"):
        names = value.__dataclass_fields__
    else:
        names = value.__slots__
    fields = {n: plain(getattr(value, n)) for n in names if not n.startswith("_")}
    constants = {n for n in fields if n.isupper()}  # rosbags keeps them as fields' neighbours
    return {n: v for n, v in fields.items() if n not in constants}


def everything(graph):
    """Subscribe to all topics, with a history that is deep enough to miss nothing."""
    received = {topic: [] for topic in TOPICS}
    pictures = []
    for topic, kind in TOPICS.items():
        durability = "TRANSIENT_LOCAL" if topic in LATCHED else "VOLATILE"
        profile = QoSProfile(
            depth=1000,
            reliability=ReliabilityPolicy.RELIABLE,
            durability=DurabilityPolicy[durability],
        )
        graph.client.create_subscription(kind, topic, received[topic].append, profile)
    graph.client.create_subscription(Image, PICTURES, pictures.append, 1000)
    return received, pictures


@pytest.fixture(scope="module")
def campaign(module_domain, tmp_path_factory):
    """A campaign over the real nodes, what a subscriber received, and its export."""
    folder = tmp_path_factory.mktemp("export") / "campaign"
    graph = Graph(module_domain)
    try:
        received, pictures = everything(graph)
        place = {"namespace": "/robomd/cell_0"}
        cell = OddCell(fails_in=[{"table_color_blue"}], duration=0.3)
        graph.add(SimBridgeNode(lambda name, options: cell, **place))
        graph.add(PerturbationNode(**place))
        values = overrides(
            report=False,
            campaign_dir=str(folder), policy="python:table:policy", budget=10, autostart=True,
            search="uniform", variations=IDS, confidence=0.9999999, **NO_CONTROL,
        )  # fmt: skip
        graph.add(DiagnosisNode(namespace="/robomd", parameter_overrides=values))
        statuses = received["/robomd/campaign_status"]
        wait_for(lambda: statuses and statuses[-1].state == msg.CampaignStatus.FINISHED, "end", 60)
        wait_for(lambda: len(received["/robomd/trials"]) == 11, "all trials", 10)
    finally:
        graph.close()
    files, notes = export(folder, ("mcap",), folder / "export")
    assert not notes
    return folder, files[0], received, pictures


def test_the_bytes_are_those_that_the_subscriber_received(campaign):
    _, bag, received, _ = campaign
    stored = by_rclpy(bag)
    for topic in TOPICS:
        found, expected = [plain(m) for m in stored[topic]], [plain(m) for m in received[topic]]
        if topic in LATCHED:  # depth 1: the middleware may skip what a newer one replaces
            assert is_subsequence(expected, found), topic
            assert found[-1] == expected[-1]
        else:
            assert found == expected
    assert len(stored["/robomd/trials"]) == 11
    rankings = [ranking.trials for ranking in stored["/robomd/failure_ranking"]]
    assert len(rankings) >= 5 and rankings == sorted(rankings) and rankings[-1] == 10
    assert len(stored["/robomd/variation_catalogue"]) == 1


def test_unmeasured_figures_stay_nan(campaign):
    _, bag, _, _ = campaign
    stored = by_rclpy(bag)
    invalid = [t for t in stored["/robomd/trials"] if t.outcome.result == msg.Outcome.INVALID]
    assert len(invalid) == 1
    assert math.isnan(invalid[0].outcome.duration)
    assert "planted fault" in invalid[0].outcome.detail
    assert all(
        math.isnan(mode.policy_probability) and math.isnan(mode.log_density)
        for ranking in stored["/robomd/failure_ranking"]
        for mode in ranking.failure_modes
    )


def test_the_mcap_package_reads_the_same(campaign):
    """From the schemas in the file alone, without ROS."""
    _, bag, _, _ = campaign
    expected = by_rclpy(bag)
    found = {}
    with bag.open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        header = reader.get_header()
        for schema, channel, _, message in reader.iter_decoded_messages():
            assert (schema.encoding, channel.message_encoding) == ("ros2msg", "cdr")
            found.setdefault(channel.topic, []).append(message)
    assert header.profile == "ros2"
    assert header.library.startswith("robomd ")
    compare(found, expected)


def test_the_rosbags_package_reads_the_same(campaign):
    """From the schemas in the file alone, without ROS."""
    _, bag, _, _ = campaign
    store, found = get_typestore(Stores.EMPTY), {}
    with Reader(bag) as reader:
        for connection in reader.connections:
            store.register(get_types_from_msg(connection.msgdef.data, connection.msgtype))
            (qos,) = connection.ext.offered_qos_profiles
            latched = connection.topic in LATCHED
            assert qos.durability.name == ("TRANSIENT_LOCAL" if latched else "VOLATILE")
            assert qos.reliability.name == "RELIABLE"
        for connection, _, data in reader.messages():
            message = store.deserialize_cdr(data, connection.msgtype)
            found.setdefault(connection.topic, []).append(message)
    compare(found, by_rclpy(bag))


def test_pictures_are_those_of_the_trials(campaign):
    folder, bag, received, pictures = campaign
    images = by_rclpy(bag)[f"{PICTURES}/compressed"]
    trials = [t for t in received["/robomd/trials"] if t.image_path]
    assert len(images) == len(trials) >= 10
    published = {image_from_msg(p).tobytes() for p in pictures}
    asked = {r["trial_index"]: r["asked_at"] for r in rows(folder)}
    for image, trial in zip(images, trials, strict=True):
        decoded = cv2.imdecode(np.frombuffer(bytes(image.data), np.uint8), cv2.IMREAD_COLOR)
        assert decoded[:, :, ::-1].tobytes() in published
        assert bytes(image.data) == (folder / trial.image_path).read_bytes()
        stamp = image.header.stamp.sec + image.header.stamp.nanosec * 1e-9
        assert stamp == pytest.approx(asked[trial.index], abs=1e-5)


def test_messages_are_in_the_order_of_time_with_the_time_of_publication(campaign):
    _, bag, received, _ = campaign
    with bag.open("rb") as file:
        reader = make_reader(file)
        times = [m.log_time for _, _, m in reader.iter_messages()]
        (metadata,) = reader.iter_metadata()
    assert times == sorted(times)
    assert all(abs(t * 1e-9 - time.time()) < 3600 for t in times)
    assert metadata.metadata["campaign_id"] == received["/robomd/trials"][0].campaign_id


def test_a_folder_without_a_record_of_messages_gives_trials_and_the_newest_ranking(
    campaign, tmp_path
):
    """As a campaign that ran without ROS, or was made before there was such a record."""
    folder, _, received, _ = campaign
    for name in ("campaign.yaml", "trials.db", "ranking.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (bag,), notes = export(tmp_path, ("mcap",), tmp_path / "out")
    stored = by_rclpy(bag)
    expected = [plain(m) for m in received["/robomd/trials"]]
    assert sorted(map(str, map(plain, stored["/robomd/trials"]))) == sorted(map(str, expected))
    last = plain(received["/robomd/failure_ranking"][-1])
    assert [plain(m) for m in stored["/robomd/failure_ranking"]] == [last]
    assert "no record of what was published" in notes[0]
    assert "pictures cannot be read" in notes[1]


def test_a_damaged_record_is_one_clear_error(campaign, tmp_path, capsys):
    folder, _, _, _ = campaign
    for name in ("campaign.yaml", "trials.db", "ranking.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / MESSAGES_FILE).write_bytes(b"no database at all" * 100)
    assert cli.main(["export", str(tmp_path), "--format", "mcap"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: cannot use the record of messages")
    assert "Traceback" not in error


@pytest.mark.slow
def test_a_campaign_in_simulation(tmp_path, domain):
    """Two cells with the real simulator as processes; the subscriber is this process."""
    out = tmp_path / "campaign"
    graph = Graph(domain)
    try:
        received, _ = everything(graph)
        arguments = ["budget:=12", "search:=ppo", f"variations:={IDS}", f"out:={out}", "linger:=10"]
        with Bringup(tmp_path, arguments, domain) as bringup:
            statuses = received["/robomd/campaign_status"]
            finished = msg.CampaignStatus.FINISHED
            wait_for(lambda: statuses and statuses[-1].state == finished, "end", 240)
            wait_for(lambda: len(received["/robomd/trials"]) == 12, "all trials", 10)
            bringup.interrupt()
            bringup.wait(20)
    finally:
        graph.close()
    (bag,), _ = export(out, ("mcap",), tmp_path / "bag")
    stored = by_rclpy(bag)
    assert [plain(m) for m in stored["/robomd/trials"]] == [
        plain(m) for m in received["/robomd/trials"]
    ]
    for topic in LATCHED:
        found = [plain(m) for m in stored[topic]]
        assert is_subsequence([plain(m) for m in received[topic]], found)
    ranking = json.loads((out / "ranking.json").read_text())
    assert stored["/robomd/failure_ranking"][-1].trials == ranking["trials"] == 12


def by_rclpy(bag):
    """Messages by topic, as the ROS installation reads them."""
    from sensor_msgs.msg import CompressedImage  # noqa: PLC0415

    kinds = {**TOPICS, "/robomd/cell_1/operator_request": msg.OperatorRequest}
    found = {}
    with bag.open("rb") as file:
        for schema, channel, message in make_reader(file).iter_messages():
            kind = kinds.get(channel.topic, CompressedImage)
            assert schema.name.split("/")[-1] == kind.__name__
            found.setdefault(channel.topic, []).append(deserialize_message(message.data, kind))
    return found


def compare(found, expected):
    assert found.keys() == expected.keys()
    for topic, messages in expected.items():
        assert [plain(m) for m in found[topic]] == [plain(m) for m in messages], topic


def is_subsequence(some, whole):
    rest = iter(whole)
    return all(any(item == other for other in rest) for item in some)
