"""Every operation of the schema, asked with what fits it and with what does not: no 500, ever.

An answer must be one that the schema knows, in its status, its format and its fields. The seed is
fixed; GANTRY_SCHEMA_EXAMPLES makes the run longer, and then it begins elsewhere each time.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.world import build

EXAMPLES = int(os.environ.get("GANTRY_SCHEMA_EXAMPLES", "0"))
CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# What asks an engine or a registry, which this installation has not.
ASK_OTHERS = ("/platforms/", "/images/", "/export/")
ADMIN = "Basic " + base64.b64encode(b"admin:correct horse").decode()


@pytest.fixture
def kept_connection(db: str) -> Iterator[None]:
    """A request would close the connection whose transaction it runs in."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def test_no_answer_outside_the_schema(kept_connection: None) -> None:
    ids = build()
    schema = schemathesis.openapi.from_wsgi("/api/v2/schema/", WSGIHandler())

    @schema.hook
    def map_path_parameters(context: Any, path_parameters: Any) -> Any:
        """Most of the time an object that is there."""
        noun = context.operation.path.removeprefix("/api/v2/").split("/")[0]
        given = (path_parameters or {}).get("id")
        if isinstance(given, int) and given % 4 and noun in ids:
            path_parameters["id"] = ids[noun]
        return path_parameters

    failures = []
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path.endswith(ASK_OTHERS):
            continue
        try:
            _try(operation)
        except (
            Exception,
            BaseExceptionGroup,
        ) as error:  # tell all of them
            failures.append(f"{operation.label}\n{error}")
    if failures:
        pytest.fail("\n\n".join(failures), pytrace=False)


def _try(operation: Any) -> None:
    @hypothesis.seed(1) if not EXAMPLES else _anywhere
    @hypothesis.settings(
        max_examples=EXAMPLES or 3,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate],
    )
    @hypothesis.given(st.one_of(*(operation.as_strategy(mode) for mode in GenerationMode)))
    def run(case: Any) -> None:
        with transaction.atomic():  # the next one finds the installation as it was
            answer = case.call(headers={"Authorization": ADMIN})
            transaction.set_rollback(True)
        case.validate_response(answer, checks=CHECKS)

    run()


def _anywhere(test: Any) -> Any:
    return test
