"""Terminal text for people: ANSI colours to HTML, or taken out.

Pure functions over text, used by record.output and the doors. Only `ansi-…` classes are written,
never inline styles, so that a strict Content-Security-Policy and a theme can both hold.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field, replace

# CSI and OSC sequences, other two-byte escapes, and an escape left alone.
_ESCAPE = re.compile(
    r"\x1b(?:\[([0-?]*)[ -/]*([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-Z\\^-~])?"
)
_COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_ON = {1: "bold", 2: "faint", 3: "italic", 4: "underline", 7: "reverse"}
_OFF = {22: ("bold", "faint"), 23: ("italic",), 24: ("underline",), 27: ("reverse",)}
_STEPS = (0, 95, 135, 175, 215, 255)  # of the 6x6x6 cube among the 256 colours


def strip_ansi(text: str) -> str:
    return _ESCAPE.sub("", text) if "\x1b" in text else text


def _class(colour: int, ground: str) -> str:
    """`ansi-red`, `ansi-bright-red`, `ansi-bg-red`; `ansi-fg-<16..255>` beyond the sixteen."""
    if colour >= 16:
        return f"ansi-{ground or 'fg'}-{colour}"
    bright = "bright-" if colour >= 8 else ""
    return f"ansi-{ground + '-' if ground else ''}{bright}{_COLOURS[colour % 8]}"


def _nearest(red: int, green: int, blue: int) -> int:
    """The colour of the cube closest to a 24-bit one."""
    r, g, b = (min(range(6), key=lambda i: abs(_STEPS[i] - v)) for v in (red, green, blue))
    return 16 + 36 * r + 6 * g + b


@dataclass(frozen=True)
class Look:
    """What SGR codes have switched on."""

    foreground: int | None = None
    background: int | None = None
    marks: frozenset[str] = frozenset()

    def classes(self) -> str:
        found = [f"ansi-{mark}" for mark in sorted(self.marks)]
        if self.foreground is not None:
            found.append(_class(self.foreground, ""))
        if self.background is not None:
            found.append(_class(self.background, "bg"))
        return " ".join(found)

    def after(self, parameters: str) -> Look:
        """The look after one SGR sequence; codes we do not know change nothing."""
        look = self
        codes = [int(c) if c.isdecimal() else 0 for c in re.split("[;:]", parameters[:200])]
        while codes:
            code = codes.pop(0)
            if code in (38, 48):
                colour, codes = _extended(codes)
                look = look._coloured(code == 38, colour)
            else:
                look = look._simple(code)
        return look

    def _simple(self, code: int) -> Look:
        if code == 0:
            return Look()
        if code in _ON:
            return replace(self, marks=self.marks | {_ON[code]})
        if code in _OFF:
            return replace(self, marks=self.marks.difference(_OFF[code]))
        tens, colour = divmod(code, 10)
        if code in (39, 49):
            return self._coloured(tens == 3, None)
        if colour < 8 and tens in (3, 4, 9, 10):
            return self._coloured(tens in (3, 9), colour + (8 if tens >= 9 else 0))
        return self

    def _coloured(self, foreground: bool, colour: int | None) -> Look:
        if foreground:
            return replace(self, foreground=colour)
        return replace(self, background=colour)


def _extended(codes: list[int]) -> tuple[int | None, list[int]]:
    """The colour that follows 38 or 48, and the codes after it."""
    if len(codes) >= 2 and codes[0] == 5:
        return min(codes[1], 255), codes[2:]
    if len(codes) >= 4 and codes[0] == 2:
        return _nearest(codes[1], codes[2], codes[3]), codes[4:]
    return None, []


@dataclass
class HtmlWriter:
    """ANSI text to HTML, piece by piece: a colour may go on from one piece into the next."""

    look: Look = field(default_factory=Look)

    def feed(self, text: str) -> str:
        if "\x1b" not in text:
            return self._span(text)
        out, at = [], 0
        for found in _ESCAPE.finditer(text):
            out.append(self._span(text[at : found.start()]))
            if found[2] == "m":
                self.look = self.look.after(found[1])
            at = found.end()
        out.append(self._span(text[at:]))
        return "".join(out)

    def _span(self, text: str) -> str:
        escaped = html.escape(text)
        classes = self.look.classes() if text else ""
        return f'<span class="{classes}">{escaped}</span>' if classes else escaped


def to_html(text: str) -> str:
    return HtmlWriter().feed(text)


def palette() -> str:
    """The stylesheet of colours 16 to 255, which are the same in every theme."""
    rules = []
    for n in range(16, 256):
        cube = n - 16
        rgb = tuple(_STEPS[i] for i in (cube // 36, cube // 6 % 6, cube % 6)) if n < 232 else ()
        red, green, blue = rgb or (8 + 10 * (n - 232),) * 3
        colour = f"#{red:02x}{green:02x}{blue:02x}"
        rules.append(f".ansi-fg-{n}{{color:{colour}}}.ansi-bg-{n}{{background-color:{colour}}}")
    return "\n".join(rules) + "\n"
