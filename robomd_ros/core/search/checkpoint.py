# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of a search agent: weights and optimizer state, read as data only."""

import os
import pickle
from pathlib import Path
from typing import Any

import torch
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from robomd_ros.core.errors import CampaignFolderError

_FORMAT = 1


def save_checkpoint(
    path: Path, agent: OnPolicyAlgorithm, identity: dict[str, Any], updates: int
) -> None:
    """Write the agent; a reader sees the old file or the new one, never a part.

    Args:
        path: file to write.
        agent: the SB3 agent.
        identity: plain values that a later load must agree with.
        updates: how often the agent has learned.

    Raises:
        CampaignFolderError: the file cannot be written.
    """
    document = {
        "format": _FORMAT,
        "identity": identity,
        "updates": updates,
        "policy": agent.policy.state_dict(),
        "optimizer": agent.policy.optimizer.state_dict(),
    }
    try:
        _write(path, document)
    except (OSError, RuntimeError) as error:
        raise CampaignFolderError(
            f"cannot write the checkpoint {path}: {error}; free some space or choose another folder"
        ) from error


def _write(path: Path, document: dict[str, Any]) -> None:
    temporary = path.with_suffix(".tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    with temporary.open("wb") as file:
        torch.save(document, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def load_checkpoint(path: Path, agent: OnPolicyAlgorithm, identity: dict[str, Any]) -> int:
    """Read an agent's state into `agent`; return how often it has learned.

    Raises:
        CampaignFolderError: the file is damaged, or of an agent with another identity.
    """
    remedy = "delete the file to let the search agent start anew (the trials are kept)"
    try:
        document = torch.load(path, map_location="cpu", weights_only=True)
        stored, updates = document["identity"], int(document["updates"])
        if document["format"] != _FORMAT or stored != identity:
            raise CampaignFolderError(
                f"the checkpoint {path} is of {stored}, this search of {identity}; {remedy}"
            )
        agent.policy.load_state_dict(document["policy"])
        agent.policy.optimizer.load_state_dict(document["optimizer"])
    except (OSError, EOFError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise CampaignFolderError(
            f"the checkpoint {path} is damaged ({error}); {remedy}"
        ) from error
    except pickle.UnpicklingError as error:
        raise CampaignFolderError(
            f"the checkpoint {path} is damaged or holds more than weights; {remedy}"
        ) from error
    return updates
