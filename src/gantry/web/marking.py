"""Translations: every text of the pages' templates is marked for gettext as it is loaded.

The templates stay as people write them. What stands between tags, and in the attributes that people
read or hear, is one message, with its variables as %(names); code, scripts and single signs are
none. `python -m gantry.web.messages` writes the same messages into locale/gantry.pot.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from django.template import Origin
from django.template.loaders.filesystem import Loader as FilesystemLoader

# A tag of the template language, a variable, a comment; none of them reaches over a line's end.
_LANGUAGE = re.compile(r"{%.*?%}|{{.*?}}|{#.*?#}")
_SPOKEN = re.compile(r"(\b(?:aria-label|placeholder|alt|title|label)=\")([^\"]*)(\")")
_GIVEN = re.compile(r"\b(words|label|title)=\"([^\"]+)\"")
_LETTERS = re.compile(r"[A-Za-z]{2}")
# What is inside of these is the same in every language.
_KEPT = ("script", "style", "code", "pre", "kbd", "svg", "option-code")
Mark = Callable[[str], str]


class Loader(FilesystemLoader):
    def get_contents(self, origin: Origin) -> str:
        return mark(super().get_contents(origin))


def mark(source: str) -> str:
    """The template with its texts in `translate` and `blocktranslate` tags."""
    found: list[str] = []
    kept = 0  # how deep inside of what is kept
    for is_text, part in _pieces(source):
        if is_text:
            found.append(part if kept else _text(part))
            continue
        if part.startswith("{% block column"):  # the name of a look
            kept += 1
        elif kept and part.startswith("{% endblock"):
            kept -= 1
        name = re.match(r"</?([a-z0-9-]+)", part)
        if name is not None and name[1] in _KEPT and not part.endswith("/>"):
            kept += -1 if part.startswith("</") else 1
        found.append(_tag(part))
    return "".join(found)


def _pieces(source: str) -> list[tuple[bool, str]]:
    """(is it text, piece): tags of HTML whole, with what the template language says in them; its
    own tags between texts by themselves; its variables as parts of the text."""
    found: list[tuple[bool, str]] = []
    at = start = 0
    while at < len(source):
        language = _LANGUAGE.match(source, at)
        if language is not None:
            if language[0].startswith("{{"):
                at = language.end()
                continue
            found += [(True, source[start:at]), (False, language[0])]
            at = start = language.end()
        elif source[at] == "<" and re.match(r"</?[a-z!]", source[at : at + 3]):
            end = _end_of_tag(source, at)
            found += [(True, source[start:at]), (False, source[at:end])]
            at = start = end
        else:
            at += 1
    return [piece for piece in [*found, (True, source[start:])] if piece[1]]


def _end_of_tag(source: str, at: int) -> int:
    while at < len(source):
        language = _LANGUAGE.match(source, at)
        if language is not None:
            at = language.end()
        elif source[at] == ">":
            return at + 1
        else:
            at += 1
    return at


def _tag(part: str) -> str:
    if part.startswith(("{% include", "{% field")):
        return _GIVEN.sub(lambda m: f'{m[1]}=_("{m[2]}")', part)
    if part.startswith("<"):
        return _SPOKEN.sub(lambda m: f"{m[1]}{_attribute(m[2])}{m[3]}", part)
    return part


def _attribute(value: str) -> str:
    if "{%" not in value:
        return _text(value)
    return value


def _text(part: str) -> str:
    variables = re.findall(r"{{\s*(.*?)\s*}}", part)
    words = re.sub(r"{{.*?}}", "", part)
    if not _LETTERS.search(re.sub(r"&[a-z]+;", "", words)):
        return part
    inner = part.strip()
    left, right = part[: len(part) - len(part.lstrip())], part[len(part.rstrip()) :]
    if not variables:
        if '"' in inner or "\n" in inner:
            return f"{left}{{% blocktranslate %}}{inner}{{% endblocktranslate %}}{right}"
        return f'{left}{{% translate "{inner}" %}}{right}'
    names = [f"v{n}" for n in range(len(variables))]
    given = " ".join(f"{n}={v}" for n, v in zip(names, variables, strict=True))
    following = iter(names)
    shown = re.sub(r"{{.*?}}", lambda _m: f"{{{{ {next(following)} }}}}", inner)
    return f"{left}{{% blocktranslate with {given} %}}{shown}{{% endblocktranslate %}}{right}"
