"""The probe itself: any Python since 3.6 must be able to read it."""

from __future__ import annotations

import ast
import sys

from gantry.images.inspect import pod


def test_python_3_6_can_read_it() -> None:
    ast.parse(pod.probe(), feature_version=(3, 6))
    assert "from __future__ import annotations" not in pod.probe()


def test_it_imports_the_standard_library_alone() -> None:
    tree = ast.parse(pod.probe())
    named = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    assert named <= set(sys.stdlib_module_names)
    assert not any(isinstance(n, ast.ImportFrom) for n in ast.walk(tree))


def test_it_fits_into_one_argument_of_a_command() -> None:
    assert len(pod.probe().encode()) < 100_000  # Linux: MAX_ARG_STRLEN, 128 KiB
