"""Masks a job's secret values in its output and events, before anything is stored.

One compiled alternation per job, longest value first; the usual case (nothing to mask) costs one
scan of the raw bytes.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from typing import Any

MASK = "********"
SHORTEST = 4  # masking shorter values would blot out ordinary words and numbers


def forms(secret: str) -> set[str]:
    """The ways one secret shows up in text: itself, its lines, JSON-escaped, base64."""
    found = {secret, secret.strip()}
    lines = [line.strip() for line in secret.splitlines()]
    if len(lines) > 1:
        # The BEGIN/END lines of a key are no secret, and short lines are too common to mask.
        found.update(x for x in lines if len(x) >= 16 and not x.startswith("-----"))
    for text in list(found):
        found.add(json.dumps(text)[1:-1])
        found.add(json.dumps(text, ensure_ascii=False)[1:-1])
    found.add(base64.b64encode(secret.encode()).decode().rstrip("="))
    return {x for x in found if len(x) >= SHORTEST}


class Redactor:
    """Knows a job's secrets. `touches` is the cheap question, `text` and `value` mask."""

    def __init__(self, secrets: Iterable[str]) -> None:
        every = sorted({f for s in secrets if s for f in forms(s)}, key=len, reverse=True)
        self._text = re.compile("|".join(map(re.escape, every))) if every else None
        # In raw JSON a value may be escaped differently by each writer; the escaped forms are in
        # `every` already. Forty substring searches beat one alternation of forty fourfold.
        self._needles = tuple(x.encode() for x in every)

    def touches(self, raw: bytes) -> bool:
        """Whether any secret is in these bytes."""
        # A plain loop: any() with a generator costs twice as much.
        for needle in self._needles:  # noqa: SIM110
            if needle in raw:
                return True
        return False

    def text(self, text: str) -> str:
        return self._text.sub(MASK, text) if self._text else text

    def value(self, value: Any) -> Any:
        """The same value with every string in it masked, keys too."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(k): self.value(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.value(v) for v in value]
        if isinstance(value, int | float) and not isinstance(value, bool):
            return MASK if self._text and self._text.fullmatch(str(value)) else value
        return value
