"""What registries and engines say when they refuse an image, and what a person is told.

Shared by the registry client (images/registry.py), pulls (path/pull.py) and pushes.
"""

from __future__ import annotations

import re

from gantry.base.errors import JobFailure
from gantry.base.image_reference import parse_reference
from gantry.images.mirrors import normalized

# words of registries and engines -> (class, what it means, what to do)
PULL_ERRORS: list[tuple[tuple[str, ...], str, str, str]] = [
    (
        ("toomanyrequests", "too many requests", "rate limit", "statuscode: 429"),
        "registry_limited",
        "The registry limits how often it may be asked",
        "Wait, give the execution environment a registry credential (limits are higher then), or "
        "name a mirror by GANTRY_REGISTRY_MIRRORS.",
    ),
    (
        ("no image found in", "no matching manifest for"),
        "wrong_platform",
        "The image has no variant for the engine's platform",
        "`gantry ee platforms` lists those it has; choose an image that is built for the engine's.",
    ),
    (
        ("unauthorized", "authentication required", "denied", "invalid username/password",
         "403 forbidden", "statuscode: 403"),
        "registry_denied",
        "The registry refused the login",
        "Check user name and password of the registry credential on the execution environment, and "
        "that its host is the image's registry; registries also answer so for a repository that "
        "does not exist.",
    ),
    (
        ("manifest unknown", "not found", "name unknown", "no such image", "statuscode: 404"),
        "image_unknown",
        "The registry has no such image",
        "Check the image's name and tag on the execution environment.",
    ),
    (
        ("server gave http response", "wrong_version_number"),
        "registry_tls",
        "The registry speaks plain HTTP",
        "Serve it over HTTPS, or switch off Verify SSL on the registry credential: that allows "
        "plain HTTP too.",
    ),
    (
        ("x509", "certificate", "tls: ", "[ssl"),
        "registry_tls",
        "The registry's certificate is not trusted",
        "Add the registry's CA to the machine that runs the engine, or switch off Verify SSL on "
        "the registry credential.",
    ),
    (
        ("no space left",),
        "disk_full",
        "The engine's disk is full",
        "Remove images that are no longer used (`gantry ee prune`) or add disk.",
    ),
    (
        ("connection refused", "no such host", "i/o timeout", "no route", "lookup", "unreachable",
         "timed out", "timeout", "connection reset", "eof", "server misbehaving",
         "name or service not known", "disconnected"),
        "registry_unreachable",
        "The registry cannot be reached",
        "Check the registry's address and that the machine of the engine reaches it; `gantry "
        "doctor` tries it.",
    ),
    (
        ("500 internal", "502 bad", "503 service", "504 gateway", "statuscode: 5"),
        "registry_failed",
        "The registry itself failed",
        "Try again later; the registry's own log says why.",
    ),
]  # fmt: skip


def explain(
    image: str, words: str, *, unknown: str = "The image could not be pulled"
) -> JobFailure:
    """The failure that a registry's or engine's words amount to; `unknown` when nobody knows."""
    if parse_reference(image).domain == "localhost":
        return no_registry(image, f" {words.strip()}")
    lower = _without_name(words.lower(), image)
    known = (rest for needles, *rest in PULL_ERRORS if any(n in lower for n in needles))
    code, meaning, cure = next(known, ["pull_failed", unknown, "The words above say why."])
    return JobFailure(f"{meaning}: {image}: {words.strip()}", cure=cure, code=code)


def _without_name(words: str, image: str) -> str:
    """The image's own name may hold any of the needles, in each form that an engine writes it."""
    found = normalized(image)
    version = found.digest or found.tag
    forms = [str(found), found.repository, f"/v2/{found.path}/", f"manifests/{version}",
             f":{version}", found.domain]  # fmt: skip
    if "/" in image:
        forms[:0] = [image, parse_reference(image).repository]
    for form in forms:
        words = re.sub(rf"(?<!\w){re.escape(form.lower())}(?!\w)", " ", words)
    return words


def no_registry(image: str, words: str = "") -> JobFailure:
    return JobFailure(
        f"Image {image} is not present, and `localhost` names no registry:{words}",
        cure="Build it or load it on the engine's machine, or choose an image of a registry.",
        code="image_not_present",
    )
