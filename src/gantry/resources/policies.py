"""Which instances belong to which groups by policy: lists first, then minimums, then percentages.

The emptier group is served first, by the instance that was given out least. AWX:
apply_cluster_membership_policies in awx/main/tasks/system.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from django.db import connection, transaction

from gantry.resources.actor import silently
from gantry.resources.instances import Instance, InstanceGroup

LOCK = 0x67616E74727902  # whoever changes who is an instance, or where it belongs


def lock() -> None:
    """Until the transaction's end."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


@transaction.atomic
@silently()
def apply_policies() -> None:
    """Called whenever an instance comes or goes, or a policy changes."""
    lock()
    instances = list(Instance.objects.order_by("pk"))
    groups = list(InstanceGroup.objects.filter(is_container_group=False).order_by("pk"))
    by_name = {i.hostname: i.pk for i in instances}
    members = {g.pk: [by_name[n] for n in g.policy_instance_list if n in by_name] for g in groups}
    pool = [i.pk for i in instances if i.managed_by_policy]
    given: Counter[int] = Counter()

    def serve(enough: Callable[[InstanceGroup, int], bool]) -> None:
        for group in sorted(groups, key=lambda g: len(members[g.pk])):
            own = members[group.pk]
            for pk in sorted(pool, key=lambda i: given[i]):
                if pk in own:
                    continue
                if enough(group, len(own)):
                    break
                own.append(pk)
                given[pk] += 1

    serve(lambda group, count: count >= group.policy_instance_minimum)
    serve(lambda group, count: 100 * count >= group.policy_instance_percentage * len(pool))
    for group in groups:
        group.instances.set(members[group.pk])
