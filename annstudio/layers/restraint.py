"""Keeping weights small: penalties that are part of the loss, and a limit on what comes into a unit.

Sources: Tibshirani (1996) for L1, Hoerl & Kennard (1970) for L2; Srebro et al. (2005) for the largest norm.
"""

import math
from collections.abc import Iterator
from itertools import takewhile

import numpy as np
from pydantic import Field

from annstudio.engine.account import Factor, See, Term, constant, derived, setting
from annstudio.engine.builder import Builder
from annstudio.engine.op import Array, Index, Limit, Op, Shape
from annstudio.engine.program import Parameter, View
from annstudio.layers.trained import Trainable

Region = tuple[tuple[int, int], tuple[int, int]]
"""From where to where in the rows and columns of a stored array."""


class Restrained(Trainable):
    """Whether a layer's weights learn, and what keeps them small."""

    l1: float = Field(0.0, ge=0, le=1000, title="L1", description="What a weight's size adds to the loss; 0: nothing.")
    l2: float = Field(
        0.0, ge=0, le=1000, title="L2", description="What a weight's square adds to the loss; 0: nothing."
    )
    max_norm: float = Field(
        0.0,
        ge=0,
        le=1e6,
        title="Largest norm",
        description="The weights into a unit are never longer; 0: no limit.",
    )


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
        parts = [(self.l1, "|«0»|"), (self.l2, "«0»^2")]
        template = " + ".join(f"{setting(size)} · {part}" for size, part in parts if size)
        return [Term((see("w", *place),), template, self._share) for place in _places(self.regions)]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        """One term for each penalty that is laid on the weight."""
        if not any(rows[0] <= index[0] < rows[1] and columns[0] <= index[1] < columns[1] for rows, columns in
                   self.regions):  # fmt: skip
            return []
        l1, l2, w = self.l1, self.l2, see("w", *index)
        sign = Term((w,), rf"{setting(l1)} · \mathrm{{sign}}(«0»)", lambda w: l1 * float(np.sign(w)))
        pull = Term((w,), rf"2 · {setting(l2)} · «0»", lambda w: 2 * l2 * w)
        slopes = {**({"L1": sign} if l1 else {}), **({"L2": pull} if l2 else {})}
        return [Term((see("dy"), derived(name, slope))) for name, slope in slopes.items()]

    def _share(self, w: float) -> float:
        return self.l1 * abs(w) + self.l2 * w * w


class Shortened(Limit):
    """The weights into a unit, shortened to the largest norm where they are longer. `axis` is that of the units.

    `turns`: so many units take turns along the columns (stamps of a transposed convolution); 0: every column is one.
    Where some of them are locked the others give way: they are shortened to what the locked ones leave them.
    """

    formula = r"w^{+} = w \cdot \min\left(1,\; \frac{c}{\lVert w \rVert}\right)"

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

    def account(self, see: See, index: Index) -> list[Term]:
        """The weight times what shortens it. `see` has, beside `w`, what must not move as `still`."""
        w = see("w", *index)
        for part in parts_of(self.regions):
            if all(range_.start <= i < range_.stop for range_, i in zip(part, index, strict=True)):
                place = tuple(i - range_.start for range_, i in zip(part, index, strict=True))
                return [self._shortening(w, see.arrays["w"][part], see.arrays["still"][part], place)]
        return [Term((w,))]

    def _shortening(self, factor: Factor, w: Array, still: Array, place: Index) -> Term:
        if self.turns:
            place = (int(np.ravel_multi_index(place, w.shape)) // self.turns, place[1] % self.turns)
            w, still = w.reshape(-1, self.turns), still.reshape(-1, self.turns)
        group = (place[0], slice(None)) if self.axis == 0 else (slice(None), place[1])
        own, held = np.square(w[group]), still[group]
        if still[place] or np.sqrt(own.sum()) <= self.limit:
            return Term((factor,))
        limit = Factor("c", (), self.limit)
        length = Factor(r"\lVert \tilde{w} \rVert", (), float(np.sqrt(np.where(held, 0, own).sum())))
        if not held.any():
            return Term((factor, limit, length), r"«0» \cdot \frac{«1»}{«2»}", lambda w, c, norm: w * c / norm)
        taken = Factor(r"\lVert w_{\text{locked}} \rVert", (), float(np.sqrt(np.where(held, own, 0).sum())))
        template = r"«0» \cdot \frac{\sqrt{\max(«1»^2 - «3»^2, 0)}}{«2»}"
        return Term((factor, limit, length, taken), template,
                    lambda w, c, norm, locked: w * math.sqrt(max(c * c - locked * locked, 0)) / norm)  # fmt: skip


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
