# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""URScript becomes Python generators that reach nothing but the script and the natives."""

import ast
import contextlib
from types import GeneratorType

import pytest

from sim_bridge.twin.motion import ScriptPose
from sim_bridge.twin.program import Program
from sim_bridge.twin.translate import require_harmless, translate
from sim_bridge.twin.urscript import ScriptError, depth_change, select_version, tokens


class Bench:
    """Runs scripts with natives that only record."""

    def __init__(self):
        self.said = []
        self.natives = {"say": lambda *values: self.said.append(values), "sync": self._sync}
        self.natives["double"] = lambda x, times=2: x * times
        self.natives["text"] = lambda: "a text"

    def _sync(self):
        yield

    def program(self, text):
        names = set(self.natives) - {"sync"}
        return Program(translate(text, names, {"sync"}), self.natives)

    def run(self, body, cycles=100):
        program = self.program(f"def test():\n{body}\nend\n")
        for _ in range(cycles):
            if not program.cycle():
                break
        return self.said


@pytest.fixture
def bench():
    return Bench()


def test_arithmetic_follows_precedence(bench):
    assert bench.run("say(1 + 2 * 3 - 8 / 4, -(2 - 5) % 2, not 1 > 2 and True)") == [(5.0, 1, True)]


def test_conditions_and_loops(bench):
    body = """
    i = 0
    while True:
      i = i + 1
      if i == 2:
        continue
      elif i > 4:
        break
      else:
        say(i)
      end
    end
    say("end of it")"""
    assert bench.run(body) == [(1,), (3,), (4,), ("end of it",)]


def test_a_statement_may_follow_an_operand_on_the_next_line(bench):
    """The client injects its register offsets this way."""
    body = """
    global offset = # the offset
24    global other = # another
0    say(offset + other)"""
    assert bench.run(body) == [(24,)]


def test_globals_are_shared_and_locals_are_not(bench):
    body = """
    global shared = 1
    def change():
      shared = shared + 1
      private = 5
      return private
    end
    private = 7
    say(change(), shared, private)"""
    assert bench.run(body) == [(5, 2, 7)]


def test_lists_are_values(bench):
    body = """
    a = [1, 2, 3]
    b = a
    b[0] = 9
    def scale(p, factor):
      p[0] = p[0] * factor
      return p
    end
    c = scale(a, 4)
    say(a, b, c)"""
    assert bench.run(body) == [([1, 2, 3], [9, 2, 3], [4, 2, 3])]


def test_poses_and_a_variable_called_p(bench):
    said = bench.run("p = p[1, 2, 3, 0, 0, 0]\np[0] = 5\nsay(p)")
    assert said == [([5, 2.0, 3.0, 0.0, 0.0, 0.0],)]
    assert isinstance(said[0][0], ScriptPose)


def test_named_arguments_reach_natives_and_functions(bench):
    body = """
    def less(a, b):
      return a - b
    end
    say(double(2, times=5), less(b=1, a=4))"""
    assert bench.run(body) == [(10, 3)]


def test_threads_take_turns_cycle_by_cycle(bench):
    body = """
    thread worker():
      while True:
        say("worker")
        sync()
      end
    end
    handle = run worker()
    say("main")
    sync()
    say("main")
    sync()
    kill handle
    sync()
    say("last")"""
    expected = ["main", "worker", "main", "worker", "last"]
    assert [said for (said,) in bench.run(body)] == expected


def test_a_critical_section_keeps_others_out(bench):
    body = """
    thread worker():
      while True:
        say("worker")
        sync()
      end
    end
    run worker()
    enter_critical
    sync()
    sync()
    say("left")
    exit_critical
    sync()"""
    assert [said for (said,) in bench.run(body)] == ["left", "worker"]


def test_join_waits(bench):
    body = """
    thread worker():
      sync()
      sync()
      say("done")
    end
    join run worker()
    say("after")"""
    assert [said for (said,) in bench.run(body)] == ["done", "after"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("x = = 3", "cannot stand here"),
        ("while True:\nsync()", "not closed"),
        ("foo(1)", "unknown function 'foo'"),
        ("x = 3 $ 4", "unexpected character"),
        ("1 = x", "cannot start with"),
        ("say(1", "',' is missing"),
        ("double(1) = 3", "only a variable"),
        ("run say(1)", "needs a thread"),
        ("x = " + "(" * 90 + "1" + ")" * 90, "nested more than"),
    ],
)
def test_mistakes_are_named_with_their_line(bench, body, reason):
    with pytest.raises(ScriptError, match=r"^line \d+: .*" + reason.replace("(", r"\(")):
        bench.program(f"def test():\n{body}\nend\n")


