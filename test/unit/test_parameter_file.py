# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameter files: which node an entry is for, and what is wrong with one."""

import pytest

from robomd_ros.bringup.parameter_file import Entry, ParameterFile
from robomd_ros.bringup.sim import SimArguments, resolve_sim, sim_processes
from robomd_ros.core.arguments import parse_arguments
from robomd_ros.core.errors import ConfigurationError

CELL = "/robomd/cell_1/sim_bridge_node"


@pytest.mark.parametrize(
    ("name", "full_name", "matches"),
    [
        ("/**", CELL, True),
        ("/**/sim_bridge_node", CELL, True),
        ("/**/sim_bridge_node", "/sim_bridge_node", True),
        ("/*/sim_bridge_node", CELL, False),
        ("/*/*/sim_bridge_node", CELL, True),
        ("/*/cell_1/*", CELL, True),
        ("/robomd/**", CELL, True),
        ("/robomd/*", CELL, False),
        ("/robomd/**/sim_bridge_node", CELL, True),
        (CELL, CELL, True),
        ("/robomd/cell_0/sim_bridge_node", CELL, False),
        ("/sim_bridge_node", CELL, False),
        ("/**/bridge_node", CELL, False),
    ],
)
def test_names_and_wildcards_match_as_in_rcl(name, full_name, matches):
    assert Entry(name, {}).matches(full_name) is matches


def written(tmp_path, text):
    path = tmp_path / "my.yaml"
    path.write_text(text)
    return path


def test_the_later_of_two_entries_counts(tmp_path):
    text = f"""
/**: {{ros__parameters: {{idle_rate: 1, use_sim_time: true}}}}
{CELL}: {{ros__parameters: {{idle_rate: 3.0}}}}
/**/sim_bridge_node: {{ros__parameters: {{trial_timeout: 9}}}}
"""
    file = ParameterFile.read(written(tmp_path, text))
    assert file.of(CELL) == {"idle_rate": 3.0, "use_sim_time": True, "trial_timeout": 9.0}
    other = file.of("/robomd/cell_0/sim_bridge_node")
    assert other == {"idle_rate": 1.0, "use_sim_time": True, "trial_timeout": 9.0}
    assert file.of("/robomd/monitor_node") == {"use_sim_time": True}


def test_namespaces_may_be_mappings_and_qos_has_dots(tmp_path):
    text = """
robomd:
  cell_1:
    sim_bridge_node:
      ros__parameters:
        idle_rate: 4.0
        qos_overrides: {/x: {publisher: {depth: 3}}}
"""
    values = ParameterFile.read(written(tmp_path, text)).of(CELL)
    assert values == {"idle_rate": 4.0, "qos_overrides./x.publisher.depth": 3}


def test_a_full_name_is_for_that_node_of_a_bring_up_only(tmp_path):
    text = f"{CELL}: {{ros__parameters: {{idle_rate: 3.0}}}}"
    given = [f"params_file:={written(tmp_path, text)}", "cells:=2", "out:=x"]
    processes = sim_processes(resolve_sim(parse_arguments(given, SimArguments)))
    rates = {p.name: p.parameters.get("idle_rate") for p in processes if "cell" in p.name}
    assert rates == {
        "robomd/cell_0/sim_cell": None,
        "robomd/cell_1/sim_cell": 3.0,
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("/robomd/cell_7/sim_bridge_node: {ros__parameters: {}}", "no node /robomd/cell_7/sim"),
        ("sim_bridge_node: {ros__parameters: {}}", "no node /sim_bridge_node; there are /robomd"),
        ("/**/sim_brige_node: {ros__parameters: {}}", "unknown node '/**/sim_brige_node'"),
        ("/**/cell_*/monitor_node: {ros__parameters: {}}", "* stands for a whole part"),
        ("/**/monitor_node: {ros__parameters: {row: 3}}", "did you mean 'rows'"),
        ("/**: {ros__parameters: {idle_rat: 3}}", "unknown parameter of any node 'idle_rat'"),
        ("/**: {ros__parameters: {rows: many}}", "must be a whole number; got 'many'"),
        ("/**/monitor_node: {ros__parameters: {rows: null}}", "a whole number; got nothing"),
        ("/**/monitor_node: {ros__parameters: {rows: [3]}}", "a whole number; got [3]"),
        ("/**/monitor_node: {ros__parameters: {period: .nan}}", "a number; got nan"),
        (
            "/**/monitor_node: {ros__parameters: {period: '9'}}",
            "monitor_node must be a number; got",
        ),
        ("/**/monitor_node: {ros__parameters: [rows]}", "must be a mapping of names to values"),
        ("/**/monitor_node: {ros__parameters: null}", "must be a mapping of names to values"),
        ("/**/monitor_node: {rows: 3}", "needs the key ros__parameters"),
        ("/**/monitor_node: {}", "needs the key ros__parameters"),
        ("/**/monitor_node: 3", "needs the key ros__parameters"),
        ("/**/monitor_node: {ros__parameters: {}, rows: 3}", "'rows' beside the key"),
        ("", "it is empty"),
        ("[1, 2]", "must be a mapping of nodes; it holds [1, 2]"),
        ("a: [", "cannot read the parameter file"),
        (
            "/**/monitor_node:\n  ros__parameters:\n    rows: 3\n    rows: 4",
            "in line 3 and in line 4",
        ),
        ("3: {ros__parameters: {}}", "unknown node '/3'"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_sentence(tmp_path, text, says):
    path = written(tmp_path, text)
    with pytest.raises(ConfigurationError) as caught:
        resolve_sim(parse_arguments([f"params_file:={path}"], SimArguments))
    assert says in str(caught.value)
    assert str(path) in str(caught.value)
