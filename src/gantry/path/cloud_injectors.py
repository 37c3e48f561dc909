"""What AWX gives a job by code rather than by a template: for clouds whose files are no plain text.

Named by the namespace of the credential type; called by `gantry.path.injectors`. Each takes the
opened inputs and a function that keeps a file and tells its path, and returns the environment.
Variables, files and their contents are AWX's (awx/main/models/credential/injectors.py, and for
network devices awx/main/tasks/jobs.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import yaml

Inputs = dict[str, Any]
Write = Callable[[str, str], str]  # label, content -> path in the pod
Environment = dict[str, str]
# AWX's setting VMWARE_VALIDATE_CERTS as it comes; a playbook says `validate_certs` itself.
VMWARE_VALIDATE_CERTS = "False"


def _text(inputs: Inputs, name: str) -> str:
    return str(inputs.get(name) or "")


def aws(inputs: Inputs, write: Write) -> Environment:
    env = {
        "AWS_ACCESS_KEY_ID": _text(inputs, "username"),
        "AWS_SECRET_ACCESS_KEY": _text(inputs, "password"),
    }
    if token := _text(inputs, "security_token"):
        env |= {"AWS_SECURITY_TOKEN": token, "AWS_SESSION_TOKEN": token}
    return env


def gce(inputs: Inputs, write: Write) -> Environment:
    account, project = _text(inputs, "username"), _text(inputs, "project")
    path = write(
        "gce",
        json.dumps(
            {
                "type": "service_account",
                "private_key": _text(inputs, "ssh_key_data"),
                "client_email": account,
                "project_id": project,
                "token_uri": "https://oauth2.googleapis.com/token",
            },
            indent=2,
        ),
    )
    files = ("GCE_CREDENTIALS_FILE_PATH", "GCP_SERVICE_ACCOUNT_FILE",
             "GOOGLE_APPLICATION_CREDENTIALS")  # fmt: skip
    return {
        **dict.fromkeys(files, path),
        "GCE_EMAIL": account,
        "GCE_PROJECT": project,
        "GCP_AUTH_KIND": "serviceaccount",
        "GCP_PROJECT": project,
        "GCP_ENV_TYPE": "tower",
    }


def azure_rm(inputs: Inputs, write: Write) -> Environment:
    env = {"AZURE_SUBSCRIPTION_ID": _text(inputs, "subscription")}
    if _text(inputs, "client") and _text(inputs, "tenant"):
        env |= {
            "AZURE_CLIENT_ID": _text(inputs, "client"),
            "AZURE_TENANT": _text(inputs, "tenant"),
            "AZURE_SECRET": _text(inputs, "secret"),
        }
    else:
        env |= {
            "AZURE_AD_USER": _text(inputs, "username"),
            "AZURE_PASSWORD": _text(inputs, "password"),
        }
    if cloud := _text(inputs, "cloud_environment"):
        env["AZURE_CLOUD_ENVIRONMENT"] = cloud
    return env


def vmware(inputs: Inputs, write: Write) -> Environment:
    return {
        "VMWARE_USER": _text(inputs, "username"),
        "VMWARE_PASSWORD": _text(inputs, "password"),
        "VMWARE_HOST": _text(inputs, "host"),
        "VMWARE_VALIDATE_CERTS": VMWARE_VALIDATE_CERTS,
    }


def openstack(inputs: Inputs, write: Write) -> Environment:
    login = {
        "auth_url": _text(inputs, "host"),
        "username": _text(inputs, "username"),
        "password": _text(inputs, "password"),
        "project_name": _text(inputs, "project"),
    }
    for field, name in (("project_domain_name", "project_domain_name"), ("domain", "domain_name")):
        if value := _text(inputs, field):
            login[name] = value
    cloud: dict[str, Any] = {"auth": login, "verify": inputs.get("verify_ssl", True)}
    if region := _text(inputs, "region"):
        cloud["region_name"] = region
    text = yaml.safe_dump({"clouds": {"devstack": cloud}}, allow_unicode=True)
    return {"OS_CLIENT_CONFIG_FILE": write("openstack", text)}


def kubernetes_bearer_token(inputs: Inputs, write: Write) -> Environment:
    env = {
        "K8S_AUTH_HOST": _text(inputs, "host"),
        "K8S_AUTH_API_KEY": _text(inputs, "bearer_token"),
        "K8S_AUTH_VERIFY_SSL": "False",
    }
    # Without a certificate nothing is verified: so it is in AWX, whatever `verify_ssl` says.
    if inputs.get("verify_ssl") and "ssl_ca_cert" in inputs:
        env["K8S_AUTH_VERIFY_SSL"] = "True"
        env["K8S_AUTH_SSL_CA_CERT"] = write("ca", _text(inputs, "ssl_ca_cert"))
    return env


def terraform(inputs: Inputs, write: Write) -> Environment:
    env = {"TF_BACKEND_CONFIG_FILE": write("backend", _text(inputs, "configuration"))}
    if "gce_credentials" in inputs:
        env["GOOGLE_BACKEND_CREDENTIALS"] = write("gce", _text(inputs, "gce_credentials"))
    return env


def net(inputs: Inputs, write: Write) -> Environment:
    """Modules for network devices know no ssh-agent: the key is a file."""
    env = {
        "ANSIBLE_NET_USERNAME": _text(inputs, "username"),
        "ANSIBLE_NET_PASSWORD": _text(inputs, "password"),
        "ANSIBLE_NET_AUTHORIZE": str(int(bool(inputs.get("authorize")))),
    }
    if key := _text(inputs, "ssh_key_data"):
        env["ANSIBLE_NET_SSH_KEYFILE"] = write("key", key)
    if inputs.get("authorize"):
        env["ANSIBLE_NET_AUTH_PASS"] = _text(inputs, "authorize_password")
    return env


BY_CODE: dict[str, Callable[[Inputs, Write], Environment]] = {
    f.__name__: f
    for f in (aws, gce, azure_rm, vmware, openstack, kubernetes_bearer_token, terraform, net)
}
