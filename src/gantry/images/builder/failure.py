"""Why a build failed: the engine's and the tools' words as a class, a sentence and a cure."""

from __future__ import annotations

import re

from gantry.base.errors import JobFailure
from gantry.images.builder.lock import Lock

# words in the end of the output -> (class, what it means, what to do); the first that fits
CAUSES: list[tuple[re.Pattern[str], str, str, str]] = [
    (re.compile(pattern, re.IGNORECASE), code, meaning, cure)
    for pattern, code, meaning, cure in [
        (r"no space left on device|disk quota exceeded|ENOSPC", "disk_full",
         "The disk was full",
         "Remove images that are no longer used (`gantry ee prune`), or give the engine's storage "
         "more room."),
        (r"ResolutionImpossible|conflicting dependencies|Cannot install .* because these package "
         r"versions have conflicting", "python_conflict",
         "Python requirements contradict each other",
         "The lines above name who wants what; loosen one of them, or exclude it by "
         "dependencies.exclude."),
        (r"NewConnectionError|Failed to establish a new connection|Max retries exceeded|"
         r"Temporary failure (in name resolution|resolving)|Could not resolve|Unknown error when "
         r"attempting to call Galaxy|Could not connect to|Name or service not known|"
         r"CERTIFICATE_VERIFY_FAILED|Connection refused|Network is unreachable",
         "index_unreachable",
         "A package index or mirror could not be reached",
         "The build goes by the pip, apt and ansible-galaxy settings, proxies and CA of the "
         "controller's machine; check that they work there."),
        (r"No matching distribution found for|Could not find a version that satisfies",
         "python_missing", "A Python package, or that version of it, cannot be had",
         "Check its name and version, and pip's index on the controller's machine."),
        (r"Unable to locate package|Version '.*' for '.*' was not found|No match for argument|"
         r"No package .* available|Unable to find a match", "system_missing",
         "A system package, or that version of it, cannot be had",
         "Check its name for this distribution, and the mirrors of the controller's machine."),
        (r"Missing Ansible", "ansible_missing",
         "ansible-core or ansible-runner is not in the image",
         "Add dependencies.ansible_core and dependencies.ansible_runner, or set "
         "options.skip_ansible_check: Gantry itself needs no ansible-runner."),
        (r"no package manager to install", "no_package_manager",
         "The image has none of the package managers that Gantry knows (apt-get, dnf, microdnf)",
         "Choose a base image that has one, or leave the system packages out: those that the "
         "definition names, and those that its collections ask for (dependencies.exclude.system)."),
    ]
]  # fmt: skip
ERROR = re.compile(r"^(?:ERROR[:!]|E: |error: |fatal: |\[ERROR\]: )\s*(.+)", re.IGNORECASE)
LONGEST = 600
# class -> the kinds of packages in a lock that it is about
_MISSING = {"collection_missing": "collection", "system_missing": "deb rpm",
            "python_missing": "python"}  # fmt: skip
_KINDS = {"collection": "Collection", "python": "Python package", "deb": "Debian package",
          "rpm": "RPM package"}  # fmt: skip
# ansible-galaxy tells who wants what: of all that does not fit together, or of the one thing that
# no server has. Before ansible-core 2.19 lines may be broken at any blank.
_UNRESOLVED = re.compile(
    r"Failed to resolve the requested dependencies map(.*?)(?:Hint:|\Z)", re.DOTALL
)
_REQUIREMENT = re.compile(r"\* (\S+ \((?:direct request|dependency of [^)]*)\))")


def explain(words: str, said: list[str], used: Lock | None = None) -> JobFailure:
    """`words` are the engine's last, `said` the end of the output, `used` the build's lock."""
    tail = "\n".join([*said, words])
    failure = _unresolved(tail) or _known(tail, said) or _unknown(words, said)
    return _gone(failure, used) if used is not None else failure


def _unresolved(tail: str) -> JobFailure | None:
    found = _UNRESOLVED.search(tail)
    wanted = _REQUIREMENT.findall(" ".join(found[1].split())) if found else []
    if not wanted:
        return None
    if len(wanted) == 1:
        return JobFailure(
            f"A collection, or that version of it, cannot be had: {wanted[0]}",
            cure="Check its name and version, and ansible-galaxy's servers on the controller's "
            "machine.", code="collection_missing", status="failed",
        )  # fmt: skip
    return JobFailure(
        f"The collections' requirements contradict each other: {'; '.join(wanted)[:LONGEST]}",
        cure="Choose versions that fit together.",
        code="collection_conflict",
        status="failed",
    )


def _gone(failure: JobFailure, used: Lock) -> JobFailure:
    """What it says, if what cannot be had is something that the lock has."""
    for package in used.added(_MISSING.get(failure.code, "")):
        name, version = package["name"], package["version"]
        tools_words = (
            f"{name}:=={version}", f"{name}=={version}", f"Version '{version}' for '{name}'",
            f"{name}-{version}",
        )  # fmt: skip
        said = failure.sentence
        if any(w in said for w in tools_words) or said.endswith(f"package {name}"):
            kind = _KINDS.get(package["kind"], package["kind"])
            return JobFailure(
                f"{kind} {name} {version} of the lock is no longer to be had: "
                f"{said.partition(': ')[2]}",
                cure="Put it back where it came from, or build without the lock to get a new one.",
                code="lock_gone", status="failed",
            )  # fmt: skip
    return failure


def _known(tail: str, said: list[str]) -> JobFailure | None:
    errors = _errors(said)
    for pattern, code, meaning, cure in CAUSES:
        if found := pattern.search(tail):
            line = next((e for e in errors if pattern.search(e)), "")
            detail = line or _line_of(tail, found.start())
            return JobFailure(f"{meaning}: {detail[:LONGEST]}", cure=cure, code=code,
                              status="failed")  # fmt: skip
    return None


def _errors(said: list[str]) -> list[str]:
    return [match[1] for line in said[-60:] if (match := ERROR.match(line.strip()))]


def _unknown(words: str, said: list[str]) -> JobFailure:
    errors = _errors(said)
    detail = f" {errors[-1]}" if errors else ""
    return JobFailure(
        f"The build failed: {words[:LONGEST]}.{detail[:LONGEST]}",
        cure="Its output above says why.", code="build_failed", status="failed",
    )  # fmt: skip


def _line_of(text: str, at: int) -> str:
    start = text.rfind("\n", 0, at) + 1
    return text[start:].partition("\n")[0].strip()
