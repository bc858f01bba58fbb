# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""URScript expressions as Python syntax trees; what the prefixes mean stands in translate.py."""

import ast
from collections.abc import Callable, Collection
from itertools import pairwise

from sim_bridge.twin.urscript import ScriptError, Token

_ARITHMETIC = {"+": "o_add", "-": "o_subtract", "*": "o_multiply", "/": "o_divide", "%": "o_modulo"}
COMPARE: dict[str, type[ast.cmpop]] = {
    "==": ast.Eq,
    "!=": ast.NotEq,
    "<": ast.Lt,
    "<=": ast.LtE,
    ">": ast.Gt,
    ">=": ast.GtE,
}
KEYWORDS = {
    *("def", "thread", "end", "if", "elif", "else", "while", "return", "break", "continue"),
    *("global", "local", "run", "kill", "join", "halt", "and", "or", "not", "True", "False"),
    *("enter_critical", "exit_critical", "sync_"),
}
DEEPEST = 60


class Function:
    """What the parser knows about the function that it is in.

    Attributes:
        parameters: names.
        assigned: variables that are assigned to.
        changed: variables of which an element is assigned to.
    """

    def __init__(self, parameters: Collection[str]) -> None:
        self.parameters = set(parameters)
        self.assigned: set[str] = set()
        self.changed: set[str] = set()


