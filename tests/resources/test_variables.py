"""Variables in YAML or JSON: AWX's words for what is wrong, and bombs that do not go off."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gantry.base.errors import InvalidInput
from gantry.resources.variables import parse_variables


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", {}),
        (None, {}),
        ("---", {}),
        ('""', {}),
        ("{}", {}),
        ("---\na: 1", {"a": 1}),
        ('{"a": [1, {"b": null}]}', {"a": [1, {"b": None}]}),
        ({"a": 1}, {"a": 1}),
        ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
    ],
)
def test_what_is_a_mapping(text: Any, value: Any) -> None:
    assert parse_variables(text) == value


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{n}: &{n} [{','.join([f'*{p}'] * 9)}]\n" for p, n in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("][", "Cannot parse as JSON (error: Expecting value: line 1 column 1 (char 0)) or YAML"),
        ("[1]", "Input type `list` is not a dictionary"),
        ("[]", "Input type `list` is not a dictionary"),
        ("3", "Input type `int` is not a dictionary"),
        ("text", "Input type `str` is not a dictionary"),
        ("a: 2020-01-01", "Object of type date is not JSON serializable"),
        ("a: .inf", "Out of range float"),
        ('{"a": NaN}', "Out of range float"),
        ("? [1, 2]\n: x", ""),
        ("a: !vault x", "could not determine a constructor"),
        ("a: !!python/object/apply:os.system [id]", "could not determine a constructor"),
        ("[" * 5000, ""),
        ('{"a":' * 5000, ""),
        (BOMB, "too large or nested too deeply"),
        ([1], "Input type `list` is not a dictionary"),
        (b"a: 1", "Input type `bytes` is not a dictionary"),
    ],
)
def test_what_is_refused(text: Any, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_variables(text, field="extra_vars")
    assert said in caught.value.sentence
    assert caught.value.field == "extra_vars"


@given(st.text(max_size=40))
def test_any_text_is_a_mapping_that_json_can_hold_or_a_refusal(text: str) -> None:
    try:
        value = parse_variables(text)
    except InvalidInput:
        return
    assert isinstance(value, dict)
    json.dumps(value, allow_nan=False)


@pytest.mark.parametrize("text", ["a: " + "[" * 50_000, "- " * 50_000 + "a", "{a: " * 50_000])
def test_text_that_nests_without_end_is_refused_and_ends_no_process(text: str) -> None:
    with pytest.raises(InvalidInput, match="nested too deeply"):
        parse_variables(text)
