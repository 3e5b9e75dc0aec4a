"""Webhook bodies that a person writes as a template: a small and harmless part of Jinja.

The sandbox of Jinja keeps templates from Python's inside, but not from loops and texts without end.
So only what is listed here may be used at all: no calls, macros, assignments, products or powers;
filters of our own, whose results are measured; and loops whose steps are counted.
"""

from __future__ import annotations

import html
import json
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, Undefined, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS
from jinja2.visitor import NodeVisitor

from sentinelweb.i18n import gettext as _

MAX_SOURCE = 10_000  # characters
MAX_OUTPUT = 65_536
MAX_STEPS = 10_000  # of all loops together
MAX_SECONDS = 0.2  # of the processor's time, which a machine under load does not stretch

_FILENAME = "<template>"
_LOOP = frozenset({"index", "index0", "revindex", "first", "last", "length"})
_BUDGET = "_budget"
_COUNTED = "_counted"
_WORDS = {
    nodes.Call: "()",
    nodes.Mul: "*",
    nodes.Pow: "**",
    nodes.Mod: "%",
    nodes.Assign: "set",
    nodes.AssignBlock: "set",
    nodes.Macro: "macro",
    nodes.Include: "include",
    nodes.Import: "import",
    nodes.FromImport: "import",
    nodes.Extends: "extends",
}
_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Const,
    nodes.Name,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Slice,
    nodes.List,
    nodes.Tuple,
    nodes.Dict,
    nodes.Pair,
    nodes.Keyword,
    nodes.Filter,
    nodes.Test,
    nodes.If,
    nodes.For,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Neg,
    nodes.Add,
    nodes.Sub,
    nodes.Div,
    nodes.FloorDiv,
    nodes.Concat,
)


class TemplateError(ValueError):
    """The template cannot be used; the message says why and in which line, for whoever wrote it."""

    def __init__(self, line: int | None, problem: str) -> None:
        told = _("Line %(n)s: %(problem)s", n=line, problem=problem) if line else problem
        super().__init__(told)


def render(source: str, facts: Mapping[str, Any]) -> str:
    """The template filled with `facts`, whose names are all that it may use.

    Raise TemplateError.
    """
    template = _compiled(source, frozenset(facts))
    budget = _Budget(time.thread_time() + MAX_SECONDS)
    parts, size = [], 0
    try:
        for part in template.generate({**facts, _BUDGET: budget}):
            parts.append(part)
            size += len(part)
            _measured(size)
            budget.check()
    except TemplateError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a template does is its author's to know
        raise TemplateError(_line_of(error), _problem(error)) from None
    return "".join(parts)


@lru_cache(maxsize=100)
def _compiled(source: str, names: frozenset[str]) -> Template:
    try:
        tree = _environment.parse(source, filename=_FILENAME)
        _Checker(names).visit(tree)
        code = _environment.compile(_counting_loops(tree), filename=_FILENAME)
        return Template.from_code(_environment, code, {})
    except TemplateError:
        raise
    except TemplateSyntaxError as error:
        raise TemplateError(error.lineno, error.message or "") from None
    except (RecursionError, MemoryError, SyntaxError, ValueError):
        raise TemplateError(None, _("The template is too complicated.")) from None


@dataclass(slots=True)
class _Budget:
    """What one rendering may still use up."""

    ends_at: float
    steps: int = MAX_STEPS

    def check(self) -> None:
        if time.thread_time() > self.ends_at:
            raise TemplateError(None, _("The template takes too long."))

    def take_step(self) -> None:
        self.steps -= 1
        if self.steps < 0:
            raise TemplateError(
                None, _("The loops take more than %(n)s steps in all.", n=MAX_STEPS)
            )
        self.check()


