"""A job that starts and ends tells who follows it: a mail, and a webhook to a server."""

from __future__ import annotations

from typing import Any

from gantry.base.bridge import in_thread
from tests.journeys.outcome import ended, until
from tests.journeys.world import World
from tests.path.notifiers.mail_server import MailServer, mail_server
from tests.resources.lookups.server import Service, service


def follow(world: World, hook: Service, mail: MailServer) -> Any:
    """A template whose start is posted and whose end is mailed; the organization hears of both."""
    from gantry.resources.models import NotificationTemplate

    def receiver(kind: str, **settings: Any) -> Any:
        row = NotificationTemplate.objects.create(
            name=kind, organization=world.organization, notification_type=kind,
            messages={"success": {"message": "{{ job.name }} is {{ job.status }}"}},
        )  # fmt: skip
        row.set_configuration(settings)
        row.save()
        return row

    posted = receiver("webhook", url=f"{hook.url}/hook", headers={})
    mailed = receiver(
        "email", host="127.0.0.1", port=mail.port, username="me", password="s3cr3t-value",
        use_tls=False, use_ssl=False, sender="gantry@example.org", recipients=["ops@example.org"],
    )  # fmt: skip
    template = world.template()
    template.notification_templates_started.add(posted)
    template.notification_templates_success.add(mailed)
    world.organization.notification_templates_success.add(posted, mailed)
    return template


async def test_a_job_that_ends_sends_a_mail_and_calls_a_webhook(world: World, control: Any) -> None:
    with service() as hook, mail_server(user=("me", "s3cr3t-value")) as mail:
        hook.routes["POST /hook"] = lambda asked: (204, "")
        template = await in_thread(follow)(world, hook, mail)
        job = await ended(await in_thread(lambda: world.launch(template))())
        assert job.status == "successful", (job.job_explanation, job.evidence)

        def sent() -> bool:
            told = list(job.notifications.values_list("status", flat=True))
            return told == ["successful"] * 3

        await until(sent, "its three notifications", 20)

    started, success = sorted((asked.json() for asked in hook.asked), key=lambda d: d["status"])
    assert (started["status"], started["id"], started["hosts"]) == ("running", job.pk, {})
    assert success["status"] == "successful"
    assert {name: host["ok"] for name, host in success["hosts"].items()} == {"alpha": 1, "beta": 1}
    assert len(mail.mails) == 1
    assert mail.mails[0]["Subject"] == f"{job.name} is successful"
    body = mail.mails[0].get_content()
    assert body.startswith(f"Job #{job.pk} had status successful, view details at http")
