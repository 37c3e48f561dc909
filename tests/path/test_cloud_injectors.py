"""Credentials of AWX's built-in types: the variables and files that AWX 24.6.1 gives a job."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from gantry.path.cloud_injectors import BY_CODE
from gantry.path.injectors import Injected, inject_credential
from gantry.resources.models import Credential
from tests.journeys.node import ssh_key
from tests.journeys.world import World


def injected(world: World, namespace: str, inputs: dict[str, Any]) -> Injected:
    credential = world.credential(namespace, inputs)
    into = Injected()
    inject_credential(Credential.objects.get(pk=credential.pk), into)
    return into


ENVIRONMENTS: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    (
        "aws",
        {"username": "AKIA", "password": "secret"},
        {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret"},
    ),
    (
        "aws",
        {"username": "AKIA", "password": "secret", "security_token": "sts"},
        {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret",
         "AWS_SECURITY_TOKEN": "sts", "AWS_SESSION_TOKEN": "sts"},
    ),
    (
        "azure_rm",
        {"subscription": "sub", "client": "c", "secret": "s", "tenant": "t", "username": "unused"},
        {"AZURE_SUBSCRIPTION_ID": "sub", "AZURE_CLIENT_ID": "c", "AZURE_SECRET": "s",
         "AZURE_TENANT": "t"},
    ),
    (
        "azure_rm",
        {"subscription": "sub", "username": "u", "password": "p", "tenant": "without a client",
         "cloud_environment": "AzureUSGovernment"},
        {"AZURE_SUBSCRIPTION_ID": "sub", "AZURE_AD_USER": "u", "AZURE_PASSWORD": "p",
         "AZURE_CLOUD_ENVIRONMENT": "AzureUSGovernment"},
    ),
    (
        "vmware",
        {"host": "vc.example.org", "username": "u", "password": "p"},
        {"VMWARE_HOST": "vc.example.org", "VMWARE_USER": "u", "VMWARE_PASSWORD": "p",
         "VMWARE_VALIDATE_CERTS": "False"},
    ),
    ("satellite6", {"host": "https://s", "username": "u", "password": "p"}, {}),
    (
        "controller",
        {"host": "https://awx.example.org", "oauth_token": "tok", "verify_ssl": True},
        {f"{prefix}_{name}": value for prefix in ("TOWER", "CONTROLLER") for name, value in (
            ("HOST", "https://awx.example.org"), ("OAUTH_TOKEN", "tok"), ("VERIFY_SSL", "True"))},
    ),
    (
        "kubernetes_bearer_token",
        {"host": "https://k", "bearer_token": "tok"},
        {"K8S_AUTH_HOST": "https://k", "K8S_AUTH_API_KEY": "tok", "K8S_AUTH_VERIFY_SSL": "False"},
    ),
    (
        "net",
        {"username": "cisco", "password": "p", "authorize": True, "authorize_password": "enable"},
        {"ANSIBLE_NET_USERNAME": "cisco", "ANSIBLE_NET_PASSWORD": "p",
         "ANSIBLE_NET_AUTHORIZE": "1", "ANSIBLE_NET_AUTH_PASS": "enable"},
    ),
    (
        "net",
        {"username": "cisco", "authorize_password": "unused"},
        {"ANSIBLE_NET_USERNAME": "cisco", "ANSIBLE_NET_PASSWORD": "", "ANSIBLE_NET_AUTHORIZE": "0"},
    ),
    (
        "insights",
        {"username": "u", "password": "p"},
        {"INSIGHTS_USER": "u", "INSIGHTS_PASSWORD": "p"},
    ),
    ("github_token", {"token": "t"}, {}),
    ("galaxy_api_token", {"url": "https://galaxy.ansible.com/", "token": "t"}, {}),
    ("gpg_public_key", {"gpg_public_key": "k"}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("namespace", "inputs", "wanted"), ENVIRONMENTS)
def test_variables(
    world: World, namespace: str, inputs: dict[str, Any], wanted: dict[str, str]
) -> None:
    got = injected(world, namespace, inputs)

    assert got.env == wanted
    assert got.files == {}


def test_gce_is_a_service_accounts_file(world: World) -> None:
    inputs = {"username": "a@p.iam", "project": "p", "ssh_key_data": "-----BEGIN KEY-----\nx\n"}

    got = injected(world, "gce", inputs)

    [(path, content)] = got.files.items()
    assert json.loads(content) == {
        "type": "service_account", "private_key": inputs["ssh_key_data"], "client_email": "a@p.iam",
        "project_id": "p", "token_uri": "https://oauth2.googleapis.com/token",
    }  # fmt: skip
    assert got.env == {
        "GCE_EMAIL": "a@p.iam", "GCE_PROJECT": "p", "GCE_CREDENTIALS_FILE_PATH": path,
        "GCP_SERVICE_ACCOUNT_FILE": path, "GOOGLE_APPLICATION_CREDENTIALS": path,
        "GCP_AUTH_KIND": "serviceaccount", "GCP_PROJECT": "p", "GCP_ENV_TYPE": "tower",
    }  # fmt: skip
    assert path.startswith("/runner/env/")
    assert inputs["ssh_key_data"] in got.secrets


OPENSTACK = {"host": "https://os/v3", "username": "u", "password": "p", "project": "t"}


@pytest.mark.parametrize(
    ("more", "auth", "cloud"),
    [
        ({}, {}, {"verify": True}),
        ({"verify_ssl": False}, {}, {"verify": False}),
        (
            {"domain": "d", "project_domain_name": "pd", "region": "r"},
            {"domain_name": "d", "project_domain_name": "pd"},
            {"verify": True, "region_name": "r"},
        ),
    ],
)
def test_openstack_is_a_clouds_file(
    world: World, more: dict[str, Any], auth: dict[str, str], cloud: dict[str, Any]
) -> None:
    got = injected(world, "openstack", {**OPENSTACK, **more})

    content = yaml.safe_load(got.files[got.env["OS_CLIENT_CONFIG_FILE"]])
    login = {"auth_url": "https://os/v3", "username": "u", "password": "p", "project_name": "t"}
    assert content == {"clouds": {"devstack": {"auth": {**login, **auth}, **cloud}}}


def test_kubernetes_verifies_with_a_certificate_only(world: World) -> None:
    inputs = {"host": "https://k", "bearer_token": "tok", "ssl_ca_cert": "CERT\n"}

    verified = injected(world, "kubernetes_bearer_token", inputs)
    refused = Injected()
    other = world.credential(
        "kubernetes_bearer_token", {**inputs, "verify_ssl": False}, name="unverified"
    )
    inject_credential(Credential.objects.get(pk=other.pk), refused)

    assert verified.env["K8S_AUTH_VERIFY_SSL"] == "True"
    assert verified.files[verified.env["K8S_AUTH_SSL_CA_CERT"]] == "CERT\n"
    assert refused.env["K8S_AUTH_VERIFY_SSL"] == "False"
    assert refused.files == {}


def test_terraform_has_a_backend_file_and_one_for_google(world: World) -> None:
    inputs = {"configuration": 'bucket = "b"\n', "gce_credentials": '{"type": "x"}'}

    got = injected(world, "terraform", inputs)

    assert got.files[got.env["TF_BACKEND_CONFIG_FILE"]] == 'bucket = "b"\n'
    assert got.files[got.env["GOOGLE_BACKEND_CREDENTIALS"]] == '{"type": "x"}'


def test_rhv_has_variables_and_a_file(world: World) -> None:
    inputs = {"host": "https://rhv", "username": "u", "password": "p"}

    got = injected(world, "rhv", inputs)

    assert got.files[got.env["OVIRT_INI_PATH"]] == (
        "[ovirt]\novirt_url=https://rhv\novirt_username=u\novirt_password=p\n"
    )
    assert got.env["OVIRT_URL"] == "https://rhv"
    assert (got.env["OVIRT_USERNAME"], got.env["OVIRT_PASSWORD"]) == ("u", "p")


def test_a_network_key_is_a_file_that_needs_no_passphrase(world: World) -> None:
    private, _ = ssh_key()

    got = injected(world, "net", {"username": "u", "ssh_key_data": private})

    content = got.files[got.env["ANSIBLE_NET_SSH_KEYFILE"]]
    assert content.startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
    assert content in got.secrets


# Those whose files have tests of their own above.
WITH_FILES = {"gce", "openstack", "kubernetes_bearer_token", "terraform", "rhv", "net"}


def test_no_built_in_type_that_injects_something_is_left_out_here(world: World) -> None:
    from gantry.resources.models import CredentialType

    rows = CredentialType.objects.filter(managed=True)
    injecting = {row.namespace for row in rows if row.injectors} | set(BY_CODE)
    assert injecting == WITH_FILES | {name for name, _, wanted in ENVIRONMENTS if wanted}
