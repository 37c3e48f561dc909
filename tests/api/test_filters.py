"""AWX's query language: what it finds, what it refuses, and a property against a naive reading."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.conftest import Api

FIELDS = ("name", "description", "enabled", "instance_id")


def _world() -> None:
    from gantry.resources.models import Group, Host, Inventory, Organization

    organization = Organization.objects.get(name="Default")
    one = Inventory.objects.create(name="one", organization=organization)
    two = Inventory.objects.create(name="two", organization=organization)
    rows = [("web1", one, True), ("web2", one, False), ("db1", one, True), ("Web9", two, True)]
    hosts = {}
    for name, inventory, enabled in rows:
        hosts[name] = Host.objects.create(
            name=name, inventory=inventory, enabled=enabled, description=f"about {name}"
        )
    web = Group.objects.create(name="web", inventory=one)
    web.hosts.add(hosts["web1"], hosts["web2"])
    east = Group.objects.create(name="east", inventory=one)
    east.hosts.add(hosts["web1"], hosts["db1"])


def names(api: Api, query: str) -> list[str]:
    got = api.get(f"/api/v2/hosts/?order_by=id&{query}")
    assert got["count"] == len(got["results"])
    return [row["name"] for row in got["results"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("name=web1", ["web1"]),
        ("name__icontains=WEB", ["web1", "web2", "Web9"]),
        ("name__contains=web", ["web1", "web2"]),
        ("name__startswith=web&enabled=true", ["web1"]),
        ("not__name__startswith=web", ["db1", "Web9"]),
        ("or__name=web1&or__name=db1", ["web1", "db1"]),
        ("or__name=web1&or__not__enabled=true", ["web1", "web2"]),
        ("or__name=web1&or__name=db1&inventory__name=two", []),
        ("name__in=web1,db1", ["web1", "db1"]),
        ("name__regex=^web[0-9]$", ["web1", "web2"]),
        ("name__iregex=^web[0-9]$", ["web1", "web2", "Web9"]),
        ("inventory__name=two", ["Web9"]),
        ("inventory__organization__name__istartswith=def", ["web1", "web2", "db1", "Web9"]),
        ("groups__name=web", ["web1", "web2"]),
        ("groups__name__in=web,east", ["web1", "web2", "db1"]),
        ("groups__isnull=true", ["Web9"]),
        ("not__groups__name=web", ["db1", "Web9"]),
        ("groups__name=web&groups__name=east", []),
        ("chain__groups__name=web&chain__groups__name=east", ["web1"]),
        ("chain__not__groups__name=web&enabled=1", ["db1", "Web9"]),
        ("search=about web", ["web1", "web2", "Web9"]),
        ("search=WEB", ["web1", "web2", "Web9"]),
        ("groups__search=eas", ["web1", "db1"]),
        ("inventory__search=one", ["web1", "web2", "db1"]),
        ("id__gt=2&id__lte=3", ["web2", "db1"][1:]),
        ("enabled__isnull=false", ["web1", "web2", "db1", "Web9"]),
        ("type=host", ["web1", "web2", "db1", "Web9"]),
        ("type=job", []),
        ("host_filter=name=web1", ["web1"]),
        ("host_filter=name__icontains=web and groups__name=east", ["web1"]),
        ("host_filter=(name=db1 or name=Web9) and enabled=true", ["db1", "Web9"]),
        ('host_filter=name="web2"', ["web2"]),
        ("last_job=null", ["web1", "web2", "db1", "Web9"]),
    ],
)
def test_what_a_query_finds(api: Api, query: str, found: list[str]) -> None:
    _world()
    pairs = [tuple(part.split("=", 1)) for part in query.split("&")]
    assert names(api, urlencode(pairs)) == found


@pytest.mark.parametrize(
    ("url", "status", "said"),
    [
        ("hosts/?nosuch=1", 400, "Host has no field named 'nosuch'"),
        ("hosts/?inventory__nosuch=1", 400, "Inventory has no field named 'nosuch'"),
        ("hosts/?name__nosuch=1", 400, "No related model for field nosuch."),
        ("hosts/?order_by=nosuch", 400, "Host has no field named 'nosuch'"),
        ("hosts/?id=x", 400, None),
        ("hosts/?enabled=maybe", 400, 'Unable to convert "maybe" to boolean'),
        ("hosts/?name__in=", 400, "cannot provide empty value for __in"),
        ("hosts/?name__regex=(", 400, None),
        ("hosts/?name__regex=%5Cp%7BL%7D", 400, None),
        ("hosts/?name__regex=(%3F%3Ca)b", 400, None),
        ("hosts/?inventory=x", 400, "Invalid inventory id: x"),
        ("hosts/?enabled__iexact=true", 400, None),
        ("hosts/?name=%00", 400, None),
        ("hosts/?order_by=%00", 400, None),
        ("hosts/?n%C3%A4me=1", 400, None),
        ("hosts/?__name=1", 400, None),
        ("hosts/?not__=1", 400, "Query string field name not provided."),
        ("hosts/?created__gt=yesterday", 400, None),
        ("hosts/?name__search=x", 400, "name is not searchable"),
        ("hosts/?host_filter=nosuch=1", 400, None),
        ("hosts/?host_filter=(name=a", 400, None),
        ("hosts/?inventory__hosts__inventory__name=x", 400, None),
        ("users/?password__startswith=a", 403, "Filtering on password fields is not allowed."),
        ("jobs/?created_by__password=a", 403, "Filtering on password fields is not allowed."),
        ("credentials/?inputs__icontains=a", 403, "Filtering on inputs is not allowed."),
        ("jobs/?credentials__inputs__icontains=a", 403, "Filtering on inputs is not allowed."),
        ("jobs/?start_secrets__isnull=true", 403, None),
        ("jobs/?lease_owner__isnull=true", 400, "Job has no field named 'lease_owner'"),
        ("users/?user_permissions=1", 400, None),
        ("organizations/?role_level=nosuch_role", 400, None),
        ("hosts/?role_level=admin_role", 400, None),
        ("credentials/?order_by=inputs", 403, None),
        ("hosts/?order_by=groups__name", 400, None),
    ],
)
def test_what_a_query_may_not_ask(api: Api, url: str, status: int, said: str | None) -> None:
    answer = api.get(f"/api/v2/{url}", status)
    if said is not None:
        assert answer == {"detail": said}


def test_numbers_too_large_find_nothing(api: Api) -> None:
    for query in (f"id={10**30}", f"id__gt={10**30}", f"id__in={10**30},1", f"inventory={10**30}"):
        api.get(f"/api/v2/hosts/?{query}")


def test_nobody_finds_through_a_relation_what_they_may_not_read(api: Api, other_admin: Api) -> None:
    from gantry.resources.models import (
        Credential,
        CredentialType,
        ExecutionEnvironment,
        Organization,
    )

    secret = Credential.objects.create(
        name="secret name",
        organization=Organization.objects.get(name="Default"),
        credential_type=CredentialType.objects.get(namespace="registry"),
    )
    ExecutionEnvironment.objects.create(name="shared", image="a/b", credential=secret)
    for query in (
        "credential__name__startswith=secret",
        "credential__search=secret",
        "credential__organization__name=Default",
        "or__credential__name=secret name",
    ):
        assert api.get(f"/api/v2/execution_environments/?{query}")["count"] == 1
        assert other_admin.get(f"/api/v2/execution_environments/?{query}")["count"] == 0


def test_order_by_several_is_stable(api: Api) -> None:
    _world()
    got = api.get("/api/v2/hosts/?order_by=-inventory__name,name")["results"]
    assert [r["name"] for r in got] == ["Web9", "db1", "web1", "web2"]
    assert api.get("/api/v2/hosts/?order=-id")["results"][0]["name"] == "Web9"


def test_unified_rows_are_filtered_by_type(api: Api) -> None:
    from gantry.resources.models import JobTemplate, Project

    project = Project.objects.create(kind="project", name="p")
    JobTemplate.objects.create(kind="job_template", name="t", project=project)
    url = "/api/v2/unified_job_templates/"
    assert [r["type"] for r in api.get(f"{url}?type=project")["results"]] == ["project"]
    assert api.get(f"{url}?type=project,job_template")["count"] == 2
    assert api.get(f"{url}?order_by=-type&not__type=system_job_template")["results"][0]["type"] == (
        "project"
    )
    assert api.get(f"{url}?type=job_template")["results"][0]["project"] == project.pk


# A condition as (prefix, field, look-up, value); the naive model applies it to rows in Python.
TEXTS = st.sampled_from(["a", "b", "ab", "A", "", "ba"])
PLAIN = st.tuples(
    st.sampled_from(["", "not__", "or__", "or__not__", "chain__", "chain__not__"]),
    st.sampled_from(["name", "description"]),
    st.sampled_from(["exact", "iexact", "contains", "icontains", "startswith", "iendswith"]),
    TEXTS,
)
FLAGS = st.tuples(
    st.sampled_from(["", "not__", "or__", "or__not__"]),
    st.just("enabled"),
    st.just("exact"),
    st.sampled_from(["true", "false"]),
)


def _holds(row: Any, field: str, lookup: str, value: str) -> bool:
    if field == "enabled":
        return bool(row.enabled == (value == "true"))
    have = getattr(row, field)
    low, want = have.lower(), value.lower()
    return {
        "exact": have == value,
        "iexact": low == want,
        "contains": value in have,
        "icontains": want in low,
        "startswith": have.startswith(value),
        "iendswith": low.endswith(want),
    }[lookup]


def _naive(row: Any, conditions: list[Any]) -> bool:
    every, some = [], []
    for prefix, field, lookup, value in conditions:
        result = _holds(row, field, lookup, value) != prefix.endswith("not__")
        (some if prefix.startswith("or__") else every).append(result)
    return all(every) and (not some or any(some))


@pytest.fixture
def rows(db: str) -> list[Any]:
    from gantry.resources.models import Host, Inventory, Organization

    inventory = Inventory.objects.create(name="i", organization=Organization.objects.get())
    texts = ["a", "b", "ab", "A", "ba", "aB"]
    return [
        Host.objects.create(
            inventory=inventory, name=name, description=texts[-n], enabled=bool(n % 2)
        )
        for n, name in enumerate(texts)
    ]


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(conditions=st.lists(st.one_of(PLAIN, FLAGS), max_size=5))
def test_queries_mean_what_a_naive_reading_says(rows: list[Any], conditions: list[Any]) -> None:
    from django.http import QueryDict

    from gantry.api import filters
    from gantry.resources.models import Host

    text = urlencode([(f"{p}{f}__{lookup}", v) for p, f, lookup, v in conditions])
    query = filters.Reader(Host, lambda model: None).read(QueryDict(text).lists())
    found = set(filters.apply(Host.objects.all(), query, None).values_list("name", flat=True))
    assert found == {r.name for r in rows if _naive(r, conditions)}


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    pairs=st.lists(
        st.tuples(
            st.lists(
                st.sampled_from(
                    ["name", "inventory", "groups", "hosts", "created_by", "password", "or",
                     "not", "chain", "in", "regex", "isnull", "search", "id", "", "type", "pk",
                     "last_job", "é", "variables", "exact", "_", "int", "created"]
                ),
                min_size=1, max_size=5,
            ).map("__".join),
            st.one_of(st.text(max_size=6), st.sampled_from(["1", "true", "null", "1,2", "(", ""])),
        ),
        max_size=4,
    )
)  # fmt: skip
def test_no_query_is_answered_by_a_crash(db: str, pairs: list[tuple[str, str]]) -> None:
    from django.core.exceptions import FieldError
    from django.db import DataError
    from django.http import QueryDict
    from rest_framework.exceptions import APIException

    from gantry.api import filters
    from gantry.resources.models import Host

    try:
        text = urlencode(pairs)
    except UnicodeEncodeError:
        return  # a lone surrogate cannot be sent
    status = 200
    try:
        query = filters.Reader(Host, lambda model: None).read(QueryDict(text).lists())
        list(filters.apply(Host.objects.all(), query, None)[:3])
    except APIException as refused:
        status = refused.status_code
    except (DataError, FieldError, TypeError, ValueError):
        status = 400  # the filter's view and errors.handle make that of it
    assert status in (200, 400, 403)
