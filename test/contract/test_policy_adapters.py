# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
import numpy as np
from policy_contract import PolicyContract

from robomd_ros.core.policies import load_policy
from robomd_ros.core.policies.bc import BCPolicy
from robomd_ros.core.policies.checkpoint import BCArchitecture
from sim_bridge.experts.lift import ScriptedExpert


def random_bc(seed: int = 0) -> BCPolicy:
    architecture = BCArchitecture()
    rng = np.random.default_rng(seed)
    shapes = architecture.shapes().items()
    tensors = {k: (0.1 * rng.standard_normal(s)).astype(np.float32) for k, s in shapes}
    tensors["proprioception.std"] = np.ones(9, dtype=np.float32)
    return BCPolicy(architecture, tensors)


class TestBCPolicy(PolicyContract):
    def make(self):
        return random_bc()


class TestShippedPolicy(PolicyContract):
    def make(self):
        return load_policy("lift_bc")


class TestScriptedExpert(PolicyContract):
    def make(self):
        return ScriptedExpert()


class TestPythonClass(PolicyContract):
    def make(self):
        return load_policy("python:sample_policies:Still")


class TestPythonFactory(PolicyContract):
    def make(self):
        return load_policy("python:sample_policies:make_still")


class TestPythonFunction(PolicyContract):
    def make(self):
        return load_policy("python:sample_policies:up")


class TestPolicyWithState(PolicyContract):
    def make(self):
        return load_policy("python:sample_policies:Seeing")
