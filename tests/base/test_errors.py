"""An error in one line: the sentence, then the cure."""

from __future__ import annotations

import pytest

from gantry.base.errors import EngineError


@pytest.mark.parametrize(
    ("sentence", "cure", "told"),
    [
        ("It broke.", "Mend it.", "It broke. Mend it."),
        ("pull: no such host", "Check the name.", "pull: no such host. Check the name."),
        ("pull: no such host", "", "pull: no such host"),
    ],
)
def test_a_sentence_of_others_without_a_full_stop_gets_one_before_the_cure(
    sentence: str, cure: str, told: str
) -> None:
    assert str(EngineError(sentence, cure=cure)) == told
