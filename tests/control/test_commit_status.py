"""A webhook's job tells the service how its commit fares: to real HTTP servers, whatever happens
on the way."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from gantry.base.bridge import in_thread
from tests.control.conftest import Make
from tests.path.notifiers.certificate import certificate
from tests.resources.lookups.server import Service, service

__all__ = ["certificate"]

API = "/api/v3/repos/o/r/statuses/abc"


@pytest.fixture
def git() -> Iterator[Service]:
    with service() as running:
        running.routes[f"POST {API}"] = lambda asked: (201, {"id": 1})
        yield running


@pytest.fixture
def hooked(make_job: Make, git: Service) -> Any:
    """Makes a waiting job that a service's webhook started, with that service's token."""

    def make(kind: str = "github", url: str = "", **fields: Any) -> Any:
        from gantry.path import commit_status
        from gantry.resources import models as m

        own = m.Organization.objects.get(name="Default")
        credential = m.Credential.objects.create(
            name=kind, organization=own,
            credential_type=m.CredentialType.objects.get(namespace=f"{kind}_token"),
        )  # fmt: skip
        credential.set_inputs({"token": "t0k3n-t0k3n"})
        credential.save()
        values = {"organization": own, "status": "pending", "launch_type": "webhook",
                  "webhook_service": kind, "webhook_credential": credential,
                  "webhook_status_api": url or f"{git.url}{API}"} | fields  # fmt: skip
        job = make_job("deploy", **values)
        row = commit_status.status_of(job, "pending")
        if row is not None:
            commit_status.write_down(row)
        return m.UnifiedJob.objects.get(pk=job.pk)

    return make


def run(job: Any, status: str = "successful") -> None:
    from gantry.path.states import end, move

    move(job, status="waiting")
    move(job, status="running")
    end(job, status=status)


async def send_all(turns: int = 4) -> None:
    from gantry.control.commit_status import COMMIT_STATUSES
    from gantry.control.outbox import Sender

    sender = Sender(COMMIT_STATUSES)
    for _ in range(turns):
        await sender.turn()
        await sender.settle()


def told() -> list[tuple[str, str, str]]:
    from gantry.resources.models import CommitStatus

    return list(CommitStatus.objects.order_by("pk").values_list("state", "status", "error"))


def due() -> None:
    """The pause before the next try is over."""
    from gantry.resources.models import CommitStatus

    CommitStatus.objects.filter(status="pending").update(next_try=None)


@pytest.mark.parametrize(
    ("kind", "login", "states"),
    [
        ("github", ("authorization", "token t0k3n-t0k3n"), ["pending", "failure"]),
        ("gitlab", ("private-token", "t0k3n-t0k3n"), ["pending", "running", "failed"]),
        ("bitbucket_dc", ("authorization", "Bearer t0k3n-t0k3n"),
         ["INPROGRESS", "INPROGRESS", "FAILED"]),
        ("gitea", ("authorization", "token t0k3n-t0k3n"), ["pending", "failure"]),
    ],
)  # fmt: skip
async def test_each_service_is_told_in_its_words(
    hooked: Any, git: Service, kind: str, login: tuple[str, str], states: list[str]
) -> None:
    from gantry.path.states import end, move

    job = await in_thread(lambda: hooked(kind))()
    await send_all()
    await in_thread(lambda: move(job, status="waiting"))()
    await in_thread(lambda: move(job, status="running"))()
    await send_all()
    await in_thread(lambda: end(job, status="failed"))()
    await send_all()
    assert [asked.json()["state"] for asked in git.asked] == states
    assert {asked.headers[login[0]] for asked in git.asked} == {login[1]}
    body = git.asked[-1].json()
    page = body["url" if kind == "bitbucket_dc" else "target_url"]
    assert page.endswith(f"/jobs/{job.pk}/")
    assert body["key" if kind == "bitbucket_dc" else "context"] == "ansible/awx"
    assert body["description"] == "deploy: failed"


async def test_it_is_tried_again_by_another_controller_too(hooked: Any, git: Service) -> None:
    answers = [503, 429, 201]
    git.routes[f"POST {API}"] = lambda asked: (answers.pop(0), "busy, t0k3n-t0k3n")
    await in_thread(hooked)()
    for left in (2, 1):
        await send_all()  # each time a sender that knows nothing of the one before
        assert len(answers) == left
        [(state, status, error)] = await in_thread(told)()
        assert (state, status) == ("pending", "pending")
        assert error.endswith("busy, ********")
        await in_thread(due)()
    await send_all()
    assert await in_thread(told)() == [("pending", "successful", "")]


async def test_a_refusal_is_final_and_says_why(hooked: Any, git: Service) -> None:
    git.routes[f"POST {API}"] = lambda asked: (404, '{"message":\n "Not Found"}')
    await in_thread(hooked)()
    await send_all()
    words = 'the service answered HTTP 404: {"message": "Not Found"}'
    assert await in_thread(told)() == [("pending", "failed", words)]


async def test_the_last_word_is_the_last_state(hooked: Any, git: Service) -> None:
    from gantry.control import outbox
    from gantry.control.commit_status import COMMIT_STATUSES
    from gantry.resources.models import CommitStatus

    job = await in_thread(hooked)()
    # One controller has taken the first and is slow; another sends the last meanwhile.
    [(slow, _)] = await in_thread(outbox.take)(COMMIT_STATUSES, 10, [])
    prepared = await in_thread(COMMIT_STATUSES.prepare)(slow)
    await in_thread(run)(job)
    await send_all()
    assert prepared is not None
    outcome = await in_thread(outbox.send)(COMMIT_STATUSES, prepared)
    await in_thread(outbox.keep)(COMMIT_STATUSES, slow, outcome)
    await send_all()
    assert [asked.json()["state"] for asked in git.asked] == ["success", "pending", "success"]
    # And what waits to be tried again is not sent once it is no longer so.
    await in_thread(CommitStatus.objects.all().delete)()
    git.routes[f"POST {API}"] = lambda asked: (503, "")
    again = await in_thread(lambda: hooked("gitea"))()
    await send_all()
    git.routes[f"POST {API}"] = lambda asked: (201, "")
    await in_thread(run)(again)
    await in_thread(due)()
    await send_all()
    assert await in_thread(told)() == [
        ("pending", "failed", "A later state took its place."), ("successful", "successful", ""),
    ]  # fmt: skip


async def test_a_gitlab_that_is_in_that_state_already_is_content(hooked: Any, git: Service) -> None:
    words = "Cannot transition status via :enqueue from :pending"
    git.routes[f"POST {API}"] = lambda asked: (400, {"message": words})
    await in_thread(lambda: hooked("gitlab"))()
    await send_all()
    assert await in_thread(told)() == [("pending", "successful", "")]


async def test_a_token_goes_nowhere_else(
    hooked: Any, git: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dataclasses

    from gantry.base import config
    from gantry.control import commit_status

    only = dataclasses.replace(config.settings(), webhook_status_hosts=("git.example.org",))
    monkeypatch.setattr(commit_status, "settings", lambda: only)
    await in_thread(hooked)()
    await send_all()
    assert git.asked == []
    words = "127.0.0.1 is not among GANTRY_WEBHOOK_STATUS_HOSTS."
    assert await in_thread(told)() == [("pending", "failed", words)]
    git.routes[f"POST {API}"] = lambda asked: (302, f"{git.url}/elsewhere")
    monkeypatch.setattr(commit_status, "settings", config.settings)
    await in_thread(lambda: hooked("gitea"))()
    await send_all()
    assert [asked.path for asked in git.asked] == [API]


async def test_no_token_no_credential_no_address(hooked: Any, git: Service) -> None:
    def make() -> None:
        from gantry.resources.models import Credential

        hooked("github", webhook_status_api="")
        hooked("gitlab", webhook_credential=None)
        hooked("gitea", launch_type="relaunch")
        assert told() == []
        hooked("bitbucket_dc")
        Credential.objects.get(name="bitbucket_dc").delete()

    await in_thread(make)()
    await send_all()
    assert await in_thread(told)() == [
        ("pending", "failed", "The webhook credential was deleted.")
    ]  # fmt: skip
    assert git.asked == []


async def test_the_organizations_authorities_are_trusted(
    hooked: Any, certificate: tuple[ssl.SSLContext, str]
) -> None:
    from gantry.resources.models import Organization

    context, pem = certificate
    with service("localhost", tls=context) as secure:
        secure.routes[f"POST {API}"] = lambda asked: (201, "")
        await in_thread(lambda: hooked("github", f"{secure.url}{API}"))()
        await send_all()
        [(_, status, error)] = await in_thread(told)()
        assert (status, error.endswith("its certificate is not trusted")) == ("pending", True)
        rows = Organization.objects.filter(name="Default")
        await in_thread(lambda: rows.update(ca_bundle=pem))()
        await in_thread(due)()
        await send_all()
        assert await in_thread(told)() == [("pending", "successful", "")]
