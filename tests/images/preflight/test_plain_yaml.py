"""YAML of strangers: tags are passed over, and no file costs more than its bounds."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gantry.images.preflight import plain_yaml
from gantry.images.preflight.plain_yaml import DEEPEST, UnreadableYaml, load

# Without what YAML takes for the end of a line.
letters = st.characters(
    min_codepoint=32, max_codepoint=0xD7FF, exclude_characters="\x85\u2028\u2029"
)
texts = st.text(letters, max_size=20)
values = st.recursive(
    texts,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(texts.filter(lambda t: t != "<<"), inner, max_size=4)
    ),
    max_leaves=30,
)


@given(values)
def test_what_yaml_writes_is_read_as_it_was(value: object) -> None:
    assert load(yaml.safe_dump(value, allow_unicode=True).encode()) == value


@given(st.binary(max_size=400))
def test_any_bytes_give_a_value_or_one_sentence(data: bytes) -> None:
    sentence = ""
    try:
        load(data)
    except UnreadableYaml as error:
        sentence = str(error)

    assert "\n" not in sentence


def test_tags_of_ansible_and_of_anybody_are_passed_over() -> None:
    text = b"""
a: !vault |
  $ANSIBLE_VAULT;1.1;AES256
  61
b: !unsafe "{{ x }}"
c: !!python/object/apply:os.system ["touch /tmp/owned"]
d: !whatever {e: 1}
"""
    found = load(text)

    assert found["b"] == "{{ x }}"
    assert found["c"] == ["touch /tmp/owned"]
    assert found["d"] == {"e": "1"}


def test_versions_stay_as_they_are_written() -> None:
    assert load(b"min_ansible_version: 2.10") == {"min_ansible_version": "2.10"}


def test_merge_keys_give_way_to_own_ones() -> None:
    text = b"x: &d {a: 1, b: 2}\ny: {b: 3, <<: *d}\nz: {<<: [*d], b: 4}\n"

    assert load(text)["y"] == {"a": "1", "b": "3"}
    assert load(text)["z"] == {"a": "1", "b": "4"}


def test_a_key_that_jinja_made_a_map_is_no_error() -> None:
    assert load(b"a:\n  {{ x }}: 1\n") == {"a": {"": "1"}}


BOMB = "a0: &a0 [x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"[" * 1_000_000, f"nested deeper than {DEEPEST}"),
        (b"- " * 500_000, f"nested deeper than {DEEPEST}"),
        (BOMB.encode(), "nodes"),
        (BOMB.replace("[", "{<<: [").replace("]", "]}").encode(), "nodes"),
        (b"x\n" * 2_000_000, "larger"),
        (b"$ANSIBLE_VAULT;1.1;AES256\n6162", "encrypted"),
        (b"a: [1\nb: }", "no YAML, line 2"),
        (b"\xff\xfe\x00\x01: [", "no YAML"),
        (b"&a [*a", "no YAML"),
    ],
)  # fmt: skip
def test_a_hostile_file_is_told_in_a_sentence(data: bytes, why: str) -> None:
    with pytest.raises(UnreadableYaml, match=why):
        load(data)


def test_an_anchor_inside_itself_ends() -> None:
    assert load(b"&a [*a, b]") == [None, "b"]


def test_without_the_c_library_it_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_yaml, "Loader", yaml.BaseLoader)

    assert load(b"- hosts: all\n  tasks: [{ping: }]\n") == [
        {"hosts": "all", "tasks": [{"ping": ""}]}
    ]
