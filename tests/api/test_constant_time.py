"""A secret that is shown is compared in constant time: how long a refusal takes tells nothing.

Tokens are not in the list: they are looked up by their hash. Nor are passwords: they are hashed
slowly and compared by Django.
"""

from __future__ import annotations

import base64
import hmac
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from gantry.api.websocket_groups import Admitted, genuine
from gantry.triggers.webhook_services import SERVICES
from tests.api.conftest import Api
from tests.api.test_applications import made
from tests.triggers.test_webhook_services import delivery

WRONG = "a guess"
Compared = list[tuple[bytes, bytes]]


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> Compared:
    """What `compare_digest` is given."""
    pairs: Compared = []
    real = hmac.compare_digest

    def spy(one: Any, other: Any) -> bool:
        pairs.append((_bytes(one), _bytes(other)))
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", spy)
    monkeypatch.setattr("secrets.compare_digest", spy)  # Django's
    return pairs


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else bytes(text)


def test_the_secret_of_an_application(api: Api, anonymous: Api, compared: Compared) -> None:
    application = made(api)
    compared.clear()
    shown = base64.b64encode(f"{application['client_id']}:{WRONG}".encode()).decode()
    answer = anonymous.client.post(
        "/api/o/token/",
        {"grant_type": "password", "username": "admin", "password": "correct horse"},
        headers={"Authorization": f"Basic {shown}"},
    )
    assert answer.status_code == 401, answer.content
    assert len(compared) == 1
    assert len(compared[0][0]) == len(compared[0][1])  # of hashes, so that no length is told either


def test_the_key_of_a_callback(api: Api, anonymous: Api, compared: Compared) -> None:
    from tests.api.workflows import template

    row = template(host_config_key="the key")
    compared.clear()
    anonymous.post(
        f"/api/v2/job_templates/{row.pk}/callback/", {"host_config_key": WRONG}, status=403
    )
    assert compared == [(WRONG.encode(), b"the key")]


@pytest.mark.parametrize("service", SERVICES)
def test_the_signature_of_a_webhook(service: str, compared: Compared) -> None:
    body, headers = delivery(service, WRONG, b"{}")
    assert not SERVICES[service].right(b"the key", headers, body)
    assert len(compared) == 1


def test_the_token_of_a_websocket(db: str, compared: Compared) -> None:
    admin = get_user_model().objects.get(username="admin")
    assert not genuine(Admitted(admin, "the token"), WRONG)
    assert compared == [(WRONG.encode(), b"the token")]
