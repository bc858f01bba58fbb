# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The diagnosis node over real DDS, with a table as simulator; and every node's interfaces."""

import inspect
import math
import re
from importlib.util import find_spec

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from action_msgs.msg import GoalStatus
from graph import NO_CONTROL, rows, valid, wait_for
from in_process import Graph, TableCell, overrides, stays
from rclpy.action import (
    ActionClient,
    get_action_client_names_and_types_by_node,
    get_action_server_names_and_types_by_node,
)
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger

from robomd_msgs.action import ApplyScene, Diagnose
from robomd_msgs.msg import (
    CampaignStatus,
    FailureRanking,
    OperatorRequest,
    Trial,
    VariationCatalogue,
)
from robomd_msgs.srv import CompareVariations, QueryVariation
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.evidence.evidence import Evidence
from robomd_ros.core.share import config_file
from robomd_ros.core.variations import Scene, load_catalogue
from robomd_ros.nodes.console_node import ConsoleNode
from robomd_ros.nodes.diagnosis_node import DiagnosisNode
from robomd_ros.nodes.monitor_node import MonitorNode
from robomd_ros.nodes.operator_prompt import OperatorPrompt
from robomd_ros.nodes.perturbation_node import PerturbationNode
from robomd_ros.nodes.ranking_markers_node import RankingMarkersNode
from robomd_ros.ros.conversions import scene_to_msg
from robomd_ros.ros.node_parameters import NODES as MODELS
from robomd_ros.ros.qos import LATCHED, TRIALS
from sim_bridge.sim_bridge_node import SimBridgeNode

GREEN, BLUE, RED, GRAY = (
    "cube_color_green", "table_color_blue", "robot_color_red", "light_color_gray"
)  # fmt: skip
STATES = {v: k for k, v in vars(CampaignStatus).items() if isinstance(v, int) and k.isupper()}


class Diagnosis(Graph):
    """A diagnosis node with one cell: perturbation node and simulator bridge."""

    def __init__(self, domain, folder):
        self.out = folder / "campaign"
        super().__init__(domain)

    def start(self, cell, backend="simulator", **parameters):
        """Add the nodes."""
        values = {
            "campaign_dir": str(self.out), "policy": "python:table:policy", "search": "uniform",
            "variations": ",".join((GREEN, BLUE, RED, GRAY)), "confidence": 0.9999999,
            "report": False, **NO_CONTROL, **parameters,
        }  # fmt: skip
        place = {"namespace": "/robomd/cell_0"}
        self.add(SimBridgeNode(lambda name, options: cell, **place))
        self.add(PerturbationNode(parameter_overrides=overrides(backend=backend), **place))
        self.node = DiagnosisNode(namespace="/robomd", parameter_overrides=overrides(**values))
        self.add(self.node)
        self.action = ActionClient(self.client, Diagnose, "/robomd/diagnose")
        assert self.action.wait_for_server(10)
        self.feedback = []
        self.trials = []
        self.client.create_subscription(Trial, "/robomd/trials", self.trials.append, TRIALS)

    def send(self, **fields):
        goal = Diagnose.Goal(**fields)
        future = self.action.send_goal_async(goal, lambda m: self.feedback.append(m.feedback))
        return self.result(future, "answer to the goal")

    def run(self, **fields):
        handle = self.send(**fields)
        assert handle.accepted
        return self.result(handle.get_result_async(), "end of the campaign")

    def trigger(self, name):
        return self.call(Trigger, f"/robomd/{name}")

    def query(self, description, **fields):
        return self.call(
            QueryVariation, "/robomd/query_variation", description=description, **fields
        )

    def compare(self, a, b):
        return self.call(
            CompareVariations, "/robomd/compare_variations", description_a=a, description_b=b
        )

    def state(self):
        message = self.latched(CampaignStatus, "/robomd/campaign_status", LATCHED)
        return STATES[message.state]


