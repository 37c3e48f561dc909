"""Instances (seats of controllers, each with its engine) and their groups, with their health."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from gantry.base.config import settings
from gantry.resources.access import may, may_add, visible
from gantry.resources.capacity import GroupLoad, InstanceLoad, Loads, read_loads
from gantry.resources.credentials import Credential
from gantry.resources.instances import BUILT_IN, READY, Instance, InstanceGroup
from gantry.resources.jobs import ACTIVE, UnifiedJob
from gantry.web.ask import AskForm, ask, sentences
from gantry.web.forms import Wide
from gantry.web.pages import action, adding, found, page, paged, signed_in, who
from gantry.web.saving import Noun, offer, save

GROUP = Noun("instance group", "instance_groups", "instance-groups", "instance-group")


@dataclass(frozen=True)
class Health:
    """`look` is a colour role of gantry.css."""

    look: str
    icon: str
    word: str
    sentence: str


def health(row: Instance, load: InstanceLoad | None) -> Health:
    if row.errors:
        return Health("danger", "circle-alert", "Trouble", row.errors)
    if row.node_state != READY or row.holder is None:
        return Health("danger", "unplug", "Gone", "No controller sits here; start one.")
    if not row.enabled:
        return Health("warning", "circle-pause", "Draining", "It ends what runs and takes nothing.")
    if load is None or not load.able:
        return Health("danger", "unplug", "Lost", "Its controller has not been heard of lately.")
    return Health("success", "circle-check", "Ready", "It takes jobs.")


def _loads() -> Loads:
    return read_loads(settings().lease)


@signed_in
def listing(request: HttpRequest) -> HttpResponse:
    rows = visible(who(request), Instance.objects.order_by("hostname"))
    if words := request.GET.get("q", "").strip():
        rows = rows.filter(hostname__icontains=words)
    shown, loads = paged(request, rows), _loads().instances
    lines = [(row, loads.get(row.pk), health(row, loads.get(row.pk))) for row in shown]
    return page(request, "instances/list.html", {"rows": shown, "lines": lines})


class InstanceForm(AskForm):
    capacity_adjustment = forms.DecimalField(
        label="Capacity adjustment", min_value=0, max_value=1, decimal_places=2,
        help_text="0: the smaller of what processors and memory allow, 1: the larger.",
        widget=forms.NumberInput(attrs={"step": "0.05"}),
    )  # fmt: skip
    managed_by_policy = forms.BooleanField(
        label="Put into groups by their policies", required=False
    )

    def body(self) -> dict[str, Any]:
        return {
            **super().body(),
            "capacity_adjustment": str(self.cleaned_data["capacity_adjustment"]),
        }


@signed_in
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    row = found(request, Instance.objects.all(), pk)
    may_change = may(who(request), "change", row)
    initial = {
        "capacity_adjustment": row.capacity_adjustment,
        "managed_by_policy": row.managed_by_policy,
    }
    form = InstanceForm(request.POST or None, initial=initial) if may_change else None
    sent = request.method == "POST" and form is not None and form.is_valid()
    if sent and form is not None and form.send(request, "PATCH", f"instances/{pk}/") is not None:
        messages.success(request, "Saved; the controllers know.")
        return redirect("instance", pk)
    load = _loads().instances.get(pk)
    jobs = visible(who(request), UnifiedJob.objects.filter(status__in=ACTIVE))
    running = jobs.filter(controller_node=row.hostname).select_related("created_by")
    context = {
        "row": row, "load": load, "health": health(row, load), "form": form,
        "groups": visible(who(request), row.rampart_groups.order_by("name")),
        "jobs": running.order_by("-pk")[:25], "may_change": may_change,
    }  # fmt: skip
    status = 422 if form is not None and form.errors else 200
    return page(request, "instances/detail.html", context, status=status)


@action
def switch(request: HttpRequest, pk: int) -> HttpResponse:
    """Drain an instance, or let it take jobs again."""
    row = found(request, Instance.objects.all(), pk, "change")
    on = request.POST.get("enabled") == "yes"
    answer = ask(request, "PATCH", f"instances/{pk}/", {"enabled": on})
    if not answer.ok:
        messages.error(request, sentences(answer.data))
    elif on:
        messages.success(request, f"{row.hostname} takes jobs.")
    else:
        messages.success(request, f"{row.hostname} ends what runs there and takes nothing more.")
    return redirect("instance", pk)


@signed_in
def groups(request: HttpRequest) -> HttpResponse:
    rows = visible(who(request), InstanceGroup.objects.order_by("name"))
    if words := request.GET.get("q", "").strip():
        rows = rows.filter(name__icontains=words)
    shown, loads = paged(request, rows), _loads().groups
    context = {
        "rows": shown, "lines": [(row, loads.get(row.pk)) for row in shown],
        "can_add": may_add(who(request), InstanceGroup),
    }  # fmt: skip
    return page(request, "instances/groups.html", context)


@signed_in
def group(request: HttpRequest, pk: int) -> HttpResponse:
    row = found(request, InstanceGroup.objects.select_related("credential"), pk)
    load: GroupLoad | None = _loads().groups.get(pk)
    seats = visible(who(request), Instance.objects.order_by("hostname"))
    members = set(row.instances.values_list("pk", flat=True))
    jobs = visible(who(request), UnifiedJob.objects.filter(status__in=ACTIVE, instance_group=row))
    may_change = may(who(request), "change", row)
    context = {
        "row": row, "load": load, "may_change": may_change,
        "built_in": row.name in BUILT_IN,
        "members": [seat for seat in seats if seat.pk in members],
        "others": [seat for seat in seats if seat.pk not in members] if may_change else [],
        "jobs": jobs.select_related("created_by").order_by("-pk")[:25],
    }  # fmt: skip
    return page(request, "instances/group.html", context)


@action
def member(request: HttpRequest, pk: int) -> HttpResponse:
    """Put an instance into a group, or take it out."""
    found(request, InstanceGroup.objects.all(), pk, "change")
    seat = request.POST.get("instance", "")
    if not seat.isdecimal():
        return redirect("instance-group", pk)
    body = {"id": int(seat), **({"disassociate": True} if request.POST.get("out") else {})}
    answer = ask(request, "POST", f"instance_groups/{pk}/instances/", body)
    if not answer.ok:
        messages.error(request, sentences(answer.data))
    return redirect("instance-group", pk)


class GroupForm(AskForm):
    name = forms.CharField(max_length=250)
    is_container_group = forms.BooleanField(
        label="Container group", required=False,
        help_text="Its jobs run as pods of a Kubernetes cluster, not on instances.",
    )  # fmt: skip
    credential: Any = forms.ModelChoiceField(
        None, label="Kubernetes credential", required=False, empty_label="None"
    )
    pod_spec_override = forms.CharField(
        label="Pod specification", required=False, widget=Wide(8),
        help_text="YAML or JSON. Of a container group alone.",
    )  # fmt: skip
    max_concurrent_jobs = forms.IntegerField(
        label="Jobs at a time", min_value=0, initial=0, help_text="0: no limit."
    )
    max_forks = forms.IntegerField(
        label="Forks at a time", min_value=0, initial=0, help_text="0: no limit."
    )
    policy_instance_percentage = forms.IntegerField(
        label="Per cent of the instances", min_value=0, max_value=100, initial=0,
        help_text="That many are put into the group by themselves.",
    )  # fmt: skip
    policy_instance_minimum = forms.IntegerField(
        label="At least so many instances", min_value=0, initial=0
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = Credential.objects.filter(credential_type__kind="kubernetes")
        offer(self, "credential", user, rows)


@signed_in
def group_edit(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    row = None
    initial: dict[str, Any] = {}
    if pk is None:
        adding(request, InstanceGroup)
    else:
        row = found(request, InstanceGroup.objects.all(), pk, "change")
        initial = {name: getattr(row, name) for name in GroupForm.base_fields}
    form = GroupForm(request.POST or None, initial=initial, user=who(request))
    return save(request, GROUP, form, row)
