"""A lookup whose server is down: the job that needs it ends in `error` before any pod, with a
sentence that names the credential, the field and the lookup, and no secret in it."""

from __future__ import annotations

from typing import Any

import pytest

from gantry.base.bridge import in_thread
from tests.journeys.outcome import output, run, told
from tests.journeys.projects.projects import sync
from tests.journeys.world import World

# An external type, what it logs in with, what it is asked for; nothing listens at port 1.
DOWN = "http://127.0.0.1:1"
KINDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "hashivault_kv": (
        {"url": DOWN, "token": "SECRET"}, {"secret_path": "kv/a", "secret_key": "b"},
    ),
    "conjur": (
        {"url": DOWN, "api_key": "SECRET", "account": "a", "username": "u"}, {"secret_path": "a"},
    ),
}  # fmt: skip
SECRET = "the-token-of-the-lookup"


def looked_up(world: World, kind: str, target: Any, field: str) -> None:
    from gantry.resources.models import CredentialInputSource

    inputs, metadata = KINDS[kind]
    known = {k: SECRET if v == "SECRET" else v for k, v in inputs.items()}
    source = world.credential(kind, known, "The lookup")
    CredentialInputSource.objects.create(
        target_credential=target, source_credential=source, input_field_name=field,
        metadata=metadata,
    )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
async def test_a_job_ends_in_error_and_names_the_lookup(
    world: World, control: Any, kind: str
) -> None:
    def template() -> Any:
        machine = world.credential("ssh", {"username": "root"}, "Machines")
        looked_up(world, kind, machine, "password")
        made = world.template()
        made.credentials.add(machine)
        return made

    job = await run(world, await in_thread(template)())

    assert (job.status, job.failure_class) == ("error", "lookup_failed"), told(job)
    assert job.job_explanation.startswith(
        "Field password of credential Machines could not be looked up by credential The lookup ("
    )
    assert "127.0.0.1:1" in job.job_explanation
    assert "Press Test" in job.failure_cure
    assert job.pod_name == ""
    assert SECRET not in told(job) + await output(job)


async def test_a_sync_ends_in_error_too(world: World, control: Any) -> None:
    def credential() -> Any:
        made = world.credential("scm", {"username": "me"}, "Git")
        looked_up(world, "hashivault_kv", made, "password")
        return made

    update = await sync(
        world, "https://git.example.org/a.git", credential=await in_thread(credential)()
    )

    assert (update.status, update.failure_class) == ("error", "lookup_failed"), told(update)
    assert "Field password of credential Git" in update.job_explanation
    assert "HashiCorp Vault Secret Lookup" in update.job_explanation
    assert SECRET not in told(update)
