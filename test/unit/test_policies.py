# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.numpy import load_file, save_file

from robomd_ros.core.errors import PolicyFault, PolicyLoadError
from robomd_ros.core.policies import (
    check_action,
    check_policy,
    load_policy,
    policy_digest,
    policy_path,
    wants_state,
)
from robomd_ros.core.policies.bc import BCPolicy
from robomd_ros.core.policies.checkpoint import BCArchitecture, load_checkpoint, save_checkpoint
from robomd_ros.core.spaces import ActionSpec
from sim_bridge.learn.train_bc import BCNetwork, exported

DELTA = ActionSpec("delta_pose", 7, (-1.0,), (1.0,))
SMALL = BCArchitecture(image_size=40, channels=(4, 5, 6), hidden=(16, 12))


def tensors(architecture=SMALL, seed=0):
    rng = np.random.default_rng(seed)
    shapes = architecture.shapes().items()
    return {k: (0.1 * rng.standard_normal(s)).astype(np.float32) for k, s in shapes}


@pytest.fixture
def checkpoint(tmp_path) -> Path:
    path = tmp_path / "small.yaml"
    save_checkpoint(path, "lift", SMALL, tensors(), {"command": "by hand"})
    return path


def rewrite(path: Path, **changes) -> None:
    document = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**document, **changes}))


def write_module(folder: Path, name: str, text: str, monkeypatch) -> None:
    (folder / f"{name}.py").write_text(text)
    monkeypatch.chdir(folder)


# --- the network ---


@pytest.mark.parametrize("architecture", [SMALL, BCArchitecture()])
def test_numpy_and_torch_compute_the_same(architecture):
    torch.manual_seed(1)
    network = BCNetwork(architecture).eval()
    rng = np.random.default_rng(2)
    mean = rng.standard_normal(9).astype(np.float32)
    std = rng.uniform(0.5, 2.0, 9).astype(np.float32)
    policy = BCPolicy(architecture, exported(network, mean, std))
    size = architecture.image_size
    for _ in range(5):
        image = rng.integers(0, 256, (size, size, 3), dtype=np.uint8)
        own = rng.standard_normal(9).astype(np.float32)
        picture = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
        with torch.inference_mode():
            command, _ = network(picture, torch.from_numpy((own - mean) / std)[None])
        np.testing.assert_allclose(policy.forward(image, own), command[0].numpy(), atol=1e-4)


def test_opposite_quaternions_are_one_orientation():
    policy = BCPolicy(SMALL, tensors() | {"proprioception.std": np.ones(9, np.float32)})
    image = np.zeros((40, 40, 3), np.uint8)
    commands = []
    for sign in (1.0, -1.0):
        own = {
            "eef_pos": np.ones(3),
            "eef_quat_xyzw": sign * np.array([0.9, 0.1, 0.3, 0.3]),
            "gripper_qpos": np.zeros(2),
        }
        observation = {"images": {"agentview": image}, "proprioception": own}
        commands.append(policy.act(observation))
    np.testing.assert_array_equal(*commands)


def test_another_picture_size_is_refused_with_both_sizes():
    policy = BCPolicy(SMALL, tensors())
    observation = {"images": {"agentview": np.zeros((84, 84, 3), np.uint8)}, "proprioception": {}}
    with pytest.raises(PolicyLoadError, match=r"\(40, 40, 3\) uint8 .* got \(84, 84, 3\)"):
        check_policy(policy, observation, DELTA)


# --- checkpoints ---


def test_saved_and_loaded_are_the_same(checkpoint):
    architecture, loaded = load_checkpoint(checkpoint)
    assert architecture == SMALL
    np.testing.assert_equal(loaded, tensors())
    assert isinstance(load_policy(str(checkpoint)), BCPolicy)
    assert isinstance(load_policy(str(checkpoint.with_suffix(".safetensors"))), BCPolicy)


def test_bare_name_is_looked_up_in_folders(checkpoint):
    folder = checkpoint.parent
    assert policy_path("small", [folder / "nowhere", folder]) == checkpoint
    assert isinstance(load_policy("small", [folder]), BCPolicy)
    with pytest.raises(PolicyLoadError, match=r"unknown policy 'smal'; known: small\. Give"):
        load_policy("smal", [folder])


