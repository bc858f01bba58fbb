# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command `robomd`: the same bring-ups without the launch stack, and tools for campaigns."""

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from robomd_ros import __version__
from robomd_ros.core.errors import EXIT_CONFIGURATION, ConfigurationError, RoboMDError
from robomd_ros.core.share import NAMESPACE
from robomd_ros.terminal.output import NOBODY_READS, drop_output, print_what_can_be

_USAGE = """usage: robomd <command> [arguments]

  sim [name:=value ...]     diagnose a policy in simulation (robomd sim --help lists the arguments)
  ur5e [name:=value ...]    diagnose a policy on a UR5e, a person making the changes (ur5e --help)
  doctor [name:=value ...]  look at all that a first run needs, moving nothing; arguments as ur5e
  home [name:=value ...]    send a UR5e home, by somebody who watches it; arguments as ur5e
  teach home|box|mark ...   read home, box or a mark where you lead the arm by hand (--help)
  plan sim|ur5e [name:=...] check a diagnosis and print what it would start, as JSON
  ranking <campaign_dir>    print the ranking of a campaign   [--limit N] [--publish]
  report <campaign_dir> ... write the report: one page, figures as PNG and SVG   [--out DIR]
  compare <dir> <dir> ...   which policy is more robust, and how sure that is   [--html DIR]
  relabel <dir> <trial> ... another label for a trial: success, failure or invalid   (--help)
  minimize <dir> <trial>    which changes of a failed trial's scene make the policy fail   (--help)
  export <campaign_dir>     write CSV, Parquet, MCAP   [--format csv|parquet|mcap|all] [--out DIR]
  query <campaign_dir>      how likely a change makes it fail   --text "..." [--image FILE]
  rank-unseen <dir>         rank what nobody has tried   --catalogue FILE [--images DIR] [--out F]
  embedding train|report    train an embedding from campaigns; how good it is   (--help)
  panel                     watch a diagnosis and answer its requests in a window (--help)
  operator <cell>           answer what is asked at a cell, on this terminal
  console <cell>            the same as a page for a phone, opened by a QR code   (--help)
  truth                     measure the failure rate of every variation       (--help)
  feasible                  measure which variations a scripted expert can do (--help)
  collect-demos             record demonstrations of the scripted expert      (--help)
  train-bc                  train an image policy on demonstrations           (--help)
  new <kind> <name>         begin a policy, judge, search, ... of your own          (--help)
  twin [name:=value ...]    a simulated UR5e that speaks the real one's protocols   (--help)
  parameters                print every parameter, argument and option
  version                   print the version
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; errors are one clear message on stderr and an exit code that is not 0."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    command = arguments.pop(0) if arguments else "--help"
    print_what_can_be()
    try:
        if command in ("-h", "--help", "help"):
            print(_USAGE, flush=True)
            return 0
        if command not in _COMMANDS:
            known = ", ".join(_COMMANDS)
            raise ConfigurationError(f"unknown command {command!r}; known: {known}")
        if command in _OVER_ROS and not {"-h", "--help"}.intersection(arguments):
            from robomd_ros.ros.environment import check_ros_environment

            check_ros_environment()  # before rclpy is imported, which would end this process
        code = _COMMANDS[command](arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        drop_output()
        return NOBODY_READS
    except RoboMDError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_CONFIGURATION if isinstance(error, ConfigurationError) else 1
    except KeyboardInterrupt:
        return 130


def _sim(arguments: Sequence[str]) -> int:
    from robomd_ros.bringup import sim as bringup
    from robomd_ros.bringup.domain import own_domain
    from robomd_ros.core.arguments import help_text, parse_arguments

    if "-h" in arguments or "--help" in arguments:
        print(help_text("robomd sim", bringup.SimArguments))
        return 0
    from robomd_ros.cli.campaign import process_environment, run_campaign
    from robomd_ros.ros.environment import check_ros

    values = bringup.resolve_sim(parse_arguments(arguments, bringup.SimArguments))
    with own_domain(values["namespace"]) as domain:
        print(f"{values['namespace']} in ROS_DOMAIN_ID={domain}")
        print("checking the configuration, the policy and the simulator ...", flush=True)
        bringup.check_sim(values)
        check_ros(process_environment())
        processes = bringup.sim_processes(values)
        return run_campaign(processes, Path(values["out"]), values["namespace"])


def _ur5e(arguments: Sequence[str]) -> int:
    from robomd_ros.bringup import ur5e as bringup_ur5e
    from robomd_ros.bringup.domain import own_domain
    from robomd_ros.core.arguments import help_text, parse_arguments

    table = bringup_ur5e.Ur5eArguments
    if "-h" in arguments or "--help" in arguments:
        print(help_text("robomd ur5e", table))
        return 0
    from robomd_ros.cli.campaign import process_environment, run_campaign
    from robomd_ros.ros.environment import check_ros

    values = bringup_ur5e.resolve_ur5e(parse_arguments(arguments, table))
    with own_domain(values["namespace"]) as domain:
        print(f"{values['namespace']} in ROS_DOMAIN_ID={domain}")
        print("checking the configuration, the policy and the robot's address ...", flush=True)
        bringup_ur5e.check_ur5e(values)
        check_ros(process_environment())
        processes = bringup_ur5e.ur5e_processes(values)
        return run_campaign(processes, Path(values["out"]), values["namespace"], values["cell"])


def _plan(arguments: Sequence[str]) -> int:
    import argparse
    import json

    parser = argparse.ArgumentParser(
        "robomd plan",
        description="Check a diagnosis and print as JSON what it consists of; launch files use it.",
    )
    parser.add_argument("kind", nargs="?", default="", help="sim or ur5e")
    parser.add_argument("given", nargs="*", metavar="name:=value", help="as of robomd sim or ur5e")
    parser.add_argument("--write", type=Path, help="a file for it, or for what is wrong")
    parser.add_argument(
        "--arguments", action="store_true", help="print the arguments of all launch files instead"
    )
    options = parser.parse_args(arguments)
    from robomd_ros.core.hosted.parent import die_with_starter

    die_with_starter()  # a launch that is killed meanwhile
    from robomd_ros.bringup import plan as planning

    if options.arguments:
        known = {kind: planning.launch_arguments(kind) for kind in planning.BRINGUPS}
        print(json.dumps(known, indent=1))
    elif options.write is not None:
        planning.write_plan(options.write, options.kind, options.given)
    else:
        print(json.dumps(planning.plan(options.kind, options.given), indent=1))
    return 0


def _doctor(arguments: Sequence[str]) -> int:
    if "-h" in arguments or "--help" in arguments:
        from robomd_ros.bringup.ur5e import Ur5eArguments
        from robomd_ros.core.arguments import help_text

        print(help_text("robomd doctor", Ur5eArguments))
        return 0
    from robomd_ros.cli.campaign import process_environment
    from robomd_ros.doctor import run_doctor

    os.environ.update(process_environment())
    return run_doctor(arguments)


def _ranking(arguments: Sequence[str]) -> int:
    import argparse

    parser = argparse.ArgumentParser("robomd ranking", description="Print a campaign's ranking.")
    parser.add_argument("campaign_dir", type=Path)
    parser.add_argument("--limit", type=int, default=None, help="failure modes to print")
    parser.add_argument(
        "--publish", action="store_true", help="also publish it, latched, until Ctrl-C"
    )
    parser.add_argument("--namespace", default=NAMESPACE, help=f"where to publish it ({NAMESPACE})")
    options = parser.parse_args(arguments)
    from robomd_ros.core.campaign.stored import read_campaign
    from robomd_ros.core.evidence.ranking_table import ranking_table
    from robomd_ros.terminal.live_view import console

    stored = read_campaign(options.campaign_dir)
    if stored.ranking is None:
        raise RoboMDError(f"{options.campaign_dir} has no ranking yet; let it run a trial first")
    if stored.ranking_note:
        print(f"note: {stored.ranking_note}", file=sys.stderr)
    console().print(ranking_table(stored.ranking, options.limit))
    if options.publish:
        from robomd_ros.bringup.arguments import absolute_namespace
        from robomd_ros.cli.campaign import publish_ranking

        publish_ranking(stored.ranking, absolute_namespace(options.namespace))
    return 0


def _operator(arguments: Sequence[str]) -> int:
    if "-h" in arguments or "--help" in arguments:
        print("usage: robomd operator <cell>\n\n  cell    name of the cell, e.g. cell_0 or ur5e")
        return 0
    if len(arguments) != 1 or arguments[0].startswith("-"):
        raise ConfigurationError(f"usage: robomd operator <cell>, e.g. cell_0; got {arguments!r}")
    from robomd_ros.nodes.operator_prompt import OperatorPrompt
    from robomd_ros.ros.runtime import run_node

    namespace = arguments[0] if arguments[0].startswith("/") else f"/{NAMESPACE}/{arguments[0]}"
    code = run_node(OperatorPrompt, ["--ros-args", "-r", f"__ns:={namespace}"])
    sys.stdout.flush()
    os._exit(code)  # the keyboard thread still waits for a line


def _console(arguments: Sequence[str]) -> int:
    from robomd_ros.core.arguments import help_text, parse_arguments
    from robomd_ros.ros.node_parameters import ConsoleParameters

    if "-h" in arguments or "--help" in arguments:
        print(help_text("robomd console <cell>", ConsoleParameters))
        return 0
    if not arguments or arguments[0].startswith("-") or ":=" in arguments[0]:
        raise ConfigurationError(f"usage: robomd console <cell> [name:=value ...]; got {arguments}")
    values = parse_arguments(arguments[1:], ConsoleParameters)
    from robomd_ros.console.needs import check_console

    check_console(values.get("host", "localhost"))
    from robomd_ros.nodes.console_node import ConsoleNode
    from robomd_ros.ros.runtime import run_node

    cell = arguments[0]
    namespace = cell if cell.startswith("/") else f"/{NAMESPACE}/{cell}"
    given = [part for name in values for part in ("-p", f"{name}:={values[name]}")]
    code = run_node(ConsoleNode, ["--ros-args", "-r", f"__ns:={namespace}", *given])
    sys.stdout.flush()
    os._exit(code)  # the keyboard thread still waits for a line


def _panel(arguments: Sequence[str]) -> int:
    from robomd_ros.cli.campaign import process_environment

    os.environ.update(process_environment())
    from robomd_ros.rqt.app import run

    code = run(arguments)
    sys.stdout.flush()
    os._exit(code)  # neither Qt's nor a library's exit handler may hang


def _version(arguments: Sequence[str]) -> int:
    if "-h" in arguments or "--help" in arguments:
        print("usage: robomd version")
        return 0
    if arguments:
        raise ConfigurationError(f"robomd version takes no argument; got {' '.join(arguments)}")
    print(f"robomd {__version__}")
    return 0


def _tool(module: str) -> Callable[[Sequence[str]], int]:
    """A command whose module has its own main(argv)."""

    def run(arguments: Sequence[str]) -> int:
        code = importlib.import_module(module).main(list(arguments))
        return int(code or 0)

    return run


_COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "sim": _sim,
    "ur5e": _ur5e,
    "home": _tool("robomd_ros.doctor.home"),
    "teach": _tool("robomd_ros.doctor.teach"),
    "plan": _plan,
    "doctor": _doctor,
    "ranking": _ranking,
    "report": _tool("robomd_ros.cli.report"),
    "compare": _tool("robomd_ros.cli.compare"),
    "relabel": _tool("robomd_ros.cli.relabel"),
    "export": _tool("robomd_ros.cli.export"),
    "query": _tool("robomd_ros.cli.query"),
    "minimize": _tool("robomd_ros.cli.minimize"),
    "rank-unseen": _tool("robomd_ros.cli.rank_unseen"),
    "embedding": _tool("robomd_ros.cli.embedding"),
    "panel": _panel,
    "operator": _operator,
    "console": _console,
    "feasible": _tool("sim_bridge.learn.feasible"),
    "truth": _tool("sim_bridge.learn.truth"),
    "collect-demos": _tool("sim_bridge.learn.demos"),
    "train-bc": _tool("sim_bridge.learn.train_bc"),
    "new": _tool("robomd_ros.cli.new"),
    "twin": _tool("sim_bridge.twin.main"),
    "parameters": _tool("robomd_ros.cli.parameters"),
    "version": _version,
}

_OVER_ROS = ("sim", "ur5e", "doctor", "plan", "panel", "operator", "console")
"""Commands that talk to processes over ROS 2."""

if __name__ == "__main__":
    sys.exit(main())