@pytest.mark.parametrize(
    "body",
    [
        "while True:\n x = 1\nend",
        "def f():\n return f()\nend\nx = f()",
        "x = undefined + 1",
        "x = [1, 2]\nx[5] = 1",
        "x = 2147483647 + 1",
        "x = 1 / 0",
        "x = 1 + True",
        'x = "a" * 1000000',
        "halt",
        "while True:\n def t():\n  sync()\n end\n run t()\nend",
        "x = [1]\nx = [x, x]\nx = [x, x]",
        "x = [1]\nx[0] = x",
        "double(3, wrong=1)",
        "double(1, 2, 3, 4)",
    ],
)
def test_what_a_script_may_not_do_ends_it(bench, body):
    program = bench.program(f"def test():\n{body}\nsync()\nend\n")
    with pytest.raises(ScriptError):
        for _ in range(100):
            assert program.cycle()


# Breaking out

ESCAPES = [
    '__import__("os")',
    'exec("x")',
    'eval("1")',
    'open("/etc/passwd")',
    "getattr(say, 1)",
    "globals()",
    "say.__globals__",
    "x = say.__class__",
    "x = ().__class__",
    'x = "a".format(1)',
    "x = __builtins__",
    "x = o_loop",
    "o_halt()",
    "n_say(1)",
    "f_()",
    "x = say",
    "x = [i for i in y]",
    "x = lambda: 1",
    "import os",
    "from os import system",
    "x = {1: 2}",
    "x = 'single quotes'",
    "x = `ls`",
    "x := 3",
    "@say",
    "async def f(): pass",
    "yield 1",
    "x = f'{say}'",
    "del say",
    "class A:\nend",
    "try:\nend",
    "with say:\nend",
    "global __builtins__ = 1\nsay(__builtins__)",
    "def __init__():\nreturn 1\nend\nsay(__init__())",
    "x = say\nx(1)",
    'x = text()\nx("os")',
    'say(x="__class__", __class__=1)',
    "x = 1 if True else say",
    "x = \\\nsay",
    "x = say;exec(1)",
]


@pytest.mark.parametrize("body", ESCAPES)
def test_a_script_cannot_break_out(bench, body):
    """Each either is refused, or runs without having seen anything but plain values."""
    with contextlib.suppress(ScriptError):
        bench.run(body)
    for values in bench.said:
        for value in values:
            assert type(value) in (int, float, str, bool, list, ScriptPose), body


@pytest.mark.parametrize("body", ESCAPES)
def test_the_translation_of_an_escape_names_nothing_foreign(bench, body):
    try:
        code = translate(f"def test():\n{body}\nend\n", {"say", "text"}, {"sync"})
    except ScriptError:
        return
    names, stack = set(), [code]
    while stack:
        part = stack.pop()
        names.update(part.co_names, part.co_varnames)
        stack += [constant for constant in part.co_consts if hasattr(constant, "co_names")]
    assert all(name.startswith(("v_", "f_", "o_", "n_say", "n_text", "n_sync")) for name in names)


@pytest.mark.parametrize(
    "source",
    [
        "v_x.__class__",
        "import os",
        "print(1)",
        "[v_i for v_i in v_x]",
        "lambda: 1",
        "v_x = {1}",
        "v_x = f'{v_y}'",
        "(v_x := 1)",
        "del v_x",
        "v_x = b'1'",
        "v_x = 1 + 1",
        "n_other()",
        "with v_x: pass",
        "class v_x: pass",
        "v_x = 1j",
    ],
)
def test_the_last_check_knows_what_the_parser_never_writes(source):
    with pytest.raises(ScriptError):
        require_harmless(ast.parse(source), {"n_say"})


def test_a_running_script_sees_no_builtins(bench):
    program = bench.program("def test():\nsync()\nend\n")
    steps = next(iter(program._threads.values()))
    assert isinstance(steps, GeneratorType)
    assert steps.gi_frame.f_globals["__builtins__"] == {}


# The text around a program


def test_version_marks():
    text = "$5.10   a()\n$5.10|3.15 b()\nc()\n $5.4 d()"
    assert select_version(text, (5, 12)).split() == ["a()", "b()", "c()", "d()"]
    assert select_version(text, (5, 9)).split() == ["c()", "d()"]
    assert select_version(text, (3, 15)).split() == ["b()", "c()"]
    assert select_version("c()\n", (3, 1)) == "c()\n"


def test_blocks_are_counted_outside_of_texts_and_comments():
    assert depth_change("def f(): # end end") == 1
    assert depth_change('textmsg("while the end")') == 0
    assert depth_change("if x: y() end") == 0
    assert depth_change("elif x:") == depth_change("else:") == 0
    assert depth_change("ending = 3") == 0


def test_comments_and_texts_are_no_code():
    kinds = [(t.kind, t.text) for t in tokens('x = "a # b" # c\n')]
    assert kinds == [
        ("name", "x"),
        ("symbol", "="),
        ("text", "a # b"),
        ("newline", "\n"),
        ("end", ""),
    ]
