"""Which numbers of a batch a worksheet can ask for, in the order of the calculation, and how many there are.

They are called as everywhere (`explain/number_names.py`); what the update makes of a weight has a name of its own here,
`new output.W[1,0]`. A worksheet keeps the names, so that it can be opened again, and after the network was changed
says what is gone.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

import numpy as np

from annstudio.engine.op import Index
from annstudio.engine.program import Phase, Program, Role, Step
from annstudio.errors import GraphError
from annstudio.explain.derivation import Explainer
from annstudio.explain.names import plain
from annstudio.explain.number_names import Named, NumberNames
from annstudio.explain.told import Quantity

NEW = "new "
"""Stands before the name of a weight where the one after the update is meant."""
MOST_SHARES = 12
"""The shares of a loss that is a sum of more are not listed."""


def symbol_text(latex: str) -> str:
    """A number's symbol as plain text; of a weight after the update w₅⁺."""
    return plain(latex).replace("^+", "⁺")


class Kind(StrEnum):
    """What is asked about, in the order of the calculation."""

    FORWARD = "forward"
    LOSS = "loss"
    DELTA = "deltas"
    GRADIENT = "gradients"
    NEW = "new weights"


@dataclass(frozen=True)
class Asked:
    """A number that can be asked. Of a new weight the quantity is the weight itself."""

    name: str
    kind: Kind
    quantity: Quantity
    node: str
    """The layer that it belongs to."""

    @property
    def new(self) -> bool:
        return self.kind is Kind.NEW


@dataclass(frozen=True)
class Group:
    """All numbers of one array: `hidden.net`. They are listed only when asked for. Of new weights the array is that of
    the weights themselves."""

    kind: Kind
    node: str
    array: Named

    @property
    def name(self) -> str:
        return f"{NEW if self.kind is Kind.NEW else ''}{self.array.name}"

    @property
    def slot(self) -> int:
        return self.array.slot


