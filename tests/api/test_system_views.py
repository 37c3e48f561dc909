"""What tells of the installation: metrics, automated hosts, a mesh without links, no sign-on."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.api.conftest import Api
from tests.api.world import build


def test_metrics_come_as_text_and_as_json(api: Api) -> None:
    from gantry.resources.models import Instance

    build()
    Instance.objects.filter(hostname="node").update(events_recorded=7, event_lag=0.25)
    answer = api.call("get", "/api/v2/metrics/")
    assert answer.headers["Content-Type"].startswith("text/plain")
    told = {f.name: f for f in text_string_to_metric_families(answer.content.decode())}
    assert told["awx_organizations_total"].samples[0].value == 1
    by_status = {s.labels["status"]: s.value for s in told["awx_status_total"].samples}
    assert by_status["successful"] > 0 == by_status["running"]
    assert told["awx_system_info"].samples[0].labels["tower_version"] == "24.6.1"
    nodes = {s.labels["node"]: s.value for s in told["gantry_events_recorded"].samples}
    assert nodes["node"] == 7
    body = api.get("/api/v2/metrics/?format=json")
    assert set(body) == set(told)
    assert body["gantry_event_lag_seconds"]["samples"] == [
        {"labels": {"node": "node"}, "value": 0.25}
    ]
    assert not [
        name for name in api.get("/api/v2/metrics/?format=json&dbonly=1") if "gantry" in name
    ]


def test_metrics_are_for_administrators_and_auditors(
    api: Api, plain: Api, auditor: Api, anonymous: Api
) -> None:
    assert plain.call("get", "/api/v2/metrics/").status_code == 403
    assert auditor.call("get", "/api/v2/metrics/").status_code == 200
    assert anonymous.call("get", "/api/v2/metrics/").status_code == 401


def test_a_metric_of_a_host_is_deleted_softly(api: Api, plain: Api, auditor: Api) -> None:
    from gantry.resources.models import HostMetric

    row = HostMetric.objects.create(hostname="web1", last_automation=datetime.now(UTC))
    url = f"/api/v2/host_metrics/{row.pk}/"
    assert list(api.get(url)) == [
        "id", "hostname", "url", "first_automation", "last_automation", "last_deleted",
        "automated_counter", "deleted_counter", "deleted", "used_in_inventories",
    ]  # fmt: skip
    plain.get("/api/v2/host_metrics/", status=403)
    plain.get("/api/v2/host_metric_summary_monthly/", status=403)
    assert auditor.get("/api/v2/host_metrics/?search=web")["count"] == 1
    auditor.delete(url, status=403)
    for _ in range(2):
        api.delete(url)
    row.refresh_from_db()
    assert (row.deleted, row.deleted_counter) == (True, 1)
    assert api.get("/api/v2/host_metrics/?deleted=true")["count"] == 1


def test_hosts_no_job_reaches_any_more_count_no_longer_and_months_are_summed_up(db: str) -> None:
    from gantry.record.host_metrics import tidy
    from gantry.resources.models import HostMetric, HostMetricSummaryMonthly

    def host(name: str, first: str, last: str, deleted: str = "") -> None:
        row = HostMetric.objects.create(
            hostname=name, last_automation=f"{last}T00:00Z", deleted=bool(deleted),
            last_deleted=f"{deleted}T00:00Z" if deleted else None,
        )  # fmt: skip
        HostMetric.objects.filter(pk=row.pk).update(first_automation=f"{first}T00:00Z")

    host("old", "2020-01-05", "2026-10-01")
    host("idle", "2025-02-01", "2025-02-01")
    host("gone", "2020-01-01", "2020-02-01", deleted="2021-01-01")
    host("new", "2026-10-20", "2026-11-01")
    for _ in range(2):  # nothing is counted twice
        tidy(datetime(2026, 11, 24, tzinfo=UTC))
    assert list(HostMetric.objects.filter(deleted=True).values_list("hostname")) == [("idle",)]
    assert not HostMetric.objects.filter(hostname="gone").exists()
    rows = {r.date: r for r in HostMetricSummaryMonthly.objects.all()}
    assert (min(rows), max(rows)) == (date(2023, 12, 1), date(2026, 11, 1))
    told = [rows[date(2025, 2, 1)], rows[date(2026, 10, 1)], rows[date(2026, 11, 1)]]
    assert [(r.license_consumed, r.hosts_added, r.hosts_deleted) for r in told] == [
        (2, 1, 0), (3, 1, 0), (2, 0, 1),
    ]  # fmt: skip


def test_an_awx_without_a_mesh_without_sign_on_and_without_a_subscription(
    api: Api, plain: Api, anonymous: Api
) -> None:
    ids = build()
    mesh = api.get("/api/v2/mesh_visualizer/")
    assert mesh["links"] == []
    assert list(mesh["nodes"][0]) == ["id", "hostname", "node_type", "node_state", "enabled"]
    plain.get("/api/v2/mesh_visualizer/", status=403)
    assert anonymous.get("/api/v2/auth/") == {}
    api.get("/api/v2/receptor_addresses/1/", status=404)
    answer = api.get(f"/api/v2/instances/{ids['instances']}/install_bundle/", status=400)
    assert answer == {"msg": "Install bundle can only be generated for execution or hop nodes."}
    assert api.post("/api/v2/config/attach/", {}, status=400) == {
        "error": "No subscription pool ID provided."
    }
    api.post("/api/v2/config/subscriptions/", {}, status=400)
    plain.post("/api/v2/config/attach/", {"pool_id": "1"}, status=403)
    for url in ("/api/v2/analytics/", "/api/v2/analytics/reports/"):
        assert api.get(url, status=404)["detail"].startswith("Gantry sends nothing home")


def _ids(answer: dict[str, Any]) -> list[int]:
    return [row["counter"] for row in answer["results"]]


def test_what_jobs_did_is_found_by_host_and_by_group(api: Api, other_admin: Api) -> None:
    from gantry.resources import models as m

    ids = build()
    below = m.Group.objects.create(name="parent", inventory_id=ids["inventories"])
    below.children.add(ids["groups"])
    for url in (f"hosts/{ids['hosts']}", f"groups/{ids['groups']}", f"groups/{below.pk}"):
        events = api.get(f"/api/v2/{url}/job_events/")
        assert _ids(events) == [1, 2]
        assert events["results"][0]["summary_fields"]["job"]["name"] == "template"
        assert _ids(api.get(f"/api/v2/{url}/job_events/?event=runner_on_ok")) == [2]
        assert api.get(f"/api/v2/{url}/job_host_summaries/")["count"] == 1
        other_admin.get(f"/api/v2/{url}/job_events/", status=403)
    # One that was killed has no summary, and has events all the same.
    m.JobHostSummary.objects.all().delete()
    assert _ids(api.get(f"/api/v2/hosts/{ids['hosts']}/job_events/")) == [1, 2]


def test_an_inventory_has_labels_and_a_tree(api: Api) -> None:
    from gantry.resources import models as m

    ids = build()
    url = f"/api/v2/inventories/{ids['inventories']}/"
    label = api.post(f"{url}labels/", {"name": "dc1", "organization": 1})
    assert api.get(url)["summary_fields"]["labels"] == {
        "count": 1, "results": [{"id": label["id"], "name": "dc1"}],
    }  # fmt: skip
    assert api.get(url)["related"]["labels"] == f"{url}labels/"
    api.post(f"{url}labels/", {"id": label["id"], "disassociate": True}, status=204)
    assert not m.Label.objects.filter(pk=label["id"]).exists()
    top, other = (
        m.Group.objects.create(name=n, inventory_id=ids["inventories"]) for n in ("top", "also")
    )
    top.children.add(ids["groups"])
    other.children.add(ids["groups"])
    tree = api.get(f"{url}tree/")
    assert [(g["name"], [c["name"] for c in g["children"]]) for g in tree] == [
        ("also", ["group"]), ("top", ["group"]),
    ]  # fmt: skip
    assert tree[0]["children"][0]["children"] == []