@pytest.mark.parametrize("spec", ["", "  ", None, 3])
def test_empty_specification(spec):
    with pytest.raises(PolicyLoadError, match="give a name, a path or python"):
        load_policy(spec)


def test_missing_files(checkpoint, tmp_path):
    with pytest.raises(PolicyLoadError, match=r"nothing\.yaml: No such file"):
        load_policy(str(tmp_path / "nothing.yaml"))
    checkpoint.with_suffix(".safetensors").unlink()
    with pytest.raises(PolicyLoadError, match=r"weights .*small\.safetensors"):
        load_policy(str(checkpoint))


def test_pickles_are_never_opened(checkpoint, tmp_path):
    opened = tmp_path / "opened"

    class Bomb:
        def __reduce__(self):
            return (Path.touch, (opened,))

    torch.save({"weight": Bomb()}, checkpoint.with_suffix(".safetensors"))
    with pytest.raises(PolicyLoadError, match="not a safetensors file"):
        load_policy(str(checkpoint))
    torch.save({"weight": Bomb()}, tmp_path / "model.pt")
    with pytest.raises(PolicyLoadError, match=r"model\.pt is none of \.yaml.*they can run code"):
        load_policy(str(tmp_path / "model.pt"))
    assert not opened.exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("epochs: [1", "not valid YAML"),
        ("epochs: 3", "format is None, not 'robomd_bc_v1'"),
        ("- a\n- b", "format is 'list'"),
        ("format: robomd_bc_v1\nfoo: 1", "unknown key 'foo'; allowed"),
        ("format: robomd_bc_v1\ntask: lift", "the key 'architecture' is missing"),
        ("a: !!python/object/apply:os.system ['true']", "not valid YAML"),
    ],
)
def test_foreign_yaml(checkpoint, text, reason):
    checkpoint.write_text(text)
    with pytest.raises(PolicyLoadError, match=reason.replace("[", r"\[")):
        load_policy(str(checkpoint))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"channels": [4, 5]}, "channels must list 3 widths; got \\[4, 5\\]"),
        ({"channels": [4, 5, -6]}, "impossible"),
        ({"hidden": [16, 12.5]}, "impossible"),
        ({"image_size": 8}, "impossible"),
        ({"layers": 3}, "unknown key 'layers'"),
        ({"hidden": [16, 13]}, r"'fc2.weight' is \(12, 16\) float32, .* needs \(13, 16\)"),
    ],
)
def test_wrong_architecture(checkpoint, change, reason):
    document = yaml.safe_load(checkpoint.read_text())
    rewrite(checkpoint, architecture={**document["architecture"], **change})
    with pytest.raises(PolicyLoadError, match=reason):
        load_policy(str(checkpoint))


def test_wrong_tensors(checkpoint):
    weights = checkpoint.with_suffix(".safetensors")
    original = load_file(weights)
    save_file({**original, "extra": original["fc1.bias"]}, weights)
    with pytest.raises(PolicyLoadError, match="unknown key 'extra'"):
        load_policy(str(checkpoint))
    save_file({k: v for k, v in original.items() if k != "fc1.bias"}, weights)
    with pytest.raises(PolicyLoadError, match=r"'fc1\.bias' is missing"):
        load_policy(str(checkpoint))
    save_file({**original, "fc1.bias": original["fc1.bias"] * np.float32(np.nan)}, weights)
    with pytest.raises(PolicyLoadError, match=r"'fc1\.bias' holds NaN"):
        load_policy(str(checkpoint))


def test_weights_of_another_training_are_noticed(checkpoint):
    save_file(tensors(seed=9), checkpoint.with_suffix(".safetensors"))
    with pytest.raises(PolicyLoadError, match="restore the pair"):
        load_policy(str(checkpoint))


# --- python policies ---


