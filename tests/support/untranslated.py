"""Finds texts for people that no catalog can translate: in templates, in Python, in pages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from jinja2 import Environment, nodes
from justhtml import JustHTML

from tests.support.page_rules import parse

GETTEXT = {"_", "gettext", "lazy_gettext", "ngettext"}

# What is called so in every language.
NAMES = {
    *("SentinelWeb", "English", "Telegram"),
    *("Bash", "Markdown", "Node.js", "PowerShell", "Python", "crontab", "curl", "systemd"),
    "ms",
    "Authorization: Bearer …",
}

_CODE = {"code", "pre", "script", "style"}
_SPOKEN = (
    *("alt", "aria-label", "aria-description", "placeholder", "title"),
    *("data-announce", "data-copied", "data-hide", "data-label", "data-show", "data-title"),
)
_MACRO_OF_ATTRIBUTES = re.compile(
    r'(\{%-? macro [^%]*%\}\s*)((?:(?:[\w:-]+="[^"]*"|data-[\w-]+)\s*)+)(\{%-? endmacro)'
)
_WORD = re.compile(r"[^\W\d_]{2,}")
_TITLE = re.compile(r"[A-Z][a-z]")
_SENTENCE = re.compile(r"[A-Z][a-z]|[a-z]{2,},? [a-z]{2,}")
# A text handed to one of these ends before a person's eyes.
_SAYS = re.compile(
    r"append|flash|render_template|\w*Field|InputRequired|Length"
    r"|(Invalid(Input|Value)|Outbound|Permanent|RetryLater|Send|Transient|Validation)Error"
)


def texts(page: JustHTML) -> Iterator[str]:
    """What a page shows or has read out, piece by piece, code excepted."""
    waiting = [page.root]
    while waiting:
        node = waiting.pop()
        if node.name == "#text":
            yield node.data
        elif node.name not in _CODE:
            yield from filter(None, map((node.attrs or {}).get, _SPOKEN))
            waiting += node.children or []


def in_template(source: str) -> list[str]:
    """Words of a template that are not in `_()` or `{% trans %}`."""
    environment = Environment(extensions=["jinja2.ext.i18n"])
    shown = texts(parse(_markup(environment, source), fragment=True))
    literals = _literals(environment.parse(source))
    return [
        *(text.strip(" 0\n") for text in shown if set(_WORD.findall(text)) - NAMES),
        *(text for text in literals if _TITLE.match(text) and text not in NAMES),
    ]


def _markup(environment: Environment, source: str) -> str:
    """The HTML of a template, without what Jinja puts in, translates, or keeps for later.

    What it puts in is a zero, and what decides is a space, so that the words around it stay two.
    Attributes that are a macro get an element.
    """
    markup, kept = [], True
    tokens = environment.lex(_MACRO_OF_ATTRIBUTES.sub(r"\1<i \2></i>\3", source))
    for _line, kind, value in tokens:
        if kind == "data" and kept:
            markup.append(value)
        elif kind == "variable_begin":
            markup.append("0")
        elif kind == "block_begin":
            markup.append(" ")
            words = []
            for _line, inner, part in tokens:
                if inner == "block_end":
                    break
                words += [part] if inner in {"name", "operator"} else []
            if words[0] == "trans" or (words[0] == "set" and "=" not in words):
                kept = False  # a set block holds an example of code
            elif words[0] in {"endtrans", "endset"}:
                kept = True
    return "".join(markup)


def _literals(tree: nodes.Node) -> Iterator[str]:
    """The strings in a template's expressions."""
    if isinstance(tree, nodes.Const) and isinstance(tree.value, str):
        yield tree.value
    is_call = isinstance(tree, nodes.Call) and isinstance(tree.node, nodes.Name)
    if is_call and tree.node.name in GETTEXT:
        return
    if isinstance(tree, nodes.Compare | nodes.Import | nodes.FromImport | nodes.Getattr):
        return
    for child in tree.iter_child_nodes():
        yield from _literals(child)


def in_module(source: str) -> list[str]:
    """What a module says to people past gettext, or in a way that Babel cannot extract."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            # Before Python 3.12 an f-string is one token, and Babel looks at no call in it.
            found += [f"{ast.unparse(call)} in an f-string" for call in _translations(node)]
        elif isinstance(node, ast.Call):
            name = _name(node)
            called = isinstance(node.func, ast.Name) and name in GETTEXT
            if called and not isinstance(node.args[0], ast.Constant):
                found.append(f"{ast.unparse(node)} has no text to extract")
            elif _SAYS.fullmatch(name):
                found += [f"{name}({text!r})" for text in _strings(node) if _is_said(text)]
    return found


def _is_said(text: str) -> bool:
    return bool(_SENTENCE.search(text)) and text not in NAMES


def _name(call: ast.Call) -> str:
    function = call.func
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def _translations(tree: ast.AST) -> Iterator[ast.Call]:
    return (
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and _name(node) in GETTEXT
    )


def _strings(tree: ast.AST) -> Iterator[str]:
    """The string literals in `tree` that are not translated."""
    if isinstance(tree, ast.Call) and _name(tree) in GETTEXT:
        return
    if isinstance(tree, ast.Constant) and isinstance(tree.value, str):
        yield tree.value
    for child in ast.iter_child_nodes(tree):
        yield from _strings(child)
