# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Errors named for the situation; a message says what happened, the value, and the remedy."""

EXIT_CONFIGURATION = 2
"""Exit code of a process that refused its configuration: starting it again would not help."""


class RoboMDError(Exception):
    """Base of every error that this package raises on purpose."""


class ConfigurationError(RoboMDError):
    """A parameter, file or argument cannot be used; raised before anything is created or moved."""


class CatalogueError(ConfigurationError):
    """A variation catalogue, or a variation in it, is unknown, duplicate or malformed."""


class PolicyLoadError(ConfigurationError):
    """The policy under test is missing, foreign, or does not fit the task."""


class SpacesError(PolicyLoadError):
    """What a policy needs, or a cell gives, is malformed, or the two do not fit each other."""


class PluginError(ConfigurationError):
    """A plug-in is unknown, cannot be imported, or is given what it does not take."""


class CampaignFolderError(ConfigurationError):
    """A campaign folder belongs to another configuration or cannot be written."""


class TrialLogError(RoboMDError):
    """The trial database is damaged or holds what this version cannot read."""


class RelabelError(RoboMDError):
    """A trial cannot have the label that a person gives it afterwards."""


class NoSuchTrialError(RelabelError):
    """There is no such trial, or it has not ended."""


class PolicyFault(RoboMDError):
    """The policy raised, or returned a command that no robot may execute; the trial is INVALID."""


class CellFault(RoboMDError):
    """A cell could not give a valid outcome (died, hung, refused); the trial is INVALID."""


class SceneSkippedError(CellFault):
    """The operator cannot make the scene now; other scenes come first."""


class CellLostError(CellFault):
    """The cell itself is gone: no further trial runs there until it returns."""


class EncoderError(ConfigurationError):
    """An encoder is unknown or cannot be loaded, or was given what it cannot encode."""


class EmbeddingError(RoboMDError):
    """The embedding cannot be trained, loaded or asked with what it was given."""
