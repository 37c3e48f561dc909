"""ansible-builder's Containerfile with Gantry's bind mount, and cut into its stages."""

from __future__ import annotations

from pathlib import Path

import pytest

from gantry.images.builder.containerfile import ENTER, MOUNT, instructions, rewrite, stages
from gantry.images.builder.context import make_context
from gantry.images.builder.definition import read_definition

TEXT = """\
ARG EE_BASE_IMAGE="quay.io/some:1"
ARG PKGMGR="/usr/bin/dnf"
ARG EMPTY=""

FROM $EE_BASE_IMAGE AS base
ARG EE_BASE_IMAGE
ARG PKGMGR
ARG EMPTY
RUN one && \\
  # RUN in a comment
  RUN two
FROM base AS galaxy
RUN ["three", "four"]
run --network=none five
FROM base
RUN --mount=type=cache,target=/c \\
  --mount=type=bind,from=galaxy,source=/x,target=/y six
COPY --from=galaxy /usr/share /usr/share
COPY --from=0 /a /b
COPY base /base
"""


def test_each_run_gets_the_mount_and_nothing_else_changes() -> None:
    text = rewrite(TEXT, images={"EE_BASE_IMAGE": "sha256:0"}, key="k")
    runs = [i for i in instructions(text) if i.lower().startswith("run")]
    assert runs == [
        f"RUN {MOUNT} {ENTER} one && \\\n  # RUN in a comment\n  RUN two",
        f'RUN {MOUNT} ["three", "four"]',
        f"RUN {MOUNT} --network=none {ENTER} five",
        f"RUN {MOUNT} --mount=type=cache,target=/c \\\n"
        f"  --mount=type=bind,from=galaxy,source=/x,target=/y {ENTER} six",
    ]
    assert 'ARG EE_BASE_IMAGE="sha256:0"' in text
    assert text.count("ARG GANTRY_BUILD=k\n") == 3
    assert "/usr/bin/dnf" not in text
    for kept in ("COPY --from=galaxy /usr/share /usr/share", "COPY base /base"):
        assert kept in text
    # Each would be a layer of its own.
    assert "\nARG EMPTY\n" not in text
    assert "\nARG EE_BASE_IMAGE\n" not in text


def test_a_stage_stands_on_the_images_of_the_earlier_ones() -> None:
    base, galaxy, last = stages(rewrite(TEXT, images={}, key="k"))
    assert [base.name, galaxy.name, last.name] == ["base", "galaxy", "2"]
    built = {"base": "sha256:b", "0": "sha256:b", "galaxy": "sha256:g", "1": "sha256:g"}
    assert "FROM $EE_BASE_IMAGE AS base" in base.standing_on({})
    text = last.standing_on(built)
    assert "FROM sha256:b\n" in text
    assert "from=sha256:g,source=/x" in text
    assert "COPY --from=sha256:g /usr/share" in text
    assert "COPY --from=sha256:b /a /b" in text
    assert "COPY base /base" in text
    assert text.startswith('ARG EE_BASE_IMAGE="quay.io/some:1"\n')


@pytest.mark.parametrize(
    "images",
    ["version: 1\nbuild_arg_defaults: {EE_BASE_IMAGE: 'a:1', EE_BUILDER_IMAGE: 'b:1'}",
     "version: 2\nimages: {base_image: {name: 'a:1'}, builder_image: {name: 'b:1'}}"],
)  # fmt: skip
def test_any_builder_image_gets_what_ansible_builder_runs_in_it(
    images: str, tmp_path: Path
) -> None:
    file = tmp_path / "execution-environment.yml"
    file.write_text(f"{images}\ndependencies: {{python: requirements.txt}}\n")
    (tmp_path / "requirements.txt").write_text("toml\n")
    definition = read_definition(file.read_text())
    made = make_context(
        file, definition, tmp_path / "context", host={},
        images={"EE_BASE_IMAGE": "sha256:a", "EE_BUILDER_IMAGE": "sha256:b"},
    )  # fmt: skip
    base, builder, _ = made.stages
    assert 'ARG EE_BUILDER_IMAGE="sha256:b"' in builder.text
    steps = [i for i in instructions(builder.text) if i.startswith(("FROM", "USER", "COPY", "RUN"))]
    assert steps[:3] == [
        "FROM $EE_BUILDER_IMAGE AS builder", "USER root", "COPY _build/scripts/ /output/scripts/",
    ]  # fmt: skip
    assert steps[3].endswith("/output/scripts/pip_install $PYCMD")
    assert "bindep pyyaml packaging" in steps[4]
    assert "introspect.py" in steps[6]
    assert "bindep pyyaml" not in base.text