@pytest.fixture
def diagnosis(domain, tmp_path):
    graphs = []

    def make(cell=None, **parameters):
        graphs.append(Diagnosis(domain, tmp_path))
        graphs[-1].start(cell or TableCell(), **parameters)
        return graphs[-1]

    yield make
    for graph in graphs:
        graph.close()


def test_before_the_first_campaign(diagnosis):
    graph = diagnosis()
    assert graph.query(GREEN).error_code == QueryVariation.Response.NO_CAMPAIGN
    compared = graph.compare(GREEN, BLUE)
    assert compared.error_code == CompareVariations.Response.NO_CAMPAIGN
    assert math.isnan(compared.probability_a_fails_more)
    for service in ("pause", "resume", "stop"):
        response = graph.trigger(service)
        assert not response.success and response.message == "no campaign is running"


def test_a_second_diagnosis_of_a_cell_is_refused_and_one_elsewhere_is_not(diagnosis):
    graph = diagnosis()
    with pytest.raises(ConfigurationError, match=r"drives /robomd in ROS_DOMAIN_ID=\d+; end it"):
        graph.add(DiagnosisNode(namespace="/robomd"))
    above = {"namespace": "/", "parameter_overrides": overrides(cells=["robomd/cell_0"])}
    with pytest.raises(ConfigurationError, match=r"drives /robomd/cell_0 in"):
        graph.add(DiagnosisNode(**above))
    graph.add(DiagnosisNode(namespace="/bench"))
    graph.node.destroy_node()
    graph.add(DiagnosisNode(namespace="/robomd"))


def test_a_second_goal_is_rejected_and_stop_can_be_resumed(diagnosis):
    graph = diagnosis(TableCell(duration=0.1))
    handle = graph.send(budget=20)
    assert handle.accepted
    assert not graph.send(budget=20).accepted
    wait_for(lambda: len(valid(graph.out)) >= 3, "trials", 20)
    assert not graph.send(budget=20).accepted
    assert graph.trigger("stop").success
    response = graph.result(handle.get_result_async(), "end")
    assert response.status == GoalStatus.STATUS_SUCCEEDED
    assert response.result.error_code == Diagnose.Result.STOPPED
    assert graph.state() == "STOPPED"
    assert 3 <= len(valid(graph.out)) < 20
    assert response.result.ranking.trials == len(valid(graph.out))
    again = graph.run(budget=20).result
    assert again.error_code == Diagnose.Result.NONE and again.campaign_dir == str(graph.out)
    assert len(valid(graph.out)) == again.ranking.trials == 20
    assert graph.state() == "FINISHED"
    assert {STATES[f.status.state] for f in graph.feedback} >= {"RUNNING"}


def test_pause_and_resume(diagnosis):
    graph = diagnosis(TableCell(duration=0.1))
    handle = graph.send(budget=12)
    wait_for(lambda: len(valid(graph.out)) >= 2, "trials", 20)
    assert graph.trigger("pause").success
    wait_for(lambda: not rows(graph.out, "state = 'ASKED'"), "end of what ran", 5)
    assert graph.state() == "PAUSED"
    count = len(rows(graph.out))
    assert count < 12 and stays(lambda: len(rows(graph.out)) == count)
    assert graph.trigger("resume").success
    result = graph.result(handle.get_result_async(), "end").result
    assert result.error_code == Diagnose.Result.NONE and result.ranking.trials == 12


def test_a_cancelled_goal_stops_the_campaign(diagnosis):
    graph = diagnosis(TableCell(duration=5.0))
    handle = graph.send(budget=12)
    wait_for(lambda: rows(graph.out), "the first trial", 20)
    graph.result(handle.cancel_goal_async(), "cancel", 5)
    response = graph.result(handle.get_result_async(), "end", 5)
    assert response.status == GoalStatus.STATUS_CANCELED
    assert graph.state() == "STOPPED"
    assert [row["state"] for row in rows(graph.out)] == ["ASKED"]  # asked again on resume


