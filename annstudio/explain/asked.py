"""Numbers of a batch by names that last: hidden.net[0], d hidden/W[0,1], new output/W[1,0]; and which there are.

A worksheet keeps these names, so that it can be opened again, and after the network was changed says what is gone.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

import numpy as np

from annstudio.engine.op import Array, Index
from annstudio.engine.program import Parameter, Phase, Program, Role, Step, View
from annstudio.errors import GraphError
from annstudio.explain.derivation import Explainer, Quantity

MOST_SHARES = 12
"""The shares of a loss that is a sum of more are not listed."""


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
    """All numbers of one array: `hidden.net`. They are listed only when asked for."""

    name: str
    kind: Kind
    slot: int
    node: str
    parameter: Parameter | None = None
    view: View | None = None


class Catalogue:
    """Every number of a batch of one program that can be asked, by name."""

    def __init__(self, explainer: Explainer) -> None:
        self.explainer = explainer
        self.stepper = explainer.stepper
        self.program: Program = explainer.program
        self.n = self.stepper.n
        self.names = explainer.names

    # Groups ----------------------------------------------------------------------------------------------------------

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """Every array with numbers to ask, in the order of the calculation."""
        found = [*self._computed(), *self._new()]
        told: dict[str, int] = {}
        groups = []
        for group in found:
            told[group.name] = told.get(group.name, 0) + 1
            again = f"'{told[group.name]}" if told[group.name] > 1 else ""
            groups.append(replace(group, name=group.name + again))
        return tuple(group for group in groups if self.size(group))

    def _computed(self) -> Iterator[Group]:
        """What steps write: values on the way forward, gradients on the way back."""
        for position, slot in sorted((at, slot) for slot, at in self.stepper.written_by.items()):
            step, described = self.program.steps[position], self.program.slots[slot]
            if not isinstance(step, Step) or described.dtype != "float" or not described.shown:
                continue
            if described.role is Role.VALUE and not step.op.relays:
                kind = Kind.LOSS if step.phase is Phase.LOSS else Kind.FORWARD
                where = f"({described.scope})" if described.scope else ""
                yield Group(f"{described.node}.{described.name}{where}", kind, slot, described.node)
            elif described.role is Role.GRADIENT:
                yield from self._gradients(slot, relayed=step.op.relays)

    def _gradients(self, slot: int, *, relayed: bool) -> Iterator[Group]:
        of = self.program.slots[self.names.gradient_of[slot]]
        if of.role is Role.PARAMETER:
            parameter = next(p for p in self.program.parameters if p.slot == of.index)
            for view in parameter.views:
                if parameter.learns(view):
                    yield Group(f"d {parameter.key(view)}", Kind.GRADIENT, slot, of.node, parameter, view)
        elif of.role is Role.VALUE and of.shape and not relayed:
            where = f"({of.scope})" if of.scope else ""
            yield Group(f"d {of.node}.{of.name}{where}", Kind.DELTA, slot, of.node)

    def _new(self) -> Iterator[Group]:
        for parameter in self.program.parameters:
            for view in parameter.views:
                if parameter.learns(view) and self.program.gradients.get(parameter.slot) is not None:
                    yield Group(f"new {parameter.key(view)}", Kind.NEW, parameter.slot, parameter.node, parameter, view)

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
        what = group.name.rpartition("/" if group.view is not None else f"{group.node}.")[2]
        words = {Kind.DELTA: "∂E/∂{}", Kind.GRADIENT: "∂E/∂{}", Kind.NEW: "new {}"}.get(group.kind, "{}").format(what)
        return f"{words} of {group.node}"

    # Members ---------------------------------------------------------------------------------------------------------

    def size(self, group: Group) -> int:
        """How many numbers a group has."""
        n = math.prod(self._shape(group)) * (self.n if self.program.slots[group.slot].batched else 1)
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
            behind = f"@{example}" if self.n > 1 else ""
            shares = [share for share in self.shares(group) if share.example == example]
            found += [Asked(f"{group.name}#{share.term}{behind}", group.kind, share, group.node) for share in shares]
            found += [] if self._says_nothing_new(group) else [self._member(group, example)]
        return tuple(found)

    def _member(self, group: Group, k: int) -> Asked:
        """The k-th of a group's numbers, shares aside."""
        shape = self._shape(group)
        example, place = divmod(k, math.prod(shape))
        index = tuple(int(i) for i in np.unravel_index(place, shape)) if shape else ()
        told = f"[{','.join(map(str, index))}]" if index else ""
        behind = f"@{example}" if self.program.slots[group.slot].batched and self.n > 1 else ""
        quantity = self.located(Quantity(group.slot, self._stored(group, index), example))
        return Asked(f"{group.name}{told}{behind}", group.kind, quantity, group.node)

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

    @cached_property
    def _shares(self) -> dict[int, tuple[Quantity, ...]]:
        return {}

    def _shape(self, group: Group) -> tuple[int, ...]:
        return self.program.slots[group.slot].shape if group.view is None else self._places(group).shape

    def _stored(self, group: Group, index: Index) -> Index:
        """Where the element that users know by this place is stored."""
        if group.parameter is None:
            return index
        place = self._places(group)[index]
        return tuple(int(i) for i in np.unravel_index(place, group.parameter.shape))

    def _places(self, group: Group) -> Array:
        """Where the numbers of a view lie in the stored array, laid out as users see them."""
        if group.name not in self._known_places:
            parameter, view = group.parameter, group.view
            assert parameter is not None
            assert view is not None
            self._known_places[group.name] = view.of(np.arange(parameter.size).reshape(parameter.shape))
        return self._known_places[group.name]

    @cached_property
    def _known_places(self) -> dict[str, Array]:
        return {}

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
        """The number of that name. Raises GraphError in plain words where there is none."""
        found = _NAME.fullmatch(name)
        group = self._by_name.get(found["group"]) if found else None
        if found is None or group is None:
            raise GraphError(f"This network has no number {name!r}.", "Take it off the sheet.")
        index = tuple(int(i) for i in (found["index"] or "").split(",") if i)
        example = int(found["example"] or 0)
        shape, batched = self._shape(group), self.program.slots[group.slot].batched
        inside = len(index) == len(shape) and all(i < size for i, size in zip(index, shape, strict=True))
        if not inside or example >= (self.n if batched else 1):
            raise GraphError(f"This network has no number {name!r}.", "Take it off the sheet.")
        quantity = self.located(Quantity(group.slot, self._stored(group, index), example))
        if found["term"] is not None:
            quantity = replace(quantity, term=int(found["term"]))
        if quantity not in self.shares(group) if quantity.term is not None else self._says_nothing_new(group):
            raise GraphError(f"This network has no number {name!r}.", "Take it off the sheet.")
        return Asked(name, group.kind, quantity, group.node)

    @cached_property
    def _by_name(self) -> dict[str, Group]:
        return {group.name: group for group in self.groups}

    def has(self, name: str) -> bool:
        """Whether there is a number of that name."""
        try:
            self.find(name)
        except GraphError:
            return False
        return True

    def group_of(self, name: str) -> Group:
        """The group that a number belongs to. Raises GraphError as `find` does."""
        self.find(name)
        found = _NAME.fullmatch(name)
        assert found is not None
        return self._by_name[found["group"]]

    def located(self, quantity: Quantity) -> Quantity:
        """The same number written in one way: with its example where the slot has one per example, else without."""
        batched = self.program.slots[quantity.slot].batched
        return replace(quantity, example=(quantity.example or 0) if batched else None)

    def mirrored(self, asked: Asked) -> Asked | None:
        """The number at the mirrored place of the same matrix of weights; None where there is no other."""
        group, index = self.group_of(asked.name), re.findall(r"\d+", asked.name.rpartition("[")[2])
        if group.parameter is None or len(group.parameter.views[0].axis_names) != 2 or len(index) != 2:
            return None
        try:
            other = self.find(f"{group.name}[{index[1]},{index[0]}]")
        except GraphError:
            return None
        return other if other != asked else None

    def symbol(self, asked: Asked) -> str:
        """What it is called, as LaTeX; of a weight after the update w₅⁺, of one output's share of a loss E_o1."""
        if asked.quantity.term is not None:
            with self.stepper.visit(self.stepper.end_of(Phase.LOSS)):
                return self.explainer.derive(asked.quantity).symbol
        symbol = self.names.of(asked.quantity.slot, asked.quantity.index)
        return f"{symbol}^{{+}}" if asked.new else symbol

    def ordered(self, names: Iterable[str]) -> tuple[str, ...]:
        """These names in the order of the calculation; those that are not known last."""
        place = {group.name: i for i, group in enumerate(self.groups)}

        def key(name: str) -> tuple[int, int, float, list[int]]:
            found = _NAME.fullmatch(name)
            if found is None:
                return len(place), 0, 0.0, []
            term = math.inf if found["term"] is None else float(found["term"])
            index = [int(i) for i in (found["index"] or "").split(",") if i]
            return place.get(found["group"], len(place)), int(found["example"] or 0), term, index

        return tuple(sorted(dict.fromkeys(names), key=key))


_NAME = re.compile(
    r"(?P<group>.*?)(?:\[(?P<index>\d{1,9}(?:,\d{1,9})*)\])?(?:#(?P<term>\d{1,9}))?(?:@(?P<example>\d{1,9}))?"
)


def renamed(name: str, names: Mapping[str, str]) -> str:
    """The same number of a network whose nodes (by path, old to new) are called otherwise."""
    found = _PATH.fullmatch(name)
    if found is None:
        return name
    path = found["path"]
    for old, new in names.items():
        if path == old or path.startswith(f"{old}/"):
            return f"{found['way']}{new}{path[len(old) :]}{found['rest']}"
    return name


_PATH = re.compile(r"(?P<way>d |new |)(?P<path>.*)(?P<rest>[./][^./]*)")
