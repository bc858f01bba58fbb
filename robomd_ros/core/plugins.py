# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""How a text names a policy, task, arm, judge or search: ours, an installed package's, a module's.

    <name>                                  of our table, or of an installed package's entry point
    python:<module>:<callable>              of any module, also one of the current folder
    ...?<key>=<value>&<key>=<value>         with arguments for either, values as in YAML

A module's attributes may be reached through dots: python:my_module:MyClass.from_file.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from robomd_ros.core.errors import ConfigurationError, PluginError, RoboMDError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

PYTHON = "python:"
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclass(frozen=True)
class Named:
    """A specification that was taken apart.

    Attributes:
        text: as it was given.
        target: name, or `python:<module>:<callable>`.
        arguments: what follows the question mark.
    """

    text: str
    target: str
    arguments: Mapping[str, Any]

    @property
    def module(self) -> str:
        """The module of `python:<module>:<callable>`; "" of a name."""
        return self.target[len(PYTHON) :].partition(":")[0] if self.is_python else ""

    @property
    def is_python(self) -> bool:
        """Whether it names a module instead of a table's entry."""
        return self.target.startswith(PYTHON)

    @property
    def short(self) -> str:
        """The name, without the module."""
        return self.target.rpartition(":")[2]


@dataclass(frozen=True)
class PluginKind:
    """One kind of things that are found by name.

    Attributes:
        name: what one is called in messages: "policy".
        group: of the entry points of installed packages.
        own: our table, name -> "module:attribute"; nothing of it is imported before it is asked.
        error: what is raised.
        advice: what else may be given instead of a name, for the message about an unknown one.
    """

    name: str
    group: str
    own: Mapping[str, str] = field(default_factory=dict)
    error: type[ConfigurationError] = PluginError
    advice: str = "python:<module>:<callable>"

    def names(self) -> list[str]:
        """All that can be named: ours, then those of installed packages."""
        installed = {entry.name for entry in _entry_points(self.group)}
        return [*self.own, *sorted(installed - set(self.own))]

    def knows(self, spec: str) -> bool:
        """Whether the text names a module's object, or something of ours or installed."""
        target = spec.strip().partition("?")[0]
        return target.startswith(PYTHON) or target in self.own or bool(self._installed(target))

    def parse(self, spec: object) -> Named:
        """Take a specification apart; nothing is imported."""
        if not isinstance(spec, str) or not spec.strip():
            raise self.error(f"the {self.name} is {spec!r}; give a name or {self.advice}")
        text = spec.strip()
        target, mark, query = text.partition("?")
        named = Named(text, target, self._arguments(text, query) if mark else {})
        if named.is_python:
            module, _, attribute = target[len(PYTHON) :].partition(":")
            if not module or not attribute:
                raise self.error(
                    f"the {self.name} {text!r} is not of the form python:<module>:<callable>"
                )
        return named

    def find(self, named: Named) -> Any:
        """The object that is named, as it is: a class, a function, or a thing already made."""
        if named.is_python:
            module, _, attribute = named.target[len(PYTHON) :].partition(":")
            return self._attribute(self._module(module, named), attribute, named)
        if named.target in self.own:
            module, _, attribute = self.own[named.target].partition(":")
            return self._attribute(self._module(module, named), attribute, named)
        installed = self._installed(named.target)
        if not installed:
            raise self.error(self._unknown(named))
        if len(installed) > 1:
            packages = ", ".join(sorted(_package(entry) for entry in installed))
            raise self.error(
                f"the {self.name} {named.target!r} is offered by several packages: {packages}; "
                f"uninstall all but one, or give {self.advice}"
            )
        try:
            return installed[0].load()
        except (Exception, SystemExit) as error:
            raise self.error(
                f"the {self.name} {named.target!r} of the package {_package(installed[0])} cannot "
                f"be loaded ({installed[0].value}: {type(error).__name__}: {error})"
            ) from error

    def module_of(self, named: Named) -> str:
        """The module that holds what is named, without importing it; "" where nobody knows."""
        if named.is_python:
            return named.module
        installed = [entry.value for entry in self._installed(named.target)]
        return (self.own.get(named.target) or (installed or [""])[0]).partition(":")[0]

    def make(self, spec: str) -> Any:
        """Find what is named and make it: a class or a factory is called with the arguments.

        Raises:
            PluginError (or the kind's own): unknown, not importable, wrong arguments, or it raised.
        """
        named = self.parse(spec)
        target = self.find(named)
        if not callable(target):
            return self.ready_made(target, named)
        return self.call(target, named)

    def ready_made(self, target: Any, named: Named) -> Any:
        """A thing that was made already: it takes no arguments."""
        if named.arguments:
            raise self.error(
                f"{self.name} {named.text!r}: {named.short} is a ready-made "
                f"{type(target).__name__}, which takes no arguments; leave out "
                f"{', '.join(named.arguments)}"
            )
        return target

    def call(self, target: Callable[..., Any], named: Named, *given: Any) -> Any:
        """Call it with what is given first, and the arguments, if it takes them."""
        self.check_arguments(target, named)
        needed = required(target)[len(given) :]
        if missing := [p.name for p in needed if p.name not in named.arguments]:
            form = "&".join(f"{name}=<value>" for name in missing)
            raise self.error(
                f"{self.name} {named.text!r}: {named.short} needs {', '.join(missing)}; "
                f"give {named.target}?{form}"
            )
        try:
            return target(*given, **named.arguments)
        except RoboMDError:
            raise
        except (Exception, SystemExit) as error:
            raise self.error(
                f"{self.name} {named.text!r}: calling {named.short}() raised "
                f"{type(error).__name__}: {error}"
            ) from error

    def check_arguments(self, target: Callable[..., Any], named: Named) -> None:
        """Whether the callable takes all that is given."""
        parameters = _parameters(target)
        if parameters is None or any(p.kind is p.VAR_KEYWORD for p in parameters):
            return
        accepted = [
            p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
        ]
        for key in named.arguments:
            if key not in accepted:
                raise self.error(
                    f"{self.name} {named.text!r}: {named.short} has no argument {key!r}"
                    f"{_meant(key, accepted)}; it takes: {', '.join(accepted) or 'none'}"
                )

    def _installed(self, name: str) -> list[EntryPoint]:
        return [entry for entry in _entry_points(self.group) if entry.name == name]

    def _unknown(self, named: Named) -> str:
        names = self.names()
        return (
            f"unknown {self.name} {named.target!r}{_meant(named.target, names)}; known: "
            f"{', '.join(names) or 'none'}. Give one of these, or {self.advice}"
        )

    def _arguments(self, text: str, query: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for part in query.split("&"):
            key, equals, value = part.partition("=")
            if not key.isidentifier() or not equals or not value:
                raise self.error(
                    f"the {self.name} {text!r}: {part!r} is not of the form key=value; write "
                    "?key=value&key2=value2, an empty text as '', & within a value as %26"
                )
            if key in found:
                raise self.error(f"the {self.name} {text!r}: {key!r} is given twice; give it once")
            found[key] = self._value(text, key, unquote(value))
        return found

    def _value(self, text: str, key: str, value: str) -> Any:
        try:
            parsed = _plain(value)
        except ValueError:
            return value  # a text that means something to YAML only by accident
        if isinstance(parsed, (dict, list)):
            raise self.error(
                f"the {self.name} {text!r}: {key} is {value!r}; a value is one number, text, true, "
                "false or null"
            )
        return parsed

    def _module(self, name: str, named: Named) -> Any:
        add_current_folder()
        try:
            return importlib.import_module(name)
        except (Exception, SystemExit) as error:
            remedy = "install what it needs, see requirements.txt"
            if named.is_python:
                remedy = "install it, or start in the folder that holds it"
            raise self.error(
                f"{self.name} {named.text!r}: module {name!r} cannot be imported "
                f"({type(error).__name__}: {error}); {remedy}"
            ) from error

    def _attribute(self, module: Any, path: str, named: Named) -> Any:
        found = module
        for name in path.split("."):
            if not hasattr(found, name):
                public = [n for n in vars(found) if n[:1] != "_" and callable(getattr(found, n))]
                raise self.error(
                    f"{self.name} {named.text!r}: {_called(found)} has no {name!r}"
                    f"{_meant(name, public)}; it has: "
                    f"{', '.join(sorted(public)) or 'nothing callable'}"
                )
            found = getattr(found, name)
        return found


def required(target: Callable[..., Any]) -> list[inspect.Parameter]:
    """Arguments that a callable cannot do without; none where it does not tell."""
    parameters = _parameters(target) or []
    return [p for p in parameters if p.default is p.empty and p.kind not in _VARIADIC]


def add_current_folder() -> None:
    """Let modules of the current folder be found, after all others: a queue.py there is no harm."""
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.append(here)


def _parameters(target: Callable[..., Any]) -> list[inspect.Parameter] | None:
    try:
        return list(inspect.signature(target).parameters.values())
    except (TypeError, ValueError):
        return None


def _entry_points(group: str) -> Iterable[EntryPoint]:
    from importlib.metadata import entry_points  # noqa: PLC0415 - loads e-mail, archives, ...

    found = entry_points()
    # before Python 3.10 it is a dictionary by group
    return found.select(group=group) if hasattr(found, "select") else found.get(group, [])


def _plain(text: str) -> Any:
    """A value as in YAML; as in JSON where a Python that hosts a policy has no YAML. ValueError."""
    try:
        import yaml  # noqa: PLC0415 - see above
    except ImportError:
        return json.loads(text)
    from robomd_ros.core.yaml_text import load_yaml  # noqa: PLC0415 - it needs yaml

    try:
        return load_yaml(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def _package(entry: EntryPoint) -> str:
    distribution = getattr(entry, "dist", None)  # since Python 3.10
    return str(entry.value if distribution is None else distribution.name)


def _called(found: Any) -> str:
    name = getattr(found, "__name__", type(found).__name__)
    return f"module {name!r}" if inspect.ismodule(found) else repr(name)


def _meant(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
