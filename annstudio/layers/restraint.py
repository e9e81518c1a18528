"""Keeping weights small: penalties that are part of the loss, and a limit on what comes into a unit.

Sources: Tibshirani (1996) for L1, Hoerl & Kennard (1970) for L2; Srebro et al. (2005) for the largest norm.
"""

import math
from collections.abc import Iterator
from itertools import takewhile
from typing import Annotated, Protocol

import numpy as np
from pydantic import Field

from annstudio.engine.account import See, Term, constant, derived, local_slope, setting
from annstudio.engine.builder import Builder
from annstudio.engine.op import Array, Index, Limit, Op, Shape
from annstudio.engine.program import Parameter, View

L1Field = Annotated[
    float,
    Field(ge=0, le=1000, title="L1", description="What a weight's size adds to the loss; 0: nothing."),
]
L2Field = Annotated[
    float,
    Field(ge=0, le=1000, title="L2", description="What a weight's square adds to the loss; 0: nothing."),
]
MaxNormField = Annotated[
    float,
    Field(ge=0, le=1e6, title="Largest norm", description="The weights into a unit are never longer; 0: no limit."),
]

Region = tuple[tuple[int, int], tuple[int, int]]
"""From where to where in the rows and columns of a stored array."""


class Restrained(Protocol):
    """The settings that keep a layer's weights small."""

    @property
    def l1(self) -> float: ...
    @property
    def l2(self) -> float: ...
    @property
    def max_norm(self) -> float: ...


class Penalty(Op):
    """λ₁ Σ |w| + λ₂ Σ w² over a layer's weights; biases are free."""

    formula = r"P = \lambda_1 \sum |w| + \lambda_2 \sum w^2"

    def __init__(self, l1: float, l2: float, regions: tuple[Region, ...]) -> None:
        self.l1 = l1
        self.l2 = l2
        self.regions = regions

    def shape(self, *inputs: Shape) -> Shape:
        return ()

    def forward(self, y: Array, w: Array) -> None:
        parts = [w[part] for part in parts_of(self.regions)]
        y[...] = sum(self.l1 * np.abs(part).sum() + self.l2 * np.square(part).sum() for part in parts)

    def backward(self, dw: Array, dy: Array, w: Array) -> None:
        dw.fill(0)
        for part in parts_of(self.regions):
            dw[part] = (self.l1 * np.sign(w[part]) + 2 * self.l2 * w[part]) * dy

    def account(self, see: See, index: Index) -> list[Term]:
        template = self._told("|«0»|", "«0»^2")
        return [Term((see("w", *place),), template, self._share) for place in _places(self.regions)]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        if index not in set(_places(self.regions)):
            return []
        template = self._told(r"\mathrm{sign}(«0»)", "2 · «0»")
        slope = Term((see("w", *index),), template, lambda w: self.l1 * float(np.sign(w)) + 2 * self.l2 * w)
        return [Term((see("dy"), local_slope(index, slope)))]

    def _told(self, first: str, second: str) -> str:
        parts = [(self.l1, first), (self.l2, second)]
        return " + ".join(f"{setting(size)} · {part}" for size, part in parts if size)

    def _share(self, w: float) -> float:
        return self.l1 * abs(w) + self.l2 * w * w


