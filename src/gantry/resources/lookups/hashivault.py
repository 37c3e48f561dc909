"""HashiCorp Vault: a value of a key/value store, and an SSH certificate signed by it.

Contract: https://developer.hashicorp.com/vault/api-docs (auth/*, secret/kv, secret/ssh).
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin

from gantry.resources.lookups.contract import Lookup, LookupFailed, Values, field
from gantry.resources.lookups.http import Answer, Http, Tls

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
# A standby that has not caught up yet answers so; Vault asks its clients to come again.
NOT_YET, TIMES = 412, 5

_FIELDS = (
    field("url", "Server URL", "The URL to the HashiCorp Vault", format="url"),
    field("token", "Token", "The access token used to authenticate to the Vault server",
          secret=True),
    field("cacert", "CA Certificate",
          "The CA certificate used to verify the SSL certificate of the Vault server",
          multiline=True),
    field("role_id", "AppRole role_id", "The Role ID for AppRole Authentication", multiline=False),
    field("secret_id", "AppRole secret_id", "The Secret ID for AppRole Authentication",
          multiline=False, secret=True),
    field("client_cert_public", "Client Certificate",
          "The PEM-encoded client certificate used for TLS client authentication. This should "
          "include the certificate and any intermediate certififcates.", multiline=True),
    field("client_cert_private", "Client Certificate Key",
          "The certificate private key used for TLS client authentication.", multiline=True,
          secret=True),
    field("client_cert_role", "TLS Authentication Role",
          "The role configured in Hashicorp Vault for TLS client authentication. If not provided, "
          "Hashicorp Vault may assign roles based on the certificate used.", multiline=False),
    field("namespace", "Namespace name (Vault Enterprise only)",
          "Name of the namespace to use when authenticate and retrieve secrets", multiline=False),
    field("kubernetes_role", "Kubernetes role",
          "The Role for Kubernetes Authentication. This is the named role, configured in Vault "
          "server, for AWX pod auth policies. see "
          "https://www.vaultproject.io/docs/auth/kubernetes#configuration", multiline=False),
    field("username", "Username", "Username for user authentication.", secret=False),
    field("password", "Password", "Password for user authentication.", secret=True),
    field("default_auth_path", "Path to Auth",
          "The Authentication path to use if one isn't provided in the metadata when linking to an "
          "input field. Defaults to 'approle'", multiline=False, default="approle"),
)  # fmt: skip
_PATH = field(
    "secret_path", "Path to Secret",
    "The path to the secret stored in the secret backend e.g, /some/secret/. It is "
    "recommended that you use the secret backend field to identify the storage backend and to"
    " use this field for locating a specific secret within that store. However, if you prefer"
    " to fully identify both the secret backend and one of its secrets using only this field,"
    " join their locations into a single path without any additional separators, e.g, "
    "/location/of/backend/some/secret.",
)  # fmt: skip
_AUTH_PATH = field(
    "auth_path", "Path to Auth",
    "The path where the Authentication method is mounted e.g, approle", multiline=False,
)  # fmt: skip
_API_VERSION = {
    "id": "api_version", "label": "API Version", "choices": ["v1", "v2"],
    "help_text": "API v1 is for static key/value lookups.  API v2 is for versioned key/value "
    "lookups.", "default": "v1",
}  # fmt: skip


def find_value(values: Values) -> str:
    path = str(values["secret_path"]).strip("/")
    backend = str(values.get("secret_backend") or "").strip("/")
    versioned = values["api_version"] == "v2"
    parts = [backend, path] if backend else path.split("/", 1)
    if versioned:
        parts.insert(1, "data")
    version = values.get("secret_version")
    params = {"version": str(version)} if versioned and version else {}
    url = urljoin(str(values["url"]), "/".join(["v1", *(quote(p) for p in parts)]))
    answer = _ask(_logged_in(values), "GET", url, params=params)
    found = answer.json("data", "data") if versioned else answer.json("data")
    key = str(values["secret_key"])
    if key != "data" and isinstance(found, dict) and key not in found:
        found = found.get("data", found)  # a v2 store that was asked as if it were v1
    if not isinstance(found, dict) or key not in found:
        raise LookupFailed(f"{key} is not present at {path}")
    return _text(found[key])


def _text(value: Any) -> str:
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise LookupFailed(f"the value is no text but {type(value).__name__}")
    return str(value)


def sign_key(values: Values) -> str:
    where, role = (quote(str(values[name]).strip("/")) for name in ("secret_path", "role"))
    body = {"public_key": values["public_key"]}
    if values.get("valid_principals"):
        body["valid_principals"] = values["valid_principals"]
    url = urljoin(str(values["url"]), f"v1/{where}/sign/{role}")
    return str(_ask(_logged_in(values), "POST", url, json=body).json("data", "signed_key"))


def _ask(http: Http, method: str, url: str, **more: Any) -> Answer:
    for _ in range(TIMES):
        answer = http.ask(method, url, fine=False, **more)
        if answer.status != NOT_YET:
            break
        time.sleep(1)
    if not 200 <= answer.status < 300:
        raise LookupFailed(f"Vault answered HTTP {answer.status}", status=answer.status)
    return answer


def _logged_in(values: Values) -> Http:
    """A session with a token: the one given, or that of the first login there is enough for."""
    get = values.get
    tls = Tls(get("cacert", ""), get("client_cert_public", ""), get("client_cert_private", ""))
    spaces = {"X-Vault-Namespace": str(values["namespace"])} if get("namespace") else {}
    token = get("token")
    if not token:
        http = Http(tls if _by_certificate(values) else Tls(tls.ca), dict(spaces))
        token = _login(http, values)
    # Older Vaults know the second header only.
    headers = {"Authorization": f"Bearer {token}", "X-Vault-Token": str(token), **spaces}
    return Http(Tls(tls.ca), headers)


def _by_certificate(values: Values) -> bool:
    return bool(values.get("client_cert_public") and values.get("client_cert_private"))


def _login(http: Http, values: Values) -> str:
    get, user = values.get, ""
    if get("username") and get("password"):
        body: dict[str, Any] = {"username": get("username"), "password": get("password")}
        user = f"/{quote(str(get('username')), safe='')}"
    elif get("role_id") and get("secret_id"):
        body = {"role_id": get("role_id"), "secret_id": get("secret_id")}
    elif get("kubernetes_role"):
        body = {"role": get("kubernetes_role"), "jwt": _service_account()}
    elif _by_certificate(values):
        body = {"name": get("client_cert_role")}
    else:
        raise LookupFailed(
            "Token, Username/Password, AppRole, Kubernetes, or TLS authentication parameters must "
            "be set"
        )
    where = str(get("auth_path") or values["default_auth_path"]).strip("/")
    url = urljoin(str(values["url"]), f"v1/auth/{quote(where)}/login{user}")
    return str(http.ask("POST", url, json=body).json("auth", "client_token"))


def _service_account() -> str:
    try:
        return SERVICE_ACCOUNT.read_text().strip()
    except OSError as error:
        raise LookupFailed("Gantry does not run in a pod of Kubernetes") from error


HASHIVAULT_KV = Lookup(
    "hashivault_kv", "HashiCorp Vault Secret Lookup", (*_FIELDS, _API_VERSION),
    (
        field("secret_backend", "Name of Secret Backend", "The name of the kv secret backend (if "
              "left empty, the first segment of the secret path will be used)."),
        _PATH, _AUTH_PATH,
        field("secret_key", "Key Name", "The name of the key to look up in the secret."),
        field("secret_version", "Secret Version (v2 only)", "Used to specify a specific secret "
              "version (if left empty, the latest version will be used)."),
    ),
    ("url", "secret_path", "api_version", "secret_key"), find_value,
)  # fmt: skip
HASHIVAULT_SSH = Lookup(
    "hashivault_ssh", "HashiCorp Vault Signed SSH", _FIELDS,
    (
        field("public_key", "Unsigned Public Key", multiline=True),
        _PATH, _AUTH_PATH,
        field("role", "Role Name", "The name of the role used to sign."),
        field("valid_principals", "Valid Principals", "Valid principals (either usernames or "
              "hostnames) that the certificate should be signed for."),
    ),
    ("url", "secret_path", "public_key", "role"), sign_key,
)  # fmt: skip