def test_a_request_that_a_killed_diagnosis_left_is_withdrawn(diagnosis):
    graph = diagnosis(backend="operator")
    orphan = ActionClient(graph.client, ApplyScene, "/robomd/cell_0/apply_scene")
    assert orphan.wait_for_server(10)
    green = scene_to_msg(Scene((load_catalogue(config_file("variations", "lift"))[GREEN],)))
    left = graph.result(orphan.send_goal_async(ApplyScene.Goal(scene=green)), "answer")
    topic = "/robomd/cell_0/operator_request"
    before = graph.latched(OperatorRequest, topic, LATCHED).request_id
    assert before > 0
    handle = graph.send(budget=2)
    ended = graph.result(left.get_result_async(), "end of the request that was left", 10)
    assert ended.status == GoalStatus.STATUS_CANCELED
    wait_for(
        lambda: graph.latched(OperatorRequest, topic, LATCHED).request_id == before + 1, "next"
    )
    graph.trigger("stop")
    assert graph.result(handle.get_result_async(), "end").result.error_code
    assert not rows(graph.out, "result = 'INVALID'")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"variations": ["cube_color_pink"]}, "unknown variation 'cube_color_pink'"),
        ({"search": "genetic"}, "genetic"),
        ({"budget": 4_000_000}, "budget"),
    ],
)
def test_a_goal_that_cannot_be_used(diagnosis, fields, says):
    graph = diagnosis()
    response = graph.run(**fields)
    assert response.status == GoalStatus.STATUS_ABORTED
    assert response.result.error_code == Diagnose.Result.BAD_CONFIGURATION
    assert says in response.result.error_msg
    assert not graph.out.exists()
    assert graph.run(budget=2).result.error_code == Diagnose.Result.NONE


def test_questions_after_a_campaign(diagnosis):
    graph = diagnosis(TableCell(fails_in=[{GREEN}]))
    assert graph.run(budget=24).result.ranking.trials == 24
    by_id = graph.query(GREEN)
    assert by_id.error_code == QueryVariation.Response.NONE
    mode = by_id.failure_mode
    assert mode.seen and mode.trials == mode.failures == 6 and mode.rank == 1
    catalogue = load_catalogue(config_file("variations", "lift")).subset([GREEN, BLUE, RED, GRAY])
    evidence = Evidence(catalogue)
    for variation in (*catalogue,) * 6:
        evidence.add(Scene((variation,)), variation.id == GREEN)
    assert mode.failure_probability == pytest.approx(evidence.posterior().rates[0].mean)
    assert 7 / 8 < mode.failure_probability < 1.0  # 7/8: where the others say nothing
    # as text: a NaN is not equal to itself
    assert str(graph.query(mode.variations[0].description).failure_mode) == str(mode)
    unknown = graph.query("paint the cube pink")
    assert unknown.error_code == QueryVariation.Response.UNKNOWN_VARIATION
    assert "'paint the cube pink'" in unknown.error_msg and GRAY in unknown.error_msg
    picture = Image(height=1, width=1, encoding="rgb8", step=3, data=bytes(3))
    alone = graph.query("", image=picture)
    assert alone.error_code == QueryVariation.Response.NOT_AVAILABLE
    worse = graph.compare(GREEN, GRAY)
    assert worse.error_code == CompareVariations.Response.NONE
    # six failures of six above none of six
    assert worse.probability_a_fails_more > 0.99
    assert graph.compare(GRAY, GREEN).probability_a_fails_more == pytest.approx(
        1.0 - worse.probability_a_fails_more
    )
    assert graph.compare(GREEN, GREEN).probability_a_fails_more == pytest.approx(0.5)
    # two that never failed in six trials each: nobody knows which is worse
    assert 0.35 < graph.compare(BLUE, GRAY).probability_a_fails_more < 0.65
    assert math.isnan(worse.ratio) and math.isnan(worse.log_ratio)  # no search agent
    wrong = graph.compare(GREEN, "nonsense")
    assert wrong.error_code == CompareVariations.Response.UNKNOWN_VARIATION
    assert math.isnan(wrong.probability_a_fails_more)