class Shortened(Limit):
    """The weights into a unit, shortened to the largest norm where they are longer. `axis` is that of the units.

    `turns`: so many units take turns along the columns (stamps of a transposed convolution); 0: every column is one.
    Where some of them are locked the others give way: they are shortened to what the locked ones leave them.
    """

    formula = r"w^{+} = w \cdot \min\left(1,\; \frac{m}{\lVert w \rVert}\right)"

    def __init__(self, limit: float, regions: tuple[Region, ...], axis: int, turns: int = 0) -> None:
        self.limit = limit
        self.regions = regions
        self.axis = axis
        self.turns = turns

    def bound(self, w: Array, still: Array) -> None:
        for part in parts_of(self.regions):
            own, locked = w[part], still[part]
            if self.turns:
                own, locked = own.reshape(-1, self.turns), locked.reshape(-1, self.turns)
            if locked.any():
                self._shorten_free(own, ~locked)
            else:
                lengths = np.sqrt(np.square(own).sum(1 - self.axis, keepdims=True))
                own *= np.minimum(1, self.limit / np.maximum(lengths, self.limit))

    def bound_account(self, see: See, still: Array, index: Index) -> list[Term]:
        own, together = see("w", *index), self._together(index)
        if not together or still[index]:
            return [Term((own,))]
        squares = {place: Term((see("w", *place),), "«0»^2", lambda w: w * w) for place in together}
        free = derived("squares", *(term for place, term in squares.items() if not still[place]))
        limit = constant("m", self.limit)
        if all(not still[place] for place in together):
            template = r"«0» \cdot \frac{«1»}{\max(«1»,\; \sqrt{«2»})}"
            return [Term((own, limit, free), template, lambda w, m, squares: w * m / max(m, math.sqrt(squares)))]
        held = derived("held", *(term for place, term in squares.items() if still[place]))
        room = r"\max(0,\; «1»^2 - («3»))"
        template = rf"«0» \cdot \sqrt{{\frac{{{room}}}{{\max(«2»,\; {room})}}}}"
        return [Term((own, limit, free, held), template, _shortened)]

    def _together(self, index: Index) -> list[Index]:
        """The places of the weights into the unit of one of them; none for a bias."""
        for rows, columns in self.regions:
            places: list[Index] = [(i, j) for i in range(*rows) for j in range(*columns)]
            if index not in places:
                continue
            if self.turns:
                return places[places.index(index) % self.turns :: self.turns]
            return [place for place in places if place[self.axis] == index[self.axis]]
        return []

    def _shorten_free(self, w: Array, free: Array) -> None:
        squares = np.square(w)
        own = np.where(free, squares, 0).sum(1 - self.axis, keepdims=True)
        room = np.maximum(self.limit**2 - np.where(free, 0, squares).sum(1 - self.axis, keepdims=True), 0)
        share = np.sqrt(room / np.maximum(np.maximum(own, room), np.finfo(w.dtype).tiny))
        np.multiply(w, share, out=w, where=free)


def _shortened(w: float, m: float, free: float, held: float) -> float:
    room = max(0.0, m * m - held)
    return w * math.sqrt(room / max(free, room)) if free or room else w


def restrain(net: Builder, layer: Restrained) -> None:
    """Lay penalties and limits on all weights that the node at hand has by now."""
    own = list(takewhile(lambda p: p.node == net.owner, reversed(net.parameters)))
    for parameter in reversed(own):
        views = [view for view in parameter.views if view.name[0] in "WU"]
        if not views:
            continue
        w, regions = net.value_of(parameter.slot), tuple(_region(view, parameter) for view in views)
        if layer.l1 or layer.l2:
            net.penalty(Penalty(layer.l1, layer.l2, regions), w)
        if layer.max_norm and all(parameter.learns(view) for view in views):
            # Dense and recurrent layers have a row for every unit, convolutions a column for every filter.
            axis = 0 if len(views[0].axis_names) == 2 else 1
            filters = views[0].folded[-1] if views[0].folded else 0
            turns = filters if filters and parameter.shape[1] > filters else 0
            net.constrain(Shortened(layer.max_norm, regions, axis, turns), w)


def _region(view: View, parameter: Parameter) -> Region:
    rows, columns = (
        part.indices(size)[:2] if isinstance(part, slice) else (part, part + 1)
        for part, size in zip(view.where, parameter.shape, strict=True)
    )
    return (rows, columns)


def parts_of(regions: tuple[Region, ...]) -> Iterator[tuple[slice, slice]]:
    return ((slice(*rows), slice(*columns)) for rows, columns in regions)


def _places(regions: tuple[Region, ...]) -> Iterator[Index]:
    return ((i, j) for rows, columns in regions for i in range(*rows) for j in range(*columns))
