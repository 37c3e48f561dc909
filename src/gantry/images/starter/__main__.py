"""`python -m gantry.images.starter`: build the starter EE and print its name."""

from __future__ import annotations

import sys

from gantry.base.engine_probe import probe_engine
from gantry.base.errors import GantryError
from gantry.images.starter import build_starter_ee


def _say(line: str) -> None:
    print(line, flush=True)


def main() -> int:
    engine = probe_engine()
    if not engine.works:
        for problem in engine.problems:
            print(f"{problem.sentence}\n    {problem.cure}", file=sys.stderr)
        return 1
    try:
        print(build_starter_ee(engine, log=_say))
    except GantryError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
