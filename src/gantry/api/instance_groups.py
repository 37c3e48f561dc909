"""/api/v2/instance_groups/: where jobs may run, with what is in them and what runs there."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Count, QuerySet
from rest_framework import serializers

from gantry.api.instances import InstanceSerializer, loads_of, per_cent
from gantry.api.shape import AwxSerializer
from gantry.api.unified_jobs import UnifiedJobList
from gantry.api.views import AttachView, DetailView, ListCreateView, SubListView
from gantry.resources.capacity import GroupLoad
from gantry.resources.instances import BUILT_IN, CONTROL_PLANE
from gantry.resources.models import Instance, InstanceGroup, UnifiedJob
from gantry.resources.policies import apply_policies

T = TypeVar("T")
POLICIES = ("policy_instance_percentage", "policy_instance_minimum", "policy_instance_list")
NOT_MANAGED = "Containerized instances may not be managed via the API"
# What AWX's clients begin a pod_spec_override with.
POD_SPEC: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"namespace": "default"},
    "spec": {
        "serviceAccountName": "default",
        "automountServiceAccountToken": False,
        "containers": [
            {
                "image": "quay.io/ansible/awx-ee:latest",
                "name": "worker",
                "args": ["ansible-runner", "worker", "--private-data-dir=/runner"],
                "resources": {"requests": {"cpu": "250m", "memory": "100Mi"}},
            }
        ],
    },
}


def _number(label: str, most: int = 2**31 - 1) -> serializers.IntegerField:
    return serializers.IntegerField(
        default=0, min_value=0, max_value=most, required=False, initial=0, label=label
    )


class InstanceGroupSerializer(AwxSerializer):
    capacity = serializers.SerializerMethodField()
    consumed_capacity = serializers.SerializerMethodField()
    percent_capacity_remaining = serializers.SerializerMethodField()
    jobs_running = serializers.SerializerMethodField()
    jobs_total = serializers.SerializerMethodField()
    instances = serializers.SerializerMethodField()
    is_container_group = serializers.BooleanField(required=False)
    policy_instance_percentage = _number("Policy Instance Percentage", 100)
    policy_instance_minimum = _number("Policy Instance Minimum")
    max_concurrent_jobs = _number("Max Concurrent Jobs")
    max_forks = _number("Max Forks")
    policy_instance_list = serializers.ListField(
        child=serializers.CharField(), required=False, label="Policy Instance List"
    )

    sublists = {name: name for name in ("jobs", "instances", "access_list", "object_roles")}
    linked = ("credential",)
    summarized = ("credential",)
    selected = ("credential__credential_type",)
    capabilities = {"edit": "change", "delete": "delete"}
    used = {"credential": "use"}
    hints = {
        "jobs_total": {"type": "integer"},
        "pod_spec_override": {"type": "string", "default": POD_SPEC},
    }

    class Meta:
        model = InstanceGroup
        fields = (
            "id", "type", "url", "related", "name", "created", "modified", "capacity",
            "consumed_capacity", "percent_capacity_remaining", "jobs_running",
            "max_concurrent_jobs", "max_forks", "jobs_total", "instances", "is_container_group",
            "credential", *POLICIES, "pod_spec_override", "summary_fields",
        )  # fmt: skip

    def get_capacity(self, row: Any) -> int:
        return self._load(row).capacity

    def get_consumed_capacity(self, row: Any) -> int:
        return self._load(row).consumed

    def get_percent_capacity_remaining(self, row: Any) -> float:
        load = self._load(row)
        return per_cent(load.capacity, load.consumed)

    def get_jobs_running(self, row: Any) -> int:
        return self._load(row).jobs

    def get_jobs_total(self, row: Any) -> int:
        counts: dict[int, int] = self.once("totals", _jobs_in)
        return counts.get(row.pk, 0)

    def get_instances(self, row: Any) -> int:
        return len(self._load(row).able)

    def _load(self, row: Any) -> GroupLoad:
        found = loads_of(self).groups.get(row.pk)
        return found or GroupLoad(row.pk, row.name, container=row.is_container_group)

    def narrow_metadata(self, shown: dict[str, Any], method: str) -> dict[str, Any]:
        child: dict[str, Any] = {"type": "string", "hidden": False}
        if method != "GET":
            child |= {"required": True, "read_only": False}
        for name in ("max_concurrent_jobs", "max_forks", "policy_instance_minimum"):
            shown.get(name, {}).pop("max_value", None)  # a list to attach to shows the id alone
        if "policy_instance_list" in shown:
            shown["policy_instance_list"]["child"] = child
        return shown

    # What AWX refuses, in its words.

    def validate_name(self, value: str) -> str:
        return self._fixed("name", value, "instance group name may not be changed.")

    def validate_is_container_group(self, value: bool) -> bool:
        sentence = "instance group is_container_group may not be changed."
        return self._fixed("is_container_group", value, sentence)

    def validate_policy_instance_percentage(self, value: int) -> int:
        sentence = (
            "instance group policy_instance_percentage may not be changed from the initial value "
            "set by the installer."
        )
        return self._managed(self._fixed("policy_instance_percentage", value, sentence))

    def validate_policy_instance_minimum(self, value: int) -> int:
        return self._managed(value)

    def validate_policy_instance_list(self, value: list[str]) -> list[str]:
        self._fixed(
            "policy_instance_list", value, "instance group policy_instance_list may not be changed."
        )
        known = set(Instance.objects.filter(hostname__in=value).values_list("hostname", flat=True))
        for name in value:
            if value.count(name) > 1:
                raise serializers.ValidationError(f"Duplicate entry {name}.")
            if name not in known:
                sentence = f"{name} is not a valid hostname of an existing instance."
                raise serializers.ValidationError(sentence)
        return self._managed(value)

    def validate_credential(self, value: Any) -> Any:
        if value is not None and value.credential_type.kind != "kubernetes":
            raise serializers.ValidationError(
                "Only Kubernetes credentials can be associated with an Instance Group"
            )
        return value

    def _fixed(self, name: str, value: T, sentence: str) -> T:
        """Of the two groups that every installation has."""
        row = self.instance
        if row is not None and row.name in BUILT_IN and getattr(row, name) != value:
            raise serializers.ValidationError(f"{row.name} {sentence}")
        return value

    def _managed(self, value: T) -> T:
        if value and self.instance is not None and self.instance.is_container_group:
            raise serializers.ValidationError(NOT_MANAGED)
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        if attrs.get("credential") and not attrs.get("is_container_group"):
            sentence = (
                "is_container_group must be True when associating a credential to an Instance Group"
            )
            raise serializers.ValidationError({"is_container_group": sentence})
        return attrs

    def create(self, validated_data: dict[str, Any]) -> Any:
        return self._settled(super().create(validated_data))

    def update(self, instance: Any, validated_data: dict[str, Any]) -> Any:
        return self._settled(super().update(instance, validated_data))

    def _settled(self, row: InstanceGroup) -> InstanceGroup:
        if row.is_container_group:
            row.policy_instance_percentage = row.policy_instance_minimum = 0
            row.policy_instance_list = []
            row.save(update_fields=list(POLICIES))
            row.instances.clear()
        apply_policies()
        return row


def _jobs_in(page: list[Any]) -> dict[int, int]:
    rows = UnifiedJob.objects.filter(instance_group__in=[g.pk for g in page]).order_by()
    return dict(rows.values_list("instance_group").annotate(Count("pk")))


class InstanceGroupList(ListCreateView):
    name = "Instance Groups"
    model = InstanceGroup
    serializer_class = InstanceGroupSerializer


class InstanceGroupDetail(DetailView):
    name = "Instance Group Detail"
    model = InstanceGroup
    serializer_class = InstanceGroupSerializer


class InstanceGroupJobsList(SubListView, UnifiedJobList):
    name = "Instance Group Running Jobs"
    parent_model = InstanceGroup

    def children(self, parent: Any) -> QuerySet[Any]:
        return UnifiedJob.objects.filter(instance_group=parent)


def _put(group: InstanceGroup, instance: Instance) -> None:
    """What a person put into a group stays there, whatever the policies say."""
    group = InstanceGroup.objects.select_for_update().get(pk=group.pk)
    if instance.hostname not in group.policy_instance_list:
        group.policy_instance_list.append(instance.hostname)
        group.save(update_fields=["policy_instance_list", "modified"])
    group.instances.add(instance)


def _take(group: InstanceGroup, instance: Instance) -> None:
    group = InstanceGroup.objects.select_for_update().get(pk=group.pk)
    if instance.hostname in group.policy_instance_list:
        group.policy_instance_list.remove(instance.hostname)
        group.save(update_fields=["policy_instance_list", "modified"])
    group.instances.remove(instance)
    apply_policies()


class InstanceGroupInstancesList(AttachView):
    name = "Instance Group's Instances"
    model = Instance
    serializer_class = InstanceSerializer
    parent_model = InstanceGroup
    relationship = "instances"
    creates = False

    def attach(self, parent: Any, row: Any, *, created: bool = False) -> Any:
        refused = super().attach(parent, row, created=created)
        if refused is None:
            _put(parent, row)
        return refused

    def detach(self, parent: Any, row: Any) -> Any:
        if parent.name == CONTROL_PLANE:
            sentence = f"Cannot disassociate hybrid node {row.hostname} from {parent.name}."
            return {"msg": sentence}
        _take(parent, row)
        return None


class InstanceInstanceGroupsList(AttachView):
    name = "Instance's Instance Groups"
    model = InstanceGroup
    serializer_class = InstanceGroupSerializer
    parent_model = Instance
    relationship = "rampart_groups"

    def attach(self, parent: Any, row: Any, *, created: bool = False) -> Any:
        refused = super().attach(parent, row, created=created)
        if refused is None:
            _put(row, parent)
        return refused

    def detach(self, parent: Any, row: Any) -> Any:
        if row.name == CONTROL_PLANE:
            sentence = f"Cannot disassociate hybrid instance {parent.hostname} from {row.name}."
            return {"msg": sentence}
        _take(row, parent)
        return None
