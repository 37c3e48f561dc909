"""What a sync lets in: content that is as it was signed, roles and collections of the
organization's Galaxy servers. No token and no password is told anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gantry.base.bridge import in_thread
from tests.journeys.galaxy_server import GalaxyServer, build_archives
from tests.journeys.git_server import GitServer, Repository
from tests.journeys.outcome import ended, output, run, told
from tests.journeys.projects.projects import SITE, sync, synced, template_of
from tests.journeys.projects.signer import Signer
from tests.journeys.world import World

TOKENS = ("hub-token-9917", "mirror-token-4402")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[GalaxyServer, ...]]:
    """A hub with single sign-on that has one collection, and a mirror that has it too, and more."""
    hub, mirror = (tmp_path_factory.mktemp("galaxy") for _ in range(2))
    build_archives(hub, [("acme.tools", "1.0.0", {})])
    build_archives(mirror, [("acme.tools", "1.0.0", {}), ("acme.more", "2.0.0", {})])
    made = (
        GalaxyServer(hub, TOKENS[0], sso=True).start(), GalaxyServer(mirror, TOKENS[1]).start(),
    )  # fmt: skip
    yield made
    for server in made:
        server.stop()


@pytest.fixture(scope="module")
def wants(ground: Path, http: GitServer) -> str:
    """A project that asks for both collections."""
    repository = Repository(ground, "wants-galaxy")
    repository.commit("wants", {
        "site.yml": SITE % "collected",
        "collections/requirements.yml": "collections: [acme.tools, acme.more]\n",
    })  # fmt: skip
    return http.of(repository)


def credential(world: World, name: str, server: GalaxyServer, token: str) -> Any:
    inputs = {"url": server.url, "token": token}
    if server.sso:
        inputs["auth_url"] = server.auth_url
    return world.credential("galaxy_api_token", inputs, name)


async def test_the_organizations_servers_are_asked_in_their_order_and_with_their_tokens(
    world: World, control: Any, wants: str, servers: tuple[GalaxyServer, GalaxyServer]
) -> None:
    hub, mirror = servers

    def attach() -> None:
        world.organization.galaxy_credentials.clear()
        for name, server in (("z-hub", hub), ("a-mirror", mirror)):
            made = credential(world, name, server, server.token)
            world.organization.galaxy_credentials.add(made)

    await in_thread(attach)()
    update = await sync(world, wants)
    await synced(update)

    fetched = [[p for p in s.seen if p.endswith(".tar.gz")] for s in servers]
    assert [len(paths) for paths in fetched] == [1, 1]
    assert "acme-tools-1.0.0" in fetched[0][0]
    assert "acme-more-2.0.0" in fetched[1][0]
    seen = await output(update)
    assert "acme.more:2.0.0 was installed successfully" in seen
    for secret in (*TOKENS, TOKENS[0][::-1]):
        assert secret not in seen + told(update)


async def test_a_server_that_refuses_the_token_fails_the_sync_and_does_not_tell_it(
    world: World, control: Any, wants: str, servers: tuple[GalaxyServer, GalaxyServer]
) -> None:
    def attach() -> None:
        made = credential(world, "wrong", servers[1], "a-guessed-token-31")
        world.organization.galaxy_credentials.set([made])

    await in_thread(attach)()
    update = await sync(world, wants)

    assert (update.status, update.failure_class) == ("failed", "requirements_failed"), told(update)
    assert "Galaxy credentials" in update.failure_cure
    assert "a-guessed-token-31" not in await output(update) + told(update)


async def test_without_a_galaxy_credential_nothing_is_installed_and_the_output_says_so(
    world: World, control: Any, wants: str
) -> None:
    await in_thread(lambda: world.organization.galaxy_credentials.clear())()
    update = await sync(world, wants)

    await synced(update)
    words = "No roles and collections are installed: organization Acme has no Galaxy credential."
    assert words in await output(update)


@pytest.fixture(scope="module")
def signer() -> Iterator[Signer]:
    made = Signer("release")
    yield made
    made.forget()


async def test_a_signed_project_runs_and_what_is_not_as_it_was_signed_does_not(
    world: World, control: Any, ground: Path, http: GitServer, signer: Signer
) -> None:
    from gantry.base.errors import InvalidInput
    from gantry.path.updates import update_project

    repository = Repository(ground, "signed")
    repository.commit("unsigned", {"site.yml": SITE % "signed"})
    signer.sign(repository.tree)
    repository.commit("signed", {})

    def key() -> Any:
        return world.credential("gpg_public_key", {"gpg_public_key": signer.public_key})

    def again(update: Any) -> Any:
        return update_project(update.project, user=world.admin)

    update = await sync(
        world, http.of(repository), signature_validation_credential=await in_thread(key)()
    )
    snapshot = await synced(update)
    template = await in_thread(lambda: template_of(world, update.project))()
    job = await run(world, template)
    repository.commit("changed", {"site.yml": SITE % "changed", "evil.yml": SITE % "evil"})
    failed = await ended(await in_thread(again)(update))

    assert snapshot.verified_by_id == update.project.signature_validation_credential_id
    assert "this is signed" in await output(job), told(job)
    assert (failed.status, failed.failure_class) == ("failed", "signature_invalid"), told(failed)
    assert "files are not as they were signed; added: evil.yml" in failed.job_explanation
    with pytest.raises(InvalidInput) as refused:
        await in_thread(lambda: world.launch(type(template).objects.get(pk=template.pk)))()
    assert "due to signature validation failure" in refused.value.sentence


async def test_a_tree_that_nobody_verified_is_synced_anew_before_a_job_runs_from_it(
    world: World, control: Any, demo: Repository, http: GitServer, signer: Signer
) -> None:
    update = await sync(world, http.of(demo))
    await synced(update)

    def demand() -> Any:
        project = update.project
        project.signature_validation_credential = world.credential(
            "gpg_public_key", {"gpg_public_key": signer.public_key}
        )
        project.save()
        return world.launch(template_of(world, project))

    job = await ended(await in_thread(demand)())
    failed = await in_thread(lambda: job.dependencies.get())()

    assert (job.status, job.failure_class) == ("failed", "dependency_failed"), told(job)
    assert failed.failure_class == "signature_invalid"
    assert "Signature file does not exist: .ansible-sign" in failed.job_explanation
