"""What came, what did not, and what a person has to do now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

STATES = ("new", "changed", "as it was", "refused")


class Report:
    """`say` prints a line; it is used while the import runs, too."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.counts: dict[str, Counter[str]] = {}
        self.refused: list[str] = []
        self.missing: list[str] = []

    def count(self, plural: str, state: str) -> None:
        self.counts.setdefault(plural, Counter())[state] += 1

    def refuse(self, plural: str, name: str, words: str) -> None:
        self.count(plural, "refused")
        self.refused.append(f"{_one(plural)} {name}: {words}")

    def miss(self, words: str) -> None:
        """Something that cannot come; for the list of what a person enters by hand."""
        if words not in self.missing:
            self.missing.append(words)

    def show(self, dry_run: bool) -> None:
        self.say("")
        self.say(f"{'':28}" + "".join(f"{state:>12}" for state in STATES))
        for plural, counted in self.counts.items():
            numbers = "".join(f"{counted[state] or '':>12}" for state in STATES)
            self.say(f"{plural.replace('_', ' '):28}{numbers}")
        for title, lines in (
            ("Refused:", self.refused), ("What could not come, and is yours to do:", self.missing),
        ):  # fmt: skip
            if lines:
                self.say(f"\n{title}")
                for line in lines:
                    self.say(f"  - {line}")
        if dry_run:
            self.say("\nThis was a rehearsal: nothing has been kept.")


def _one(plural: str) -> str:
    word = plural.replace("_", " ")
    return f"{word[:-3]}y" if word.endswith("ies") else word.removesuffix("s")
