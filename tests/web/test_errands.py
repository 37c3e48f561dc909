"""docs/errands.md names a test for each errand, and each of them is there."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent


def test_every_errand_has_a_test_that_exists() -> None:
    text = (HERE.parents[1] / "docs" / "errands.md").read_text()
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", text)

    assert len(named) > 20
    assert [(f, t) for f, t in named if f"def {t}(" not in (HERE / f).read_text()] == []
