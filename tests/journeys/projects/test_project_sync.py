"""Project syncs from real Git servers, over HTTP, HTTPS and SSH, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gantry.base.bridge import in_thread
from tests.journeys.git_server import PASSWORD, USER, GitServer, Repository, host_address
from tests.journeys.node import Node, ssh_key
from tests.journeys.outcome import ended, output, run, told
from tests.journeys.projects.projects import SITE, project, sync, synced, template_of
from tests.journeys.registry import free_port
from tests.journeys.world import World


@pytest.mark.parametrize(
    ("branch", "label"),
    [("", "main"), ("feature/x", "feature"), ("v1", "first"), ("commit", "feature"),
     ("short", "feature")],
)  # fmt: skip
async def test_a_branch_a_tag_and_a_commit_are_synced(
    world: World, control: Any, demo: Repository, http: GitServer, branch: str, label: str
) -> None:
    named = {"commit": demo.commits["feature"], "short": demo.commits["feature"][:9]}

    update = await sync(world, http.of(demo), scm_branch=named.get(branch, branch))

    snapshot = await synced(update)
    assert snapshot.revision == demo.commits[label]
    project = await in_thread(lambda: update.project)()
    assert (project.scm_revision, project.status) == (demo.commits[label], "successful")


async def test_the_playbooks_are_what_awx_would_list_and_none_leaves_the_project(
    world: World, control: Any, demo: Repository, http: GitServer
) -> None:
    snapshot = await synced(await sync(world, http.of(demo)))

    assert snapshot.playbooks == ["greet.yml", "inside.yml", "site.yml", "plays/deploy.yml"]
    assert snapshot.inventory_files == ["inventory/hosts.ini"]


async def test_a_refspec_makes_a_pull_request_a_branch(
    world: World, control: Any, demo: Repository, http: GitServer
) -> None:
    refspec = "refs/pull/*:refs/remotes/origin/pull/*"

    named = await sync(world, http.of(demo), scm_refspec=refspec, scm_branch="pull/7/head")
    by_ref = await sync(world, http.of(demo), scm_branch="refs/pull/7/head")

    assert (await synced(named)).revision == demo.commits["pull"]
    assert (await synced(by_ref)).revision == demo.commits["pull"]


async def test_submodules_come_only_when_they_are_wanted(
    world: World, control: Any, demo: Repository, http: GitServer
) -> None:
    with_them = await sync(world, http.of(demo), scm_track_submodules=True)
    await synced(with_them)

    template = await in_thread(lambda: template_of(world, with_them.project, "greet.yml"))()
    job = await run(world, template)
    without = await run(world, await in_thread(lambda: template_of(
        world, project(world, http.of(demo)), "greet.yml"))())  # fmt: skip

    assert "hello from the library" in await output(job), told(job)
    assert without.failure_class == "hosts_failed", told(without)


async def test_https_with_a_password_and_the_organizations_own_authority(
    world: World, control: Any, demo: Repository, private: Any
) -> None:
    def allow(login: dict[str, str]) -> Any:
        world.organization.ca_bundle = private.ca
        world.organization.save()
        return world.credential("scm", login, f"scm {len(login['password'])}")

    stranger = await sync(world, private.of(demo))
    credential = await in_thread(allow)({"username": USER, "password": PASSWORD})
    update = await sync(world, private.of(demo), credential=credential)
    wrong = await in_thread(allow)({"username": USER, "password": "not that pass phrase"})
    refused = await sync(world, private.of(demo), credential=wrong)
    anonymous = await sync(world, private.of(demo))

    assert (stranger.status, stranger.failure_class) == ("failed", "scm_tls"), told(stranger)
    assert "CA bundle" in stranger.failure_cure
    assert (await synced(update)).revision == demo.commits["main"]
    assert PASSWORD not in await output(update)
    for job in (refused, anonymous):
        assert (job.status, job.failure_class) == ("failed", "scm_denied"), told(job)
        assert "credential" in job.failure_cure
    assert "not that pass phrase" not in await output(refused) + told(refused)


async def test_a_password_in_the_url_works_and_is_masked(
    world: World, control: Any, demo: Repository, private: Any
) -> None:
    await in_thread(lambda: type(world.organization).objects.update(ca_bundle=private.ca))()
    await in_thread(world.organization.refresh_from_db)()
    quoted = PASSWORD.replace(" ", "%20")
    url = private.of(demo).replace("://", f"://{USER}:{quoted}@")

    update = await sync(world, url)

    assert (await synced(update)).revision == demo.commits["main"]
    assert quoted not in await output(update)


async def test_a_credential_is_not_shown_to_another_host(
    world: World, control: Any, ground: Path, demo: Repository, http: GitServer, private: Any
) -> None:
    thief = Repository(ground, "thief")
    thief.git("submodule", "add", "--quiet", str(demo.bare), "stolen")
    thief.git("config", "--file", ".gitmodules", "submodule.stolen.url", private.of(demo))
    thief.commit("thief", {"site.yml": SITE % "thief"})

    def prepare() -> Any:
        world.organization.ca_bundle = private.ca
        world.organization.save()
        return world.credential("scm", {"username": USER, "password": PASSWORD})

    credential = await in_thread(prepare)()
    update = await sync(world, http.of(thief), credential=credential, scm_track_submodules=True)

    assert (update.status, update.failure_class) == ("failed", "submodules_failed"), told(update)
    assert "own host" in update.failure_cure


async def test_ssh_by_key_with_and_without_a_passphrase(
    world: World, control: Any, demo: Repository, ssh: tuple[Node, str]
) -> None:
    from cryptography.hazmat.primitives import serialization

    node, key = ssh
    url = node.serve(demo.bare)
    node.serve(demo.home / "served" / "library.git")
    opened = serialization.load_ssh_private_key(key.encode(), None)
    locked = opened.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.BestAvailableEncryption(b"open sesame"),
    ).decode()

    def credentials() -> list[Any]:
        inputs = [
            {"ssh_key_data": key},
            {"ssh_key_data": locked, "ssh_key_unlock": "open sesame"},
            {"ssh_key_data": ssh_key()[0]},
            {"ssh_key_data": locked, "ssh_key_unlock": "close sesame"},
        ]
        return [world.credential("scm", each, f"key {n}") for n, each in enumerate(inputs)]

    good, with_passphrase, wrong, wrong_passphrase = await in_thread(credentials)()
    plain = await sync(world, url, credential=good, scm_track_submodules=True)
    unlocked = await sync(world, url, credential=with_passphrase)
    refused = await sync(world, url, credential=wrong)
    unread = await sync(world, url, credential=wrong_passphrase)

    assert (await synced(plain)).revision == demo.commits["main"]
    assert (await synced(unlocked)).revision == demo.commits["main"]
    assert (refused.status, refused.failure_class) == ("failed", "scm_denied"), told(refused)
    assert "Permission denied" in refused.job_explanation
    assert (unread.status, unread.failure_class) == ("error", "ssh_key_unreadable"), told(unread)
    assert "passphrase" in unread.job_explanation


async def test_an_unreachable_server_an_unknown_repository_and_a_bad_branch_say_which(
    world: World, control: Any, demo: Repository, http: GitServer
) -> None:
    nobody = f"http://{host_address()}:{free_port(host_address())}/demo.git"
    unreachable = await sync(world, nobody)
    unnamed = await sync(world, "https://no-such-host.invalid/demo.git")
    unknown = await sync(world, f"{http.url}/nothing.git")
    branch = await sync(world, http.of(demo), scm_branch="no-such-branch")
    commit = await sync(world, http.of(demo), scm_branch="0123456789abcdef0123")

    classes = [j.failure_class for j in (unreachable, unnamed, unknown, branch, commit)]
    assert classes == ["scm_unreachable", "scm_unreachable", "repository_unknown",
                       "branch_unknown", "branch_unknown"]  # fmt: skip
    assert nobody in unreachable.job_explanation
    assert "network" in unreachable.failure_cure
    assert "no-such-branch" in branch.job_explanation
    assert "branch" in branch.failure_cure
    assert await in_thread(lambda: unknown.project.status)() == "failed"


@pytest.mark.parametrize(
    "url",
    ["file:///etc", "/etc", "../up", "ext::sh -c id", "--upload-pack=id", "-oProxyCommand=id:x"],
)
async def test_what_is_no_network_url_is_refused_before_any_pod(
    world: World, control: Any, url: str
) -> None:
    from gantry.base.errors import InvalidInput
    from gantry.path.updates import update_project
    from gantry.resources.models import ProjectUpdate

    def older_row() -> Any:
        """As a row would be that was made before the rule."""
        mine = project(world, "https://git.example.org/x.git")
        update = update_project(mine, user=world.admin)
        ProjectUpdate.objects.filter(pk=update.pk).update(scm_url=url)
        return update

    with pytest.raises(InvalidInput) as refused:
        await in_thread(lambda: update_project(project(world, url), user=world.admin))()
    update = await ended(await in_thread(older_row)())

    assert refused.value.field == "scm_url"
    assert (update.status, update.failure_class) == ("error", "scm_url_refused"), told(update)
    assert update.pod_name == ""


async def test_git_in_the_pod_takes_no_local_path_either(
    world: World, control: Any, ground: Path, http: GitServer
) -> None:
    sly = Repository(ground, "sly")
    sly.git("submodule", "add", "--quiet", str(ground / "served" / "library.git"), "library")
    sly.git("config", "--file", ".gitmodules", "submodule.library.url", "file:///etc")
    sly.commit("sly", {"site.yml": SITE % "sly"})

    update = await sync(world, http.of(sly), scm_track_submodules=True)

    assert update.failure_class == "submodules_failed", told(update)
    assert "not allowed" in update.job_explanation


async def test_a_branch_that_looks_like_an_option_is_none(
    world: World, control: Any, demo: Repository, http: GitServer
) -> None:
    update = await sync(world, http.of(demo), scm_branch="--upload-pack=touch /tmp/x")

    assert update.status == "failed"
    assert update.failure_class in ("branch_unknown", "sync_failed"), told(update)
