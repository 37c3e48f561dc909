"""Microsoft Azure Key Vault: a secret, at a version or the newest.

Contract: https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret, with a token by client
credentials (https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow).
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urljoin

from gantry.resources.lookups.contract import Lookup, Values, field
from gantry.resources.lookups.http import Http

API = "7.4"


@dataclass(frozen=True)
class Cloud:
    login: str
    scope: str


CLOUDS = {
    "AzureCloud": Cloud("https://login.microsoftonline.com/", "https://vault.azure.net/.default"),
    "AzureChinaCloud": Cloud("https://login.chinacloudapi.cn/", "https://vault.azure.cn/.default"),
    "AzureUSGovernment": Cloud(
        "https://login.microsoftonline.us/", "https://vault.usgovcloudapi.net/.default"
    ),
    "AzureGermanCloud": Cloud(
        "https://login.microsoftonline.de/", "https://vault.microsoftazure.de/.default"
    ),
}


def find_secret(values: Values) -> str:
    cloud = CLOUDS[str(values["cloud_name"])]
    asked = {
        "grant_type": "client_credentials", "client_id": values["client"],
        "client_secret": values["secret"], "scope": cloud.scope,
    }  # fmt: skip
    login = urljoin(cloud.login, f"{quote(str(values['tenant']), safe='')}/oauth2/v2.0/token")
    token = Http().ask("POST", login, data=asked).json("access_token")
    names = [str(values["secret_field"]), str(values.get("secret_version") or "")]
    path = "/".join(quote(name, safe="") for name in names if name)
    url = urljoin(str(values["url"]), f"/secrets/{path}")
    http = Http(headers={"Authorization": f"Bearer {token}"})
    return str(http.ask("GET", url, params={"api-version": API}).json("value"))


AZURE_KEYVAULT = Lookup(
    "azure_kv", "Microsoft Azure Key Vault",
    (
        field("url", "Vault URL (DNS Name)", format="url"),
        field("client", "Client ID"),
        field("secret", "Client Secret", secret=True),
        field("tenant", "Tenant ID"),
        {"id": "cloud_name", "label": "Cloud Environment",
         "help_text": "Specify which azure cloud environment to use.", "choices": [*CLOUDS],
         "default": "AzureCloud"},
    ),
    (
        field("secret_field", "Secret Name", "The name of the secret to look up."),
        field("secret_version", "Secret Version", "Used to specify a specific secret version (if "
              "left empty, the latest version will be used)."),
    ),
    ("url", "client", "secret", "tenant", "secret_field"), find_secret,
)  # fmt: skip
