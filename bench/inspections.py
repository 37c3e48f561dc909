"""An inspection against the slowest single command that it stands for.

    python bench/inspections.py [--image localhost/gantry/starter-ee:latest] [--rounds 15]

In turn, A B C A B C, so that a busy machine slows all alike: read the ratios. The inspection is
what the controller and `gantry ee inspect` do (create, start, read, judge, remove, over the API of
the engine); the commands run by `podman run --rm --network=none --read-only --user=1000:0`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

METADATA = (
    "import importlib.metadata as m\n"
    "for d in m.distributions(): print(d.metadata['Name'], d.version, d.metadata['License'])"
)
COMMANDS = {
    "a pod that does nothing": ["true"],
    "python3, packages by importlib.metadata": ["python3", "-c", METADATA],
    "dpkg-query -W": ["dpkg-query", "-W"],
    "ansible-galaxy collection list": ["ansible-galaxy", "collection", "list"],
}


def bare(podman: str, env: dict[str, str], image: str, command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(
        [podman, "run", "--rm", "--network=none", "--read-only", "--user=1000:0",
         "--cap-drop=ALL", "--log-driver=none", "--tmpfs=/tmp",
         "--tmpfs=/runner:rw,mode=1777", image, *command],
        env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    return time.perf_counter() - began


async def measure(url: str, podman: str, env: dict[str, str], image: str, rounds: int) -> None:
    from gantry.images.inspect.pod import look, pod_spec
    from gantry.pods.docker_api import DockerEngine
    from gantry.pods.docker_images import DockerImages

    engine, images = DockerEngine(url), DockerImages(url)
    here = await engine.image(image)
    assert here is not None, image
    took: dict[str, list[float]] = {name: [] for name in ("inspection", *COMMANDS)}
    for n in range(rounds + 1):
        labels = {"gantry.instance": "bench", "gantry.job": "0"}
        spec = pod_spec(f"gantry-bench-{os.getpid()}-{n}", here.id, labels, "1000:0")
        began = time.perf_counter()
        found = await look(engine, images, here, spec)
        assert not found.error, found.error
        once = {"inspection": time.perf_counter() - began}
        for name, command in COMMANDS.items():
            once[name] = bare(podman, env, image, command)
        if n:  # the first warms the page cache
            for name, seconds in once.items():
                took[name].append(seconds)
    await images.close()
    await engine.close()
    show(took, len(found.packages))


def show(took: dict[str, list[float]], packages: int) -> None:
    mine = took.pop("inspection")
    print(f"Inspection of {packages} packages, median of {len(mine)} rounds: "
          f"{statistics.median(mine) * 1000:.0f} ms\n")  # fmt: skip
    print("| bare command in a pod | ms, median | inspection / command: median (worst) |")
    print("| --- | --- | --- |")
    for name, seconds in took.items():
        ratios = [a / b for a, b in zip(mine, seconds, strict=True)]
        print(f"| {name} | {statistics.median(seconds) * 1000:.0f} "
              f"| {statistics.median(ratios):.2f} ({max(ratios):.2f}) |")  # fmt: skip


def main() -> None:
    from gantry.base.engine_probe import engine_environment, probe_engine, start_service

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--image", default="localhost/gantry/starter-ee:latest")
    parser.add_argument("--rounds", type=int, default=15)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gantry-bench-") as folder:
        setup = probe_engine()
        service = start_service(Path(folder), setup)
        conf = Path(folder, "containers.conf")
        env = engine_environment(setup, conf if conf.exists() else None)
        try:
            asyncio.run(measure(service.url, setup.executable, env, asked.image, asked.rounds))
        finally:
            service.stop()


if __name__ == "__main__":
    main()
