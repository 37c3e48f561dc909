"""A project's ansible.cfg still counts where Gantry says by a variable where to look."""

from __future__ import annotations

from pathlib import Path

import pytest

from gantry.pods.agent.search_paths import merge

ENV = {
    "ANSIBLE_ROLES_PATH": "/runner/requirements_roles:/etc/ansible/roles",
    "ANSIBLE_COLLECTIONS_PATH": "/runner/requirements_collections:/usr/share/ansible/collections",
    "HOME": "/runner",
}


@pytest.mark.parametrize(
    ("text", "roles", "collections"),
    [
        ("[defaults]\nroles_path = roles:../shared ; ours\n", "roles:../shared:", ""),
        ("[defaults]\ncollections_path = vendor\n", "", "vendor:"),
        ("[defaults]\ncollections_paths = vendor\n", "", "vendor:"),  # before ansible-core 2.19
        ("[defaults]\nroles_path = %(home)s/roles\n", "%(home)s/roles:", ""),
        ("[ssh_connection]\npipelining = true\n", "", ""),
        ("[defaults]\nroles_path =\n", "", ""),
        ("roles_path = of no section\n", "", ""),
        ("[defaults]\nroles_path = a\n[defaults]\nroles_path = b\n", "", ""),
    ],
)
def test_its_paths_come_after_what_its_requirements_brought(
    text: str, roles: str, collections: str, tmp_path: Path
) -> None:
    (tmp_path / "ansible.cfg").write_text(text)

    assert merge(ENV, str(tmp_path)) == {
        "ANSIBLE_ROLES_PATH": f"/runner/requirements_roles:{roles}/etc/ansible/roles",
        "ANSIBLE_COLLECTIONS_PATH": "/runner/requirements_collections:"
        f"{collections}/usr/share/ansible/collections",
        "HOME": "/runner",
    }


def test_a_path_that_is_named_twice_is_searched_where_the_project_put_it(tmp_path: Path) -> None:
    (tmp_path / "ansible.cfg").write_text("[defaults]\nroles_path = /etc/ansible/roles:own\n")

    merged = merge(ENV, str(tmp_path))["ANSIBLE_ROLES_PATH"]

    assert merged == "/runner/requirements_roles:/etc/ansible/roles:own"


def test_a_project_without_the_file_or_with_a_binary_one_changes_nothing(tmp_path: Path) -> None:
    assert merge(ENV, str(tmp_path)) == ENV
    (tmp_path / "ansible.cfg").write_bytes(b"\xff\xfe\x00")
    assert merge(ENV, str(tmp_path)) == ENV
