"""/api/v2/applications/: programs that ask people for tokens. Their secret is shown once."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, F, QuerySet, Window
from django.db.models.functions import RowNumber
from rest_framework import serializers

from gantry.api.shape import BASE, AwxSerializer
from gantry.api.views import DetailView, ListCreateView, SubListCreateView
from gantry.resources.models import OAuth2AccessToken, OAuth2Application, Organization, User
from gantry.resources.tokens import CENSORED, hashed, new_secret

SUMMARIZED = 10  # tokens in the summary of an application


class ApplicationSerializer(AwxSerializer):
    client_secret = serializers.SerializerMethodField(label="Client Secret")

    sublists = {"tokens": "tokens"}
    linked = ("organization",)
    summarized = ("organization",)
    capabilities = {"edit": "change", "delete": "delete"}
    hints = {"client_secret": {"type": "string"}}
    sometimes = ("client_secret",)  # for the schema: a public client has none

    class Meta:
        model = OAuth2Application
        fields = (
            *BASE, "client_id", "client_secret", "client_type", "redirect_uris",
            "authorization_grant_type", "skip_authorization", "organization",
        )  # fmt: skip
        read_only_fields = ("client_id",)
        extra_kwargs = {
            "organization": {"allow_null": False},
            "authorization_grant_type": {"label": "Authorization Grant Type"},
            "client_type": {"label": "Client Type"},
            "redirect_uris": {"label": "Redirect URIs"},
            "skip_authorization": {"label": "Skip Authorization"},
        }

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        if self.instance is not None and not isinstance(self.instance, list):
            fields["authorization_grant_type"].read_only = True
            fields["authorization_grant_type"].required = False
        return fields

    def get_client_secret(self, row: Any) -> str:
        return str(getattr(row, "shown_secret", CENSORED))

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown = super().to_representation(instance)
        if instance.client_type == "public":
            del shown["client_secret"]
        return shown

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        found = super().get_summary_fields(row)
        if row is not None and row.pk is not None:
            nothing = {"count": 0, "results": []}
            found["tokens"] = self.once("tokens", _tokens).get(row.pk, nothing)
        return found

    def create(self, validated_data: dict[str, Any]) -> Any:
        secret = new_secret()
        row = OAuth2Application.objects.create(**validated_data, secret_hash=hashed(secret))
        row.shown_secret = secret  # type: ignore[attr-defined]
        return row


def _tokens(rows: list[Any]) -> dict[int, dict[str, Any]]:
    """How many tokens each application has, and the first of them."""
    tokens = OAuth2AccessToken.objects.filter(application__in=rows)
    counted = tokens.order_by().values("application").annotate(count=Count("pk"))
    found = {c["application"]: {"count": c["count"], "results": []} for c in counted}
    place = Window(RowNumber(), partition_by=F("application"), order_by=F("pk").asc())
    first = tokens.annotate(place=place).filter(place__lte=SUMMARIZED).order_by("pk")
    for token in first:
        shown = {"id": token.pk, "token": CENSORED, "scope": token.scope}
        assert token.application_id is not None
        found[token.application_id]["results"].append(shown)
    return found


class ApplicationCreate(ListCreateView):
    def reread(self, row: Any) -> Any:
        """The row that was made: only it knows the secret."""
        return row


class ApplicationList(ApplicationCreate):
    name = "OAuth 2 Applications"
    model = OAuth2Application
    serializer_class = ApplicationSerializer


class ApplicationDetail(DetailView):
    name = "OAuth 2 Application Detail"
    model = OAuth2Application
    serializer_class = ApplicationSerializer


class OrganizationApplicationsList(ApplicationCreate, SubListCreateView):
    name = "Organization OAuth2 Applications"
    model = OAuth2Application
    serializer_class = ApplicationSerializer
    parent_model = Organization
    parent_key = "organization"


class UserApplicationsList(ApplicationCreate, SubListCreateView):
    """Applications are nobody's own, so AWX shows below each user all that the asker may see."""

    name = "OAuth 2 Applications"
    model = OAuth2Application
    serializer_class = ApplicationSerializer
    parent_model = User

    def children(self, parent: Any) -> QuerySet[Any]:
        return OAuth2Application.objects.all()
