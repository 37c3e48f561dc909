"""Projects: which repositories are taken, and what is synced when."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Api
from tests.api.world import project_with, type_id

V2 = "/api/v2"


@pytest.mark.parametrize(
    "url", ["/etc", "file:///etc", "ext::sh -c id", "--upload-pack=id", "-x@host:y", "../up"]
)
def test_local_and_tricky_repositories_are_refused(api: Api, url: str) -> None:
    body = {"name": "p", "organization": 1, "scm_type": "git", "scm_url": url}
    assert list(api.post(f"{V2}/projects/", body, 400)) == ["scm_url"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"scm_type": "", "local_path": "/x"}, "local_path"),
        ({"scm_type": "insights"}, "scm_type"),
        ({"scm_type": "svn", "scm_url": "ssh://x/y"}, "scm_url"),
        ({"scm_type": "svn", "scm_branch": "feature/x"}, "scm_branch"),
        ({"scm_type": "svn", "scm_refspec": "refs/*:refs/*"}, "scm_refspec"),
        ({"scm_type": "svn", "scm_track_submodules": True}, "scm_track_submodules"),
        ({"scm_type": "archive", "scm_url": "x.tar.gz"}, "scm_url"),
        ({"scm_type": "archive", "scm_branch": "main"}, "scm_branch"),
        ({"scm_type": "", "scm_clean": True}, "scm_clean"),
        ({"scm_branch": "--upload-pack=x"}, "scm_branch"),
    ],
)
def test_projects_that_cannot_be(api: Api, fields: dict[str, Any], field: str) -> None:
    body = {"name": "p", "organization": 1, "scm_type": "git", "scm_url": "https://x.example/y"}
    assert list(api.post(f"{V2}/projects/", body | fields, 400)) == [field]


def test_a_new_project_is_synced_and_again_when_its_source_changes(api: Api) -> None:
    body = {"name": "p", "organization": 1, "scm_type": "git", "scm_url": "https://x.example/y"}
    made = api.post(f"{V2}/projects/", body)
    update = made["summary_fields"]["current_update"]["id"]
    assert made["status"] == "pending"
    shown = api.get(f"{V2}/project_updates/{update}/")
    assert shown["launched_by"]["name"] == "admin"
    assert shown["summary_fields"]["created_by"]["username"] == "admin"

    api.patch(made["url"], {"description": "x"})
    assert api.get(made["related"]["project_updates"])["count"] == 1
    api.patch(made["url"], {"scm_branch": "other"})
    assert api.get(made["related"]["project_updates"])["count"] == 2

    again = api.post(made["related"]["update"], status=202)
    assert again["project_update"] == again["id"]
    assert api.get(made["related"]["update"]) == {"can_update": True}
    duplicate = api.post(f"{V2}/projects/", body, 400)
    assert "already exists" in duplicate["__all__"][0]


def test_a_manual_project_has_nothing_to_sync(api: Api) -> None:
    made = api.post(f"{V2}/projects/", {"name": "p", "organization": 1})
    assert made["status"] == "missing"
    api.post(made["related"]["update"], status=405)


def test_an_update_is_cancelled_or_not(api: Api) -> None:
    body = {"name": "p", "organization": 1, "scm_type": "git", "scm_url": "https://x.example/y"}
    made = api.post(f"{V2}/projects/", body)
    url = f"{V2}/project_updates/{made['summary_fields']['current_update']['id']}/"
    assert api.get(f"{url}cancel/") == {"can_cancel": True}
    api.delete(url, 403)
    api.delete(made["url"], 409)
    api.post(f"{url}cancel/", status=202)


@pytest.mark.parametrize("kind", ["svn", "archive"])
def test_every_kind_is_synced_and_says_what_only_git_has(api: Api, kind: str) -> None:
    body = {"name": "p", "organization": 1, "scm_type": kind, "scm_url": "https://x.example/y"}
    made = api.post(f"{V2}/projects/", body | {"local_path": "_1__p"})
    assert (made["scm_type"], made["status"], made["local_path"]) == (kind, "pending", "")
    assert api.post(made["related"]["update"], status=202)["scm_type"] == kind
    assert api.get(made["related"]["update"]) == {"can_update": True}
    assert api.patch(made["url"], {"scm_refspec": "refs/x"}, 400) == {
        "scm_refspec": ["SCM refspec can only be used with git projects."]
    }
    if kind == "archive":
        assert api.patch(made["url"], {"scm_branch": "main"}, 400) == {
            "scm_branch": ["SCM branch cannot be used with archive projects."]
        }
    words = f"Cannot change local_path for {kind}-based projects"
    assert api.patch(made["url"], {"local_path": "x"}, 400) == {"local_path": [words]}


def test_a_signature_is_verified_by_a_key_of_cryptography(api: Api) -> None:
    from gantry.resources.models import ProjectUpdate

    def credential(namespace: str) -> Any:
        body = {"name": namespace, "organization": 1, "credential_type": type_id(namespace)}
        return api.post(f"{V2}/credentials/", body)

    body = {"name": "p", "organization": 1, "scm_type": "git", "scm_url": "https://x.example/y"}
    made = api.post(f"{V2}/projects/", body)
    key, git = credential("gpg_public_key"), credential("scm")
    field = "signature_validation_credential"
    assert api.patch(made["url"], {field: git["id"]}, 400) == {
        field: ["Credential kind must be 'cryptography'."]
    }
    ProjectUpdate.objects.update(status="successful")
    shown = api.patch(made["url"], {field: key["id"]})
    assert shown["summary_fields"][field]["kind"] == "gpg_public_key"
    assert api.get(made["related"]["project_updates"])["count"] == 2  # what is there is unverified


@pytest.mark.parametrize("kind", ["git", "svn", "archive"])
def test_another_branch_is_for_projects_that_allow_it(
    api: Api, inventory: dict[str, Any], kind: str
) -> None:
    from gantry.resources.models import Project

    project = project_with("site.yml")
    Project.objects.filter(pk=project).update(scm_type=kind)
    body = {"name": "t", "project": project, "inventory": inventory["id"], "playbook": "site.yml"}
    templates, words = f"{V2}/job_templates/", ["Project does not allow overriding branch."]
    assert api.post(templates, body | {"scm_branch": "7"}, 400) == {"scm_branch": words}
    asks = {"ask_scm_branch_on_launch": True}
    assert api.post(templates, body | asks, 400) == {"ask_scm_branch_on_launch": words}

    url = f"{V2}/projects/{project}/"
    api.patch(url, {"allow_override": True})
    template = api.post(templates, body | asks)
    launched = api.post(template["related"]["launch"], {"scm_branch": "7"})
    job = api.get(f"{V2}/jobs/{launched['id']}/")
    [update] = api.get(f"{url}project_updates/?order_by=-id&page_size=1")["results"]
    assert (job["scm_branch"], update["scm_branch"], update["scm_type"]) == ("7", "7", kind)
    assert update["launch_type"] == "dependency"
    depends = "One or more job templates depend on branch override behavior for this project "
    assert api.patch(url, {"allow_override": False}, 400) == {
        "allow_override": [f"{depends}(ids: {template['id']})."]
    }
