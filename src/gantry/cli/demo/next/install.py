"""Runs once, as root, in the image under construction: puts the wheels beside this file where this
image's Python has its packages, each in place of the version that was there."""

from __future__ import annotations

import pathlib
import shutil
import sys
import sysconfig
import zipfile

SITE = pathlib.Path(sysconfig.get_paths()["purelib"])

for wheel in sorted(pathlib.Path("/recipe/wheels").glob("*.whl")):
    name = wheel.name.split("-")[0]
    for folder in [SITE, *map(pathlib.Path, sys.path)]:
        for old in folder.glob(name + "-*.dist-info"):
            shutil.rmtree(old)
        shutil.rmtree(folder / name, ignore_errors=True)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(SITE)
