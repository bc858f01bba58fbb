# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Weights of the model hub: whether they can be had, asked before a library waits for minutes."""

import os
import sys
from collections.abc import Sequence
from pickle import UnpicklingError

import huggingface_hub
from huggingface_hub import constants, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError
from safetensors import SafetensorError

from robomd_ros.core.errors import EncoderError

TIMEOUT = 5.0
"""s that the hub may take to say that it has a file."""


def require_weights(model: str, repository: str, files: Sequence[str], offline: str) -> None:
    """Return if one of the files is in the cache, or if the hub says that it has one.

    Args:
        model: as the user named it, for the message.
        repository: owner/name on the hub.
        files: names under which the weights may be stored.
        offline: an encoder that needs no hub, for the message.

    Raises:
        EncoderError: neither; it names the model, the cache and what to do.
    """
    if any(isinstance(try_to_load_from_cache(repository, file), str) for file in files):
        return
    reason = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else _asked(repository, files)
    if reason:
        raise missing_weights(model, repository, reason, offline)


def missing_weights(model: str, repository: str, reason: str, offline: str) -> EncoderError:
    """The one error for weights that cannot be loaded."""
    return EncoderError(
        f"cannot load the weights of {model} ({repository}): {reason}. They are not in the cache "
        f"{cache_folder()}. With a network, run once: hf download "
        f"{repository} (of older versions: huggingface-cli download); "
        "or copy that cache from a machine that has them, and set HF_HOME to it; or give a "
        f"local file; or choose {offline!r}, which needs no model hub"
    )


def cache_folder() -> str:
    """Where the hub's files are kept (set HF_HOME or HF_HUB_CACHE to move it)."""
    return os.fspath(constants.HF_HUB_CACHE)


def load_errors() -> tuple[type[Exception], ...]:
    """What loading weights may raise; a file of something else breaks an unpickler anywhere."""
    damaged = (LookupError, ValueError, TypeError, AttributeError, EOFError, UnpicklingError)
    return (*_network_errors(), RuntimeError, SafetensorError, *damaged)


def _network_errors() -> tuple[type[Exception], ...]:
    """What the hub's client may raise; which HTTP library it uses depends on its version."""
    found: list[type[Exception]] = [OSError, HfHubHTTPError]
    for module, name in (
        ("httpx2", "HTTPError"),
        ("httpx", "HTTPError"),
        ("requests", "RequestException"),
    ):
        if module in sys.modules and hasattr(sys.modules[module], name):
            found.append(getattr(sys.modules[module], name))
    return tuple(found)


def _asked(repository: str, files: Sequence[str]) -> str:
    """Why no file can be had; empty if one can."""
    for file in files:
        try:
            huggingface_hub.get_hf_file_metadata(hf_hub_url(repository, file), timeout=TIMEOUT)
            return ""
        except EntryNotFoundError:
            continue
        except _network_errors() as error:
            return f"the hub does not answer ({first_line(error)})"
    return f"the hub has none of {', '.join(files)} there"


def first_line(error: Exception) -> str:
    """What an error says at first, or what it is if it says nothing."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__
