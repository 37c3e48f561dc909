"""/api/v2/labels/, and the labels of templates and jobs. There is no DELETE: a label that nothing
has goes by itself (`gantry.resources.labels`)."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.shape import BASE, AwxSerializer
from gantry.api.views import AttachView, DetailView, ListCreateView, SubListView, body_of
from gantry.resources.labels import drop_unused
from gantry.resources.models import (
    Inventory,
    Job,
    JobTemplate,
    Label,
    Schedule,
    WorkflowJob,
    WorkflowJobNode,
    WorkflowJobTemplate,
    WorkflowJobTemplateNode,
)

SHOWN = 10
MOST = 100


def label_summaries(row: Any) -> dict[str, Any]:
    """The first ten, of rows that were read with their labels."""
    labels = row.labels.all()
    shown = [{"id": label.pk, "name": label.name} for label in labels[:SHOWN]]
    return {"count": len(labels), "results": shown}


class LabelSerializer(AwxSerializer):
    linked = ("organization",)
    summarized = ("organization",)

    class Meta:
        model = Label
        fields = (*(name for name in BASE if name != "description"), "organization")


class LabelList(ListCreateView):
    name = "Labels"
    model = Label
    serializer_class = LabelSerializer


class LabelDetail(DetailView):
    model = Label
    serializer_class = LabelSerializer
    http_method_names = ["get", "put", "patch", "head", "options"]


class LabelsView(AttachView):
    """The labels of what may be given some. A name that its organization already has is attached,
    not made anew."""

    model = Label
    serializer_class = LabelSerializer
    relationship = "labels"

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        given = body_of(request)
        if "id" not in given and {"name", "organization"} <= given.keys():
            known = self._known(given)
            if known is not None:
                request._full_data = {"id": known}  # type: ignore[attr-defined]
        if self.parent().labels.count() > MOST:
            what = self.parent()._meta.verbose_name
            return Response({"msg": f"Maximum number of labels for {what} reached."}, 400)
        return super().post(request, *args, **kwargs)

    def _known(self, given: dict[str, Any]) -> int | None:
        name, organization = given["name"], given["organization"]
        if not isinstance(name, str) or isinstance(organization, bool):
            return None
        if not str(organization).isdigit() or "\0" in name or int(organization) >= 2**63:
            return None
        rows = Label.objects.filter(name=name, organization_id=int(organization))
        return rows.values_list("pk", flat=True).first()

    def detach(self, parent: Any, row: Any) -> Any:
        refused = super().detach(parent, row)
        drop_unused([row.pk])
        return refused


class InventoryLabelsList(LabelsView):
    parent_model = Inventory


class JobTemplateLabelsList(LabelsView):
    parent_model = JobTemplate


class ScheduleLabelsList(LabelsView):
    parent_model = Schedule


class WorkflowJobTemplateLabelsList(LabelsView):
    parent_model = WorkflowJobTemplate


class WorkflowJobTemplateNodeLabelsList(LabelsView):
    parent_model = WorkflowJobTemplateNode


class JobLabelsList(SubListView):
    """Read only: what a job was launched with does not change."""

    model = Label
    serializer_class = LabelSerializer
    parent_model: ClassVar[Any] = Job
    relationship = "labels"


class WorkflowJobLabelsList(JobLabelsList):
    parent_model = WorkflowJob


class WorkflowJobNodeLabelsList(JobLabelsList):
    parent_model = WorkflowJobNode
