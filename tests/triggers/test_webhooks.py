"""Deliveries that meet each other, and what a job makes of what a stranger wrote."""

from __future__ import annotations

import asyncio
from typing import Any

from django.http.request import HttpHeaders

from gantry.base.bridge import in_thread
from tests.journeys.world import World
from tests.triggers.webhook_senders import delivery, recorded


def headers_of(sent: dict[str, str]) -> HttpHeaders:
    return HttpHeaders({f"HTTP_{name.upper().replace('-', '_')}": v for name, v in sent.items()})


async def test_equal_deliveries_at_once_start_one_job(world: World) -> None:
    from gantry.resources.models import Job, JobTemplate
    from gantry.triggers.webhooks import receive

    def make() -> Any:
        return world.template(webhook_service="github", allow_simultaneous=True)

    def send() -> str:
        template = JobTemplate.objects.get(pk=made.pk)
        return receive(template, headers, body).outcome

    made = await in_thread(make)()
    key = await in_thread(made.open_webhook_key)()
    body, sent = delivery("github", key, recorded("github_push"), guid="one")
    headers = headers_of(sent)
    outcomes = await asyncio.gather(*(in_thread(send)() for _ in range(6)))
    assert sorted(outcomes) == ["launched", *["repeated"] * 5]
    assert await in_thread(Job.objects.count)() == 1


def test_jinja_in_a_commits_message_stays_text(world: World) -> None:
    import yaml

    from gantry.path.arguments import extra_vars_file
    from gantry.resources.models import Job
    from gantry.triggers.webhooks import receive

    template = world.template(webhook_service="gitea", extra_vars="own: '{{ 6 * 7 }}'")
    evil = "{{ lookup('pipe', 'id') }}"
    payload = {**recorded("gitea_push"), "commits": [{"message": evil}]}
    body, sent = delivery("gitea", template.open_webhook_key(), payload)
    assert receive(template, headers_of(sent), body).outcome == "launched"

    text = extra_vars_file(Job.objects.get(), {}, "template")
    marked: list[str] = []

    class Loader(yaml.SafeLoader):
        pass

    def unsafe(loader: Any, node: Any) -> Any:
        marked.append(node.value)
        return node.value

    Loader.add_constructor("!unsafe", unsafe)
    read = yaml.load(text, Loader=Loader)
    assert read["awx_webhook_payload"]["commits"] == [{"message": evil}]
    assert marked.count(evil) == 2  # of two prefixes
    assert "{{ 6 * 7 }}" not in marked  # the template's own is its owner's
