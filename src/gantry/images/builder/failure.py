"""Why a build failed: the engine's and the tools' words as a class, a sentence and a cure."""

from __future__ import annotations

import re

from gantry.base.errors import JobFailure

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
        (r"Failed to resolve the requested dependencies map", "collection_conflict",
         "The collections' requirements contradict each other",
         "The lines above name who wants what; choose versions that fit together."),
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
        (r"has no package manager that Gantry knows", "no_package_manager",
         "The base image has no package manager that Gantry knows",
         "Choose a base with apt-get, dnf or microdnf."),
    ]
]  # fmt: skip
ERROR = re.compile(r"^(?:ERROR[:!]|E: |error: |fatal: |\[ERROR\]: )\s*(.+)", re.IGNORECASE)
LONGEST = 600


def explain(words: str, said: list[str]) -> JobFailure:
    """`words` are the engine's last, `said` the end of the output."""
    tail = "\n".join([*said, words])
    errors = [match[1] for line in said[-60:] if (match := ERROR.match(line.strip()))]
    for pattern, code, meaning, cure in CAUSES:
        if found := pattern.search(tail):
            line = next((e for e in errors if pattern.search(e)), "")
            detail = line or _line_of(tail, found.start())
            return JobFailure(f"{meaning}: {detail[:LONGEST]}", cure=cure, code=code,
                              status="failed")  # fmt: skip
    detail = f" {errors[-1]}" if errors else ""
    return JobFailure(
        f"The build failed: {words[:LONGEST]}.{detail[:LONGEST]}",
        cure="Its output above says why.", code="build_failed", status="failed",
    )  # fmt: skip


def _line_of(text: str, at: int) -> str:
    start = text.rfind("\n", 0, at) + 1
    return text[start:].partition("\n")[0].strip()
