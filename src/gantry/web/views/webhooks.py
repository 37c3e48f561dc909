"""The webhook of a template or a workflow: where a service sends, with which key, what came."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from gantry.base.config import settings
from gantry.resources.access import may, visible, within
from gantry.resources.credentials import Credential
from gantry.resources.webhooks import SERVICES, WebhookDelivery
from gantry.web.ask import AskForm
from gantry.web.form_page import done, sent, tried
from gantry.web.forms import Wide
from gantry.web.inventory_forms import choose, rows
from gantry.web.pages import found, page, paged, signed_in, who
from gantry.web.views.surveys import BASES, OF

LOOKS = {"launched": "success", "filtered": "neutral", "ignored": "neutral", "repeated": "neutral",
         "refused": "danger"}  # fmt: skip


class WebhookForm(AskForm):
    names = {"webhook_events": "events", "webhook_branches": "branches"}

    webhook_service = forms.ChoiceField(
        label="Service", choices=[("", "None: it takes no webhook"), *SERVICES], required=False
    )
    webhook_credential = rows(
        Credential.objects.none(), label="Tells the commit's status with", required=False,
        help_text="A personal access token of the service.",
    )  # fmt: skip
    events = forms.CharField(
        label="Only these events", required=False, widget=Wide(3),
        help_text="One a line, such as push or pull_request; * for any part. Empty: all.",
    )  # fmt: skip
    branches = forms.CharField(
        label="Only these branches", required=False, widget=Wide(3),
        help_text="One a line, such as main or release/*. Empty: all.",
    )  # fmt: skip

    def __init__(self, data: Any = None, *, row: Any, user: Any) -> None:
        first = {
            "webhook_service": row.webhook_service, "webhook_credential": row.webhook_credential,
            "events": "\n".join(row.webhook_events), "branches": "\n".join(row.webhook_branches),
        }  # fmt: skip
        super().__init__(data, initial=first)
        tokens = Credential.objects.filter(credential_type__kind="token")
        choose(self, "webhook_credential", within(user, "use", tokens), row.webhook_credential)

    def body(self) -> dict[str, Any]:
        given = self.cleaned_data
        credential = given["webhook_credential"]
        lists = {f"webhook_{n}": given[n].split() for n in ("events", "branches")}
        return {
            "webhook_service": given["webhook_service"], "gantry": lists,
            "webhook_credential": credential.pk if credential is not None else None,
        }  # fmt: skip


@signed_in
def of(request: HttpRequest, pk: int, noun: str) -> HttpResponse:
    row = found(request, OF[noun].objects.select_related("webhook_credential"), pk)
    can_change, name = may(who(request), "change", row), f"{BASES[noun]}-webhook"
    address = f"{noun}/{pk}/"
    if request.method == "POST" and "do" in request.POST:
        return _act(request, row, address, name)
    if request.method == "POST" and not can_change:
        raise PermissionDenied
    form = WebhookForm(request.POST or None, row=row, user=who(request)) if can_change else None
    if form is not None and sent(request, form, "PATCH", address) is not None:
        return done(request, "Saved.", name, pk)
    deliveries = visible(who(request), row.webhook_deliveries.select_related("job"))
    receiver = f"{settings().public_url}/api/v2/{address}{row.webhook_service}/"
    context = {
        "row": row, "form": form, "base": BASES[noun], "can_change": can_change,
        "can_test": may(who(request), "start", row) and row.webhook_service,
        "receiver": receiver if row.webhook_service else "",
        "key": row.open_webhook_key() if can_change else "",
        "rows": paged(request, deliveries.order_by("-pk")), "looks": LOOKS,
    }  # fmt: skip
    wrong = form is not None and bool(form.errors)
    return page(request, "templates/webhook.html", context, status=422 if wrong else 200)


def _act(request: HttpRequest, row: Any, address: str, name: str) -> HttpResponse:
    what, _, wanted = request.POST["do"].partition(":")
    if what == "key":
        words = "There is a new key. The old one is refused from now on: tell the service."
        tried(request, "POST", f"{address}webhook_key/", words=words)
    elif what == "test":
        _told(request, tried(request, "POST", f"{address}webhook_test/", {}))
    elif what == "again" and wanted.isdecimal() and len(wanted) < 18:
        found(request, WebhookDelivery.objects.filter(unified_job_template=row), int(wanted))
        _told(request, tried(request, "POST", f"webhook_deliveries/{wanted}/redeliver/"))
    return redirect(name, row.pk)


def _told(request: HttpRequest, delivery: Any) -> None:
    if delivery is not None:
        words = delivery["reason"] or f"Delivered: {delivery['outcome']}."
        refused = delivery["outcome"] == "refused"
        (messages.error if refused else messages.success)(request, words)
