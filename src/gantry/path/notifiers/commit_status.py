"""The state of a commit, as each Git service takes it. AWX: WebhookMixin.update_webhook_status.

GitHub: "Create a commit status"; GitLab: "Set the pipeline status of a commit"; Bitbucket Data
Center: build status 1.0; Gitea and Forgejo: "Create a commit status".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gantry.path.notifiers.contract import Message, SendFailed, ask

_ENDED_BUCKET = dict.fromkeys(("failed", "error", "canceled"), "FAILED")
# service -> a job's status -> the service's word. A status that is not there is not told.
STATES: dict[str, dict[str, str]] = {
    "github": {"pending": "pending", "successful": "success", "failed": "failure",
               "canceled": "failure", "error": "error"},
    "gitlab": {"pending": "pending", "running": "running", "successful": "success",
               "failed": "failed", "error": "failed", "canceled": "canceled"},
    "bitbucket_dc": {"pending": "INPROGRESS", "running": "INPROGRESS",
                     "successful": "SUCCESSFUL", **_ENDED_BUCKET},
    "gitea": {"pending": "pending", "successful": "success", "failed": "failure",
              "canceled": "failure", "error": "error"},
}  # fmt: skip
_LOGIN = {
    "github": ("Authorization", "token {}"),
    "gitlab": ("PRIVATE-TOKEN", "{}"),
    "bitbucket_dc": ("Authorization", "Bearer {}"),
    "gitea": ("Authorization", "token {}"),
}
_LONGEST_WORDS = 140  # GitHub's; the others take more
_AGAIN = (408, 425, 429)


def _sender(service: str) -> Callable[[Message], int]:
    def send(message: Message) -> int:
        name, form = _LOGIN[service]
        answer = ask(
            message, "POST", str(message.get("url")), fine=False, json=_body(service, message),
            headers={name: form.format(message.get("token"))},
        )  # fmt: skip
        if answer.status < 300:
            return 1
        if service == "gitlab" and answer.status == 400 and "Cannot transition" in answer.text:
            return 1  # it is in that state already: a try whose answer was lost
        raise SendFailed(
            f"the service answered HTTP {answer.status}: {' '.join(answer.text.split())[:200]}",
            again=answer.status >= 500 or answer.status in _AGAIN,
        )

    return send


def _body(service: str, message: Message) -> dict[str, Any]:
    state = STATES[service][str(message.get("state"))]
    words = message.subject[:_LONGEST_WORDS]
    context, page = message.get("context"), message.get("page")
    if service == "bitbucket_dc":
        return {"state": state, "key": context, "name": context, "url": page, "description": words}
    return {"state": state, "context": context, "target_url": page, "description": words}


SENDERS = {service: _sender(service) for service in STATES}
