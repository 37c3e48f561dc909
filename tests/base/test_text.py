"""ANSI to HTML and plain text, for whatever a task may print."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gantry.base.text import HtmlWriter, palette, strip_ansi, to_html

codes = st.lists(st.integers(0, 110), max_size=5).map(
    lambda c: "\x1b[" + ";".join(map(str, c)) + "m"
)
terminal = st.lists(
    st.one_of(codes, st.text(max_size=6), st.sampled_from(["\x1b", "\x1b[", "\x1b[2K", "<b>", "&"]))
).map("".join)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a <b> & 'c'", "a &lt;b&gt; &amp; &#x27;c&#x27;"),
        ("\x1b[0;32mok\x1b[0m.", '<span class="ansi-green">ok</span>.'),
        ("\x1b[1;91mx", '<span class="ansi-bold ansi-bright-red">x</span>'),
        ("\x1b[44;97mx\x1b[49my", '<span class="ansi-bright-white ansi-bg-blue">x</span>'
         '<span class="ansi-bright-white">y</span>'),
        ("\x1b[38;5;208mx", '<span class="ansi-fg-208">x</span>'),
        ("\x1b[38;5;1;4mx", '<span class="ansi-underline ansi-red">x</span>'),
        ("\x1b[48;2;255;0;0mx", '<span class="ansi-bg-196">x</span>'),
        ("\x1b[100mx", '<span class="ansi-bg-bright-black">x</span>'),
        ("\x1b[1;2;3;4;7mx\x1b[22;23;24;27my", '<span class="ansi-bold ansi-faint ansi-italic'
         ' ansi-reverse ansi-underline">x</span>y'),
        ("\x1b[mx", "x"),
        ("\x1b[31m\x1b[39mx", "x"),
        ("a\x1b[2Kb\x1b]0;title\x07c\x1b(Bd", "abcd"),
    ],
)  # fmt: skip
def test_sgr_becomes_classes(text, expected):
    assert to_html(text) == expected


def test_a_colour_goes_on_into_the_next_piece():
    writer = HtmlWriter()

    assert writer.feed("\x1b[31ma") == '<span class="ansi-red">a</span>'
    assert writer.feed("b\x1b[0mc") == '<span class="ansi-red">b</span>c'


@given(terminal)
def test_html_shows_what_plain_text_shows_and_nothing_else(text):
    shown = to_html(text)
    tags = re.compile(r'<span class="[a-z0-9 -]+">|</span>')

    assert html.unescape(tags.sub("", shown)) == strip_ansi(text)
    assert "<" not in tags.sub("", shown)


@given(terminal)
def test_stripping_leaves_no_escape(text):
    assert "\x1b" not in strip_ansi(text)


@given(st.text(st.characters(exclude_characters="\x1b")))
def test_text_without_escapes_stays_as_it_is(text):
    assert strip_ansi(text) == text


def test_the_palette_has_every_colour_beyond_the_sixteen():
    assert palette().count(".ansi-fg-") == palette().count(".ansi-bg-") == 240
    assert ".ansi-fg-196{color:#ff0000}" in palette()
