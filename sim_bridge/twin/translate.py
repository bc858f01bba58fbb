"""URScript to Python generators: one `next()` per control cycle and script thread.

The parser writes a Python syntax tree in which every name carries a prefix that says what it is:
`v_` a variable, `f_` a function of the script, `n_` a native function, `o_` an operation of the
run-time. The tree has no attributes, imports, comprehensions or operators that the script could
reach anything else with; `require_harmless` holds the finished tree to that once more.
"""

import ast
from collections.abc import Callable, Collection
from itertools import pairwise
from types import CodeType

from sim_bridge.twin.urscript import ScriptError, Token, tokens

MAIN = "f_"
"""The generator function of the program itself: its prefix without a name."""

_ARITHMETIC = {"+": "o_add", "-": "o_subtract", "*": "o_multiply", "/": "o_divide", "%": "o_modulo"}
_COMPARE: dict[str, type[ast.cmpop]] = {
    "==": ast.Eq,
    "!=": ast.NotEq,
    "<": ast.Lt,
    "<=": ast.LtE,
    ">": ast.Gt,
    ">=": ast.GtE,
}
_KEYWORDS = {
    *("def", "thread", "end", "if", "elif", "else", "while", "return", "break", "continue"),
    *("global", "local", "run", "kill", "join", "halt", "and", "or", "not", "True", "False"),
    *("enter_critical", "exit_critical", "sync_"),
}
_DEEPEST = 60
_HARMLESS = (
    *(ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Expr, ast.Assign, ast.Global),
    *(ast.If, ast.While, ast.Break, ast.Continue, ast.Return, ast.Pass, ast.Call, ast.keyword),
    *(ast.Name, ast.Load, ast.Store, ast.Constant, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp),
    *(ast.Not, ast.Compare, *_COMPARE.values(), ast.Subscript, ast.Tuple),
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


class _Function:
    """What the parser knows about the function that it is in."""

    def __init__(self, parameters: Collection[str]) -> None:
        self.parameters = set(parameters)
        self.assigned: set[str] = set()
        self.changed: set[str] = set()


class _Parser:
    """Recursive descent; an operand may stand on the next line, a statement may follow another."""

    def __init__(self, stream: list[Token], natives: set[str], blocking: set[str]) -> None:
        self._stream = stream
        self._position = 0
        self._natives = natives
        self._blocking = blocking
        pairs = [(a.text, b.text) for a, b in pairwise(stream)]
        self._functions = {name for word, name in pairs if word in ("def", "thread")}
        self._globals = {name for word, name in pairs if word == "global"}
        self._function = _Function(())
        self._definitions: list[ast.stmt] = []
        self._depth = 0

    # statements

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
        if self._depth > _DEEPEST:
            raise self._error(f"blocks are nested more than {_DEEPEST} deep")
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
            return _call(f"o_{word}")
        call = _call(f"o_{word}", self._expression())
        return ast.YieldFrom(call) if word == "join" else call

    def _definition(self) -> None:
        """A function or a thread inside the program."""
        name, parameters = self._name(), []
        self._require("(")
        while not self._accept(")"):
            parameters.append(self._name())
            self._accept(",")
        self._require(":")
        outer, self._function = self._function, _Function(parameters)
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
            copied = _call("o_copy", _variable(parameter))
            start.append(ast.Assign([_variable(parameter, ast.Store())], copied))
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
        return ast.While(condition, [ast.Expr(_call("o_loop")), *self._body()], [])

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
            value = _call("o_copy", value)
        return ast.Assign([_variable(name, ast.Store())], value)

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
        return ast.Expr(_call("o_set", expression.value, expression.slice, self._expression()))

    # expressions

    def _expression(self) -> ast.expr:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._error(f"expressions are nested more than {_DEEPEST} deep")
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
        operator = _COMPARE.get(self._peek().text)
        if operator is None or self._peek().kind != "symbol":
            return left
        self._next()
        return ast.Compare(left, [operator()], [self._sum()])

    def _sum(self) -> ast.expr:
        return self._arithmetic("+-", lambda: self._arithmetic("*/%", self._unary))

    def _arithmetic(self, symbols: str, part: Callable[[], ast.expr]) -> ast.expr:
        left = part()
        while self._peek().kind == "symbol" and self._peek().text in symbols:
            left = _call(_ARITHMETIC[self._next().text], left, part())
        return left

    def _unary(self) -> ast.expr:
        self._skip_newlines()
        negative = False
        while self._peek().text in ("-", "+") and self._peek().kind == "symbol":
            negative ^= self._next().text == "-"
            self._skip_newlines()
        operand = self._postfix(self._primary())
        return _call("o_negative", operand) if negative else operand

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
            return _call("o_list", *self._arguments("]"))
        if token.kind == "name":
            return self._named(token)
        raise self._error(f"{token.text!r} cannot stand here", token)

    def _named(self, token: Token) -> ast.expr:
        """A truth value, a thread that is started, a call or a variable."""
        if token.text in ("True", "False"):
            return ast.Constant(token.text == "True")
        if token.text == "run":
            call = self._postfix(self._primary())
            started = call.value if isinstance(call, ast.YieldFrom) else None
            if not isinstance(started, ast.Call):
                raise self._error("run needs a thread of the script", token)
            return _call("o_run", started)
        if token.text in _KEYWORDS:
            raise self._error(f"{token.text!r} cannot stand here", token)
        if self._peek().text == "(" and self._peek().kind == "symbol":
            return self._call(token)
        return _variable(token.text)

    def _postfix(self, value: ast.expr) -> ast.expr:
        while self._peek().text == "[" and self._peek().kind == "symbol":
            self._next()
            parts = self._arguments("]")
            if isinstance(value, ast.Name) and value.id == "v_p" and len(parts) == 6:
                value = _call("o_pose", *parts)
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
            return ast.YieldFrom(_call(f"f_{name}", *arguments, keywords=keywords))
        if name in self._blocking:
            return ast.YieldFrom(_call(f"n_{name}", *arguments, keywords=keywords))
        if name in self._natives:
            return _call(f"n_{name}", *arguments, keywords=keywords)
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
        if token.kind != "name" or token.text in _KEYWORDS:
            raise self._error(f"a name is missing before {token.text!r}", token)
        return token.text

    def _skip_newlines(self) -> None:
        while self._peek().kind == "newline":
            self._position += 1

    def _error(self, text: str, token: Token | None = None) -> ScriptError:
        return ScriptError(f"line {(token or self._peek()).line}: {text}")


def _variable(name: str, context: ast.expr_context | None = None) -> ast.Name:
    return ast.Name(f"v_{name}", context or ast.Load())


def _call(name: str, *arguments: ast.expr, keywords: list[ast.keyword] | None = None) -> ast.expr:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), keywords or [])