class Catalogue:
    """Every number of a batch of one program that can be asked, by name."""

    def __init__(self, explainer: Explainer) -> None:
        self.explainer = explainer
        self.stepper = explainer.stepper
        self.program: Program = explainer.program
        self.n = self.stepper.n
        self.names = explainer.names
        self.number_names = NumberNames(self.names, self.n)
        self._shares: dict[int, tuple[Quantity, ...]] = {}

    # Groups ----------------------------------------------------------------------------------------------------------

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """Every array with numbers to ask, in the order of the calculation."""
        return tuple(group for group in (*self._computed(), *self._new()) if self.size(group))

    def _computed(self) -> Iterator[Group]:
        """What steps write: values on the way forward, gradients on the way back."""
        for position, slot in sorted((at, slot) for slot, at in self.stepper.written_by.items()):
            step, described = self.program.steps[position], self.program.slots[slot]
            if not isinstance(step, Step) or described.dtype != "float" or not described.shown:
                continue
            if described.role is Role.VALUE and not step.op.relays:
                kind = Kind.LOSS if step.phase is Phase.LOSS else Kind.FORWARD
                yield from (Group(kind, described.node, array) for array in self.number_names.arrays_in(slot))
            elif described.role is Role.GRADIENT:
                yield from self._gradients(slot, relayed=step.op.relays)

    def _gradients(self, slot: int, *, relayed: bool) -> Iterator[Group]:
        of = self.program.slots[self.names.gradient_of[slot]]
        if of.role is Role.PARAMETER:
            yield from (Group(Kind.GRADIENT, of.node, array) for array in self.number_names.learned_in(slot))
        elif of.role is Role.VALUE and of.shape and not relayed:
            yield from (Group(Kind.DELTA, of.node, array) for array in self.number_names.arrays_in(slot))

    def _new(self) -> Iterator[Group]:
        for parameter in self.program.parameters:
            if self.program.gradients.get(parameter.slot) is not None:
                yield from (
                    Group(Kind.NEW, parameter.node, array) for array in self.number_names.learned_in(parameter.slot)
                )

    @cached_property
    def _per_example(self) -> frozenset[int]:
        """The losses of the examples, before their mean: with one example that is the same number."""
        slots, losses = self.program.slots, set(self.program.losses.values())
        steps = [s for s in self.program.steps if isinstance(s, Step) and s.output in losses and not s.backward]
        return frozenset(slot for step in steps for slot in step.inputs if slots[slot].batched)

    def is_mean_of_one(self, step: Step) -> bool:
        """Whether a step takes the mean over the examples where there is but one."""
        return self.n == 1 and not step.backward and len(step.inputs) == 1 and step.inputs[0] in self._per_example

    def title(self, group: Group) -> str:
        """What a group is called in lists: ∂E/∂net of hidden."""
        what = group.array.head.removeprefix("d ").removeprefix(f"{group.node}.")
        what = self.program.slots[group.slot].name if group.slot == self.program.loss else what
        words = {Kind.DELTA: "∂E/∂{}", Kind.GRADIENT: "∂E/∂{}", Kind.NEW: "new {}"}.get(group.kind, "{}").format(what)
        return f"{words} of {group.node} {group.array.tail}".strip()

    # Members ---------------------------------------------------------------------------------------------------------

    def size(self, group: Group) -> int:
        """How many numbers a group has."""
        n = math.prod(group.array.shape) * (self.n if self.program.slots[group.slot].batched else 1)
        return (0 if self._says_nothing_new(group) else n) + len(self.shares(group))

    def _says_nothing_new(self, group: Group) -> bool:
        return self.n == 1 and group.slot in self._per_example

    def members(self, group: Group, most: int | None = None) -> tuple[Asked, ...]:
        """All numbers of a group, or the first of them, example by example; the outputs' shares come before the loss
        that they make."""
        if not self.shares(group):
            size = self.size(group)
            return tuple(self._member(group, k) for k in range(size if most is None else min(size, most)))
        found = []
        for example in range(self.n):
            found += [self._asked(group, share) for share in self.shares(group) if share.example == example]
            found += [] if self._says_nothing_new(group) else [self._member(group, example)]
        return tuple(found)

    def _member(self, group: Group, k: int) -> Asked:
        """The k-th of a group's numbers, shares aside."""
        shape = group.array.shape
        example, place = divmod(k, math.prod(shape))
        index = tuple(int(i) for i in np.unravel_index(place, shape)) if shape else ()
        found = self._at(group, index, example)
        assert found is not None
        return found

    def _at(self, group: Group, place: Index, example: int | None) -> Asked | None:
        """The number of a group that users see at a place; None where there is none."""
        index = group.array.index(place)
        return None if index is None else self._asked(group, self.located(Quantity(group.slot, index, example)))

    def _asked(self, group: Group, quantity: Quantity) -> Asked:
        name = self.number_names.name(quantity)
        return Asked(f"{NEW}{name}" if group.kind is Kind.NEW else name, group.kind, quantity, group.node)

    def shares(self, group: Group) -> tuple[Quantity, ...]:
        """The outputs' shares of a loss, where the group is a loss for each example that is a sum of several."""
        judged = {judged.target for judged in self.program.judged}
        step = self.program.steps[self.stepper.written_by.get(group.slot, 0)]
        if group.kind is not Kind.LOSS or not isinstance(step, Step) or not judged & set(step.inputs):
            return ()
        if group.slot not in self._shares:
            with self.stepper.visit(self.stepper.end_of(Phase.LOSS)):
                found = [self.explainer.shares(group.slot, example) for example in range(self.n)]
            few = all(len(shares) <= MOST_SHARES for shares in found)
            self._shares[group.slot] = tuple(share for shares in found for share in shares) if few else ()
        return self._shares[group.slot]

    def drawn(self, groups: Sequence[Group], most: int, seed: int) -> tuple[Asked, ...]:
        """At most so many numbers of these groups, drawn at random; all where they are not more."""
        sizes = [self.size(group) for group in groups]
        total = sum(sizes)
        if total <= most:
            return tuple(asked for group in groups for asked in self.members(group))
        chosen = np.sort(np.random.default_rng(seed).choice(total, most, replace=False, shuffle=False))
        found, start = [], 0
        for group, size in zip(groups, sizes, strict=True):
            inside = chosen[(chosen >= start) & (chosen < start + size)] - start
            members = self.members(group) if len(inside) and self.shares(group) else ()
            found += [members[i] if members else self._member(group, int(i)) for i in inside]
            start += size
        return tuple(found)

    # Finding ---------------------------------------------------------------------------------------------------------

    def find(self, name: str) -> Asked:
        """The number of that name, however it is spelled. Raises GraphError in plain words where there is none that
        can be asked."""
        found = self._new_one(name) or self._found(name, new=False)
        if found is None:
            raise GraphError(f"This network has no number {name!r}.", "Take it off the sheet.")
        return found

    def _new_one(self, name: str) -> Asked | None:
        return self._found(name.removeprefix(NEW), new=True) if name.startswith(NEW) else None

    def _found(self, name: str, *, new: bool) -> Asked | None:
        quantity = self.number_names.find(name)
        quantity = None if quantity is None else self.located(quantity)
        group = None if quantity is None else self._group(quantity, new=new)
        if quantity is None or group is None:
            return None
        there = not self._says_nothing_new(group) if quantity.term is None else quantity in self.shares(group)
        return self._asked(group, quantity) if there else None

    def _group(self, quantity: Quantity, *, new: bool) -> Group | None:
        array, _ = self.number_names.place(quantity)
        return self._by_array.get((array.name, new))

    @cached_property
    def _by_array(self) -> dict[tuple[str, bool], Group]:
        return {(group.array.name, group.kind is Kind.NEW): group for group in self.groups}

    def has(self, name: str) -> bool:
        """Whether there is a number of that name."""
        try:
            self.find(name)
        except GraphError:
            return False
        return True

    def written(self, name: str) -> str:
        """A name as it is spelled here; one that is not known as it is."""
        try:
            return self.find(name).name
        except GraphError:
            return name

    def group_of(self, asked: Asked) -> Group:
        """The group that a number belongs to."""
        group = self._group(asked.quantity, new=asked.new)
        assert group is not None
        return group

    def located(self, quantity: Quantity) -> Quantity:
        """The same number written in one way: with its example where the slot has one per example, else without."""
        batched = self.program.slots[quantity.slot].batched
        return replace(quantity, example=(quantity.example or 0) if batched else None)

    def mirrored(self, asked: Asked) -> Asked | None:
        """The number at the mirrored place of the same matrix of weights; None where there is no other."""
        array, place = self.number_names.place(asked.quantity)
        if array.parameter is None or len(array.parameter.views[0].axis_names) != 2 or len(place) != 2:
            return None
        other = self._at(self.group_of(asked), place[::-1], None)
        return other if other is not None and other.quantity != asked.quantity else None

    def symbol(self, asked: Asked) -> str:
        """What it is called, as LaTeX; of a weight after the update w₅⁺, of one output's share of a loss E_o1."""
        if asked.quantity.term is not None:
            with self.stepper.visit(self.stepper.end_of(Phase.LOSS)):
                return self.explainer.derive(asked.quantity).symbol
        symbol = self.names.of(asked.quantity.slot, asked.quantity.index)
        return f"{symbol}^{{+}}" if asked.new else symbol

    def ordered(self, names: Iterable[str]) -> tuple[str, ...]:
        """These names in the order of the calculation; those that are not known last."""
        order = {group.name: i for i, group in enumerate(self.groups)}

        def key(name: str) -> tuple[int, int, float, Index]:
            try:
                asked = self.find(name)
            except GraphError:
                return len(order), 0, 0.0, ()
            of = asked.quantity
            term = math.inf if of.term is None else float(of.term)
            return order[self.group_of(asked).name], of.example or 0, term, self.number_names.place(of)[1]

        return tuple(sorted(dict.fromkeys(names), key=key))
