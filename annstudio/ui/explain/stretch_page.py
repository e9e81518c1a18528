"""What many operations at once did, told in short: what went in, what came out, and the parts that they fall into."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from annstudio.engine.program import AnyStep, Phase, Role, Step
from annstudio.explain.stretches import Box
from annstudio.explain.walk import Walk
from annstudio.explain.words import written_text
from annstudio.ui.explain.page import Cell, Note, Row, Section, Table
from annstudio.ui.explain.tour import Tour
from annstudio.ui.numbers import count_text

MOST_STEPS = 12
"""So many operations are told one by one; more are told in short."""


@dataclass(frozen=True)
class _Part:
    """Steps that belong together: a time step, a layer of a block, or a single operation."""

    name: str
    steps: Sequence[AnyStep]


def stretch_sections(tour: Tour, span: range, arrays: Callable[[list[tuple[str, int]]], Table]) -> list[Section]:
    """The sections about a stretch of steps; `arrays` makes the table of what is read and written."""
    walk = tour.walk
    assert walk is not None
    parts = _parts(walk, span)
    rows: list[Row] = []
    for part in parts:
        rows.append(
            (
                Cell(part.name),
                Cell(written_text(tour.program, part.steps[-1], tour.names.seen)),
                Cell(str(len(part.steps))),
            )
        )
    whole = f"{count_text(len(span))} operations in {count_text(len(parts))} parts."
    advice = "Step into it (F11) to take them one by one." if walk.enterable else "Step by operation (2) to see each."
    told = Section("Parts", (Note(f"{whole} {advice}"), Table(("part", "writes last", "operations"), tuple(rows))))
    ends = _ends(tour, span)
    return [told, Section("Reads and writes", (arrays(ends),))] if ends else [told]


def _parts(walk: Walk, span: range) -> list[_Part]:
    """The steps by the boxes right inside the one at hand; where there are none, one by one."""
    box = walk.stretch_of(span[0]).box
    steps = walk.program.steps
    inner = [(_inside(walk.boxes.path(at), box), at) for at in span]
    if len({one for one, _ in inner}) < 2:
        return [_Part(type(step.op).__name__ if isinstance(step, Step) else "update", (step,))
                for step in steps[span.start : span.stop]]  # fmt: skip
    return [
        _Part(_name(one, box), [steps[at] for _, at in group])
        for one, group in groupby(inner, key=lambda pair: pair[0])
    ]


def _inside(path: tuple[Box, ...], box: Box) -> Box:
    """The box of a path that stands right inside a box, or that box."""
    at = path.index(box) + 1
    return path[at] if at < len(path) else box


def _name(part: Box, whole: Box) -> str:
    """What a part is called inside the whole."""
    if part == whole:
        return "around them"
    if part.node == whole.node:
        return part.scope.removeprefix(whole.scope).removeprefix(", ")
    return part.node.removeprefix(f"{whole.node}/")


def _ends(tour: Tour, span: range) -> list[tuple[str, int]]:
    """What the steps read from outside, and what of theirs is read outside or is the layer's result."""
    steps = tour.program.steps
    inside = [step for step in steps[span.start : span.stop] if isinstance(step, Step)]
    written = dict.fromkeys(slot for step in inside for slot in step.writes)
    read = dict.fromkeys(slot for step in inside for slot in step.reads if slot not in written)
    forward = bool(inside) and inside[0].phase is Phase.FORWARD
    # What the way back reads of the way forward are the values in between: not what the stretch is for.
    later = {
        slot for at, step in enumerate(steps) if at not in span and isinstance(step, Step)
        and (step.phase is not Phase.BACKWARD or not forward) for slot in step.reads
    }  # fmt: skip
    results = later | set(tour.program.outputs.values()) | {tour.program.gradients.get(p.slot) for p in
                                                            tour.program.parameters}  # fmt: skip
    slots = tour.program.slots
    told = [("reads", slot) for slot in read if slots[slot].shown and (forward or slots[slot].role is Role.GRADIENT)]
    return told + [("writes", slot) for slot in written if slot in results and slots[slot].shown]
