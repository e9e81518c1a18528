"""Arrays as maps (n, rows, columns) for tables and mosaics, and back from a cell to the number that it is."""

from dataclasses import dataclass

import numpy as np

from annstudio.engine.op import Array
from annstudio.engine.program import Parameter, Program, Role, View
from annstudio.explain.told import Quantity
from annstudio.ordinals import nth


@dataclass(frozen=True)
class Subject:
    """An array that can be looked at: a slot, or a view of a parameter; `title` is what it is called."""

    slot: int
    title: str
    parameter: Parameter | None = None
    view: View | None = None


@dataclass(frozen=True)
class Maps:
    """An array laid out. `names` are the maps', `row` and `column` what is counted along a map's sides."""

    values: Array
    names: tuple[str, ...]
    row: str
    column: str


def layout(program: Program, subject: Subject, array: Array) -> Maps:
    """The maps of an array, which has the subject's shape (of its gradient as well)."""
    if subject.view is not None and subject.parameter is not None:
        return _view_maps(subject.view, subject.view.of(array))
    batched = program.slots[subject.slot].batched
    return laid_out(array[..., 0] if batched else array)


def quantity_at(program: Program, subject: Subject, slot: int, place: tuple[int, int, int]) -> Quantity:
    """The number in a cell: element of `slot`, which is the subject's own or that of its gradient."""
    described = program.slots[subject.slot]
    shape = subject.parameter.shape if subject.parameter is not None else described.shape
    numbers = np.arange(int(np.prod(shape, dtype=int))).reshape(shape)
    laid = (
        _view_maps(subject.view, subject.view.of(numbers)) if subject.view is not None else laid_out(numbers)
    ).values
    flat = int(laid[place])
    return Quantity(slot, tuple(int(i) for i in np.unravel_index(flat, shape)) if shape else ())


def subjects_of(program: Program, slot: int, title: str) -> list[Subject]:
    """A slot as what can be looked at: a parameter by its views."""
    if program.slots[slot].role is Role.PARAMETER:
        parameter = next(p for p in program.parameters if p.slot == slot)
        return [Subject(slot, view.name, parameter, view) for view in parameter.views]
    return [Subject(slot, title)]


def laid_out(array: Array) -> Maps:
    """The maps of one example's values."""
    match array.ndim:
        case 0:
            return Maps(array.reshape(1, 1, 1), ("",), "", "")
        case 1:
            return Maps(array.reshape(1, -1, 1), ("",), "unit", "value")
        case 2:
            return Maps(array[None], ("",), "time", "unit")
    maps = array.reshape(-1, *array.shape[-2:])
    return Maps(maps, tuple(nth("map", i) for i in range(len(maps))), "row", "column")


def _view_maps(view: View, array: Array) -> Maps:
    names = view.axis_names
    match array.ndim:
        case 1:
            return Maps(array.reshape(1, -1, 1), ("",), names[0] if names else "unit", "value")
        case 2:
            return Maps(array[None], ("",), *(names if len(names) == 2 else ("row", "column")))
    maps = array.reshape(-1, *array.shape[-2:])
    told = names[:-2] if len(names) == array.ndim else tuple(nth("axis", i) for i in range(array.ndim - 2))
    titles = tuple(", ".join(map(nth, told, index)) for index in np.ndindex(array.shape[:-2]))
    return Maps(maps, titles, *(names[-2:] if len(names) == array.ndim else ("row", "column")))
