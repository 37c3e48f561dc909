"""Step 4b, the pod of a project's sync: what it fetches, what logs in there, and where roles and
collections come from. `pods/agent/sync` does the work there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from gantry.base.config import settings
from gantry.base.errors import InvalidInput, JobFailure
from gantry.path.galaxy import galaxy_of
from gantry.path.injectors import Injected, open_key
from gantry.path.payload import COLLECTIONS, ROLES, Files, Payload, b64, common_environment, head_of
from gantry.pods.agent import source
from gantry.resources.credentials import Credential
from gantry.resources.jobs import ProjectUpdate
from gantry.resources.scm_url import check_url

GANTRY = "/runner/.gantry"
ENV = "/runner/env"


def sync_payload(update: ProjectUpdate) -> Payload:
    """Raises JobFailure."""
    try:
        check_url(update.scm_type, update.scm_url)  # again: the row may be older than the rule
    except InvalidInput as error:
        raise JobFailure(
            f"{error.sentence}: {update.scm_url}",
            cure=error.cure or "Give the project a URL of one of its kind's protocols.",
            code="scm_url_refused",
        ) from error
    injected = Injected()
    if "://" in update.scm_url and (password := urlsplit(update.scm_url).password):
        injected.secrets += [password, unquote(password)]
    wanted: dict[str, Any] = {
        "kind": update.scm_type, "url": update.scm_url, "branch": update.scm_branch,
        "refspec": update.scm_refspec, "submodules": update.scm_track_submodules, "username": "",
        "verify": None, "galaxy": galaxy_of(update.organization, settings(), injected.secrets),
    }  # fmt: skip
    if update.credential is not None:
        wanted["username"] = _log_in(update.credential, injected)
    key = update.project.signature_validation_credential if update.project else None
    if key is not None:
        wanted["verify"] = key.pk
        injected.files[f"{ENV}/gpg_public_key"] = _public_key(key)
    injected.files[f"{ENV}/sync.json"] = json.dumps(wanted)
    files: Files = {path: (0o600, b64(text)) for path, text in injected.files.items()}
    files |= {f"{GANTRY}/sync/{name}": (0o600, b64(text)) for name, text in _program().items()}
    env = {
        **common_environment(),
        "PROJECT_UPDATE_ID": str(update.pk),
        # Else ansible-galaxy warns that nobody will find what it installs there.
        "ANSIBLE_COLLECTIONS_PATH": COLLECTIONS,
        "ANSIBLE_ROLES_PATH": ROLES,
    }
    head = head_of(update, env, files, injected)
    head |= {
        "argv": ["python3", "-m", "sync"],
        "cwd": GANTRY,
        "artifacts": {
            "result.json": "/runner/artifacts/result.json",
            "tree.tar.gz": "/runner/artifacts/tree.tar.gz",
        },
    }
    return Payload(head, iter(()), injected.secrets)


def _program() -> dict[str, str]:
    names = sorted(path.name for path in (Path(source.__file__).parent / "sync").glob("*.py"))
    return {name: source.text(f"sync/{name}") for name in names}


def _log_in(credential: Credential, injected: Injected) -> str:
    """The user's name; password and key go to where the pod's programs find them."""
    inputs = credential.open_inputs()
    injected.secrets += credential.secret_values()
    if inputs.get("password"):
        injected.files[f"{ENV}/scm_password"] = inputs["password"]
    if inputs.get("ssh_key_data"):
        where = f"credential {credential.name}"
        unlock = inputs.get("ssh_key_unlock") or ""
        injected.ssh_keys.append(open_key(inputs["ssh_key_data"], unlock, where))
        injected.secrets.append(injected.ssh_keys[-1])
    return str(inputs.get("username") or "")


def _public_key(credential: Credential) -> str:
    text = str(credential.open_inputs().get("gpg_public_key") or "")
    if not text.strip():
        raise JobFailure(
            f"Credential {credential.name} has no public key to verify the project with.",
            cure="Put the GPG public key of those who sign the project into it.",
            code="signature_key_missing",
        )
    return text
