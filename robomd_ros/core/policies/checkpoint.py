# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The behaviour-cloning checkpoint: a YAML file that describes, a safetensors file that holds."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from robomd_ros.core.errors import PolicyLoadError
from robomd_ros.core.yaml_text import dump_yaml, load_yaml

FORMAT = "robomd_bc_v1"
PROPRIOCEPTION = {"eef_pos": 3, "eef_quat_xyzw": 4, "gripper_qpos": 2}
_YAML_KEYS = {"format", "task", "weights_sha256", "architecture", "made"}

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class BCArchitecture:
    """What the network is made of; enough to know the shape of every tensor.

    Attributes:
        camera: the image it looks at.
        image_size: height and width of that image, pixels.
        channels: outputs of the three convolutions: 6x6 stride 4, 3x3, 3x3.
        hidden: widths of the perceptron that follows the spatial softmax.
        action_size: values of the command.
    """

    camera: str = "agentview"
    image_size: int = 84
    channels: tuple[int, int, int] = (32, 32, 32)
    hidden: tuple[int, int] = (256, 256)
    action_size: int = 7

    @property
    def grid(self) -> int:
        """Height and width of the feature maps."""
        return (self.image_size - 6) // 4 + 1

    @property
    def features(self) -> int:
        """Inputs of the perceptron: two coordinates per feature map and the proprioception."""
        return 2 * self.channels[2] + sum(PROPRIOCEPTION.values())

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every tensor, as torch lays them out."""
        a, b, c = self.channels
        h1, h2 = self.hidden
        proprioception = sum(PROPRIOCEPTION.values())
        return {
            "conv1.weight": (a, 3, 6, 6),
            "conv1.bias": (a,),
            "conv2.weight": (b, a, 3, 3),
            "conv2.bias": (b,),
            "conv3.weight": (c, b, 3, 3),
            "conv3.bias": (c,),
            "fc1.weight": (h1, self.features),
            "fc1.bias": (h1,),
            "fc2.weight": (h2, h1),
            "fc2.bias": (h2,),
            "action.weight": (self.action_size, h2),
            "action.bias": (self.action_size,),
            "proprioception.mean": (proprioception,),
            "proprioception.std": (proprioception,),
        }


def load_checkpoint(path: Path) -> tuple[BCArchitecture, dict[str, Floats]]:
    """Read a checkpoint: a YAML file and the safetensors file beside it.

    Args:
        path: either of the two files.

    Raises:
        PolicyLoadError: missing, foreign or damaged; nothing in it is ever executed.
    """
    path = Path(path)
    described = path.with_suffix(".yaml") if path.suffix == ".safetensors" else path
    document = _read_yaml(described)
    architecture = _architecture(document["architecture"], described)
    weights = path.with_suffix(".safetensors")
    tensors = _read_tensors(weights, architecture)
    if (digest := file_sha256(weights)) != document["weights_sha256"]:
        raise PolicyLoadError(
            f"{weights} is not the file that {described} describes (sha256 {digest[:12]}, expected "
            f"{str(document['weights_sha256'])[:12]}); restore the pair"
        )
    return architecture, tensors


def save_checkpoint(
    path: Path, task: str, architecture: BCArchitecture, tensors: Mapping[str, Floats], made: Any
) -> None:
    """Write `path` (.yaml) and the safetensors file beside it.

    Args:
        path: the YAML file.
        task: name of the task it was trained for.
        architecture: what the tensors belong to.
        tensors: as `BCArchitecture.shapes`.
        made: how it was made: plain mappings, lists, text and numbers.
    """
    weights = path.with_suffix(".safetensors")
    path.parent.mkdir(parents=True, exist_ok=True)
    weights.write_bytes(save({k: np.ascontiguousarray(v) for k, v in tensors.items()}))
    shape = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(architecture).items()}
    document = {
        "format": FORMAT,
        "task": task,
        "weights_sha256": file_sha256(weights),
        "architecture": shape,
        "made": made,
    }
    path.write_text(dump_yaml(document), encoding="utf-8")


def checkpoint_sha256(path: Path) -> str:
    """Fingerprint of all that decides what a checkpoint does: its architecture and its weights.

    Raises:
        PolicyLoadError: the description cannot be read.
        OSError: the weights cannot be read.
    """
    described = path.with_suffix(".yaml") if path.suffix == ".safetensors" else path
    architecture = json.dumps(_read_yaml(described)["architecture"], sort_keys=True)
    weights = file_sha256(path.with_suffix(".safetensors"))
    return hashlib.sha256(f"{architecture}\n{weights}".encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """Fingerprint of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        document = load_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PolicyLoadError(
            f"cannot read the policy {path}: {error.strerror}; a checkpoint is a .yaml file and a "
            ".safetensors file of the same name"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PolicyLoadError(f"the policy {path} is not valid YAML: {error}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        got = document.get("format") if isinstance(document, dict) else type(document).__name__
        raise PolicyLoadError(
            f"{path} is not a checkpoint of this program: format is {got!r}, not {FORMAT!r}; load "
            "a policy of your own as python:<module>:<callable>"
        )
    _require_keys(document, _YAML_KEYS, str(path))
    return document


def _require_keys(values: Mapping[str, Any], keys: set[str], where: str) -> None:
    if unknown := sorted(set(map(str, values)) - keys):
        raise PolicyLoadError(f"{where}: unknown key {unknown[0]!r}; allowed: {sorted(keys)}")
    if missing := sorted(keys - set(values)):
        raise PolicyLoadError(f"{where}: the key {missing[0]!r} is missing")


def _architecture(values: object, path: Path) -> BCArchitecture:
    if not isinstance(values, dict):
        raise PolicyLoadError(f"{path}: architecture must be a mapping; got {values!r}")
    _require_keys(values, {f.name for f in fields(BCArchitecture)}, f"{path}: architecture")
    for key, length in (("channels", 3), ("hidden", 2)):
        if not isinstance(values[key], list) or len(values[key]) != length:
            raise PolicyLoadError(f"{path}: {key} must list {length} widths; got {values[key]!r}")
    numbers = [*values["channels"], *values["hidden"], values["action_size"], values["image_size"]]
    if not all(type(n) is int and 0 < n <= 4096 for n in numbers) or values["image_size"] < 16:
        raise PolicyLoadError(
            f"{path}: architecture {values!r} is impossible; widths are 1 to 4096 and image_size "
            "at least 16"
        )
    tuples = {key: tuple(values[key]) for key in ("channels", "hidden")}
    return BCArchitecture(**{**values, **tuples})


def _read_tensors(path: Path, architecture: BCArchitecture) -> dict[str, Floats]:
    try:
        tensors = load_file(path)
    except OSError as error:
        raise PolicyLoadError(f"cannot read the policy's weights {path}: {error}") from error
    except SafetensorError as error:
        raise PolicyLoadError(
            f"{path} is not a safetensors file ({error}); other formats are not loaded because "
            "they can run code"
        ) from error
    expected = architecture.shapes()
    _require_keys(tensors, set(expected), f"{path}: tensors")
    for name, shape in expected.items():
        tensor = tensors[name]
        if tensor.shape != shape or tensor.dtype != np.float32:
            raise PolicyLoadError(
                f"{path}: tensor {name!r} is {tensor.shape} {tensor.dtype}, the architecture needs "
                f"{shape} float32"
            )
        if not np.isfinite(tensor).all():
            raise PolicyLoadError(f"{path}: tensor {name!r} holds NaN or infinite values")
    return tensors