@pytest.mark.long
def test_ratio_of_the_search_agent(diagnosis):
    graph = diagnosis(search="ppo", search_options="{n_steps: 4, n_epochs: 1}")
    modes = graph.run(budget=8).result.ranking.failure_modes
    probability = {m.variations[0].id: m.policy_probability for m in modes}
    compared = graph.compare(GREEN, BLUE)
    assert compared.ratio == pytest.approx(probability[GREEN] / probability[BLUE])
    assert compared.log_ratio == pytest.approx(math.log(compared.ratio))


@pytest.mark.long
def test_a_combination_is_compared_with_its_parts(diagnosis):
    graph = diagnosis(TableCell(fails_in=[{GREEN, BLUE}]), accumulate="true")
    modes = graph.run(budget=60).result.ranking.failure_modes
    assert {v.id for v in modes[0].variations} == {GREEN, BLUE}
    assert str(graph.query(f"{BLUE} + {GREEN}").failure_mode) == str(modes[0])
    assert graph.compare(f"{GREEN}+{BLUE}", GREEN).probability_a_fails_more > 0.95


def test_what_is_published(diagnosis):
    graph = diagnosis(TableCell(fails_in=[{RED}]))
    result = graph.run(budget=8).result
    catalogue = graph.latched(VariationCatalogue, "/robomd/variation_catalogue", LATCHED)
    assert catalogue.task == "lift"
    assert [v.id for v in catalogue.variations] == [GREEN, BLUE, RED, GRAY]
    ranking = graph.latched(FailureRanking, "/robomd/failure_ranking", LATCHED)
    assert str(ranking) == str(result.ranking)
    status = graph.latched(CampaignStatus, "/robomd/campaign_status", LATCHED)
    assert (STATES[status.state], status.trials_done, status.trials_budget) == ("FINISHED", 8, 8)
    wait_for(lambda: len(graph.trials) == 8, "all trials")
    assert [t.index for t in graph.trials] == list(range(8))
    stored = rows(graph.out)
    assert [t.seed for t in graph.trials] == [row["seed"] for row in stored]
    assert all((graph.out / t.image_path).is_file() for t in graph.trials)
    assert {t.campaign_id for t in graph.trials} == {result.ranking.campaign_id}


# What the class docstrings promise, against the running nodes

BACK_END_OPERATOR = {"parameter_overrides": overrides(backend="operator")}
NODES = [
    (DiagnosisNode, {}, ""),
    (PerturbationNode, {}, "simulator"),
    (PerturbationNode, BACK_END_OPERATOR, "operator"),
    (SimBridgeNode, {"make_cell": lambda name, options: TableCell(name)}, ""),
    (MonitorNode, {}, ""),
    (OperatorPrompt, {}, ""),
    (ConsoleNode, {}, ""),
    (RankingMarkersNode, {}, ""),
]
CAMPAIGN_NODES = (DiagnosisNode, MonitorNode, RankingMarkersNode)
HEADINGS = ("Parameters", "Publishers", "Subscriptions", "Services", "Actions")
PLACE = {"<cell>": "cell_0", "<campaign_namespace>": "/robomd"}


def documented(node_class, back_end=""):
    """Per heading: {name: type, "" where none is given}; without those of another back end."""
    sections = {heading: {} for heading in HEADINGS}
    current = None
    for line in inspect.getdoc(node_class).splitlines():
        if line.rstrip(":") in HEADINGS:
            current = line.rstrip(":")
        elif current and (found := re.match(r"    ([\w/<>]+) \(([\w/]+)", line)):
            only = re.search(r"\): back end (\w+)|, latched\): back end (\w+)", line)
            if only and back_end not in only.groups():
                continue
            sections[current][found[1]] = found[2]
    return sections