class _Checker(NodeVisitor):
    """Refuses what is not listed, with its line."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names
        self._own: set[str] = set()  # variables of loops

    def generic_visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> None:
        if not isinstance(node, _ALLOWED):
            word = _WORDS.get(type(node), type(node).__name__.lower())
            raise TemplateError(node.lineno, _("“%(word)s” cannot be used here.", word=word))
        super().generic_visit(node, *args, **kwargs)

    def visit_For(self, node: nodes.For) -> None:  # noqa: N802 - the name that NodeVisitor calls
        if node.recursive:
            raise TemplateError(node.lineno, _("“%(word)s” cannot be used here.", word="recursive"))
        self.visit(node.iter)
        targets = {name.name for name in _names_in(node.target)}
        known = set(self._own)
        self._own |= targets | {"loop"}
        for part in (*node.body, *([node.test] if node.test else ())):
            self.visit(part)
        self._own = known
        for part in node.else_:
            self.visit(part)

    def visit_Name(self, node: nodes.Name) -> None:  # noqa: N802 - as above
        if node.name not in self._names and node.name not in self._own:
            raise TemplateError(node.lineno, _("There is no fact “%(name)s”.", name=node.name[:50]))

    def visit_Getattr(self, node: nodes.Getattr) -> None:  # noqa: N802 - as above
        if node.attr.startswith("_"):
            raise TemplateError(
                node.lineno, _("“%(word)s” cannot be used here.", word=node.attr[:50])
            )
        self.visit(node.node)

    def visit_Filter(self, node: nodes.Filter) -> None:  # noqa: N802 - as above
        if node.name not in _FILTERS or node.node is None:
            raise TemplateError(
                node.lineno, _("There is no filter “%(name)s”.", name=node.name[:50])
            )
        super().generic_visit(node)


def _names_in(target: nodes.Node) -> Iterator[nodes.Name]:
    if isinstance(target, nodes.Name):
        yield target
    yield from target.find_all(nodes.Name)


def _counting_loops(tree: nodes.Template) -> nodes.Template:
    for loop in tree.find_all(nodes.For):
        loop.iter = nodes.Filter(loop.iter, _COUNTED, [], [], None, None, lineno=loop.lineno)
    return tree


@pass_context
def _counted(context: Context, items: Iterable[Any]) -> Iterator[Any]:
    budget: _Budget = context[_BUDGET]
    for item in items:
        budget.take_step()
        yield item


class _Environment(ImmutableSandboxedEnvironment):
    """Looks into mappings and lists alone, so that no method is ever reached."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        if isinstance(obj, LoopContext) and attribute in _LOOP:
            return getattr(obj, attribute)
        return self.undefined(obj=obj, name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Mapping | Sequence):
            try:
                return obj[argument]
            except (LookupError, TypeError):
                pass
        return self.undefined(obj=obj, name=argument)


def _measured(size: int) -> None:
    if size > MAX_OUTPUT:
        raise TemplateError(None, _("The result has more than %(n)s characters.", n=MAX_OUTPUT))


def _sized(filter_: Callable[..., Any]) -> Callable[..., Any]:
    """`filter_`, whose result is measured: one that doubles a text may be used again and again."""

    def measuring(value: Any, *args: Any, **kwargs: Any) -> Any:
        result = filter_(value, *args, **kwargs)
        if isinstance(result, str):
            _measured(len(result))
        return result

    return measuring


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _default(value: Any, instead: Any = "") -> Any:
    return instead if value is None or value == "" or isinstance(value, Undefined) else value


def _join(items: Iterable[Any], separator: str = "") -> str:
    texts = [_text(item) for item in items]
    _measured(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _replace(value: Any, old: str, new: str) -> str:
    text = _text(value)
    if not old:
        return text
    _measured(len(text) + text.count(old) * (len(new) - len(old)))
    return text.replace(old, new)


def _truncate(value: Any, length: int = 255) -> str:
    text = _text(value)
    return text if len(text) <= length else text[: max(0, length - 1)] + "…"


_UNMEASURED: dict[str, Callable[..., Any]] = {
    "default": _default,
    "escape": lambda value: html.escape(_text(value)),
    "first": lambda value: value[0],
    "int": int,
    "join": _join,
    "json": _json,
    "last": lambda value: value[-1],
    "length": len,
    "lower": lambda value: _text(value).lower(),
    "replace": _replace,
    "round": lambda value, digits=0: round(value, digits),
    "title": lambda value: _text(value).title(),
    "trim": lambda value: _text(value).strip(),
    "truncate": _truncate,
    "upper": lambda value: _text(value).upper(),
    "urlencode": lambda value: quote(_text(value), safe=""),
}
_FILTERS = {name: _sized(filter_) for name, filter_ in _UNMEASURED.items()}
FILTERS = tuple(_FILTERS)


def _new_environment() -> _Environment:
    environment = _Environment(
        autoescape=False,
        undefined=StrictUndefined,
        finalize=lambda value: "" if value is None else value,
        optimized=False,  # it would compute at once what is constant
        cache_size=0,
    )
    environment.globals = {}
    environment.filters = {**_FILTERS, _COUNTED: _counted}
    environment.tests = {name: TESTS[name] for name in ("defined", "none", "number", "string")}
    return environment


_environment = _new_environment()


def _line_of(error: BaseException) -> int | None:
    """The line of the template in which `error` came up; Jinja writes it into the traceback."""
    lines = [
        line
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename == _FILENAME
    ]
    return lines[-1] if lines else None


def _problem(error: Exception) -> str:
    if isinstance(error, SecurityError):
        return _("This is not allowed in a template.")
    if isinstance(error, ZeroDivisionError):
        return _("A division by zero.")
    if isinstance(error, RecursionError):
        return _("The template is too complicated.")
    return str(error)[:200] or type(error).__name__
