"""Which signatures hold, and what is said of those that do not. A real registry keeps them."""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from gantry.base.errors import InvalidInput, JobFailure
from gantry.images.bundles import encoded
from gantry.images.public_keys import load_keys
from gantry.images.registry import RegistryClient
from gantry.images.signatures import Checked, check_signatures, same_repository
from gantry.pods.contract import RegistryLogin
from tests.images.docker_registry import Front, Shelf
from tests.images.signing import (
    attach,
    bundle,
    layer,
    new_key,
    payload,
    public_pem,
    refer,
    sign,
    signature,
    signed,
    statement,
)

OPEN = RegistryLogin("", "", "", verify_ssl=False)
ELSEWHERE = "sha256:" + "5" * 64


async def checked(shelf: Shelf, digest: str, *trusted: Any) -> Checked:
    keys = load_keys("".join(public_pem(key) for key in trusted))
    async with RegistryClient(OPEN) as registry:
        return await check_signatures(registry, shelf.image("1"), digest, keys)


@pytest.fixture
def image(shelf: Shelf) -> str:
    return shelf.variant("linux", "amd64", tag="1")


@pytest.mark.parametrize("kind", ["ecdsa", "rsa", "ed25519"])
async def test_a_signature_by_a_trusted_key_holds(shelf: Shelf, image: str, kind: str) -> None:
    key, other = new_key(kind), new_key()
    sign(shelf, key, image)

    found = await checked(shelf, image, other, key)

    assert found.good is not None
    (fingerprint,) = [k.fingerprint for k in load_keys(public_pem(key))]
    assert (found.good.digest, found.good.key) == (image, fingerprint)
    assert found.good.identity == shelf.image()


def test_a_keys_fingerprint_is_what_openssl_says(tmp_path: Path) -> None:
    pem = tmp_path / "key.pub"
    pem.write_text(public_pem(new_key()))
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", str(pem), "-outform", "DER"],
        capture_output=True, check=True,
    ).stdout  # fmt: skip
    said = subprocess.run(
        ["openssl", "dgst", "-sha256", "-r"], input=der, capture_output=True, check=True
    ).stdout.split()[0]

    assert load_keys(pem.read_text())[0].fingerprint == f"sha256:{said.decode()}"


async def test_openssls_signature_of_the_payload_holds(
    shelf: Shelf, image: str, tmp_path: Path
) -> None:
    """Made by another program than the one that checks."""
    key = new_key()
    private = tmp_path / "key"
    private.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    )
    data = payload(image, shelf.image())
    made = subprocess.run(
        ["openssl", "dgst", "-sha256", "-sign", str(private)],
        input=data, capture_output=True, check=True,
    ).stdout  # fmt: skip
    attach(shelf, image, layer(shelf, data, base64.b64encode(made).decode()))

    assert (await checked(shelf, image, key)).good is not None


async def test_one_good_signature_among_others_is_enough(shelf: Shelf, image: str) -> None:
    stranger, key = new_key(), new_key()
    attach(
        shelf, image,
        signed(shelf, stranger, image), layer(shelf, b"cargo", "?!"), signed(shelf, key, image),
    )  # fmt: skip

    assert (await checked(shelf, image, key)).good is not None


async def test_an_image_that_nobody_signed(shelf: Shelf, image: str) -> None:
    assert await checked(shelf, image, new_key()) == Checked(None, ())


async def test_a_signature_that_refers_to_the_digest_is_found_too(shelf: Shelf, image: str) -> None:
    """cosign's OCI 1.1 mode; docker-registry 2 has no such call, so the list is kept by its tag."""
    key = new_key()
    config = shelf.blob(b"{}")
    kind = "application/vnd.dev.cosign.artifact.sig.v1+json"
    body = {
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": kind, "config": {"mediaType": kind, **config},
        "layers": [signed(shelf, key, image)],
    }  # fmt: skip
    made = shelf.manifest(body)
    index = "application/vnd.oci.image.index.v1+json"
    entry = {"mediaType": body["mediaType"], "digest": made, "size": 1, "artifactType": kind}
    listed = {"schemaVersion": 2, "mediaType": index, "manifests": [entry]}
    shelf.manifest(listed, image.replace(":", "-"), index)

    assert (await checked(shelf, image, key)).good is not None


@pytest.mark.parametrize("kind", ["ecdsa", "rsa", "ed25519"])
async def test_a_bundle_of_cosign_3_holds(shelf: Shelf, image: str, kind: str) -> None:
    key = new_key(kind)
    refer(shelf, image, bundle(key, statement(image)))

    found = await checked(shelf, image, new_key(), key)

    assert found.good is not None
    assert found.good.digest == image


def _altered(key: Any, image: str) -> bytes:
    whole = json.loads(bundle(key, statement(ELSEWHERE)))
    data = json.dumps(statement(image)).encode()
    whole["dsseEnvelope"]["payload"] = base64.b64encode(data).decode()
    return json.dumps(whole).encode()


WRONG_BUNDLES = {
    "by a key that is not trusted": lambda key, image: bundle(new_key(), statement(image)),
    "of another image": lambda key, image: bundle(key, statement(ELSEWHERE)),
    "attests something else": lambda key, image: bundle(
        key, statement(image, "https://cyclonedx.org/bom")
    ),
    "its payload was altered": _altered,
    "signs a 'text/plain'": lambda key, image: bundle(key, statement(image), "text/plain"),
    "no statement": lambda key, image: bundle(key, ["a"]),
    "no bundle": lambda key, image: b"[]",
    "is no bundle": lambda key, image: b"[" * 100_000,
}


