# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters of running nodes over DDS: described with ranges and choices, changed, refused."""

import pytest

pytest.importorskip("rclpy")

from graph import wait_for
from in_process import Graph, overrides
from rcl_interfaces.msg import ParameterType
from rcl_interfaces.srv import DescribeParameters, SetParameters
from rclpy.parameter import Parameter

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.nodes.camera_node import CameraNode
from robomd_ros.nodes.diagnosis_node import DiagnosisNode

pytestmark = pytest.mark.ros


class FakeCamera:
    """Takes controls, and refuses a gain above 10."""

    def __init__(self, *_):
        self.set = []

    def set_controls(self, exposure, gain):
        if gain > 10:
            raise ConfigurationError("this camera has no such gain")
        self.set.append((exposure, gain))

    def connect(self):
        pass

    def close(self):
        pass


def asked(graph, node, kind, name, **request):
    client = graph.client.create_client(kind, f"{node.get_fully_qualified_name()}/{name}")
    assert client.wait_for_service(10.0)
    future = client.call_async(kind.Request(**request))
    wait_for(future.done, "an answer", 10)
    return future.result()


def described(graph, node, *names):
    return asked(graph, node, DescribeParameters, "describe_parameters", names=names).descriptors


def put(graph, node, **values):
    parameters = [Parameter(k, value=v).to_parameter_msg() for k, v in values.items()]
    return asked(graph, node, SetParameters, "set_parameters", parameters=parameters).results[0]


@pytest.fixture
def graph(domain):
    graph = Graph(domain)
    yield graph
    graph.close()


def test_a_node_describes_type_unit_range_and_choices(graph):
    node = graph.add(DiagnosisNode(namespace="/p"), connect=False)
    share, budget, order, seconds, folder = described(
        graph, node, "confidence", "budget", "order_by", "trial_timeout", "campaign_dir"
    )
    assert share.type == ParameterType.PARAMETER_DOUBLE
    (bounds,) = share.floating_point_range
    assert (bounds.from_value, bounds.to_value) == (0.5, 1.0)
    assert "ends excluded" in share.additional_constraints
    assert budget.type == ParameterType.PARAMETER_INTEGER
    (bounds,) = budget.integer_range
    assert (bounds.from_value, bounds.to_value) == (1, 1_000_000)
    assert (share.read_only, budget.read_only) == (False, False)
    assert order.additional_constraints == "one of evidence, search_agent"
    assert order.read_only
    assert seconds.description == "time for a rollout to end [s]"
    assert (folder.type, folder.read_only) == (ParameterType.PARAMETER_STRING, True)


def test_budget_and_confidence_are_changed_and_all_else_is_fixed(graph):
    node = graph.add(DiagnosisNode(namespace="/p"), connect=False)
    assert put(graph, node, budget=33).successful
    assert put(graph, node, confidence=0.95).successful
    assert node._values.budget == 33
    assert node._values.confidence == 0.95
    for wrong in ({"budget": 0}, {"budget": 1.5}, {"confidence": 1.0}, {"confidence": "high"},
                  {"seed": 3}, {"order_by": "search_agent"}):  # fmt: skip
        answer = put(graph, node, **wrong)
        assert not answer.successful, wrong
        assert answer.reason, wrong
    assert (node._values.budget, node._values.confidence) == (33, 0.95)
    assert node.get_parameter("budget").value == 33


def test_exposure_and_gain_reach_the_camera_and_its_refusal_the_person(graph):
    made = []

    def make(*given):
        made.append(FakeCamera(*given))
        return made[0]

    parameters = overrides(source="0", gain=2.0)
    node = graph.add(
        CameraNode(make, namespace="/p", parameter_overrides=parameters), connect=False
    )
    assert put(graph, node, exposure=80.0).successful
    assert put(graph, node, gain=4.0).successful
    assert made[0].set == [(80.0, 2.0), (80.0, 4.0)]
    answer = put(graph, node, gain=11.0)
    assert (answer.successful, answer.reason) == (False, "this camera has no such gain")
    assert node.get_parameter("gain").value == 4.0
    assert not put(graph, node, source="1").successful
