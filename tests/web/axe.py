"""axe-core, the judge of accessibility, asked about a page that is open in the browser."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# WCAG 2.2, levels A and AA, and what axe calls best practice.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_axe = Axe()


def complaints(page: Page, rules: list[str] | None = None) -> list[str]:
    """What axe finds, a line each: rule, element, why. With `rules`, of these alone."""
    asked: dict[str, Any] = (
        {"runOnly": {"type": "rule", "values": rules}}
        if rules
        else {"runOnly": {"type": "tag", "values": TAGS}}
    )
    found = _axe.run(page, options={**asked, "resultTypes": ["violations"]}).response
    return [
        f"{v['id']}: {' '.join(map(str, node['target']))}: {_why(node)}"
        for v in found["violations"]
        for node in v["nodes"]
    ]


def _why(node: dict[str, Any]) -> str:
    return "; ".join(c["message"] for part in ("any", "all", "none") for c in node[part])
