# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""Every command of `robomd`: its help, a wrong argument, and the exit codes."""

import re
import subprocess
import sys

import pytest

from robomd_ros import __version__
from robomd_ros.cli.main import main
from robomd_ros.terminal.output import NOBODY_READS

HELP = {
    "sim": "policy",
    "ur5e": "robot_ip",
    "doctor": "robot_ip",
    "home": "robot_ip",
    "teach": "params_file",
    "plan": "name:=value",
    "ranking": "campaign_dir",
    "report": "campaign_dir",
    "compare": "campaign_dir",
    "relabel": "trial",
    "minimize": "trial",
    "export": "--format",
    "query": "--text",
    "rank-unseen": "--catalogue",
    "embedding": "train",
    "panel": "--namespace",
    "operator": "cell",
    "console": "host",
    "truth": "--catalogue",
    "feasible": "--catalogue",
    "collect-demos": "--demonstrations",
    "train-bc": "--epochs",
    "new": "policy",
    "twin": "polyscope",
    "parameters": "every parameter",
    "version": "version",
}
"""What a command's help names at least."""

WRONG = {
    "sim": ["polcy:=lift_bc"],
    "ur5e": ["robot_op:=1.2.3.4"],
    "doctor": ["robot_op:=1.2.3.4"],
    "home": ["robot_op:=1.2.3.4"],
    "teach": ["home", "robot_op:=1.2.3.4"],
    "plan": ["ur5e", "robot_op:=1.2.3.4"],
    "ranking": ["folder", "--limt"],
    "report": ["folder", "--oout"],
    "compare": ["folder", "folder", "--htm1"],
    "relabel": ["folder", "3", "failure", "--tga"],
    "minimize": ["folder", "3", "--tral"],
    "export": ["folder", "--fromat"],
    "query": ["folder", "--text", "a red cube", "--imgae"],
    "rank-unseen": ["folder", "--catalogue", "file", "--imges"],
    "embedding": ["trian"],
    "panel": ["--namespce"],
    "operator": ["--cell"],
    "console": ["cell_0", "hots:=1.2.3.4"],
    "truth": ["--out", "file", "--polcy"],
    "feasible": ["--catalogue", "lift", "--exprt"],
    "collect-demos": ["--out", "file", "--demostrations"],
    "train-bc": ["--out", "file", "--epoch-count"],
    "new": ["policy", "mine", "--foldr"],
    "twin": ["adress:=127.0.0.3"],
    "parameters": ["--lnog"],
    "version": ["--long"],
}
"""Arguments of which the last is wrong."""


pytestmark = pytest.mark.usefixtures("own_environment")


def robomd(*arguments):
    """A command in this process; its exit code."""
    try:
        return main(arguments)
    except SystemExit as ended:  # of argparse
        return ended.code


def test_the_tables_here_hold_every_command_of_the_help(capsys):
    assert robomd("--help") == 0
    listed = re.findall(r"^  ([a-z][\w-]+) ", capsys.readouterr().out, re.MULTILINE)
    assert listed == list(HELP) == list(WRONG)


@pytest.mark.parametrize("flag", ["--help", "-h"])
@pytest.mark.parametrize("command", HELP)
def test_every_command_has_a_help(command, flag, capsys):
    assert robomd(command, flag) == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"usage: robomd {command}")
    assert HELP[command] in said.out
    assert not said.err


@pytest.mark.parametrize("command", WRONG)
def test_every_command_refuses_a_wrong_argument(command, capsys, caplog):
    assert robomd(command, *WRONG[command]) == 2
    said = capsys.readouterr()
    assert not said.out
    message = said.err + caplog.text  # one may log to the same stderr
    assert "error: " in message
    assert WRONG[command][-1].partition(":=")[0] in message


@pytest.mark.parametrize("arguments", [(), ("-h",), ("--help",), ("help",)])
def test_robomd_alone_and_its_help_list_the_commands(arguments, capsys):
    assert robomd(*arguments) == 0
    assert capsys.readouterr().out.startswith("usage: robomd <command>")


def test_an_unknown_command_is_refused_with_those_there_are(capsys):
    assert robomd("diagnose") == 2
    said = capsys.readouterr().err
    assert said.startswith("error: unknown command 'diagnose'; known: sim, ")
    assert all(command in said for command in HELP)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["version"], 0, f"robomd {__version__}"),
        (["verison"], 2, "unknown command 'verison'"),
        (["ranking", "/nowhere"], 2, "/nowhere"),
        (["collect-demos", "--help"], 0, "usage: robomd collect-demos"),
    ],
)
def test_the_exit_code_is_the_process_s(arguments, code, said):
    command = [sys.executable, "-m", "robomd_ros.cli.main", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert said in (done.stderr if code else done.stdout)
    assert not (done.stdout if code else done.stderr)


def test_help_whose_reader_has_gone_ends_without_a_word():
    """As `robomd --help | head -1`, whose pipe is closed before anything is read."""
    code = "from robomd_ros.cli.main import main; raise SystemExit(main(['--help']))"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as command:
        command.stdout.close()
        assert command.stderr.read() == ""
    assert command.returncode == NOBODY_READS
