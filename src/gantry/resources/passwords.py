"""What a new password must have: AWX's LOCAL_PASSWORD_MIN_*, as a validator of Django's."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError

from gantry.base.config import settings


class LocalPasswordRules:
    """Named in AUTH_PASSWORD_VALIDATORS, so that every way to set a password asks it."""

    def validate(self, password: str, user: Any = None) -> None:
        s = settings()
        if len(password) < s.local_password_min_length:
            raise ValidationError(
                f"Password must be at least {s.local_password_min_length} characters long."
            )
        kinds = (
            ("digits", s.local_password_min_digits, str.isdigit),
            ("uppercase characters", s.local_password_min_upper, str.isupper),
            ("special characters", s.local_password_min_special, lambda c: not c.isalnum()),
        )
        for what, least, is_one in kinds:
            if sum(is_one(character) for character in password) < least:
                raise ValidationError(f"Password must contain at least {least} {what}.")

    def get_help_text(self) -> str:
        return "Your password must follow the rules of this installation."
