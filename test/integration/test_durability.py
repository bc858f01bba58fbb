# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Killed at random moments, a campaign still ends with exactly its budget; resumed, it goes on."""

import random
import time

import psutil
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

import torch
from campaign_checks import COIN, COIN_POLICY, check_complete, done
from graph import Bringup, ranking, rows, valid, wait_for

from robomd_ros.core.embedding.store import MODEL_FOLDER, load_embedding

pytestmark = pytest.mark.slow

FOUR = "variations:=cube_color_green,table_color_blue,robot_color_red,light_color_gray"
BUDGET = 12
LONGER = 20
KILLS = 10


def kill(processes):
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


def kill_diagnosis(bringup, _random):
    kill([bringup.node("robomd_ros.nodes.diagnosis_node")])


def kill_cell(bringup, generator):
    cell = generator.choice(("cell_0", "cell_1"))
    node = bringup.node("sim_bridge.sim_cell", f"/robomd/{cell}")
    kill([node, *node.children(recursive=True)])


def kill_everything(bringup, _random):
    kill([psutil.Process(bringup.process.pid), *bringup.children()])


def killed(folder, domain, victim, generator, trials, moment, budget, command, patience):
    """Kill a campaign `moment` s after so many valid trials, and let it come to its end.

    Nothing that had ended is lost. Returns the trials that were in flight at the kill.
    """
    print(f"{victim.__name__} {moment:.3f} s after {trials} valid trials")
    (folder / "coin_policy.py").write_text(COIN)
    out = folder / "campaign"
    command = [COIN_POLICY, *command, f"budget:={budget}", "linger:=0", f"out:={out}"]
    with Bringup(folder, command, domain) as bringup:
        wait_for(lambda: rows(out) and len(valid(out)) >= trials, "trials", patience)
        time.sleep(moment)
        assert bringup.running and len(valid(out)) < budget, "it was over before the kill"
        victim(bringup, generator)
        before, interrupted = [tuple(row) for row in done(out)], rows(out, "state = 'ASKED'")
        if victim is not kill_everything:
            assert bringup.wait(patience) == 0, bringup.output
        else:
            bringup.wait(10)
    if victim is kill_everything:
        with Bringup(folder, command, domain) as bringup:
            assert bringup.wait(patience) == 0, bringup.output
    check_complete(out, budget, before)
    return interrupted


@pytest.mark.parametrize("number", range(KILLS))
@pytest.mark.parametrize("victim", [kill_diagnosis, kill_cell, kill_everything])
def test_killed_at_a_random_moment(tmp_path, domain, victim, number):
    generator = random.Random(f"{victim.__name__} {number}")
    trials, moment = generator.randrange(BUDGET - 5), generator.uniform(0.0, 1.5)
    command = [FOUR, "search:=uniform", "confidence:=0.9999999", f"seed:={number}"]
    interrupted = killed(
        tmp_path, domain, victim, generator, trials, moment, BUDGET, command, patience=120
    )
    out = tmp_path / "campaign"
    invalid = rows(out, "result = 'INVALID'")
    print(f"in flight at the kill: {len(interrupted)}; invalid: {[r['detail'] for r in invalid]}")
    assert len(invalid) <= 2
    assert ranking(out)["trials"] == BUDGET


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("victim", [kill_diagnosis, kill_everything])
def test_in_the_embedding_space_killed_at_a_random_moment(tmp_path, domain, victim, number):
    generator = random.Random(f"embedding {victim.__name__} {number}")
    trials, moment = generator.randrange(6, 14), generator.uniform(0.0, 3.0)
    # an embedding is in training most of the time
    options = "{first_trials: 8, retrain_every: 2, agent_steps: 256}"
    command = [
        "catalogue:=lift_continuous", "action_space:=embedding", f"search_options:={options}",
        f"seed:={number}",
    ]  # fmt: skip
    killed(tmp_path, domain, victim, generator, trials, moment, LONGER, command, patience=180)
    out = tmp_path / "campaign"
    found = ranking(out)
    seen = [mode for mode in found["failure_modes"] if mode["seen"]]
    assert found["trials"] == len(seen) == LONGER, "what was tried is not proposed again"
    assert any(not mode["seen"] for mode in found["failure_modes"])
    model, _, _ = load_embedding(out / MODEL_FOLDER)
    assert len(model.known) > 0


def run(folder, domain, command, interrupt_after=None):
    folder.mkdir(exist_ok=True)
    (folder / "coin_policy.py").write_text(COIN)
    with Bringup(folder, command, domain) as bringup:
        if interrupt_after is None:
            assert bringup.wait(180) == 0, bringup.output
            return
        wait_for(lambda: len(valid(folder / "campaign")) >= interrupt_after, "trials", 120)
        time.sleep(0.5)
        bringup.interrupt()
        assert bringup.wait(20) == 130, bringup.output


def test_resumed_after_a_clean_stop_equals_uninterrupted(tmp_path, domain):
    def command(folder):
        return [
            COIN_POLICY, FOUR, "budget:=10", "search:=uniform", "cells:=1", "seed:=4",
            "linger:=0", f"out:={folder / 'campaign'}",
        ]  # fmt: skip

    whole, halves = tmp_path / "whole", tmp_path / "halves"
    run(whole, domain, command(whole))
    run(halves, domain, command(halves), interrupt_after=4)
    assert 4 <= len(valid(halves / "campaign")) < 10
    run(halves, domain, command(halves))
    names = ("scene", "seed", "result", "steps", "duration_s")
    runs = [
        [tuple(row[name] for name in names) for row in valid(folder / "campaign")]
        for folder in (whole, halves)
    ]
    assert runs[0] == runs[1]
    rankings = [ranking(folder / "campaign") for folder in (whole, halves)]
    for found in rankings:
        del found["header"]["stamp"], found["campaign_id"]
    assert rankings[0] == rankings[1]


def updates(out):
    """How often the search agent had learned when it was stored last; 0 if never."""
    path = out / "checkpoints" / "ppo.pt"
    return int(torch.load(path, weights_only=True)["updates"]) if path.exists() else 0


def test_search_agent_goes_on_from_its_last_update(tmp_path, domain):
    (tmp_path / "coin_policy.py").write_text(COIN)
    out = tmp_path / "campaign"
    command = [
        COIN_POLICY, FOUR, "budget:=14", "search:=ppo", "search_options:={n_steps: 4}",
        "confidence:=0.9999999", "linger:=0", f"out:={out}",
    ]  # fmt: skip
    with Bringup(tmp_path, command, domain) as bringup:
        wait_for(lambda: updates(out) >= 1 and len(valid(out)) >= 5, "an update", 120)
        kill_everything(bringup, None)
        bringup.wait(10)
    first, last_asked = updates(out), max(row["request"] for row in rows(out))
    with Bringup(tmp_path, command, domain) as bringup:
        assert bringup.wait(120) == 0, bringup.output
    check_complete(out, 14)
    # it learns from what it asked itself since; an agent that started anew would have `first` less
    own = [r for r in valid(out) if r["request"] > last_asked and r["purpose"] == "search"]
    assert updates(out) == first + len(own) // 4
    singles = [m["policy_probability"] for m in ranking(out)["failure_modes"]]
    singles = [p for p in singles if p is not None]
    assert sum(singles) == pytest.approx(1.0) and max(singles) - min(singles) > 1e-4
