"""/execution_environments/N/export/: the archive of a real image, and who gets it."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import AsyncClient

from gantry.base.bridge import in_thread
from gantry.base.config import settings
from gantry.base.engine_probe import probe_engine
from gantry.images.archive import verify
from gantry.images.podman_cli import Podman
from gantry.resources.models import ExecutionEnvironment, User
from tests.api.conftest import Api
from tests.journeys.conftest import engine_url

__all__ = ["engine_url"]
pytestmark = pytest.mark.engine
V2 = "/api/v2"
IMAGE = f"localhost/gantry-test/export-{os.getpid()}:1"


@pytest.fixture
def row(api: Api, engine_url: str, tmp_path: Path, monkeypatch: Any) -> Iterator[Any]:
    monkeypatch.setenv("GANTRY_ENGINE_URL", engine_url)
    settings.cache_clear()
    (tmp_path / "cargo").write_text("x")
    (tmp_path / "Containerfile").write_text("FROM scratch\nCOPY cargo /cargo\n")
    podman = Podman.of(probe_engine(), tmp_path)
    podman.build(IMAGE, tmp_path, "x")
    yield ExecutionEnvironment.objects.create(name="Network EE / 1", image=IMAGE)
    podman.succeeds("image", "rm", "--force", IMAGE)
    monkeypatch.undo()
    settings.cache_clear()


def test_the_answer_is_the_archive(row: Any, api: Api, tmp_path: Path) -> None:
    answer = api.call("get", f"{V2}/execution_environments/{row.pk}/export/")

    file = tmp_path / "ee.tar"
    file.write_bytes(b"".join(answer.streaming_content))
    assert answer.status_code == 200
    assert answer["Content-Disposition"] == 'attachment; filename="Network-EE-1.tar"'
    assert int(answer["Content-Length"]) == file.stat().st_size
    assert verify(file).about.name == "Network EE / 1"
    assert list(settings().data_dir.glob("export-*")) == []


async def test_it_is_streamed_as_the_server_sends_it(row: Any, tmp_path: Path) -> None:
    token = base64.b64encode(b"admin:correct horse").decode()
    answer = await AsyncClient().get(
        f"{V2}/execution_environments/{row.pk}/export/", headers={"authorization": f"Basic {token}"}
    )

    file = tmp_path / "ee.tar"
    file.write_bytes(b"".join([piece async for piece in answer.streaming_content]))
    assert answer.is_async
    assert (await in_thread(verify)(file)).about.image == IMAGE


def test_who_may_not_change_the_ee_gets_no_archive(row: Any) -> None:
    User.objects.create_user("reader", password="reader")

    Api("reader", "reader").get(f"{V2}/execution_environments/{row.pk}/export/", 403)
    Api(None).get(f"{V2}/execution_environments/{row.pk}/export/", 401)


def test_an_image_that_is_not_there_is_told(row: Any, api: Api) -> None:
    ExecutionEnvironment.objects.filter(pk=row.pk).update(image=f"{IMAGE}-none")

    told = api.get(f"{V2}/execution_environments/{row.pk}/export/", 400)

    assert "does not have image" in told["detail"]
