"""/api/v2/tokens/ and the tokens of a user or an application. A value is shown once, when made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied

from gantry.api.shape import AwxSerializer
from gantry.api.views import DetailView, ListCreateView, SubListCreateView, person_of
from gantry.resources import access
from gantry.resources.models import OAuth2AccessToken, OAuth2Application, User
from gantry.resources.tokens import CENSORED, SCOPES, issue

READ_ONLY = ("user", "expires")


class TokenSerializer(AwxSerializer):
    token = serializers.SerializerMethodField()
    refresh_token = serializers.SerializerMethodField()

    linked = ("user", "application")
    summarized = ("user", "application")
    selected = ("refresh_token",)
    hints = {"token": {"type": "string"}}

    class Meta:
        model = OAuth2AccessToken
        fields: ClassVar[tuple[str, ...]] = (
            "id", "type", "url", "related", "summary_fields", "created", "modified", "description",
            "user", "token", "refresh_token", "application", "expires", "scope",
        )  # fmt: skip
        read_only_fields: ClassVar[tuple[str, ...]] = READ_ONLY

    def get_token(self, row: Any) -> str:
        return str(getattr(row, "shown_token", CENSORED))

    def get_refresh_token(self, row: Any) -> str | None:
        try:
            assert row.refresh_token
        except ObjectDoesNotExist:
            return None
        return str(getattr(row, "shown_refresh_token", CENSORED))

    def validate_scope(self, value: Any) -> str:
        words = str(value or "").split()
        if not words or len(words) != len(set(words)) or not set(words) <= set(SCOPES):
            raise serializers.ValidationError(
                f"Must be a simple space-separated string with allowed scopes {SCOPES}."
            )
        return str(value)

    @property
    def _checked_fields(self) -> set[str]:
        return super()._checked_fields - {"application"}

    def create(self, validated_data: dict[str, Any]) -> Any:
        row, token, refresh = issue(
            self.user,
            validated_data.get("scope", "write"),
            application=validated_data.get("application"),
            description=validated_data.get("description", ""),
        )
        row.shown_token, row.shown_refresh_token = token, refresh  # type: ignore[attr-defined]
        return row


class TokenDetailSerializer(TokenSerializer):
    class Meta(TokenSerializer.Meta):
        read_only_fields = (*READ_ONLY, "application")


class PersonalTokenSerializer(TokenSerializer):
    """Of no application, whatever is sent."""

    class Meta(TokenSerializer.Meta):
        read_only_fields = (*READ_ONLY, "application")


class AuthorizedTokenSerializer(TokenSerializer):
    class Meta(TokenSerializer.Meta):
        extra_kwargs = {"application": {"allow_null": False, "required": True}}


class TokenCreate(ListCreateView):
    """Anybody makes tokens, for themselves only, of applications that they may see."""

    def check_add(self, attrs: Mapping[str, Any]) -> None:
        application = attrs.get("application")
        if application is not None and not access.may(self.request.user, "read", application):
            raise PermissionDenied

    def reread(self, row: Any) -> Any:
        """The row that was made: only it knows the token."""
        return row


class TokenList(TokenCreate):
    name = "OAuth2 Tokens"
    model = OAuth2AccessToken
    serializer_class = TokenSerializer


class TokenDetail(DetailView):
    name = "OAuth Token Detail"
    model = OAuth2AccessToken
    serializer_class = TokenDetailSerializer

    def check_change(self, row: Any, attrs: Mapping[str, Any]) -> None:
        """Neither its user nor its application can be changed."""


class ApplicationTokensList(TokenCreate, SubListCreateView):
    name = "OAuth 2 Application Tokens"
    model = OAuth2AccessToken
    serializer_class = TokenSerializer
    parent_model = OAuth2Application
    parent_key = "application"


class UserTokensList(TokenCreate, SubListCreateView):
    name = "OAuth2 User Tokens"
    model = OAuth2AccessToken
    serializer_class = TokenSerializer
    parent_model = User
    parent_key = "user"


class UserPersonalTokensList(UserTokensList):
    """Whosever page it is, AWX shows and makes here the tokens of the person who asks."""

    name = "OAuth2 Personal Access Tokens"
    serializer_class = PersonalTokenSerializer

    def children(self, parent: Any) -> QuerySet[Any]:
        return OAuth2AccessToken.objects.filter(application=None, user=person_of(self.request))


class UserAuthorizedTokensList(UserTokensList):
    name = "OAuth2 User Authorized Access Tokens"
    serializer_class = AuthorizedTokenSerializer

    def children(self, parent: Any) -> QuerySet[Any]:
        mine = OAuth2AccessToken.objects.filter(user=person_of(self.request))
        return mine.filter(application__isnull=False)
