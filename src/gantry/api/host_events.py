"""What jobs did to a host, or to the hosts of a group: their events and results, of all jobs.

Events have no index by host, which would slow the recording of every job: the jobs that can have
any are found first, and their events are read.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Q, QuerySet

from gantry.api.job_events import JobEventSerializer
from gantry.api.job_host_summaries import JobHostSummarySerializer
from gantry.api.pages import EventPagination
from gantry.api.views import SubListView
from gantry.resources.group_tree import hosts_below
from gantry.resources.models import Group, Host, Job, JobEvent, JobHostSummary


class EventOfAnyJobSerializer(JobEventSerializer):
    def _job(self, row: Any) -> Any:
        def read(page: list[Any]) -> dict[int, Job]:
            rows = Job.objects.select_related("job_template")
            return rows.in_bulk({event.job_id for event in page})

        return self.once("jobs", read)[row.job_id]


class HostJobEventsList(SubListView):
    name = "Job Events List"
    model = JobEvent
    serializer_class = EventOfAnyJobSerializer
    pagination_class = EventPagination
    parent_model: ClassVar[Any] = Host
    relationship = "job_events"
    ordering = ("id",)

    def children(self, parent: Any) -> QuerySet[Any]:
        return events_on(Host.objects.filter(pk=parent.pk), parent.inventory_id)


class GroupJobEventsList(HostJobEventsList):
    parent_model = Group

    def children(self, parent: Any) -> QuerySet[Any]:
        return events_on(hosts_below(parent), parent.inventory_id)


def events_on(hosts: QuerySet[Host], inventory: int) -> QuerySet[JobEvent]:
    """A job that ended as it should has its hosts in its summary; of any other in the hosts'
    inventory nobody knows before its events are read."""
    ids = list(hosts.order_by().values_list("pk", flat=True))
    told = JobHostSummary.objects.filter(host__in=ids).order_by().values_list("job", flat=True)
    unknown = Q(inventory=inventory) & ~Q(job_host_summaries__pk__gt=0)
    jobs = {*told, *Job.objects.filter(unknown).order_by().values_list("pk", flat=True)}
    return JobEvent.objects.filter(job__in=sorted(jobs), host_id__in=ids)


class GroupJobHostSummariesList(SubListView):
    name = "Job Host Summaries List"
    model = JobHostSummary
    serializer_class = JobHostSummarySerializer
    parent_model = Group
    relationship = "job_host_summaries"
    ordering = ("-created",)

    def children(self, parent: Any) -> QuerySet[Any]:
        return JobHostSummary.objects.filter(host__in=hosts_below(parent).order_by())
