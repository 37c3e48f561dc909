"""Centrify (Delinea) Vault: the password of an account on a system.

Contract: Centrify's developer documentation, OAuth2 client credentials, /Redrock/query and
/ServerManage/CheckoutPassword.
"""

from __future__ import annotations

import base64
from urllib.parse import quote, urljoin

from gantry.resources.lookups.contract import Lookup, LookupFailed, Values, field
from gantry.resources.lookups.http import Http


def find_password(values: Values) -> str:
    url = str(values["url"])
    names = [str(values[name]) for name in ("system-name", "account-name")]
    if any("'" in name for name in names):
        raise LookupFailed("the names of account and system may hold no quotation mark")
    app = quote(str(values["oauth_application_id"]), safe="")
    login = f"{values['client_id']}:{values['client_password']}"
    basic = Http(headers={"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"})
    asked = {"grant_type": "client_credentials", "scope": values["oauth_scope"]}
    token = basic.ask("POST", urljoin(url, f"/oauth2/token/{app}"), data=asked).json("access_token")
    http = Http(headers={"Authorization": f"Bearer {token}", "X-CENTRIFY-NATIVE-CLIENT": "true"})
    # Centrify's query language has no parameters: hence the check above.
    script = "Select ID from VaultAccount where  Name='{}' and User='{}'".format(*names)  # noqa: S608
    rows = http.ask("POST", urljoin(url, "/Redrock/query"), json={"Script": script})
    account = rows.json("Result", "Results", 0, "Row", "ID")
    answer = http.ask("POST", urljoin(url, "/ServerManage/CheckoutPassword"), json={"ID": account})
    return str(answer.json("Result", "Password"))


CENTRIFY = Lookup(
    "centrify_vault_kv", "Centrify Vault Credential Provider Lookup",
    (
        field("url", "Centrify Tenant URL", "Centrify Tenant URL", format="url"),
        field("client_id", "Centrify API User",
              "Centrify API User, having necessary permissions as mentioned in support doc"),
        field("client_password", "Centrify API Password",
              "Password of Centrify API User with necessary permissions", secret=True),
        field("oauth_application_id", "OAuth2 Application ID",
              "Application ID of the configured OAuth2 Client (defaults to 'awx')", default="awx"),
        field("oauth_scope", "OAuth2 Scope",
              "Scope of the configured OAuth2 Client (defaults to 'awx')", default="awx"),
    ),
    (
        field("account-name", "Account Name", "Local system account or Domain account name "
              "enrolled in Centrify Vault. eg. (root or DOMAIN/Administrator)"),
        field("system-name", "System Name", "Machine Name enrolled with in Centrify Portal"),
    ),
    ("url", "account-name", "system-name", "client_id", "client_password"), find_password,
)  # fmt: skip
