"""Errors that people see: each has a class, a sentence and a cure, the same in API, web and CLI.

Raised at the boundary that knows what went wrong, chained to the low-level error with `from`.
"""

from __future__ import annotations


class GantryError(Exception):
    """What went wrong (`sentence`), what to do (`cure`), and a stable name for it (`code`)."""

    code = "internal"
    retry = False

    def __init__(self, sentence: str, *, cure: str = "", code: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.cure = cure
        if code:
            self.code = code

    def __str__(self) -> str:
        # A registry's or an engine's own words often end without a full stop.
        stop = "" if not self.cure or self.sentence.endswith((".", "!", "?", ":")) else "."
        return f"{self.sentence}{stop} {self.cure}".strip()


class ConfigurationError(GantryError):
    """Gantry was told something it cannot follow."""

    code = "configuration"


class InvalidInput(GantryError):
    """A person's input is refused; `field` says which, `__all__` when none alone."""

    code = "invalid"

    def __init__(self, sentence: str, *, field: str = "__all__", cure: str = "") -> None:
        super().__init__(sentence, cure=cure)
        self.field = field
        self.values: list[str] = []  # where AWX answers with several words for one field


class Forbidden(GantryError):
    code = "forbidden"


class JobFailure(GantryError):
    """A job cannot go on. `status` is AWX's: `error` could not run, `failed` ran and failed."""

    code = "job_failure"
    status = "error"

    def __init__(self, sentence: str, *, cure: str, code: str, status: str = "error") -> None:
        super().__init__(sentence, cure=cure, code=code)
        self.status = status


class EngineError(GantryError):
    """The container engine refused or could not do something."""

    code = "engine"


class EngineUnreachable(EngineError):
    """Nobody answers on the engine's socket; worth trying again."""

    code = "engine_unreachable"
    retry = True


class EngineBusy(EngineError):
    """There is no room on the engine now; whoever asks waits and says so."""

    code = "engine_busy"
    retry = True


class Fenced(GantryError):
    """Another controller holds this job now; this one must stop acting on it, silently."""

    code = "fenced"