@pytest.mark.parametrize("case", WRONG_BUNDLES)
async def test_a_bundle_that_does_not_hold(shelf: Shelf, image: str, case: str) -> None:
    key = new_key()
    refer(shelf, image, WRONG_BUNDLES[case](key, image))

    found = await checked(shelf, image, key)

    assert found.good is None
    assert len(found.why_not) == 1
    assert case in found.why_not[0]


def test_the_envelopes_encoding_is_that_of_its_specification() -> None:
    """The example of DSSE's protocol.md."""
    assert encoded("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


WRONG = {
    "by a stranger": lambda shelf, key, image: signed(shelf, new_key(), image),
    "of another image": lambda shelf, key, image: signed(shelf, key, image, of=ELSEWHERE),
    "for another repository": lambda shelf, key, image: signed(
        shelf, key, image, identity="quay.io/acme/other"
    ),
    "of another kind": lambda shelf, key, image: signed(
        shelf, key, image, kind="a promise of marriage"
    ),
    "of no image": lambda shelf, key, image: layer(
        shelf, b"[1]", base64.b64encode(signature(key, b"[1]")).decode()
    ),
    "of an altered payload": lambda shelf, key, image: layer(
        shelf, payload(image, shelf.image()),
        base64.b64encode(signature(key, payload(ELSEWHERE, shelf.image()))).decode(),
    ),
    "cut short": lambda shelf, key, image: layer(
        shelf, payload(image, shelf.image()),
        base64.b64encode(signature(key, payload(image, shelf.image()))[:-3]).decode(),
    ),
    "no base64": lambda shelf, key, image: layer(shelf, payload(image, ""), "=ä="),
    "not there": lambda shelf, key, image: {**layer(shelf, b"x", ""), "annotations": None},
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
async def test_a_signature_that_does_not_hold(shelf: Shelf, image: str, case: str) -> None:
    key = new_key()
    attach(shelf, image, WRONG[case](shelf, key, image))

    found = await checked(shelf, image, key)

    assert found.good is None
    assert len(found.why_not) == 1


async def test_a_signature_whose_payload_was_replaced_in_the_registry(
    shelf: Shelf, image: str
) -> None:
    key = new_key()
    sign(shelf, key, image)

    class Replaced(Front):
        def answer(self, method: str, path: str, headers: dict[str, str]) -> Any:
            if "/blobs/" in path:
                return 200, {}, payload(image, "quay.io/evil/twin")
            return self.passed_on(method, path, headers)

    front = Replaced(shelf.registry)
    keys = load_keys(public_pem(key))
    async with RegistryClient(OPEN) as registry:
        found = await check_signatures(registry, front.image(f"{shelf.repository}:1"), image, keys)
    front.close()

    assert found.good is None
    assert "its content has the digest" in found.why_not[0]


@pytest.mark.parametrize("strange", [b"5", b"{", b"[]", b"null", b'{"layers": 5}',
    b'{"layers": [1, null, {"annotations": []}]}', b'{"manifests": [1, {"artifactType": 3}]}',
    b'{"manifests": {"a": 1}}', b"[" * 100_000])  # fmt: skip
async def test_a_registry_may_send_anything(shelf: Shelf, image: str, strange: bytes) -> None:
    class Strange(Front):
        def answer(self, method: str, path: str, headers: dict[str, str]) -> Any:
            return 200, {"Content-Type": "application/json"}, strange

    front = Strange(shelf.registry)
    keys = load_keys(public_pem(new_key()))
    found = Checked(None, ())
    async with RegistryClient(OPEN) as registry:
        with contextlib.suppress(JobFailure):  # nothing else comes out
            found = await check_signatures(registry, front.image("x:1"), image, keys)
    front.close()

    assert found.good is None


async def test_a_registry_that_does_not_answer_is_no_missing_signature() -> None:
    async with RegistryClient(OPEN) as registry:
        with pytest.raises(JobFailure) as failure:
            await check_signatures(registry, "127.0.0.1:1/x:1", ELSEWHERE, [])

    assert failure.value.code == "registry_unreachable"


@pytest.mark.parametrize(
    ("identity", "image", "same"),
    [
        ("quay.io/acme/ee", "quay.io/acme/ee:1", True),
        ("quay.io/acme/ee", "mirror.example:5000/acme/ee:1", True),
        ("quay.io/acme/ee", "mirror.example/quay/acme/ee@" + ELSEWHERE, True),
        ("index.docker.io/library/debian", "debian:12", True),
        ("quay.io/acme/ee", "quay.io/acme/ee-test", False),
        ("quay.io/acme/ee", "mirror.example/bacme/ee", False),
        ("quay.io/acme/ee", "quay.io/other/ee", False),
        ("not a reference", "quay.io/acme/ee", False),
    ],
)
def test_a_signature_is_for_its_repository_and_its_copies(
    identity: str, image: str, same: bool
) -> None:
    assert same_repository(identity, image) is same


def test_text_around_keys_is_comment() -> None:
    first, second = new_key(), new_key("rsa")
    text = f"# the build server\n{public_pem(first)}\n# the release manager\n{public_pem(second)}"

    assert len(load_keys(text)) == 2
    assert load_keys("") == []


def _private_pem() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    ("pem", "words"),
    [
        ("my key", "no PEM"),
        ("-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----", "cannot be read"),
        (public_pem(new_key()).replace("-----END", "---END"), "no PEM"),
        (_private_pem(), "private key"),
        (public_pem(rsa.generate_private_key(65537, 1024)), "too weak"),
        (public_pem(dsa.generate_private_key(1024)), "signs no images"),
    ],
)
def test_what_is_no_key_to_trust_is_refused(pem: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as refused:
        load_keys(pem)

    assert refused.value.field == "signature_keys"
    assert "cosign" in refused.value.cure
