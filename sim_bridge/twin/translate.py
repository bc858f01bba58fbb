# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""URScript to Python generators: one `next()` per control cycle and script thread.

The parser writes a Python syntax tree in which every name carries a prefix that says what it is:
`v_` a variable, `f_` a function of the script, `n_` a native function, `o_` an operation of the
run-time. The tree has no attributes, imports, comprehensions or operators that the script could
reach anything else with; `require_harmless` holds the finished tree to that once more.
"""

import ast
from collections.abc import Collection
from types import CodeType

from sim_bridge.twin.expressions import COMPARE, DEEPEST, Expressions, Function, call, variable
from sim_bridge.twin.urscript import ScriptError, Token, tokens

MAIN = "f_"
"""The generator function of the program itself: its prefix without a name."""

_HARMLESS = (
    *(ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Expr, ast.Assign, ast.Global),
    *(ast.If, ast.While, ast.Break, ast.Continue, ast.Return, ast.Pass, ast.Call, ast.keyword),
    *(ast.Name, ast.Load, ast.Store, ast.Constant, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp),
    *(ast.Not, ast.Compare, *COMPARE.values(), ast.Subscript, ast.Tuple),
    *(ast.Yield, ast.YieldFrom),
)


def translate(text: str, natives: Collection[str], blocking: Collection[str]) -> CodeType:
    """Compile a program.

    Args:
        text: `def name(): ... end`, one program.
        natives: functions that the script may call and that return at once.
        blocking: functions that the script may call and that take control cycles.

    Returns:
        Code that defines the script's functions, MAIN among them.

    Raises:
        ScriptError: what is wrong and in which line.
    """
    try:
        tree = _Parser(list(tokens(text)), set(natives), set(blocking)).program()
        require_harmless(tree, {f"n_{name}" for name in (*natives, *blocking)})
        return compile(tree, "<URScript>", "exec")
    except (RecursionError, SyntaxError, ValueError) as error:
        raise ScriptError(f"the script cannot be compiled: {error}") from error


def require_harmless(tree: ast.AST, natives: Collection[str]) -> None:
    """Refuse a tree that could reach anything but the script itself and the named natives.

    Raises:
        ScriptError: a node or a name that no translation has.
    """
    for node in ast.walk(tree):
        if not isinstance(node, _HARMLESS):
            raise ScriptError(f"a script may not use {type(node).__name__}")
        own = isinstance(node, ast.Name) and node.id.startswith(("v_", "f_", "o_"))
        if isinstance(node, ast.Name) and not own and node.id not in natives:
            raise ScriptError(f"a script may not use the name {node.id!r}")
        if isinstance(node, ast.Constant) and type(node.value) not in (
            *(int, float, str, bool, type(None)),
        ):
            raise ScriptError(f"a script may not use the constant {node.value!r}")


class _Parser(Expressions):
    """The statements of a program; one may follow the other on a line."""

    def __init__(self, stream: list[Token], natives: set[str], blocking: set[str]) -> None:
        super().__init__(stream, natives, blocking)
        self._function = Function(())
        self._definitions: list[ast.stmt] = []

    def program(self) -> ast.Module:
        """`def name(): ... end` and nothing after it."""
        self._skip_newlines()
        self._require("def")
        self._functions.discard(self._name())
        for symbol in ("(", ")", ":"):
            self._require(symbol)
        main = self._finish(MAIN, (), self._body())
        self._skip_newlines()
        if self._peek().kind != "end":
            raise self._error("something follows the end of the program")
        module = ast.Module([*self._definitions, main], [])
        return ast.fix_missing_locations(module)

    def _body(self) -> list[ast.stmt]:
        statements = self._block("end")
        self._require("end")
        return statements

    def _block(self, *closing: str) -> list[ast.stmt]:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._error(f"blocks are nested more than {DEEPEST} deep")
        statements: list[ast.stmt] = []
        while True:
            self._skip_newlines()
            token = self._peek()
            if token.kind == "end":
                raise self._error("a block is not closed with 'end'")
            if token.kind == "name" and token.text in closing:
                self._depth -= 1
                return statements or [ast.Pass()]
            statement = self._statement()
            if statement is not None:
                statement.lineno = statement.end_lineno = token.line
                statement.col_offset = statement.end_col_offset = 0
                statements.append(statement)

    def _statement(self) -> ast.stmt | None:
        token = self._peek()
        if token.kind != "name":
            raise self._error(f"a statement cannot start with {token.text!r}")
        special = {
            "def": self._definition,
            "thread": self._definition,
            "if": self._if,
            "while": self._while,
            "return": self._return,
            "global": self._declaration,
            "local": self._declaration,
        }.get(token.text)
        if special is not None:
            self._next()
            return special()
        if token.text in ("break", "continue"):
            self._next()
            return ast.Break() if token.text == "break" else ast.Continue()
        if token.text in ("enter_critical", "exit_critical", "halt", "kill", "join"):
            self._next()
            return ast.Expr(self._order(token.text))
        return self._assignment_or_call()

    def _order(self, word: str) -> ast.expr:
        if word in ("enter_critical", "exit_critical", "halt"):
            return call(f"o_{word}")
        order = call(f"o_{word}", self._expression())
        return ast.YieldFrom(order) if word == "join" else order

    def _definition(self) -> None:
        """A function or a thread inside the program."""
        name, parameters = self._name(), []
        self._require("(")
        while not self._accept(")"):
            parameters.append(self._name())
            self._accept(",")
        self._require(":")
        outer, self._function = self._function, Function(parameters)
        self._definitions.append(self._finish(f"f_{name}", tuple(parameters), self._body()))
        self._function = outer

    def _finish(self, name: str, parameters: tuple[str, ...], body: list[ast.stmt]) -> ast.stmt:
        """The generator function of a body that was just read."""
        function = self._function
        start: list[ast.stmt] = []
        changed = sorted((function.assigned & self._globals) - function.parameters)
        if changed:
            start.append(ast.Global([f"v_{name}" for name in changed]))
        for parameter in sorted(function.changed & function.parameters):  # given by value
            copied = call("o_copy", variable(parameter))
            start.append(ast.Assign([variable(parameter, ast.Store())], copied))
        never = ast.If(ast.Constant(False), [ast.Expr(ast.Yield(None))], [])
        arguments = ast.arguments(
            [], [ast.arg(f"v_{p}") for p in parameters], None, [], [], None, []
        )
        content: list[ast.stmt] = [*start, never, *body]
        definition = ast.FunctionDef(name, arguments, content, [])
        if "type_params" in ast.FunctionDef._fields:  # Python 3.12 requires it
            definition.type_params = []  # type: ignore[attr-defined, unused-ignore]
        return definition

    def _if(self) -> ast.stmt:
        condition = self._expression()
        self._require(":")
        body = self._block("elif", "else", "end")
        closing = self._next().text
        if closing == "elif":
            nested = self._if()
            nested.lineno = nested.end_lineno = self._peek().line
            nested.col_offset = nested.end_col_offset = 0
            return ast.If(condition, body, [nested])
        otherwise: list[ast.stmt] = []
        if closing == "else":
            self._require(":")
            otherwise = self._body()
        return ast.If(condition, body, otherwise)

    def _while(self) -> ast.stmt:
        condition = self._expression()
        self._require(":")
        return ast.While(condition, [ast.Expr(call("o_loop")), *self._body()], [])

    def _return(self) -> ast.stmt:
        ends = self._peek().kind in ("newline", "end") or self._peek().text in ("end", "else")
        return ast.Return(None if ends else self._expression())

    def _declaration(self) -> ast.stmt:
        name = self._name()
        self._require("=")
        return self._assign(name)

    def _assign(self, name: str) -> ast.stmt:
        self._function.assigned.add(name)
        value = self._expression()
        if isinstance(value, ast.Name | ast.YieldFrom | ast.Subscript):
            value = call("o_copy", value)
        return ast.Assign([variable(name, ast.Store())], value)

    def _assignment_or_call(self) -> ast.stmt:
        if self._peek(1).text == "=":
            name = self._name()
            self._require("=")
            return self._assign(name)
        expression = self._expression()
        if not self._accept("="):
            return ast.Expr(expression)
        if not isinstance(expression, ast.Subscript) or not isinstance(expression.value, ast.Name):
            raise self._error("only a variable or an element of one can be assigned to")
        name = expression.value.id[2:]
        self._function.changed.add(name)
        return ast.Expr(call("o_set", expression.value, expression.slice, self._expression()))
