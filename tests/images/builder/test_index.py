"""Which index is asked where nobody has named one."""

from __future__ import annotations

from pip._internal.models.index import PyPI

from gantry.images.builder.index import default_index


def test_where_nobody_names_an_index_it_is_pips_own() -> None:
    assert default_index() == PyPI.simple_url
