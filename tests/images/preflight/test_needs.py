"""What a playbook needs, read as ansible loads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gantry.images.preflight.keywords import TASK_KEYWORDS
from gantry.images.preflight.names import meaning
from gantry.images.preflight.needs import Needs
from gantry.images.preflight.read import read_needs
from gantry.images.preflight.tree import Tree
from tests.images.preflight.trees import COLLECTIONS, collections, needs

PLAY = "- hosts: all\n"


def play(tasks: str) -> str:
    lines = "".join(f"    {line}\n" for line in tasks.splitlines())
    return f"{PLAY}  tasks:\n{lines}"


# -- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "collection"),
    [
        ("- ansible.posix.mount: {path: /x}", "ansible.posix"),
        ("- docker_container: {name: x}", "community.docker"),
        ("- ansible.builtin.docker_container: {name: x}", "community.docker"),
        ("- action: community.general.ufw state=enabled", "community.general"),
        ("- local_action: {module: amazon.aws.ec2_instance}", "amazon.aws"),
        ("- name: n\n  block:\n    - kubernetes.core.k8s: {}\n", "kubernetes.core"),
        ("- block: [{ping: }]\n  rescue: [{community.mysql.mysql_db: {}}]\n", "community.mysql"),
        ("- notify: x\n  when: false\n  ansible.windows.win_ping:\n", "ansible.windows"),
    ],
)
def test_a_module_that_a_task_names_must_be_there_when_the_play_is_loaded(
    task: str, collection: str
) -> None:
    assert collections(needs(play(task))) == {collection: "load"}


@pytest.mark.parametrize(
    ("task", "collection"),
    [
        ("- debug: {msg: \"{{ lookup('community.hashi_vault.hashi_vault', 'x') }}\"}",
         "community.hashi_vault"),
        ("- debug: {msg: \"{{ query('hashi_vault', 'x') }}\"}", "community.hashi_vault"),
        ("- debug: {msg: \"{{ x | community.general.json_query('a') }}\"}", "community.general"),
        ("- debug: {msg: \"{{ x | ipaddr('net') }}\"}", "ansible.netcommon"),
        ("- ping:\n  when: x is not ansible.utils.in_network('10.0.0.0/8')\n", "ansible.utils"),
        ("- ping:\n  with_community.general.flattened: []\n", "community.general"),
        ("- ping:\n  become_method: machinectl\n", "community.general"),
        ("- ping:\n  connection: community.docker.docker\n", "community.docker"),
        ("- assert: {that: [\"a | ansible.utils.ipaddr == 'x'\"]}", "ansible.utils"),
    ],
)  # fmt: skip
def test_a_name_in_an_expression_is_needed_when_it_is_evaluated(task: str, collection: str) -> None:
    assert collections(needs(play(task))) == {collection: "run"}


@pytest.mark.parametrize(
    "task",
    [
        "- ping:",
        "- ansible.builtin.copy: {src: a, dest: b}",
        "- ansible.legacy.command: ls",
        "- yum: {name: x}",
        "- command: echo '{{ x | default([]) | to_nice_json }}' | ipaddr",
        "- debug: {msg: \"{{ 'a | community.general.json_query' }}\"}",
        "- debug: {msg: a | ipaddr}",
        "- ping:\n  with_items: [1]\n  loop_control: {label: x}\n  until: r is succeeded\n",
        "- meta: flush_handlers",
        "- debug: {msg: \"{{ lookup('file', 'x') }} {{ q('first_found', []) }}\"}",
        "- set_fact: {x: \"{{ d.items() | map(attribute='a.b.c') | list }}\"}",
    ],
)  # fmt: skip
def test_what_ansible_core_has_raises_no_alarm(task: str) -> None:
    found = needs(play(task))

    assert (found.found, found.unsure) == ({}, [])


def test_a_plugin_of_the_project_itself_is_not_looked_for_elsewhere() -> None:
    found = needs({
        "site.yml": play(
            "- docker_container:\n- mine:\n"
            "- debug: {msg: \"{{ x | ipaddr }} {{ lookup('hiera') }}\"}"
        ),
        "library/docker_container.py": "", "roles/r/library/mine.py": "",
        "filter_plugins/net.py": "class FilterModule:\n  def filters(self): return {'ipaddr': 1}\n",
        "lookup_plugins/hiera.py": "",
    })  # fmt: skip

    assert (found.found, found.unsure) == ({}, [])


def test_an_unknown_name_is_a_doubt_and_no_alarm() -> None:
    found = needs(play("- somebodys_own:\n"))

    assert found.found == {}
    assert "somebodys_own" in found.unsure[0]


def test_a_play_s_collections_are_where_an_unknown_name_is_from() -> None:
    one = needs("- hosts: all\n  collections: [my.own]\n  tasks: [{thing: }, {ping: }]\n")
    two = needs("- hosts: all\n  collections: [my.own, your.own]\n  tasks: [{thing: }]\n")
    known = needs("- hosts: all\n  collections: [my.own]\n  tasks: [{docker_image: {}}]\n")

    assert collections(one) == {"my.own": "load"}
    assert collections(two) == {}
    assert "my.own, your.own" in two.unsure[0]
    [need] = known.found.values()
    assert (need.name, need.others) == ("community.docker", ["my.own"])


def test_names_that_jinja_makes_are_doubts() -> None:
    found = needs(play(
        "- action: '{{ ansible_pkg_mgr }} name=x'\n"
        "- include_tasks: '{{ os }}.yml'\n- include_role: {name: 'a.b.{{ c }}'}\n"
    ))  # fmt: skip

    assert found.found == {}
    assert len(found.unsure) == 2


def test_keywords_and_names_are_those_of_ansible_core() -> None:
    import runpy

    from ansible.playbook.handler import Handler
    from ansible.playbook.task import Task
    from ansible.release import __version__

    parts_of_blocks = {"block", "rescue", "always", "local_action"}
    assert {*Task.fattributes, *Handler.fattributes, *parts_of_blocks} == TASK_KEYWORDS
    redirects = runpy.run_path("scripts/ansible-names")["redirects"]()
    theirs = {name: ".".join(target.split(".")[:2]) for name, target in redirects["modules"].items()
              if not target.startswith("testns.") and "." not in name}  # fmt: skip
    ours = {name: meaning("modules", name).collection for name in theirs}
    # Its own plugins come before its redirects.
    different = {n for n, c in theirs.items() if ours[n] not in (c, "ansible.builtin")}
    assert not different, f"ansible-core {__version__} has others: run scripts/ansible-names"


# -- files ----------------------------------------------------------------------------------------


def test_imports_are_loaded_with_the_play_and_includes_when_the_run_comes_there() -> None:
    found = needs({
        "site.yml": "- import_playbook: plays/web.yml\n",
        "plays/web.yml": """
            - hosts: all
              pre_tasks: [{import_tasks: tasks/a.yml}]
              tasks: [{include_tasks: {file: tasks/b.yml}}]
              post_tasks: [{import_role: {name: deploy}}, {include_role: {name: later}}]
              handlers: [{name: h, h.h.h: }]
              roles: [web, {role: db, when: x}]
        """,
        "plays/tasks/a.yml": "- a.a.a:\n",
        "plays/tasks/b.yml": "- b.b.b:\n- import_tasks: c.yml\n",
        "plays/tasks/c.yml": "- c.c.c:\n",
        "plays/roles/web/tasks/main.yml": "- w.w.w:\n- include_tasks: sub/more.yml\n",
        "plays/roles/web/tasks/sub/more.yml": "- m.m.m:\n- import_tasks: again.yml\n",
        "plays/roles/web/tasks/again.yml": "- g.g.g:\n- import_tasks: again.yml\n",
        "plays/roles/web/handlers/main.yml": "- x.x.x:\n",
        "plays/roles/web/defaults/main.yml": "a: \"{{ 1 | f.f.f }}\"\n",
        "roles/db/tasks/main.yaml": "- d.d.d:\n",
        "roles/db/meta/main.yml": "dependencies: [base, {role: base2}]\n",
        "roles/base/tasks/main.yml": "- e.e.e:\n",
        "requirements_roles/base2/tasks/main.yml": "- i.i.i:\n",
        "roles/deploy/tasks/main.yml": "- j.j.j:\n",
        "roles/later/tasks/main.yml": "- k.k.k:\n- import_role: {name: web, tasks_from: again}\n",
    })  # fmt: skip

    assert found.unsure == []
    loaded = {name for name, when in collections(found).items() if when == "load"}
    later = {name for name, when in collections(found).items() if when == "run"}
    assert loaded == {f"{c}.{c}" for c in "ahwxdeij"}
    assert later == {f"{c}.{c}" for c in "bcmgfk"}


def test_a_need_that_is_met_in_both_ways_is_of_the_load() -> None:
    found = needs({
        "site.yml": play("- include_tasks: t.yml\n- import_tasks: t.yml\n"),
        "t.yml": "- a.a.a:\n",
    })  # fmt: skip

    assert collections(found) == {"a.a": "load"}


def test_links_inside_the_project_are_followed_and_others_are_not() -> None:
    files = {
        "site.yml": "- hosts: all\n  roles: [r, out]\n",
        "shared/r/tasks/main.yml": "- a.a.a:\n",
    }

    found = needs(files, {"roles": "shared", "shared/out": "../../etc", "x": "x"})

    assert collections(found) == {"a.a": "load"}
    assert [n.name for n in found.found.values() if n.kind == "role"] == ["out"]


def test_a_role_of_a_collection_is_followed_where_the_collection_lies_in_the_tree() -> None:
    home = f"{COLLECTIONS}/my/own"
    found = needs({
        "site.yml": "- hosts: all\n  roles: [my.own.setup, your.own.setup]\n",
        f"{home}/roles/setup/tasks/main.yml":
            "- own_module:\n- a.a.a:\n- import_role: {name: more}\n",
        f"{home}/roles/more/tasks/main.yml": "- b.b.b:\n",
        f"{home}/MANIFEST.json":
            '{"collection_info": {"version": "1.0.0", "dependencies": {"dep.dep": ">=2"}}}',
        f"{home}/meta/runtime.yml": "requires_ansible: '>=2.15.0'\n",
        f"{home}/meta/execution-environment.yml":
            "version: 1\ndependencies: {python: requirements.txt}\n",
        f"{home}/requirements.txt": "boto3>=1.34\n# no\nnever; python_version < '3'\n-r other\n",
    })  # fmt: skip

    assert found.here == ["my.own"]
    assert collections(found) == {
        "my.own": "load", "your.own": "load", "a.a": "load", "b.b": "load", "dep.dep": "run",
    }  # fmt: skip
    others = {(n.kind, n.name, n.wanted) for n in found.found.values() if n.kind != "collection"}
    assert others == {("ansible-core", "my.own", ">=2.15.0"), ("python", "boto3", ">=1.34")}
    assert found.unsure == []


def test_requirements_give_the_versions_and_count_as_there_before_a_sync() -> None:
    files = {
        "site.yml": play("- a.a.a:\n- b.b.b:\n- c.c.c:\n") + "  roles: [some.role]\n",
        "requirements.yml": """
            collections: [{name: a.a, version: '>=2.0,<3'}, 'b.b:1.2.3', {name: x.y}]
            roles: [{src: https://example.org/x.git, name: some.role}]
        """,
    }

    after, before = needs(files), needs(files, synced=False)

    wanted = {n.name: n.wanted for n in after.found.values() if n.kind == "collection"}
    assert wanted == {"a.a": ">=2.0,<3", "b.b": "1.2.3", "c.c": ""}
    assert after.here == []
    assert before.here == ["a.a", "b.b", "x.y"]
    assert "some.role" in before.unsure[0]


@pytest.mark.parametrize(
    ("oldest", "wanted"),
    [("2.10", ">=2.10"), ("2.9.0", ">=2.9.0"), ("'2.16'", ">=2.16"), ("8", None), ("x", None)],
)
def test_the_oldest_ansible_of_a_role(oldest: str, wanted: str | None) -> None:
    found = needs({
        "site.yml": "- hosts: all\n  roles: [r]\n",
        "roles/r/meta/main.yml": f"galaxy_info:\n  min_ansible_version: {oldest}\n",
        "roles/r/tasks/main.yml": "",
    })  # fmt: skip

    assert [n.wanted for n in found.found.values()] == ([wanted] if wanted else [])


# -- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["", "a: b", "- 1\n- [x]\n- hosts: {}\n  tasks: x\n  roles: {a: b}\n",
     "- hosts: all\n  tasks: [1, [], {block: 1}, {include_tasks: }, {include_role: 3}]\n",
     "- hosts: all\n  roles: [1, {}, {role: []}]\n  collections: {a: b}\n",
     "- import_playbook: {}\n- import_playbook: site.yml\n- import_playbook: ../../../etc/passwd\n",
     "- hosts: all\n  tasks: [{action: []}, {local_action: {}}, {'': x}, {with_: y}]\n"],
)  # fmt: skip
def test_a_playbook_that_is_none_gives_no_needs(text: str) -> None:
    assert collections(needs(text)) == {}


def test_a_role_with_broken_metadata_is_still_read() -> None:
    found = needs({
        "site.yml": "- hosts: all\n  roles: [r]\n", "roles/r/tasks/main.yml": "- a.a.a:\n",
        "roles/r/meta/main.yml": "galaxy_info: [1]\ndependencies: {a: b}\ncollections: 3\n",
        "requirements.yml": "roles: 3\ncollections: [{name: [x]}, 3, {}, 'x']\n",
    })  # fmt: skip

    assert collections(found) == {"a.a": "load"}


def test_what_is_encrypted_or_absent_is_told() -> None:
    found = needs({
        "site.yml": play("- import_tasks: secret.yml\n- import_tasks: nowhere.yml\n"),
        "secret.yml": "$ANSIBLE_VAULT;1.1;AES256\n3132\n",
    })  # fmt: skip

    assert found.unsure == ["secret.yml is encrypted.", "nowhere.yml is not in the project."]


names = st.sampled_from(["ping", "a.b.c", "docker_image", "x", "include_tasks", "import_role",
                         "block", "action", "when", "roles", "hosts", "{{ x }}",
                         "site.yml"])  # fmt: skip
trees = st.recursive(
    names | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=25,
)


@given(trees, trees, trees)
def test_no_tree_makes_the_reader_fail(site: object, tasks: object, meta: object) -> None:
    import yaml

    tree = Tree()
    for path, value in (("site.yml", [{"hosts": "all", "tasks": site, "roles": tasks}, site]),
                        ("roles/x/tasks/main.yml", tasks), ("roles/x/meta/main.yml", meta),
                        ("requirements.yml", meta)):  # fmt: skip
        tree.add(f"project/{path}")
        tree.keep(f"project/{path}", yaml.safe_dump(value).encode())

    found = read_needs(tree, "site.yml")

    assert Needs.from_json(found.json()) == found


def test_includes_without_end_are_cut_off() -> None:
    files = {f"t{n}.yml": "".join(f"- include_tasks: t{m}.yml\n" for m in range(150))
             for n in range(150)}  # fmt: skip
    found = needs({"site.yml": play("- include_tasks: t0.yml\n"), **files})

    assert found.files == 151
