# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Run by its path, so that no file of the current folder can stand for a module that is needed.

`start.py <module> [arguments]` runs a module of this package as `python -m` does;
`start.py <module>:<function>` is a hosted child, see serve.py. Python 2 can read this file too: it
says what is wrong instead of pointing at its syntax.
"""
# mypy: ignore-errors

import sys

if sys.version_info < (3, 8):  # noqa: UP036 - any interpreter of the user's may run this
    sys.stderr.write("this is Python " + sys.version.split()[0] + "; 3.8 or newer is needed\n")
    sys.exit(78)

import json
import os
import runpy
from importlib.machinery import PathFinder

_VARIABLE = "ROBOMD_START"


class _OwnPackages:
    """Finds our packages where this file is, and nothing else that lies beside them."""

    def __init__(self, root, names):
        self._root, self._names = root, names

    def find_spec(self, name, path=None, target=None):
        """As importlib asks."""
        own = path is None and name in self._names
        return PathFinder.find_spec(name, [self._root]) if own else None


def _set_module_path(given):
    """The current folder comes last, unless PYTHONPATH names it."""
    try:
        here = os.getcwd()
    except OSError:  # somebody has removed it
        here = "/nowhere"
    wanted = [os.path.abspath(e) for e in os.environ.get("PYTHONPATH", "").split(os.pathsep) if e]
    folder = os.path.dirname(os.path.realpath(__file__))
    kept = [os.path.abspath(entry) for entry in given or sys.path if entry]
    kept = [e for e in kept if os.path.realpath(e) != folder and (e != here or e in wanted)]
    sys.path[:] = kept if here in kept else kept + [here]  # noqa: RUF005 - see the module


def _main():
    settings = json.loads(os.environ.get(_VARIABLE, "{}"))
    _set_module_path(settings.get("path"))
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    names = settings.get("packages", ["robomd_ros", "sim_bridge"])
    sys.meta_path.insert(0, _OwnPackages(os.path.dirname(package), names))
    what = sys.argv.pop(1)
    if ":" not in what:
        from robomd_ros.core.hosted.parent import die_with_starter  # noqa: PLC0415

        die_with_starter()
        runpy.run_module(what, run_name="__main__", alter_sys=True)
        return
    del os.environ[_VARIABLE]
    try:
        from robomd_ros.core.hosted.serve import main  # noqa: PLC0415
    except ImportError as error:
        sys.stderr.write(sys.executable + " cannot host this: " + str(error) + "; install numpy\n")
        sys.exit(78)
    main(what, settings)


if __name__ == "__main__":
    _main()
