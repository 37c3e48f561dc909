"""Secrets are masked in every form that they show up in."""

from __future__ import annotations

import base64
import json

from hypothesis import given
from hypothesis import strategies as st

from gantry.base.redact import MASK, Redactor

KEY = (
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU\n"
    "AAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtz\n-----END OPENSSH PRIVATE KEY-----\n"
)


def test_a_secret_is_masked_wherever_it_stands() -> None:
    redactor = Redactor(["hunter22"])

    assert redactor.text("password=hunter22, again: hunter22") == (
        f"password={MASK}, again: {MASK}"
    )


def test_lines_of_a_key_are_masked_one_by_one_but_not_its_frame() -> None:
    text = Redactor([KEY]).text("line: AAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtz -----BEGIN")

    assert text == f"line: {MASK} -----BEGIN"


def test_a_secret_in_json_text_is_masked_as_json_escapes_it() -> None:
    secret = 'pa"ss\\wörd'
    redactor = Redactor([secret])

    assert MASK in redactor.text(json.dumps({"a": secret}))
    assert MASK in redactor.text(json.dumps({"a": secret}, ensure_ascii=False))


def test_a_secret_in_base64_is_masked() -> None:
    coded = base64.b64encode(b"correct horse").decode()

    assert "Y29ycmVjdCBob3Jz" not in Redactor(["correct horse"]).text(coded)


def test_a_short_value_is_left_since_it_would_blot_out_words() -> None:
    assert Redactor(["abc"]).text("abc") == "abc"


def test_values_are_masked_in_depth_numbers_too() -> None:
    value = {"a": ["x hunter22", {"hunter22": 12345678}], "n": 5, "t": True}

    assert Redactor(["hunter22", "12345678"]).value(value) == {
        "a": [f"x {MASK}", {MASK: MASK}], "n": 5, "t": True,
    }  # fmt: skip


@given(st.lists(st.text(min_size=4, max_size=12)), st.text())
def test_what_touches_nothing_is_never_changed(secrets: list[str], text: str) -> None:
    try:
        raw = text.encode()
        [s.encode() for s in secrets]
    except UnicodeEncodeError:
        return
    redactor = Redactor(secrets)

    if not redactor.touches(raw):
        assert redactor.text(text) == text
