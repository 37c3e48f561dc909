"""/api/v2/users/ and /api/v2/me/."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as ModelInvalid
from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied

from gantry.api.shape import AwxSerializer
from gantry.api.views import DetailView, ListCreateView, ListView, person_of
from gantry.resources.access_people import know_organizations
from gantry.resources.credentials import ENCRYPTED
from gantry.resources.models import User

LONGEST_PASSWORD = 128  # AWX's limit


class UserSerializer(AwxSerializer):
    created = serializers.DateTimeField(source="date_joined", read_only=True)
    modified = serializers.DateTimeField(source="last_login", read_only=True)
    password = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        help_text="Field used to change the password.",
    )
    is_system_auditor = serializers.BooleanField(required=False, default=False)
    ldap_dn = serializers.SerializerMethodField()
    external_account = serializers.SerializerMethodField()

    sublists = {
        "organizations": "organizations",
        "admin_of_organizations": "admin_of_organizations",
        "credentials": "credentials",
        "tokens": "tokens",
        "authorized_tokens": "authorized_tokens",
        "personal_tokens": "personal_tokens",
        **{name: name for name in ("teams", "projects", "roles", "access_list")},
    }
    capabilities = {"edit": "change", "delete": "delete"}
    hints = {"ldap_dn": {"type": "string"}, "email": {"label": "Email address"}}
    # Nobody gives rights that they do not have.
    reserved: ClassVar[tuple[str, ...]] = ("is_superuser", "is_system_auditor")

    class Meta:
        model = User
        fields = (
            "id", "type", "url", "related", "summary_fields", "created", "modified", "username",
            "first_name", "last_name", "email", "is_superuser", "is_system_auditor", "password",
            "ldap_dn", "last_login", "external_account",
        )  # fmt: skip
        read_only_fields = ("last_login",)

    def capable(self, verb: str, row: Any) -> bool:
        self.once("organizations", know_organizations)
        return super().capable(verb, row)

    def get_ldap_dn(self, row: User) -> str:
        return "" if row is None else str(row.directory_dn)

    def get_external_account(self, row: User) -> str | None:
        if row is None:
            return None
        if row.directory_dn and not row.has_usable_password():
            return "ldap"
        return "social" if row.oidc_subject else None

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown = super().to_representation(instance)
        shown["password"] = ENCRYPTED
        subject = instance.oidc_subject.rpartition(" ")[2]
        shown["auth"] = [{"provider": "oidc", "uid": subject}] if subject else []
        return shown

    def validate_password(self, value: str) -> str:
        # `awx import` sends an empty one for every user of an export: nobody logs in with that.
        if self.instance is None and "password" not in self.initial_data:
            raise serializers.ValidationError("Password required for new User.")
        if value == ENCRYPTED and self.instance is None:
            raise serializers.ValidationError(f"{ENCRYPTED} is a reserved keyword.")
        if len(value) > LONGEST_PASSWORD:
            raise serializers.ValidationError(f"Password max length is {LONGEST_PASSWORD}")
        if value and value != ENCRYPTED:
            try:
                validate_password(value, self.instance)
            except ModelInvalid as error:
                raise serializers.ValidationError(error.messages) from error
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for name in self.reserved:
            wanted = attrs.get(name)
            has = getattr(self.instance, name, False)
            if wanted is not None and wanted != has and not self.user.is_superuser:
                raise PermissionDenied
        return super().validate(attrs)

    @property
    def _checked_fields(self) -> set[str]:
        return super()._checked_fields - {"password"}

    def create(self, validated_data: dict[str, Any]) -> Any:
        password = validated_data.pop("password")
        user = User(**validated_data)
        user.set_password(password or None)
        user.save()
        return user

    def update(self, instance: Any, validated_data: dict[str, Any]) -> Any:
        password = validated_data.pop("password", "")
        for name, value in validated_data.items():
            setattr(instance, name, value)
        if password and password != ENCRYPTED:
            instance.set_password(password)
        instance.save()
        if password and self.user.pk == instance.pk:
            # Changing one's own password does not log one out here, only everywhere else.
            update_session_auth_hash(self.context["request"]._request, instance)
        return instance


class UserList(ListCreateView):
    model = User
    serializer_class = UserSerializer


class UserDetail(DetailView):
    model = User
    serializer_class = UserSerializer

    def check_change(self, row: Any, attrs: Mapping[str, Any]) -> None:
        last = User.objects.filter(is_superuser=True, is_active=True).count() == 1
        if row.is_superuser and attrs.get("is_superuser") is False and last:
            raise PermissionDenied("The last administrator cannot be demoted.")


class UserMeList(ListView):
    name = "Me"
    model = User
    serializer_class = UserSerializer

    def get_queryset(self) -> QuerySet[Any]:
        return User.objects.filter(pk=person_of(self.request).pk)
