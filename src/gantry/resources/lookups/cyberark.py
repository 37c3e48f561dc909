"""CyberArk: the Central Credential Provider (AIM), and Conjur.

Contracts: CyberArk's "Call the Central Credential Provider Web Service using REST", and
https://docs.conjur.org/Latest/en/Content/Developer/lp_REST_API.htm
"""

from __future__ import annotations

import base64
import binascii
from typing import Any
from urllib.parse import quote, urljoin

from gantry.resources.lookups.contract import Lookup, LookupFailed, Values, field
from gantry.resources.lookups.http import Answer, Http, Tls

# What a person names, and what the provider's answer calls it.
PROPERTIES = {"username": "UserName", "password": "Content", "address": "Address"}


def find_account(values: Values) -> str:
    tls = Tls(
        certificate=values.get("client_cert", ""), key=values.get("client_key", ""),
        verify=bool(values["verify"]),
    )  # fmt: skip
    service = str(values.get("webservice_id") or "AIMWebService")
    asked = {
        "AppId": values["app_id"], "Query": values["object_query"],
        "QueryFormat": values["object_query_format"],
    }  # fmt: skip
    if values.get("reason"):
        asked["reason"] = values["reason"]
    query = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in asked.items())
    answer = Http(tls).ask(
        "GET", f"{urljoin(str(values['url']), f'{service}/api/Accounts')}?{query}"
    )
    wanted = str(values.get("object_property") or "")
    name = PROPERTIES.get(wanted.lower(), wanted.capitalize()) if wanted else "Content"
    return str(answer.json(name))


def find_variable(values: Values) -> str:
    account, user = (quote(str(values[name]), safe="") for name in ("account", "username"))
    tls = Tls(values.get("cacert", ""))
    # As plain bytes or as base64: which of the two the server chose is to be seen.
    asked = {"Content-Type": "text/plain", "Accept-Encoding": "base64"}
    token = _either(
        Http(tls, asked), "POST", str(values["url"]), f"authn/{account}/{user}/authenticate",
        content=str(values["api_key"]),
    ).text  # fmt: skip
    told = token if _is_base64(token) else base64.b64encode(token.encode()).decode()
    path = f"secrets/{account}/variable/{quote(str(values['secret_path']), safe='')}"
    version = values.get("secret_version")
    params = {"version": str(version)} if version else {}
    http = Http(tls, {"Authorization": f'Token token="{told}"'})
    return _either(http, "GET", str(values["url"]), path, params=params).text


def _either(http: Http, method: str, url: str, path: str, **more: Any) -> Answer:
    """Conjur's own path, or that of Conjur Cloud, which has everything below `api/`."""
    try:
        return http.ask(method, urljoin(url, path), **more)
    except LookupFailed as error:
        if not error.status:
            raise
        return http.ask(method, urljoin(url, f"api/{path}"), **more)


def _is_base64(text: str) -> bool:
    try:
        return base64.b64encode(base64.b64decode(text.encode())) == text.encode()
    except binascii.Error:
        return False


CYBERARK_CCP = Lookup(
    "aim", "CyberArk Central Credential Provider Lookup",
    (
        field("url", "CyberArk CCP URL", format="url"),
        field("webservice_id", "Web Service ID", "The CCP Web Service ID. Leave blank to default "
              "to AIMWebService."),
        field("app_id", "Application ID", secret=True),
        field("client_key", "Client Key", secret=True, multiline=True),
        field("client_cert", "Client Certificate", secret=True, multiline=True),
        {"id": "verify", "label": "Verify SSL Certificates", "type": "boolean", "default": True},
    ),
    (
        field("object_query", "Object Query",
              "Lookup query for the object. Ex: Safe=TestSafe;Object=testAccountName123"),
        field("object_query_format", "Object Query Format", default="Exact",
              choices=["Exact", "Regexp"]),
        field("object_property", "Object Property", "The property of the object to return. "
              "Available properties: Username, Password and Address."),
        field("reason", "Reason", "Object request reason. This is only needed if it is required by "
              "the object's policy."),
    ),
    ("url", "app_id", "object_query"), find_account,
)  # fmt: skip
CONJUR = Lookup(
    "conjur", "CyberArk Conjur Secrets Manager Lookup",
    (
        field("url", "Conjur URL", format="url"),
        field("api_key", "API Key", secret=True),
        field("account", "Account"),
        field("username", "Username"),
        field("cacert", "Public Key Certificate", multiline=True),
    ),
    (
        field("secret_path", "Secret Identifier",
              "The identifier for the secret e.g., /some/identifier"),
        field("secret_version", "Secret Version", "Used to specify a specific secret version (if "
              "left empty, the latest version will be used)."),
    ),
    ("url", "api_key", "account", "username"), find_variable,
)  # fmt: skip
