"""Where the nodes of a workflow stand in its picture: layers from left to right, few crossings.

The usual way (Sugiyama): a node's layer is its longest way from the start, edges over several
layers get a bend in each, and every layer is sorted by where its neighbours stand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import mean

WIDTH, HEIGHT = 204, 58
GAP_X, GAP_Y = 60, 26
SWEEPS = 6
START = 0  # the id of the place where all begins; rows have ids from 1 on
Bend = tuple[int, int, int]  # from, to, layer
Point = int | Bend


@dataclass
class Layout:
    """Left upper corners of nodes, and ways of edges as points, in the picture's units."""

    width: int
    height: int
    corners: dict[int, tuple[int, int]]
    ways: dict[tuple[int, int], list[tuple[int, int]]] = field(default_factory=dict)


def lay_out(ids: Iterable[int], edges: Iterable[tuple[int, int]]) -> Layout:
    """`edges` are (from, to) of ids and have no circle. What nothing leads to follows the start."""
    nodes, pairs = sorted(set(ids)), sorted(set(edges))
    reached = {b for _, b in pairs}
    pairs += [(START, pk) for pk in nodes if pk not in reached]
    layer = _layers([START, *nodes], pairs)
    chains = {(a, b): _chain(a, b, layer) for a, b in pairs}
    order = _order(layer, chains)
    return _placed(order, chains)


def _layers(nodes: list[int], pairs: list[tuple[int, int]]) -> dict[int, int]:
    children, waits = defaultdict(list), dict.fromkeys(nodes, 0)
    for a, b in pairs:
        children[a].append(b)
        waits[b] += 1
    layer, ready = dict.fromkeys(nodes, 0), [n for n in nodes if not waits[n]]
    while ready:
        at = ready.pop()
        for child in children[at]:
            layer[child] = max(layer[child], layer[at] + 1)
            waits[child] -= 1
            if not waits[child]:
                ready.append(child)
    return layer


def _chain(a: int, b: int, layer: dict[int, int]) -> list[Point]:
    bends: list[Point] = [(a, b, n) for n in range(layer[a] + 1, layer[b])]
    return [a, *bends, b]


def _order(layer: dict[int, int], chains: dict[tuple[int, int], list[Point]]) -> list[list[Point]]:
    columns: list[list[Point]] = [[] for _ in range(max(layer.values()) + 1)]
    for node, number in sorted(layer.items()):
        columns[number].append(node)
    before: dict[Point, list[Point]] = defaultdict(list)
    after: dict[Point, list[Point]] = defaultdict(list)
    for chain in chains.values():
        for bend in chain[1:-1]:
            columns[bend[2]].append(bend)  # type: ignore[index]
        for one, other in pairwise(chain):
            before[other].append(one)
            after[one].append(other)
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        walk = range(1, len(columns)) if forward else range(len(columns) - 2, -1, -1)
        for number in walk:
            beside = columns[number - 1 if forward else number + 1]
            place = {point: at for at, point in enumerate(beside)}
            neighbours = before if forward else after
            _sort(columns[number], place, neighbours)
    return columns


def _sort(
    column: list[Point], place: dict[Point, int], neighbours: dict[Point, list[Point]]
) -> None:
    """Stable, so that what has no neighbour there stays where it was."""
    now = {point: at for at, point in enumerate(column)}

    def middle(point: Point) -> float:
        found = [place[n] for n in neighbours[point] if n in place]
        return mean(found) if found else now[point]

    column.sort(key=middle)


def _placed(columns: list[list[Point]], chains: dict[tuple[int, int], list[Point]]) -> Layout:
    # A bend takes less room than a node.
    tall = [sum(_room(p) for p in column) for column in columns]
    height = max(tall)
    at: dict[Point, tuple[int, int]] = {}
    x = 0
    for column, own in zip(columns, tall, strict=True):
        y = (height - own) // 2
        for point in column:
            at[point] = (x, y)
            y += _room(point)
        x += (WIDTH if column != [START] else HEIGHT) + GAP_X
    corners = {p: c for p, c in at.items() if isinstance(p, int)}
    ways = {pair: _way(chain, at) for pair, chain in chains.items()}
    return Layout(x - GAP_X, height - GAP_Y, corners, ways)


def _room(point: Point) -> int:
    return (HEIGHT if isinstance(point, int) else HEIGHT // 3) + GAP_Y


def _way(chain: list[Point], at: dict[Point, tuple[int, int]]) -> list[tuple[int, int]]:
    """From the right side of the first to the left side of the last."""
    x, y = at[chain[0]]
    points = [(x + (WIDTH if chain[0] != START else HEIGHT), y + HEIGHT // 2)]
    for bend in chain[1:-1]:
        x, y = at[bend]
        points += [(x, y + HEIGHT // 6), (x + WIDTH, y + HEIGHT // 6)]
    x, y = at[chain[-1]]
    return [*points, (x, y + HEIGHT // 2)]


def curve(points: list[tuple[int, int]]) -> str:
    """An SVG path through the points, level where it begins and ends."""
    x, y = points[0]
    said = [f"M{x} {y}"]
    for to_x, to_y in points[1:]:
        half = (x + to_x) // 2
        said.append(f"C{half} {y} {half} {to_y} {to_x} {to_y}")
        x, y = to_x, to_y
    return "".join(said)
