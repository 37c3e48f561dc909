"""Projects that come from Subversion and from archives: synced by pods, run by jobs."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gantry.base.bridge import in_thread
from tests.journeys.git_server import PASSWORD, USER, GitServer
from tests.journeys.node import Node
from tests.journeys.outcome import output, run, told
from tests.journeys.projects.projects import SITE, sync, synced, template_of
from tests.journeys.svn_server import PASSWORD as SVN_PASSWORD
from tests.journeys.svn_server import USER as SVN_USER
from tests.journeys.svn_server import SvnServer
from tests.journeys.world import World


@pytest.fixture(scope="module")
def svn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SvnServer]:
    server = SvnServer(tmp_path_factory.mktemp("svn") / "open")
    server.commit({"trunk/site.yml": SITE % "one", "lib/tasks.yml": "- ping:\n"})
    server.commit({"trunk/site.yml": SITE % "two", "trunk/x@y.yml": SITE % "at"}, "^/lib library")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SvnServer]:
    server = SvnServer(tmp_path_factory.mktemp("svn") / "locked", password=True)
    server.commit({"trunk/site.yml": SITE % "locked", "lib/a.yml": "- ping:\n"}, "^/lib library")
    yield server
    server.stop()


async def test_subversion_at_its_newest_and_at_a_revision(
    world: World, control: Any, svn: SvnServer
) -> None:
    newest = await sync(world, f"{svn.url}/trunk", scm_type="svn", allow_override=True)
    older = await sync(world, f"{svn.url}/trunk", scm_type="svn", scm_branch="1")

    snapshot = await synced(newest)
    assert (snapshot.revision, (await synced(older)).revision) == ("2", "1")
    assert snapshot.playbooks == ["site.yml", "x@y.yml"]
    assert (await in_thread(lambda: newest.project.scm_revision)()) == "2"
    template = await in_thread(
        lambda: template_of(world, newest.project, ask_scm_branch_on_launch=True)
    )()
    job, overridden = await run(world, template), await run(world, template, scm_branch="1")
    assert "this is two" in await output(job), told(job)
    assert overridden.scm_revision == "1", told(overridden)
    assert "this is one" in await output(overridden)


async def test_subversion_with_a_password_that_nobody_sees_and_nobody_else_gets(
    world: World, control: Any, locked: SvnServer
) -> None:
    def credential(password: str) -> Any:
        login = {"username": SVN_USER, "password": password}
        return world.credential("scm", login, f"svn {password}")

    good, wrong = await in_thread(credential)(SVN_PASSWORD), await in_thread(credential)("guessed")
    url = f"{locked.url}/trunk"
    update = await sync(world, url, scm_type="svn", credential=good)
    denied = await sync(world, url, scm_type="svn", credential=wrong)
    anonymous = await sync(world, url, scm_type="svn")

    assert (await synced(update)).playbooks == ["site.yml"]
    seen = await output(update)
    assert "svn:externals were left out" in seen
    assert SVN_PASSWORD not in seen
    for job in (denied, anonymous):
        assert (job.status, job.failure_class) == ("failed", "scm_denied"), told(job)
    assert "guessed" not in await output(denied) + told(denied)


async def test_subversion_over_ssh_by_a_key(
    world: World, control: Any, svn: SvnServer, ssh: tuple[Node, str]
) -> None:
    node, key = ssh
    url = node.serve(svn.repository).replace("ssh://git@", "svn+ssh://deploy@")
    credential = await in_thread(lambda: world.credential("scm", {"ssh_key_data": key}))()
    update = await sync(world, f"{url}/trunk", scm_type="svn", credential=credential)
    stranger = await sync(world, f"{url}/trunk", scm_type="svn")

    assert (await synced(update)).revision == "2"
    assert stranger.failure_class == "scm_denied", told(stranger)


async def test_subversion_says_what_it_does_not_find(
    world: World, control: Any, svn: SvnServer
) -> None:
    revision = await sync(world, f"{svn.url}/trunk", scm_type="svn", scm_branch="99")
    path = await sync(world, f"{svn.url}/nothing", scm_type="svn")
    nobody = await sync(world, "svn://127.0.0.1:1/x", scm_type="svn")

    classes = [job.failure_class for job in (revision, path, nobody)]
    assert classes == ["branch_unknown", "repository_unknown", "scm_unreachable"], told(path)
    assert "99" in revision.job_explanation


def packed(text: str, links: dict[str, str] | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo("demo-1.0/site.yml")
        content = (SITE % text).encode()
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
        for name, target in (links or {}).items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            archive.addfile(link)
    return buffer.getvalue()


async def test_an_archive_is_its_sum_and_a_new_one_a_new_revision(
    world: World, control: Any, http: GitServer
) -> None:
    from gantry.path.updates import update_project
    from tests.journeys.outcome import ended

    first, second = packed("first"), packed("second")
    url = http.add_file("demo.tar.gz", first)
    update = await sync(world, url, scm_type="archive")
    assert (await synced(update)).revision == hashlib.sha1(first).hexdigest()
    http.add_file("demo.tar.gz", second)
    again = await ended(await in_thread(lambda: update_project(update.project, user=world.admin))())

    assert (await synced(again)).revision == hashlib.sha1(second).hexdigest()
    job = await run(world, await in_thread(lambda: template_of(world, update.project))())
    assert "this is second" in await output(job), told(job)


async def test_an_archive_behind_a_password_by_the_organizations_authority(
    world: World, control: Any, private: Any
) -> None:
    def prepare() -> Any:
        world.organization.ca_bundle = private.ca
        world.organization.save()
        return world.credential("scm", {"username": USER, "password": PASSWORD})

    url = private.add_file("locked.tar.gz", packed("locked"))
    stranger = await sync(world, url, scm_type="archive")
    credential = await in_thread(prepare)()
    update = await sync(world, url, scm_type="archive", credential=credential)
    denied = await sync(world, url, scm_type="archive")
    missing = await sync(
        world, f"{private.url}/files/no", scm_type="archive", credential=credential
    )

    assert (await synced(update)).playbooks == ["site.yml"]
    assert PASSWORD not in await output(update)
    classes = [job.failure_class for job in (stranger, denied, missing)]
    assert classes == ["scm_tls", "scm_denied", "repository_unknown"], told(stranger)


async def test_a_hostile_archive_is_refused_and_the_tree_before_it_stays(
    world: World, control: Any, http: GitServer, tmp_path: Path
) -> None:
    url = http.add_file("evil.tar.gz", packed("x", {"demo-1.0/link": "/etc/passwd"}))
    update = await sync(world, url, scm_type="archive")

    assert (update.status, update.failure_class) == ("failed", "archive_refused"), told(update)
    assert "demo-1.0/link is a link to /etc/passwd, out of the project" in update.job_explanation
    assert await in_thread(lambda: update.project.snapshot)() is None


async def test_an_image_without_svn_says_so(
    world: World, control: Any, svn: SvnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gantry.pods.agent import source

    real = source.text

    def without(name: str) -> str:
        text = real(name)
        return text.replace('["svn", "info"', '["absent-svn", "info"') if "svn" in name else text

    monkeypatch.setattr("gantry.path.sync_payload.source.text", without)
    update = await sync(world, f"{svn.url}/trunk", scm_type="svn")

    assert update.failure_class == "image_incomplete", told(update)
    assert "the image has no absent-svn" in update.job_explanation
    assert "Control Plane Execution Environment" in update.failure_cure
