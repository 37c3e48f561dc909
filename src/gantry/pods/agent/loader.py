"""The first code of Gantry in a pod: makes the modules beside it from text, in memory, on demand.

`source.py` sends this file with a call of `run` after it. Nothing is written to a file.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import types
    from importlib.machinery import ModuleSpec
else:
    ModuleSpec = type(sys.__spec__)  # importlib.machinery itself would have to be imported

PACKAGE = "gantry_agent"


class Loader:
    """Finder and loader of one package whose modules are the values of `sources`."""

    def __init__(self, sources: dict[str, str]) -> None:
        self._sources = {f"{PACKAGE}.{name}": text for name, text in sources.items()}
        self._sources[PACKAGE] = ""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name not in self._sources:
            return None
        return ModuleSpec(name, self, is_package=name == PACKAGE)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        """The usual module will do."""

    def exec_module(self, module: types.ModuleType) -> None:
        name = module.__name__
        exec(compile(self._sources[name], f"<{name}>", "exec"), module.__dict__)


def run(sources: dict[str, str], home: str) -> int:
    # The play's own files must never be taken for modules of the agent.
    sys.path[:] = [path for path in sys.path if path]
    sys.meta_path.insert(0, Loader(sources))
    from gantry_agent import agent  # type: ignore[import-not-found]

    code: int = agent.main(home)
    return code