def test_module_of_the_current_directory(tmp_path, monkeypatch):
    text = (
        "import numpy as np\ndef push(observation):\n    return np.ones(7)\npush.wants_state = True"
    )
    write_module(tmp_path, "my_pushing_policy", text, monkeypatch)
    policy = load_policy("python:my_pushing_policy:push")
    assert wants_state(policy)
    check_policy(policy, {}, DELTA)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("python:mod", "not of the form python:<module>:<callable>"),
        ("python::f", "not of the form"),
        ("python:no_such_module:f", "'no_such_module' cannot be imported .*ModuleNotFoundError"),
        ("python:mod:missing", "has no 'missing'; it has: Bare, boom, noisy, two"),
        ("python:mod:NUMBER", "NUMBER is int, which cannot be called"),
        ("python:mod:Bare", "Bare has no method reset"),
        ("python:mod:boom", r"calling boom\(\) raised OSError: calibration lost"),
        ("python:mod:two", "two needs a, b; give python:mod:two[?]a=<value>&b=<value>"),
        ("python:bad_mod:f", "cannot be imported .*SyntaxError"),
    ],
)
def test_python_policies_that_are_none(tmp_path, monkeypatch, spec, reason):
    text = (
        "NUMBER = 3\nclass Bare:\n    pass\ndef boom():\n    raise OSError('calibration lost')\n"
        "def two(a, b):\n    pass\ndef noisy():\n    pass\n"
    )
    (tmp_path / "bad_mod.py").write_text("def f(:\n")
    write_module(tmp_path, "mod", text, monkeypatch)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PolicyLoadError, match=reason):
        load_policy(spec)


def test_object_without_act(tmp_path, monkeypatch):
    text = "class Half:\n    def reset(self, seed, instruction):\n        pass\n"
    write_module(tmp_path, "half_policy", text, monkeypatch)
    with pytest.raises(PolicyLoadError, match=r"Half has no method act\(observation\)"):
        load_policy("python:half_policy:Half")


# --- the guard ---


def test_values_beyond_one_are_left_to_the_controller():
    np.testing.assert_array_equal(check_action([2, -3, 0], 3), [2.0, -3.0, 0.0])


@pytest.mark.parametrize("action", [[True, False], [1j, 0], ["1", "2"], [None, 1.0]])
def test_what_is_no_number(action):
    with pytest.raises(PolicyFault, match="not numbers; return 2 floats"):
        check_action(action, 2)


def test_torch_tensors_are_commands():
    np.testing.assert_array_equal(check_action(torch.ones(7), 7), np.ones(7))
    with pytest.raises(PolicyFault, match="no array of numbers"):
        check_action(torch.ones(7, requires_grad=True), 7)


def test_wrong_output_shape_is_found_before_a_campaign():
    policy = _SixNumbers()
    with pytest.raises(PolicyLoadError, match=r"does not fit the task: .*\(6,\).*needs \(7,\)"):
        check_policy(policy, {}, DELTA, "lift")


class _SixNumbers:
    def reset(self, seed, instruction):
        pass

    def act(self, observation):
        return np.zeros(6)


# --- the fingerprint ---


def test_digest_of_a_checkpoint_follows_weights_and_architecture_alone(checkpoint):
    first = policy_digest(str(checkpoint))
    assert len(first) == 16
    assert policy_digest(str(checkpoint.with_suffix(".safetensors"))) == first
    rewrite(checkpoint, made={"command": "told differently"})
    assert policy_digest(str(checkpoint)) == first
    save_checkpoint(checkpoint, "lift", SMALL, tensors(seed=1), {})
    second = policy_digest(str(checkpoint))
    wider = {**yaml.safe_load(checkpoint.read_text())["architecture"], "camera": "frontview"}
    rewrite(checkpoint, architecture=wider)
    assert len({first, second, policy_digest(str(checkpoint))}) == 3


def test_digest_of_a_shipped_policy():
    assert len(policy_digest("lift_bc")) == 16


def test_digest_of_a_python_policy_follows_its_file_and_imports_nothing(tmp_path, monkeypatch):
    package = tmp_path / "digested" / "inner"
    package.mkdir(parents=True)
    for folder in (package.parent, package):
        (folder / "__init__.py").write_text("raise RuntimeError('imported')\n")
    monkeypatch.chdir(tmp_path)
    digests = set()
    for text in ("raise RuntimeError('imported')\n", "import nothing_of_this_name\n"):
        (package / "policy.py").write_text(text)
        digests.add(policy_digest("python:digested.inner.policy:Policy"))
    assert len(digests) == 2
    assert "" not in digests


@pytest.mark.parametrize(
    "spec",
    [
        *("", "no_such_name", "nowhere/policy.yaml", "a.pt", "python:", "python:nowhere.deep:x"),
        *("python:sys:exit", "python:numpy.nowhere.deep:x", "python:.relative:x"),
    ],
)
def test_digest_of_what_cannot_be_found_is_unknown(spec):
    assert policy_digest(spec) == ""