class Expressions:
    """Recursive descent over tokens; an operand may stand on the next line."""

    def __init__(self, stream: list[Token], natives: set[str], blocking: set[str]) -> None:
        self._stream = stream
        self._position = 0
        self._natives = natives
        self._blocking = blocking
        pairs = [(a.text, b.text) for a, b in pairwise(stream)]
        self._functions = {name for word, name in pairs if word in ("def", "thread")}
        self._globals = {name for word, name in pairs if word == "global"}
        self._depth = 0

    def _expression(self) -> ast.expr:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._error(f"expressions are nested more than {DEEPEST} deep")
        result = self._chain("or", ast.Or(), lambda: self._chain("and", ast.And(), self._not))
        self._depth -= 1
        return result

    def _chain(self, word: str, operator: ast.boolop, part: Callable[[], ast.expr]) -> ast.expr:
        parts = [part()]
        while self._accept(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else ast.BoolOp(operator, parts)

    def _not(self) -> ast.expr:
        self._skip_newlines()
        if self._accept("not"):
            return ast.UnaryOp(ast.Not(), self._not())
        left = self._sum()
        operator = COMPARE.get(self._peek().text)
        if operator is None or self._peek().kind != "symbol":
            return left
        self._next()
        return ast.Compare(left, [operator()], [self._sum()])

    def _sum(self) -> ast.expr:
        return self._arithmetic("+-", lambda: self._arithmetic("*/%", self._unary))

    def _arithmetic(self, symbols: str, part: Callable[[], ast.expr]) -> ast.expr:
        left = part()
        while self._peek().kind == "symbol" and self._peek().text in symbols:
            left = call(_ARITHMETIC[self._next().text], left, part())
        return left

    def _unary(self) -> ast.expr:
        self._skip_newlines()
        negative = False
        while self._peek().text in ("-", "+") and self._peek().kind == "symbol":
            negative ^= self._next().text == "-"
            self._skip_newlines()
        operand = self._postfix(self._primary())
        return call("o_negative", operand) if negative else operand

    def _primary(self) -> ast.expr:
        token = self._next()
        if token.kind == "number":
            whole = token.text.isdigit() and int(token.text) < 2**31
            return ast.Constant(int(token.text) if whole else float(token.text))
        if token.kind == "text":
            return ast.Constant(token.text)
        if token.text == "(":
            inner = self._expression()
            self._skip_newlines()
            self._require(")")
            return inner
        if token.text == "[":
            return call("o_list", *self._arguments("]"))
        if token.kind == "name":
            return self._named(token)
        raise self._error(f"{token.text!r} cannot stand here", token)

    def _named(self, token: Token) -> ast.expr:
        """A truth value, a thread that is started, a call or a variable."""
        if token.text in ("True", "False"):
            return ast.Constant(token.text == "True")
        if token.text == "run":
            thread = self._postfix(self._primary())
            started = thread.value if isinstance(thread, ast.YieldFrom) else None
            if not isinstance(started, ast.Call):
                raise self._error("run needs a thread of the script", token)
            return call("o_run", started)
        if token.text in KEYWORDS:
            raise self._error(f"{token.text!r} cannot stand here", token)
        if self._peek().text == "(" and self._peek().kind == "symbol":
            return self._call(token)
        return variable(token.text)

    def _postfix(self, value: ast.expr) -> ast.expr:
        while self._peek().text == "[" and self._peek().kind == "symbol":
            self._next()
            parts = self._arguments("]")
            if isinstance(value, ast.Name) and value.id == "v_p" and len(parts) == 6:
                value = call("o_pose", *parts)
            elif parts:
                index = parts[0] if len(parts) == 1 else ast.Tuple(parts, ast.Load())
                value = ast.Subscript(value, index, ast.Load())
            else:
                raise self._error("an index is missing")
        return value

    def _call(self, token: Token) -> ast.expr:
        name = token.text
        self._require("(")
        own = name in self._functions
        prefix = "v_" if own else ""
        arguments: list[ast.expr] = []
        keywords: list[ast.keyword] = []
        self._skip_newlines()
        while not self._accept(")"):
            if self._peek().kind == "name" and self._peek(1).text == "=":
                keyword = self._name()
                self._next()
                keywords.append(ast.keyword(prefix + keyword, self._expression()))
            else:
                arguments.append(self._expression())
            self._skip_newlines()
            if self._peek().text != ")":
                self._require(",")
        if own:
            return ast.YieldFrom(call(f"f_{name}", *arguments, keywords=keywords))
        if name in self._blocking:
            return ast.YieldFrom(call(f"n_{name}", *arguments, keywords=keywords))
        if name in self._natives:
            return call(f"n_{name}", *arguments, keywords=keywords)
        raise self._error(f"unknown function {name!r}", token)

    def _arguments(self, closing: str) -> list[ast.expr]:
        parts: list[ast.expr] = []
        self._skip_newlines()
        while not self._accept(closing):
            parts.append(self._expression())
            self._skip_newlines()
            if self._peek().text != closing:
                self._require(",")
                self._skip_newlines()
        return parts

    # tokens

    def _peek(self, ahead: int = 0) -> Token:
        return self._stream[min(self._position + ahead, len(self._stream) - 1)]

    def _next(self) -> Token:
        token = self._peek()
        self._position += 1
        return token

    def _accept(self, text: str) -> bool:
        token = self._peek()
        if token.text == text and token.kind in ("name", "symbol"):
            self._position += 1
            return True
        return False

    def _require(self, text: str) -> None:
        if not self._accept(text):
            raise self._error(f"{text!r} is missing before {self._peek().text!r}")

    def _name(self) -> str:
        token = self._next()
        if token.kind != "name" or token.text in KEYWORDS:
            raise self._error(f"a name is missing before {token.text!r}", token)
        return token.text

    def _skip_newlines(self) -> None:
        while self._peek().kind == "newline":
            self._position += 1

    def _error(self, text: str, token: Token | None = None) -> ScriptError:
        return ScriptError(f"line {(token or self._peek()).line}: {text}")


def variable(name: str, context: ast.expr_context | None = None) -> ast.Name:
    """A variable of the script, to be read unless the context says otherwise."""
    return ast.Name(f"v_{name}", context or ast.Load())


def call(name: str, *arguments: ast.expr, keywords: list[ast.keyword] | None = None) -> ast.expr:
    """The call of a name that already has its prefix."""
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), keywords or [])
