"""Which instances belong to which groups: by list, by minimum, by percentage, as AWX gives them."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def instances(db: str) -> list[Any]:
    from gantry.resources.models import Instance

    return [Instance.objects.create(hostname=f"n{number}") for number in range(4)]


def group(name: str, percentage: int = 0, minimum: int = 0, *hosts: str) -> Any:
    from gantry.resources.models import InstanceGroup

    return InstanceGroup.objects.create(
        name=name, policy_instance_percentage=percentage, policy_instance_minimum=minimum,
        policy_instance_list=list(hosts),
    )  # fmt: skip


def members(row: Any) -> list[str]:
    return [i.hostname for i in row.instances.order_by("hostname")]


def test_lists_first_then_minimums_then_percentages(instances: list[Any]) -> None:
    from gantry.resources.policies import apply_policies

    listed = group("listed", 0, 0, "n3", "unknown")
    minimum = group("minimum", 0, 2)
    half, all_of_them = group("half", 50), group("all", 100)
    apply_policies()

    assert members(listed) == ["n3"]
    # What a list takes does not count as given out.
    assert members(minimum) == ["n0", "n1"]
    assert members(half) == ["n2", "n3"]
    assert members(all_of_them) == ["n0", "n1", "n2", "n3"]


def test_an_instance_that_policies_do_not_manage_is_where_lists_put_it(
    instances: list[Any],
) -> None:
    from gantry.resources.models import InstanceGroup
    from gantry.resources.policies import apply_policies

    instances[0].managed_by_policy = False
    instances[0].save()
    own = group("own", 0, 0, "n0")
    apply_policies()

    assert members(own) == ["n0"]
    assert members(InstanceGroup.objects.get(name="default")) == ["n1", "n2", "n3"]
