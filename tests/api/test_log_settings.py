"""settings/logging: AWX's settings of a log server, and whether it takes what is sent."""

from __future__ import annotations

from typing import Any

from tests.api.conftest import Api
from tests.record import log_server

URL = "/api/v2/settings/logging/"


def _named(**values: Any) -> dict[str, Any]:
    return {f"LOG_AGGREGATOR_{name}": value for name, value in values.items()}


def test_defaults_are_awxs_and_a_password_is_never_shown(api: Api) -> None:
    from gantry.resources.log_aggregator import read
    from gantry.resources.models import ActivityStream

    told = api.get(URL)
    assert told["LOG_AGGREGATOR_ENABLED"] is False
    assert told["LOG_AGGREGATOR_PROTOCOL"] == "https"
    changed = api.patch(URL, _named(PASSWORD="s3cr3t", HOST="logs", TYPE="splunk"))
    assert changed["LOG_AGGREGATOR_PASSWORD"] == "$encrypted$"
    api.put(URL, changed)  # as it was shown
    assert read().password == "s3cr3t"
    assert api.get("/api/v2/settings/changed/") == _named(
        PASSWORD="$encrypted$", HOST="logs", TYPE="splunk"
    )  # fmt: skip
    entries = {
        e.setting["name"]: e.changes for e in ActivityStream.objects.filter(object1="setting")
    }
    assert entries["LOG_AGGREGATOR_HOST"] == {"value": [None, "logs"]}
    assert "s3cr3t" not in str(entries)
    api.delete(URL)
    assert api.get(URL) == told


def test_what_is_set_is_checked(api: Api, auditor: Api, org_admin: Api) -> None:
    assert api.patch(URL, _named(ENABLED=True), status=400) == {
        "__all__": [
            "Cannot enable log aggregator without providing host.\n"
            "Cannot enable log aggregator without providing type."
        ]
    }
    for wrong in (
        _named(PORT="x"), _named(PORT=70000), _named(TYPE="syslog"), _named(PROTOCOL="smtp"),
        _named(LOGGERS=["x"]), _named(LOGGERS="awx"), _named(LEVEL="LOUD"), _named(ENABLED=[1]),
        _named(TCP_TIMEOUT=0), _named(ACTION_MAX_DISK_USAGE_GB=0), _named(HOST={"a": 1}),
    ):  # fmt: skip
        assert list(api.patch(URL, wrong, status=400)) == list(wrong)
    auditor.get(URL)
    auditor.patch(URL, {}, status=403)
    org_admin.get(URL, status=403)


def test_a_test_sends_a_message_and_says_what_became_of_it(api: Api, plain: Api) -> None:
    test = f"{URL}test/"
    assert api.post(test, status=409) == {"error": "Logging not enabled"}
    plain.post(test, status=403)
    with log_server.http() as server:
        given = _named(
            HOST=f"http://127.0.0.1:{server.port}", TYPE="logstash", ENABLED=True,
            LOGGERS=["job_events"],
        )  # fmt: skip
        api.patch(URL, given)
        api.post(test, status=202)
        assert server.messages()[0]["message"] == "AWX Connection Test Message"
        assert server.messages()[0]["logger_name"] == "awx.analytics.job_events"
        server.answer = 401
        refused = api.post(test, status=400)
        assert refused == {"error": f"127.0.0.1:{server.port} answers 401."}
    assert "does not answer" in api.post(test, status=400)["error"]
    api.patch(URL, _named(PROTOCOL="tcp", HOST="127.0.0.1"))
    assert api.post(test, status=400) == {"error": "Port required for tcp"}