def in_full(names, namespace):
    """Names resolved in a namespace, types as in the graph."""
    found = {}
    for given, kind in names.items():
        name = given
        for placeholder, value in PLACE.items():
            name = name.replace(placeholder, value)
        package, _, short = kind.partition("/")
        if find_spec(package) is None:  # tf2_msgs comes with an installation of ROS alone
            continue
        found[name if name.startswith("/") else f"{namespace}/{name}"] = (package, short)
    return found


def plain(names_and_types):
    """Names with (package, type), without what every node has."""
    found = {}
    for name, (kind, *_) in names_and_types:
        package, _, short = kind.split("/")
        hidden = "/_action/" in name or package in ("rcl_interfaces", "type_description_interfaces")
        if not hidden:
            found[name] = (package, short)
    return found


@pytest.mark.parametrize(("node_class", "values", "back_end"), NODES)
def test_docstring_and_running_node_agree(domain, node_class, values, back_end):
    place = "/robomd" if node_class in CAMPAIGN_NODES else "/robomd/cell_0"
    graph = Graph(domain)
    try:
        node = node_class(namespace=place, **values)
        graph.add(node, connect=node_class is SimBridgeNode)  # its interfaces come with connect()
        name = node.get_name()
        wait_for(lambda: (name, place) in graph.client.get_node_names_and_namespaces(), name, 10)
        told = {k: in_full(v, place) for k, v in documented(node_class, back_end).items()}
        who = (name, place)

        def published():
            return plain(node.get_publisher_names_and_types_by_node(*who))

        wait_for(lambda: told["Publishers"] == published(), f"{told['Publishers']}", 10)
        assert told["Subscriptions"] == plain(node.get_subscriber_names_and_types_by_node(*who))
        served = plain(node.get_service_names_and_types_by_node(*who))
        called = plain(node.get_client_names_and_types_by_node(*who))
        assert told["Services"] == served | called
        offered = plain(get_action_server_names_and_types_by_node(node, *who))
        used = plain(get_action_client_names_and_types_by_node(node, *who))
        assert told["Actions"] == offered | used
        table = set(MODELS[name].model_fields)
        declared = set(node._parameters) - {"use_sim_time", "start_type_description_service"}
        declared = {name for name in declared if not name.startswith("qos_overrides.")}
        assert declared == table
        told_parameters = set(documented(node_class)["Parameters"])
        assert told_parameters in (set(), table)
        if table and not told_parameters:
            assert f"Those of {MODELS[name].__name__};" in inspect.getdoc(node_class)
    finally:
        graph.close()


def test_a_policy_that_fails_unchanged_is_told_so_before_any_change(diagnosis):
    cell = TableCell(fails_in=[()])  # every scene holds nothing
    graph = diagnosis(cell, nominal_trials=5, nominal_share=0.1, confidence=0.95)
    result = graph.run(budget=40).result
    assert result.error_code == Diagnose.Result.NONE
    assert (result.ranking.nominal_trials, result.ranking.nominal_failures) == (4, 4)
    assert cell.runs == [()] * 4
    status = graph.latched(CampaignStatus, "/robomd/campaign_status", LATCHED)
    assert STATES[status.state] == "FINISHED"
    assert "the policy fails unchanged: it fails in 4 of 4" in status.message


def test_over_the_nodes_covering_finds_a_pair_and_a_decided_campaign_ends(diagnosis):
    graph = diagnosis(
        TableCell(fails_in=[{GREEN, RED}]), search="covering", confidence=0.95,
        nominal_trials=5, nominal_share=0.1,
    )  # fmt: skip
    ranking = graph.run(budget=60).result.ranking
    assert ranking.converged and ranking.trials < 60
    joint = [m for m in ranking.failure_modes if len(m.variations) > 1]
    assert {v.id for v in joint[0].variations} == {GREEN, RED}
    assert ranking.pairs_possible > ranking.pairs_seen > 0
