"""Who somebody is that an OpenID Connect provider vouches for: found, linked or made."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from gantry.base.errors import Forbidden
from gantry.resources.organizations import User
from gantry.resources.sign_on import LONGEST, apply_maps, by_name, structure, take_over


def person_of(issuer: str, claims: dict[str, Any]) -> User:
    """`claims` are those of a checked ID token and of the user info. Raises Forbidden.

    A person is known by issuer and subject. Who was here before is linked by an email that the
    provider has verified, and by nothing else: a name alone proves nothing.
    """
    subject = f"{issuer} {claims['sub']}"
    user = User.objects.filter(oidc_subject=subject).first() or _by_email(claims)
    if user is None:
        user = User(username=_new_name(claims))
    if not user.is_active:
        raise Forbidden("This account may not log in.", cure="Ask an administrator.")
    take_over(user, {**_fields(claims), "oidc_subject": subject})
    maps = structure("social_auth_organization_map"), structure("social_auth_team_map")
    apply_maps(user, *maps, by_name(user))
    return user


def _by_email(claims: dict[str, Any]) -> User | None:
    email = claims.get("email")
    if not email or claims.get("email_verified") is not True:
        return None
    found = list(User.objects.filter(email__iexact=str(email), oidc_subject="")[:2])
    return found[0] if len(found) == 1 else None


def _new_name(claims: dict[str, Any]) -> str:
    name = str(claims.get("preferred_username") or claims.get("email") or claims["sub"])
    name = name.replace("\0", "")[:150]
    if User.objects.filter(username=name).exists():
        raise Forbidden(
            f"Here is somebody else called {name} already.",
            cure="An administrator gives that account the email that the provider has verified "
            "for you, and the next login links it.",
        )
    return name


def _fields(claims: dict[str, Any]) -> dict[str, str]:
    found = {}
    for name, claim in (
        ("first_name", "given_name"), ("last_name", "family_name"), ("email", "email"),
    ):  # fmt: skip
        value = claims.get(claim)
        if isinstance(value, str) and value:
            found[name] = value.replace("\0", "")[: LONGEST[name]]
    try:
        validate_email(found.get("email", ""))
    except ValidationError:
        found.pop("email", None)
    return found
