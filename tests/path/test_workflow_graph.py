"""Which node of a workflow starts when: AWX's rules as a table, and where Gantry mends them."""

from __future__ import annotations

import pytest

from gantry.path.workflow_graph import Graph, Node, has_cycle

S, F, A = "success_nodes", "failure_nodes", "always_nodes"
NO_TEMPLATE = "no template"


def graph(states: str, edges: str, *, converge: str = "") -> Graph:
    """`states`: "1=successful 2 3"; `edges`: "1S2 1F3"; `converge`: nodes that wait for all."""
    nodes = {}
    for text in states.split():
        name, _, status = text.partition("=")
        node = Node(int(name), converge=name in converge)
        if status == "gone":
            node.template = False
        elif status == "never":
            node.do_not_run = True
        else:
            node.status = status
        nodes[node.pk] = node
    kinds: dict[str, set[tuple[int, int]]] = {S: set(), F: set(), A: set()}
    for text in edges.split():
        kind = next(k for k in "SFA" if k in text)
        one, other = text.split(kind)
        kinds[{"S": S, "F": F, "A": A}[kind]].add((int(one), int(other)))
    return Graph(nodes, kinds)


@pytest.mark.parametrize(("states", "edges", "converge", "ready", "never"), [
    ("1 2", "", "", [1, 2], []),
    ("1 2", "1S2", "", [1], []),
    ("1=running 2", "1S2", "", [], []),
    ("1=successful 2 3 4", "1S2 1F3 1A4", "", [2, 4], [3]),
    ("1=failed 2 3 4", "1S2 1F3 1A4", "", [3, 4], [2]),
    ("1=error 2 3 4", "1S2 1F3 1A4", "", [3, 4], [2]),
    ("1=canceled 2 3 4", "1S2 1F3 1A4", "", [3, 4], [2]),
    # A node whose template is gone failed.
    ("1=gone 2 3 4", "1S2 1F3 1A4", "", [3, 4], [2]),
    # What follows a node that will not run will not run either, to the end.
    ("1=failed 2 3 4", "1S2 2A3 3A4", "", [], [2, 3, 4]),
    # Any: all parents must have ended, one way must lead here.
    ("1=successful 2=running 3", "1S3 2S3", "", [], []),
    ("1=successful 2=failed 3", "1S3 2S3", "", [3], []),
    ("1=failed 2=failed 3", "1S3 2S3", "", [], [3]),
    ("1=successful 2=never 3", "1S3 2S3", "", [3], []),
    # All: every way must lead here; the first that does not decides.
    ("1=successful 2=running 3", "1S3 2S3", "3", [], []),
    ("1=successful 2=successful 3", "1S3 2S3", "3", [3], []),
    ("1=successful 2=failed 3", "1S3 2S3", "3", [], [3]),
    ("1=failed 2=running 3", "1S3 2S3", "3", [], [3]),
    ("1=successful 2=failed 3", "1S3 2F3", "3", [3], []),
    ("1=successful 2=never 3", "1S3 2S3", "3", [], [3]),
    # AWX would start these two.
    ("1=successful 2=error 3", "1S3 2S3", "3", [], [3]),
    ("1=successful 2=gone 3", "1S3 2S3", "3", [], [3]),
])  # fmt: skip
def test_what_starts_and_what_never_will(
    states: str, edges: str, converge: str, ready: list[int], never: list[int]
) -> None:
    made = graph(states, edges, converge=converge)
    assert made.mark() == never
    assert made.ready() == ready
    assert made.mark() == []


@pytest.mark.parametrize(("states", "edges", "done", "failed"), [
    ("1=successful", "", True, []),
    ("1=running", "", False, []),
    ("1=failed", "", True, [1]),
    ("1=canceled 2=never", "1S2", True, [1]),
    ("1=failed 2=successful", "1F2", True, []),
    ("1=failed 2=successful", "1A2", True, []),
    ("1=failed 2=failed", "1F2", True, [2]),
    ("1=gone", "", True, [1]),
    ("1=gone 2=successful", "1A2", True, []),
    ("1=successful 2", "1S2", False, []),
    ("", "", True, []),
])  # fmt: skip
def test_how_a_workflow_ends(states: str, edges: str, done: bool, failed: list[int]) -> None:
    made = graph(states, edges)
    assert (made.done, made.without_way_on() if made.done else []) == (done, failed)


def test_circles() -> None:
    assert not has_cycle([])
    assert not has_cycle([(1, 2), (1, 3), (2, 4), (3, 4)])
    assert has_cycle([(1, 2), (2, 3), (3, 1), (4, 1)])
    assert has_cycle([(1, 1)])


def test_a_long_chain_is_no_deep_recursion() -> None:
    edges = " ".join(f"{n}S{n + 1}" for n in range(1, 400))
    made = graph("1=failed " + " ".join(str(n) for n in range(2, 401)), edges)
    assert made.mark() == list(range(2, 401))
