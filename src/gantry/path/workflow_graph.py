"""Which nodes of a workflow may start, which never will, and how it ended: rules alone, no rows.

AWX: awx/main/scheduler/dag_workflow.py. Three differences mend what AWX overlooks at nodes where
all parents must converge: a parent that ended as error or canceled counts as failed, and so does
one whose template is gone; AWX starts the node whatever the edge from such a parent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

SUCCESSFUL = "successful"
FAILED = ("failed", "error", "canceled")
SUCCESS, FAILURE, ALWAYS = "success_nodes", "failure_nodes", "always_nodes"
NO_WAY_ON = "No error handling paths found, marking workflow as failed"


@dataclass
class Node:
    """`status` is its job's, empty where it has none; `template` whether it still has one."""

    pk: int
    status: str = ""
    template: bool = True
    do_not_run: bool = False
    converge: bool = False  # all parents must have met the criteria

    @property
    def failed(self) -> bool:
        return self.status in FAILED or (not self.status and not self.template)

    @property
    def decided(self) -> bool:
        """Nothing more will come of it."""
        return self.do_not_run or self.failed or self.status == SUCCESSFUL


@dataclass
class Graph:
    nodes: dict[int, Node]
    edges: dict[str, set[tuple[int, int]]] = field(default_factory=dict)  # kind -> (from, to)

    def children(self, pk: int, *kinds: str) -> list[int]:
        found = {b for kind in kinds for a, b in self.edges.get(kind, ()) if a == pk}
        return sorted(found)

    def parents(self, pk: int) -> list[int]:
        return sorted({a for pairs in self.edges.values() for a, b in pairs if b == pk})

    def leads(self, parent: int, child: int) -> bool:
        """Whether the way a parent ended leads to this child."""
        node = self.nodes[parent]
        if node.do_not_run or not (node.failed or node.status == SUCCESSFUL):
            return False
        kind = FAILURE if node.failed else SUCCESS
        return child in self.children(parent, kind, ALWAYS)

    def mark(self) -> list[int]:
        """Mark nodes to which no way leads any more as not to be run; which were marked now."""
        marked = []
        for pk in self._in_order():
            node, parents = self.nodes[pk], self.parents(pk)
            if node.do_not_run or node.status or not parents or not node.template:
                continue
            ended = [p for p in parents if self.nodes[p].decided]
            lost = [p for p in ended if not self.leads(p, pk)]
            if lost if node.converge else len(lost) == len(parents):
                node.do_not_run = True
                marked.append(pk)
        return marked

    def ready(self) -> list[int]:
        """Nodes whose time has come, to be asked after `mark`."""
        return [pk for pk in sorted(self.nodes) if self._is_ready(pk)]

    def _is_ready(self, pk: int) -> bool:
        node, parents = self.nodes[pk], self.parents(pk)
        if node.do_not_run or node.status or not node.template:
            return False
        if not all(self.nodes[p].decided for p in parents):
            return False
        led = [self.leads(p, pk) for p in parents]
        return not parents or (all(led) if node.converge else any(led))

    @property
    def done(self) -> bool:
        return all(node.decided for node in self.nodes.values())

    def settled(self) -> list[int]:
        """Nodes that succeeded and would come out so again: whatever is before them did too, or was
        not run."""
        found: set[int] = set()
        for pk in self._in_order():
            node = self.nodes[pk]
            ended = node.do_not_run or node.status == SUCCESSFUL
            if ended and all(parent in found for parent in self.parents(pk)):
                found.add(pk)
        return sorted(pk for pk in found if not self.nodes[pk].do_not_run)

    def without_way_on(self) -> list[int]:
        """Nodes that failed and from which neither a failure nor an always edge leads on: each
        makes its workflow fail."""
        return [
            pk
            for pk, node in sorted(self.nodes.items())
            if node.failed and not node.do_not_run and not self.children(pk, FAILURE, ALWAYS)
        ]

    def _in_order(self) -> list[int]:
        """Parents before children."""
        found: list[int] = []
        seen: set[int] = set()
        for pk in sorted(self.nodes):
            # Not by recursion: a chain may be longer than Python's stack.
            todo = [(pk, False)]
            while todo:
                at, returned = todo.pop()
                if returned:
                    found.append(at)
                elif at not in seen:
                    seen.add(at)
                    todo += [(at, True), *((p, False) for p in self.parents(at))]
        return found


def has_cycle(edges: Iterable[tuple[int, int]]) -> bool:
    """By taking away, again and again, what nothing leads to."""
    left = set(edges)
    while left:
        reached = {b for _, b in left}
        rest = {(a, b) for a, b in left if a in reached}
        if len(rest) == len(left):
            return True
        left = rest
    return False
