"""What became of a job: class, sentence and cure of every way it can end."""

from __future__ import annotations

from typing import Any

import pytest

from gantry.path.finish import ANSIBLE_EXIT, BEFORE_ANY_PLAY, BY_REASON, SYNC_EXIT, decide
from gantry.path.stream import Ended, PodEnded
from gantry.pods.agent.source import TOO_OLD
from gantry.pods.agent.sync import words as sync
from gantry.pods.contract import PodState

CUT = "Error: read unixpacket @->/proc/self/fd/13/attach: read: connection reset by peer"
RECAP = "\x1b[0mPLAY RECAP ****\r\nalpha : ok=1 unreachable=1 failed=0"


def ended(rc: int | None = None, reason: str = "exited", **values: Any) -> Ended:
    return Ended({"rc": rc, "reason": reason, **values})


def test_exit_code_0_is_success_without_a_word() -> None:
    verdict = decide("job", ended(0), "")
    assert (verdict.status, verdict.code, verdict.sentence, verdict.cure) == ("successful",) + (
        "",
    ) * 3


@pytest.mark.parametrize(
    ("rc", "output", "code"),
    [
        (1, "ERROR! the playbook: x could not be found", "playbook_error"),
        (2, RECAP, "hosts_failed"),
        (2, "usage: ansible-playbook", "bad_options"),
        (4, RECAP, "hosts_unreachable"),
        (4, "[ERROR]: YAML parsing failed", "playbook_unparsable"),
        (5, "", "bad_options"),
        (99, "", "interrupted"),
        (250, "", "ansible_crashed"),
        (77, "", "exit_code"),
        (-9, "", "exit_code"),
    ],
)
def test_an_exit_code_means_what_it_means_after_or_before_the_recap(
    rc: int, output: str, code: str
) -> None:
    verdict = decide("job", ended(rc), output)
    assert (verdict.status, verdict.code) == ("failed", code)


def test_the_sentence_quotes_ansibles_last_error_without_its_colours() -> None:
    output = "\x1b[0;31m[ERROR]: first\x1b[0m\n\x1b[0;31m[ERROR]: couldn't resolve x\x1b[0m\nOrigin"
    verdict = decide("job", ended(4), output)
    assert verdict.sentence.endswith("cannot be understood: couldn't resolve x")


def test_what_a_task_prints_is_not_taken_for_ansibles_own_error() -> None:
    verdict = decide("job", ended(2), f"[ERROR]: printed by a task\n{RECAP}")
    assert "printed" not in verdict.sentence


def test_every_exit_code_of_a_sync_has_its_class() -> None:
    codes = {
        sync.FAILED, sync.INCOMPLETE_IMAGE, sync.UNREACHABLE, sync.DENIED, sync.TLS,
        sync.NO_REPOSITORY, sync.NO_BRANCH, sync.REQUIREMENTS, sync.SUBMODULES, sync.REFUSED,
        sync.BAD_ARCHIVE, sync.BAD_SIGNATURE,
    }  # fmt: skip
    assert codes == set(SYNC_EXIT)
    verdict = decide("project_update", ended(11), "gantry-sync: x: Permission denied (publickey).")
    assert verdict.code == "scm_denied"
    assert "Permission denied (publickey)" in verdict.sentence


@pytest.mark.parametrize(
    "table", [ANSIBLE_EXIT, BEFORE_ANY_PLAY, SYNC_EXIT], ids=["play", "before", "sync"]
)
def test_every_class_has_a_sentence_and_a_cure(table: dict[int, tuple[str, str, str]]) -> None:
    for code, sentence, cure in table.values():
        assert code.islower()
        assert sentence.endswith(".")
        assert cure.endswith(".")


@pytest.mark.parametrize("reason", BY_REASON)
def test_the_agents_reasons_come_before_the_exit_code(reason: str) -> None:
    verdict = decide("job", ended(4, reason, error="No space left on device"), RECAP)
    assert (verdict.status, verdict.code) == BY_REASON[reason][:2]
    if reason == "unpack":
        assert "No space left on device" in verdict.sentence


def test_memory_that_ran_out_inside_the_pod_explains_the_failure() -> None:
    verdict = decide("job", ended(2, oom_kills=2), RECAP)
    assert verdict.code == "out_of_memory"
    assert "GANTRY_POD_MEMORY" in verdict.cure


def gone(state: str = "exited", **more: Any) -> PodEnded:
    complaints, events = more.pop("complaints", ""), more.pop("events", [])
    return PodEnded(PodState(state, **more), complaints, events)


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (gone(exit_code=1, complaints=f"{TOO_OLD}: 3.6.9\n"), "python_too_old"),
        (gone(exit_code=1, complaints=f"{TOO_OLD}: 3.6.9\n{CUT}\n"), "python_too_old"),
        (gone(exit_code=137, oom_killed=True), "out_of_memory"),
        (gone(exit_code=137, events=["oom"]), "out_of_memory"),
        (gone("gone"), "pod_gone"),
        (gone(exit_code=137), "pod_killed"),
        (gone(exit_code=1, complaints="Traceback\nImportError: no ssl\n"), "pod_ended"),
        (gone(exit_code=None), "pod_ended"),
    ],
)
def test_a_pod_that_ended_without_a_word_leaves_its_evidence(outcome: PodEnded, code: str) -> None:
    verdict = decide("job", outcome, "the last lines")

    assert (verdict.status, verdict.code) == ("error", code)
    assert verdict.sentence
    assert verdict.cure
    assert verdict.evidence["last_output"] == "the last lines"
    assert {"exit_code", "oom_killed", "engine_events", "stderr"} <= set(verdict.evidence)


def test_the_last_words_of_a_pod_are_in_the_sentence() -> None:
    outcome = gone(exit_code=1, complaints=f"Traceback\nImportError: no ssl\n{CUT}\n")
    assert decide("job", outcome, "").sentence.endswith("exit code 1: ImportError: no ssl")
