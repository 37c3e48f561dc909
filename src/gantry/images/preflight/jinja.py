"""The names of filters, tests and lookups in a text with Jinja, found by their shape.

No template is compiled: an expression that is broken, or would run for ever, is only text here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gantry.images.preflight.names import Kind

LONGEST = 64 << 10
_EXPRESSION = re.compile(r"\{\{(.*?)\}\}|\{%(.*?)%\}", re.DOTALL)
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_NAME = r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*){0,6})"
_FILTER = re.compile(r"\|\s*" + _NAME)
_TEST = re.compile(r"\bis\s+(?:not\s+)?" + _NAME)
_LOOKUP = re.compile(r"\b(?:lookup|query|q)\s*\(\s*['\"]" + _NAME + r"['\"]")


def names_in(text: str, *, bare: bool) -> Iterator[tuple[Kind, str]]:
    """`bare`: the text is an expression itself, as that of `when`."""
    text = text[:LONGEST]
    if "{{" in text or "{%" in text:
        pieces = [found[1] or found[2] or "" for found in _EXPRESSION.finditer(text)]
    else:
        pieces = [text] if bare else []
    for piece in pieces:
        for found in _LOOKUP.finditer(piece):
            yield "lookup", found[1]
        # A bar inside a text is no filter.
        plain = _QUOTED.sub("''", piece)
        for found in _FILTER.finditer(plain):
            yield "filter", found[1]
        for found in _TEST.finditer(plain):
            yield "test", found[1]
