# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a campaign's folder says about it: the configuration, and the catalogue as it was then.

Both lie in the folder, so that it can be read where nothing else of the campaign is left: the
catalogue file may be gone or changed, the search and the policy unknown to this program.
"""

import hashlib
import json
import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robomd_ros.core import policies
from robomd_ros.core.campaign.defaults import ACTION_SPACE, NOMINAL_LIMIT, ORDER_BY
from robomd_ros.core.campaign.folder import CATALOGUE_FILE
from robomd_ros.core.errors import CampaignFolderError, CatalogueError, ConfigurationError
from robomd_ros.core.evidence.rates import FAILING_THRESHOLD
from robomd_ros.core.share import config_file
from robomd_ros.core.variations import Catalogue, Parameter, Variation, load_catalogue
from robomd_ros.core.yaml_text import dump_yaml

if TYPE_CHECKING:  # the Python of ROS does without pydantic
    from robomd_ros.core.campaign.config import CampaignConfig

CHANGEABLE = ("budget", "confidence", "on_nominal_failure")
"""What a resumed campaign may have anew: it decides when the campaign ends, not what its trials
are."""

_TEXTS = ("task", "policy", "catalogue", "search", "action_space", "order_by")
_NUMBERS = ("budget", "seed", "confidence")
_PACKAGES = (
    "robomd_ros",
    "numpy",
    "torch",
    "stable_baselines3",
    "gymnasium",
    "timm",
    "open_clip_torch",
    "robosuite",
    "mujoco",
)


@dataclass(frozen=True)
class StoredConfig:
    """What a campaign was configured with, as far as a reader must know it.

    Names are as they were written: of a policy or a search that this program does not have, too.

    Attributes:
        task: name of the task.
        policy: the policy under test.
        catalogue: path of the catalogue that the campaign was started with.
        search: name of the strategy.
        budget: valid trials to do.
        seed: of everything random.
        confidence: with which something is held to be known.
        failing_threshold: a failure rate above it is called failing.
        variation_ids: the variations used; empty is the whole catalogue.
        accumulates: whether scenes accumulate on success.
        action_space: "discrete" or "embedding".
        order_by: order of the ranking.
        values: all of it, by name.
    """

    task: str
    policy: str
    catalogue: str
    search: str
    budget: int
    seed: int
    confidence: float
    variation_ids: tuple[str, ...]
    accumulates: bool
    action_space: str = ACTION_SPACE
    order_by: str = ORDER_BY
    failing_threshold: float = FAILING_THRESHOLD
    values: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "StoredConfig":
        """Read what `CampaignConfig.to_mapping` wrote, of whatever version.

        Raises:
            ConfigurationError: a value that is needed is missing or of another type.
        """
        kinds: dict[str, tuple[type, ...]] = {name: (str,) for name in _TEXTS}
        kinds.update({name: (int,) for name in _NUMBERS})
        kinds.update({name: (int, float) for name in ("confidence", "failing_threshold")})
        known: dict[str, Any] = {}
        for name, kind in kinds.items():
            if name not in values:
                continue
            value = values[name]
            if not isinstance(value, kind) or isinstance(value, bool):
                raise ConfigurationError(
                    f"{name} must be {'text' if str in kind else 'a number'}; got {value!r}"
                )
            known[name] = value
        missing = [n for n in (*_TEXTS[:4], *_NUMBERS) if n not in known]
        if missing:
            raise ConfigurationError(f"it lacks the key {missing[0]!r}")
        ids = values.get("variation_ids") or ()
        return cls(
            **known,
            variation_ids=tuple(map(str, ids)),
            accumulates=values.get("accumulate") is True,
            values=values,
        )

    @property
    def nominal_limit(self) -> float:
        """Rate of the unchanged scene above which no change is blamed."""
        return float(self.values.get("nominal_limit") or NOMINAL_LIMIT)

    def to_mapping(self) -> dict[str, Any]:
        """All of it as plain data, as it is written."""
        return dict(self.values)


def new_document(config: "CampaignConfig", catalogue: Catalogue) -> dict[str, Any]:
    """The description of a campaign that begins now.

    Args:
        config: the campaign's.
        catalogue: the variations that it uses.
    """
    return {
        "campaign_id": f"{config.task}-{uuid.uuid4().hex[:12]}",
        "created_at": _now(),
        "seed": config.seed,
        "config": config.to_mapping(),
        "catalogue": contents(catalogue),
        "policy_digest": policies.policy_digest(config.policy),
        "policy_files": policies.policy_files(config.policy),
        "versions": installed_versions(),
    }


def installed_versions() -> dict[str, str]:
    """Versions of the packages that results may depend on, as far as they are installed."""
    versions: dict[str, str] = {}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def reconfigured(document: Mapping[str, Any], config: "CampaignConfig") -> dict[str, Any] | None:
    """The description with what of the configuration may change, and when it did.

    Returns:
        None where nothing has changed.
    """
    there, here = document["config"], config.to_mapping()
    changed = [name for name in CHANGEABLE if there.get(name) != here[name]]
    if not changed:
        return None
    changes = document.get("changes")
    records = [
        {"at": _now(), "name": name, "from": there.get(name), "to": here[name]} for name in changed
    ]
    return {
        **document,
        "config": {**there, **{name: here[name] for name in changed}},
        "changes": [*(changes if isinstance(changes, list) else []), *records],
    }


def differences(
    document: Mapping[str, Any], config: "CampaignConfig", catalogue: Catalogue
) -> list[str]:
    """In what a stored campaign differs from this one so that it cannot go on with it, in lines.

    Versions may differ, and so may the catalogue's path; what the campaign does may not, nor what
    the policy is made of. A file that the policy did not have then may have been written by it.

    Args:
        document: the stored one.
        config: of the campaign that is to go on.
        catalogue: the variations that it uses.
    """
    there = _flat({**document["config"], "catalogue": document.get("catalogue")})
    here = _flat({**config.to_mapping(), "catalogue": contents(catalogue)})
    digests = document.get("policy_digest"), policies.policy_digest(config.policy)
    if all(digests):  # unknown in an older campaign, or where the policy cannot be found
        there["policy_digest"], here["policy_digest"] = digests
        files, now = document.get("policy_files"), policies.policy_files(config.policy)
        for path, before in files.items() if isinstance(files, Mapping) else ():
            key = f"policy_files.{path}"
            there[key], here[key] = before, now.get(str(path), "gone, or not named any more")
    # of a program that did not know them yet, or knew one more
    other = set(config.to_mapping()) ^ set(document["config"])
    return [
        f"  {key}: there {there.get(key)!r}, here {here.get(key)!r}"
        for key in sorted(there.keys() | here.keys())
        if key not in ("variation_ids", *CHANGEABLE, *other) and there.get(key) != here.get(key)
    ]


def contents(catalogue: Catalogue) -> dict[str, Any]:
    """The ids, for people, and a digest of all that the catalogue says."""
    content = {
        "task": catalogue.task,
        "instruction": catalogue.instruction,
        "nominal": sorted(["/".join(k), _plain(v)] for k, v in catalogue.nominal.items()),
        "variations": [
            [v.id, v.factor, v.target, v.description, _plain(v.parameters)] for v in catalogue
        ],
    }
    text = json.dumps(content, sort_keys=True, ensure_ascii=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return {"variations": [v.id for v in catalogue], "digest": digest}


def catalogue_text(catalogue: Catalogue) -> str:
    """A catalogue as the YAML that `load_catalogue` reads."""
    variations = []
    for v in catalogue:
        entry: dict[str, Any] = {n: getattr(v, n) for n in ("id", "factor", "target")}
        entry["description"] = v.description
        if v.parameters:
            entry["parameters"] = _plain(v.parameters)
        if not math.isnan(v.change_cost):
            entry["change_cost"] = v.change_cost
        if not math.isnan(v.expert_success):
            entry["expert_success"] = v.expert_success
        variations.append(entry)
    document: dict[str, Any] = {"task": catalogue.task, "instruction": catalogue.instruction}
    if catalogue.nominal:
        document["nominal"] = {"/".join(k): _plain(v) for k, v in catalogue.nominal.items()}
    document["variations"] = variations
    return dump_yaml(document)


def read_catalogue(
    folder: Path,
    document: Mapping[str, Any],
    config: StoredConfig,
    ranked: Mapping[str, Variation],
) -> Catalogue:
    """The variations of a campaign as they were when it began.

    They lie in the folder. Of a campaign of the first edition, whose folder has no catalogue, or
    where it is damaged, they are those of the file that the campaign was started with, if that
    still says the same; else those of its ranking.

    Args:
        folder: of the campaign.
        document: its description.
        config: the configuration in it.
        ranked: what ranking.json says of single variations, by id.

    Raises:
        CampaignFolderError: none of them has the campaign's variations.
    """
    entry = document.get("catalogue")
    said = entry if isinstance(entry, Mapping) else {}
    ids = [str(i) for i in said.get("variations") or config.variation_ids]
    found, problems = None, []
    shipped = [Path(config.catalogue).stem] if said.get("digest") else []
    sources: tuple[Path | str, ...] = (folder / CATALOGUE_FILE, config.catalogue, *shipped)
    for source in sources:
        try:
            found = _taken(source, ids)
        except (CatalogueError, ConfigurationError) as error:
            problems.append(str(error))
            continue
        if said.get("digest") in (None, contents(found)["digest"]):
            return found
        problems.append(f"{source} is not the catalogue that the campaign began with any more")
    ids = ids or list(ranked)
    if ids and all(i in ranked for i in ids):
        instruction = found.instruction if found is not None else ""
        return Catalogue(config.task, [ranked[i] for i in ids], instruction=instruction)
    raise CampaignFolderError(
        f"the variations of the campaign in {folder} are lost: {'; '.join(problems)}. Restore the "
        f"catalogue that it was started with, as {folder / CATALOGUE_FILE}"
    )


def _taken(source: Path | str, ids: list[str]) -> Catalogue:
    """The variations of these ids from a catalogue file, all of them without ids."""
    path = config_file("variations", source) if isinstance(source, str) else source
    catalogue = load_catalogue(path)
    return catalogue.subset(ids) if ids else catalogue


def _plain(parameters: Mapping[str, Parameter]) -> dict[str, Any]:
    """Parameters as `load_catalogue` would read them back: numbers are floats, tuples lists."""

    def plain(value: Any) -> Any:
        if isinstance(value, tuple | list):
            return [plain(item) for item in value]
        return value if isinstance(value, str) else float(value)

    return {key: plain(value) for key, value in parameters.items()}


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
