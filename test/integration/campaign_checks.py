# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the tests of faults share: an odd policy, a log of the status, and what must hold."""

import sqlite3
import threading
import time

import psutil
import rclpy
from graph import rows, valid
from rclpy.executors import SingleThreadedExecutor

from robomd_msgs.msg import CampaignStatus
from robomd_ros.ros.conversions import status_from_msg
from robomd_ros.ros.qos import LATCHED

COIN = '''
"""Lifts the cube or stands still, by the seed: an order that is never settled. Not too fast."""
import time

import numpy as np

from sim_bridge.experts.lift import ScriptedExpert


class Policy(ScriptedExpert):
    def reset(self, seed, instruction):
        super().reset(seed, instruction)
        self.idle = seed % 2

    def act(self, observation):
        time.sleep(0.02)
        return np.zeros(7) if self.idle else super().act(observation)
'''
COIN_POLICY = "policy:=python:coin_policy:Policy"


class StatusLog:
    """Every campaign status of a domain, as it comes, in a thread."""

    def __init__(self, domain: dict[str, str]) -> None:
        self.seen = []
        self._context = rclpy.Context()
        rclpy.init(context=self._context, domain_id=int(domain["ROS_DOMAIN_ID"]))
        self._node = rclpy.create_node("status_log", context=self._context)
        self._node.create_subscription(
            CampaignStatus, "/robomd/campaign_status", self._take, LATCHED
        )
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def _take(self, message):
        self.seen.append(status_from_msg(message))

    def _spin(self):
        while not self._ending.is_set():
            self._executor.spin_once(timeout_sec=0.1)

    def close(self):
        self._ending.set()
        self._thread.join()
        self._node.destroy_node()
        rclpy.shutdown(context=self._context)


def check_complete(out, budget, done_before=()):
    """Exactly the budget, nobody twice, nothing lost that was there before, no damage."""
    assert len(valid(out)) == budget
    served = [row["request"] for row in valid(out)]
    assert len(set(served)) == budget
    everything = rows(out)
    assert [row["trial_index"] for row in everything] == list(range(len(everything)))
    assert all(row["state"] == "DONE" for row in everything)
    assert all(row["detail"] for row in everything if row["result"] == "INVALID")
    now = [tuple(row) for row in everything]
    assert all(tuple(row) in now for row in done_before)
    check_integrity(out)


def check_integrity(out):
    database = sqlite3.connect(out / "trials.db")
    try:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    finally:
        database.close()


def done(out):
    """The trials that have ended."""
    return rows(out, "state = 'DONE'")


def processes_of(folder):
    """Every live process that a bring-up in this folder left, wherever its parent is."""
    found = []
    for process in psutil.process_iter():
        try:
            ours = process.cwd() == str(folder) and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            continue
        if ours:
            found.append(process)
    return found


def seconds_until_gone(folder, limit=15.0):
    """How long it takes until no process of the bring-up is left; AssertionError names them."""
    begun = time.monotonic()
    while left := processes_of(folder):
        taken = time.monotonic() - begun
        assert taken < limit, f"left after {taken:.1f} s: {[p.cmdline()[:4] for p in left]}"
        time.sleep(0.02)
    return time.monotonic() - begun
