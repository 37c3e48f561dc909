"""Writes locale/gantry.pot: what there is to translate on the pages. `scripts/messages` calls it.

From the templates as marking.py marks them; from Python what `_()` holds, the labels and helps of
forms, and the sentences that are told after an action, as far as they have no variables.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

from django.utils.translation.template import templatize

from gantry.web.marking import mark

WEB = Path(__file__).parent
POT = WEB / "locale" / "gantry.pot"
HEADER = """# What Gantry's pages say. Copy to LANGUAGE/LC_MESSAGES/django.po, translate, and
# compile with msgfmt to django.mo beside it: the pages then answer who asks for the language.
msgid ""
msgstr ""
"Project-Id-Version: Gantry\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"""
_MARKED = re.compile(r"gettext\(\s*(?:u|)(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')\s*\)")
_CALLS = {"_", "gettext", "gettext_lazy", "success", "error", "info", "warning"}
_KEYWORDS = {"label", "help_text", "empty_label"}


def messages() -> dict[str, set[str]]:
    """message -> the files that say it."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted((WEB / "templates").rglob("*.html")):
        if path.parts[-2] == "rest_framework":
            continue
        code = templatize(mark(path.read_text()), origin=str(path))
        for literal in _MARKED.findall(code):
            found[ast.literal_eval(literal)].add(str(path.relative_to(WEB)))
    for path in sorted(WEB.rglob("*.py")):
        for text in _of_python(ast.parse(path.read_text())):
            found[text].add(str(path.relative_to(WEB)))
    return {text: places for text, places in found.items() if text.strip()}


def _of_python(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in _CALLS:
                found += node.args
            found += [k.value for k in node.keywords if k.arg in _KEYWORDS]
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            named = {getattr(t, "id", "") for t in node.targets}
            if named & {"labels", "help_texts"}:
                found += node.value.values
    texts = [n.value for n in found if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return [text for text in texts if " " in text or text[:1].isupper()]


def pot() -> str:
    entries = []
    for text, places in sorted(messages().items()):
        where = "\n".join(f"#: {place}" for place in sorted(places))
        flag = "#, python-format\n" if "%(" in text else ""
        entries.append(f'{where}\n{flag}msgid {_quoted(text)}\nmsgstr ""\n')
    return "\n".join([HEADER, *entries])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


if __name__ == "__main__":
    POT.parent.mkdir(exist_ok=True)
    POT.write_text(pot())
    print(f"{POT.name}: {len(messages())} messages")
