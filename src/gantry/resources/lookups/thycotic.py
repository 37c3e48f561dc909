"""Thycotic (Delinea): DevOps Secrets Vault, and Secret Server.

Contracts: https://docs.delinea.com (DSV: v1/token, v1/secrets; Secret Server: oauth2/token,
api/v1/secrets).
"""

from __future__ import annotations

import base64
import binascii
from urllib.parse import quote

from gantry.resources.lookups.contract import Lookup, LookupFailed, Values, field
from gantry.resources.lookups.http import Http

DECODE = "Decode Base64"
DSV_URL = "https://{tenant}.secretsvaultcloud.{tld}"


def find_in_dsv(values: Values) -> str:
    tenant = str(values["tenant"])
    if not tenant.replace("-", "").isalnum():
        raise LookupFailed("the tenant is no name of a host")
    url = DSV_URL.format(tenant=tenant, tld=str(values["tld"]).strip("."))
    asked = {
        "grant_type": "client_credentials", "client_id": values["client_id"],
        "client_secret": values["client_secret"],
    }  # fmt: skip
    token = Http().ask("POST", f"{url}/v1/token", json=asked).json("accessToken")
    http = Http(headers={"Authorization": f"Bearer {token}"})
    path = quote(str(values["path"]).strip("/"))
    found = str(http.ask("GET", f"{url}/v1/secrets/{path}").json("data", values["secret_field"]))
    if values["secret_decoding"] != DECODE:
        return found
    try:
        return base64.b64decode(found).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise LookupFailed("the secret is no base64 of a text") from error


def find_in_secret_server(values: Values) -> str:
    url = str(values["server_url"]).rstrip("/")
    asked = {
        "grant_type": "password", "username": values["username"], "password": values["password"],
    }  # fmt: skip
    if values.get("domain"):
        asked["domain"] = values["domain"]
    token = Http().ask("POST", f"{url}/oauth2/token", data=asked).json("access_token")
    http = Http(headers={"Authorization": f"Bearer {token}"})
    secret = f"{url}/api/v1/secrets/{quote(str(values['secret_id']), safe='')}"
    wanted = str(values["secret_field"])
    for item in http.ask("GET", secret).json("items"):
        if wanted not in (item.get("slug"), item.get("fieldName")):
            continue
        if item.get("fileAttachmentId"):
            return http.ask("GET", f"{secret}/fields/{quote(str(item.get('slug')), safe='')}").text
        return str(item.get("itemValue", ""))
    raise LookupFailed(f"the secret has no field {wanted}")


THYCOTIC_DSV = Lookup(
    "thycotic_dsv", "Thycotic DevOps Secrets Vault",
    (
        field("tenant", "Tenant",
              'The tenant e.g. "ex" when the URL is https://ex.secretsvaultcloud.com'),
        {"id": "tld", "label": "Top-level Domain (TLD)",
         "help_text": 'The TLD of the tenant e.g. "com" when the URL is '
                      "https://ex.secretsvaultcloud.com",
         "choices": ["ca", "com", "com.au", "eu"], "default": "com"},
        field("client_id", "Client ID"),
        field("client_secret", "Client Secret", secret=True),
    ),
    (
        field("path", "Secret Path", "The secret path e.g. /test/secret1"),
        field("secret_field", "Secret Field", "The field to extract from the secret"),
        field("secret_decoding", "Should the secret be base64 decoded?", "Specify whether the "
              "secret should be base64 decoded, typically used for storing files, such as SSH keys",
              choices=["No Decoding", DECODE], default="No Decoding"),
    ),
    ("tenant", "client_id", "client_secret", "path", "secret_field", "secret_decoding"),
    find_in_dsv,
)  # fmt: skip
THYCOTIC_TSS = Lookup(
    "thycotic_tss", "Thycotic Secret Server",
    (
        field("server_url", "Secret Server URL", "The Base URL of Secret Server e.g. "
              "https://myserver/SecretServer or https://mytenant.secretservercloud.com"),
        field("username", "Username", "The (Application) user username"),
        field("domain", "Domain", "The (Application) user domain"),
        field("password", "Password", "The corresponding password", secret=True),
    ),
    (
        field("secret_id", "Secret ID", "The integer ID of the secret"),
        field("secret_field", "Secret Field", "The field to extract from the secret"),
    ),
    ("server_url", "username", "password", "secret_id", "secret_field"), find_in_secret_server,
)  # fmt: skip
