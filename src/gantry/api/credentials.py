"""/api/v2/credentials/: inputs go in once and come out as `$encrypted$`.

A type's required fields are not demanded here, as AWX does not: `awx import` makes credentials
without their secrets, and a job that needs one says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied

from gantry.api.credential_schema import credential_problems
from gantry.api.names import type_of, url_of
from gantry.api.shape import BASE, AwxSerializer
from gantry.api.views import DetailView, ListCreateView, SubListCreateView
from gantry.resources import access
from gantry.resources.credentials import ASK, ENCRYPTED
from gantry.resources.models import Credential, CredentialType, Organization, Role, Team, User
from gantry.resources.roles import role_on

FIELDS = (
    *BASE, "organization", "credential_type", "managed", "inputs", "kind", "cloud", "kubernetes",
)  # fmt: skip


GALAXY_OWNER = "Galaxy credentials must be owned by an Organization."


class CredentialSerializer(AwxSerializer):
    kind = serializers.SerializerMethodField()
    cloud = serializers.SerializerMethodField()
    kubernetes = serializers.SerializerMethodField()

    sublists = {
        name: name
        for name in ("access_list", "object_roles", "owner_users", "owner_teams", "input_sources")
    }
    linked = ("organization", "credential_type")
    summarized = ("organization", "credential_type")
    capabilities = {"edit": "change", "delete": "delete", "copy": "add", "use": "use"}

    class Meta:
        model = Credential
        fields: Any = FIELDS
        extra_kwargs = {"credential_type": {"label": "Credential Type"}}

    def get_kind(self, row: Any) -> str | None:
        return row.credential_type.namespace  # type: ignore[no-any-return]

    def get_cloud(self, row: Any) -> bool:
        return bool(row.credential_type.kind == "cloud")

    def get_kubernetes(self, row: Any) -> bool:
        return bool(row.credential_type.kind == "kubernetes")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown = super().to_representation(instance)
        # What is asked for at launch is no secret, and clients need to see that it is asked for.
        asked = {k: v for k, v in instance.inputs.items() if v == ASK}
        shown["inputs"] = {**instance.shown_inputs(), **asked}
        return shown

    def get_related(self, row: Any) -> dict[str, Any]:
        links = super().get_related(row)
        if row is not None:
            kinds = {"organization": links.get("organization")}
            for owner in self._owners(row):
                kinds.setdefault(owner["type"], owner["url"])
            # AWX names one owner, an organization or a team before a person.
            for kind in ("organization", "team", "user"):
                if kinds.get(kind):
                    links[kind] = kinds[kind]
                    break
        return links

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        found = super().get_summary_fields(row)
        if row is not None:
            found["owners"] = self._owners(row)
        return found

    def _owners(self, row: Any) -> list[dict[str, Any]]:
        return _owners(row, *self.once("owners", _administrators)[row.pk])

    def validate_credential_type(self, value: Any) -> Any:
        if self.instance is not None and value.pk != self.instance.credential_type_id:
            used = ("jobtemplates", "projects", "jobs", "projectupdates", "executionenvironments")
            if any(getattr(self.instance, name).exists() for name in used):
                raise serializers.ValidationError(
                    "You cannot change the credential type of the credential, as it may break the "
                    "functionality of the resources using it."
                )
        return value

    def validate_organization(self, value: Any) -> Any:
        row = self.instance
        if (
            row is not None
            and not row.managed
            and row.credential_type.kind == "galaxy"
            and not value
        ):
            raise serializers.ValidationError(GALAXY_OWNER)
        return value

    def validate_inputs(self, value: Any) -> Any:
        if not isinstance(value, dict):
            raise serializers.ValidationError(f"{type(value).__name__} provided, expected dict")
        row = self.instance
        if row is not None and row.credential_type.kind == "vault":
            stored = row.inputs.get("vault_id")
            if stored and value.get("vault_id", stored) != stored:
                raise serializers.ValidationError(
                    "Vault IDs cannot be changed once they have been created."
                )
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        kind = attrs.get("credential_type") or self.instance.credential_type  # type: ignore[union-attr]
        if "inputs" in attrs:
            self._check_inputs(kind, attrs["inputs"])
        return attrs

    def _check_inputs(self, kind: CredentialType, inputs: dict[str, Any]) -> None:
        if self.instance is None:
            for name in sorted(kind.secret_fields):
                if inputs.get(name) == ENCRYPTED:
                    raise serializers.ValidationError(
                        {
                            "inputs": [
                                f"{ENCRYPTED} is a reserved keyword, and cannot be used for {name}."
                            ]
                        }
                    )
            clear = inputs
        else:
            # A key and its passphrase are judged together, though only one may be sent anew.
            opened = self.instance.open_stored() if ENCRYPTED in inputs.values() else {}
            clear = {k: opened.get(k, v) if v == ENCRYPTED else v for k, v in inputs.items()}
        problems = credential_problems(kind, clear)
        if problems:
            raise serializers.ValidationError({"inputs": problems.get("", problems)})

    def create(self, validated_data: dict[str, Any]) -> Any:
        inputs = validated_data.pop("inputs", {})
        row = super().create(validated_data)
        _store(row, inputs)
        return row

    def update(self, instance: Any, validated_data: dict[str, Any]) -> Any:
        inputs = validated_data.pop("inputs", None)
        row = super().update(instance, validated_data)
        if inputs is not None:
            _store(row, inputs)
        return row


class CredentialCreateSerializer(CredentialSerializer):
    """As AWX: exactly one of user, team and organization owns it."""

    user = serializers.PrimaryKeyRelatedField(
        queryset=User.objects.all(), required=False, default=None, write_only=True, allow_null=True
    )
    team = serializers.PrimaryKeyRelatedField(
        queryset=Team.objects.all(), required=False, default=None, write_only=True, allow_null=True
    )
    organization = serializers.PrimaryKeyRelatedField(
        queryset=Organization.objects.all(), required=False, default=None, allow_null=True
    )

    class Meta(CredentialSerializer.Meta):
        fields = (*FIELDS, "user", "team")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        given = sorted(k for k in ("user", "team", "organization") if attrs.get(k))
        if not given:
            raise serializers.ValidationError(
                {"detail": ["Missing 'user', 'team', or 'organization'."]}
            )
        if len(given) > 1:
            raise serializers.ValidationError(
                {
                    "detail": [
                        "Only one of 'user', 'team', or 'organization' should be provided, "
                        f"received {', '.join(given)} fields."
                    ]
                }
            )
        if attrs["credential_type"].kind == "galaxy" and given != ["organization"]:
            raise serializers.ValidationError({"organization": [GALAXY_OWNER]})
        team = attrs.get("team")
        if team is not None:
            if not access.may(self.context["request"].user, "change", team):
                raise PermissionDenied
            attrs["organization"] = team.organization
        attrs["owner"] = attrs.pop("user", None)
        return super().validate(attrs)

    def create(self, validated_data: dict[str, Any]) -> Any:
        """A team's credential is its organization's, and its members use it."""
        team = validated_data.pop("team", None)
        row = super().create(validated_data)
        if team is not None:
            role_on(row, "use_role").teams.add(team)
        return row


def _store(row: Credential, inputs: dict[str, Any]) -> None:
    # `$encrypted$` keeps what is stored; where nothing is, it stands for nothing.
    inputs = {k: v for k, v in inputs.items() if v != ENCRYPTED or k in row.inputs}
    row.set_inputs(inputs)
    row.save(update_fields=["inputs", "modified"])


def _administrators(page: list[Credential]) -> dict[int, tuple[list[User], list[Team]]]:
    """The people who were made administrators of each credential, and the teams that have it."""
    roles = Role.objects.filter(
        kind="credential",
        role_field__in=("admin_role", "use_role"),
        object_id__in=[row.pk for row in page],
    ).prefetch_related("members", "teams")
    people: dict[int, list[User]] = {row.pk: [] for row in page}
    teams: dict[int, dict[int, Team]] = {row.pk: {} for row in page}
    for role in roles:
        pk = role.object_id or 0
        teams[pk].update({team.pk: team for team in role.teams.all()})
        if role.role_field == "admin_role":
            people[pk] = list(role.members.all())
    return {row.pk: (people[row.pk], list(teams[row.pk].values())) for row in page}


def _owners(row: Any, people: list[User], teams: list[Team]) -> list[dict[str, Any]]:
    owners: list[dict[str, Any]] = []
    for user in people:
        owners.append(
            {
                "id": user.pk,
                "type": "user",
                "name": user.username,
                "description": f"{user.first_name} {user.last_name}",
                "url": url_of(user),
            }
        )
    for about in (row.organization, *teams):
        if about is not None:
            owners.append(
                {
                    "id": about.pk,
                    "type": type_of(about),
                    "name": about.name,
                    "description": about.description,
                    "url": url_of(about),
                }
            )
    return owners


class CredentialList(ListCreateView):
    model = Credential
    serializer_class = CredentialCreateSerializer

    def check_permissions(self, request: Any) -> None:
        super(ListCreateView, self).check_permissions(request)  # anybody may own one

    def check_add(self, attrs: Mapping[str, Any]) -> None:
        """For oneself always; for somebody else as their administrator; else by organization."""
        if attrs.get("team") is not None:
            return  # whether they may was asked when it was read
        owner = attrs.get("owner")
        if owner is not None and owner.pk != self.request.user.pk:
            if not access.may(self.request.user, "change", owner):
                raise PermissionDenied
            return
        super().check_add(attrs)


class CredentialDetail(DetailView):
    model = Credential
    serializer_class = CredentialSerializer

    def check_object_permissions(self, request: Any, obj: Any) -> None:
        if obj.managed and request.method in ("PUT", "PATCH"):
            raise PermissionDenied("Modifications not allowed for managed credentials")
        if obj.managed and request.method == "DELETE":
            raise PermissionDenied("Deletion not allowed for managed credentials")
        super().check_object_permissions(request, obj)


class CredentialTypeCredentialList(SubListCreateView):
    """POST makes one of this type, where it names no other."""

    model = Credential
    serializer_class = CredentialSerializer
    parent_model = CredentialType
    relationship = "credentials"

    def given(self, request: Any) -> Mapping[str, Any]:
        return {"credential_type": self.parent().pk, **super().given(request)}
