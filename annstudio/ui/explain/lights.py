"""What is lit on arrays: what the number at hand was made of and what it reaches, who won, and what was off."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from annstudio.engine.op import Array, Shape
from annstudio.engine.program import Program, Role, Step
from annstudio.engine.sight import Bools
from annstudio.explain.told import Quantity
from annstudio.explain.winners import winners
from annstudio.layers.steady import Masked, MaskedFeatures
from annstudio.ui.explain.tour import Tour

Masks = Mapping[int, Bools]
"""By slot, in the shape of one example."""


@dataclass(frozen=True, eq=False)
class Marks:
    """What is said about an array's elements; each an array of its shape, or None where nothing is."""

    lit: Bools | None = None
    won: Bools | None = None
    off: Bools | None = None
    coming: Bools | None = None
    """What has not come into being yet."""

    @property
    def masks(self) -> tuple[Bools | None, ...]:
        return (self.lit, self.won, self.off, self.coming)

    def say_the_same(self, other: "Marks") -> bool:
        return all(
            one is two or (one is not None and two is not None and np.array_equal(one, two))
            for one, two in zip(self.masks, other.masks, strict=True)
        )

    def as_seen(self, see: Callable[[Array], Array]) -> "Marks":
        """The same marks on an array that is laid out anew."""
        return Marks(*(None if mask is None else see(mask) for mask in self.masks))

    def __bool__(self) -> bool:
        return any(mask is not None for mask in self.masks)


NOTHING = Marks()


@dataclass(frozen=True, eq=False)
class Lights:
    """The marks of all arrays at one moment. `about` is the number whose field is lit."""

    about: Quantity | None = None
    lit: Masks = field(default_factory=dict)
    won: Masks = field(default_factory=dict)
    off: Masks = field(default_factory=dict)
    coming: Masks = field(default_factory=dict)

    def on(self, slot: int, shape: Shape, shown: int | None) -> Marks:
        """The marks of an array of this shape, or of its gradient: `shown` is which of them. With a number at hand,
        arrays outside its field are dark as a whole."""
        lit = self.lit.get(slot)
        if lit is None and self.about is not None:
            lit = np.zeros(shape, bool)
        return Marks(lit, self.won.get(slot), self.off.get(slot), None if shown is None else self.coming.get(shown))


def lights_of(tour: Tour) -> Lights:
    """What is lit at the moment at hand: for the question, else for the number that has just come into being."""
    about = subject_of(tour)
    lit: Masks = {}
    walk = tour.walk
    if about is not None:
        lit = tour.fields_of(about)
    elif walk is not None and walk.place and walk.current is not None:
        lit = tour.receptive.of_moment(walk.current)
    return Lights(about, lit, _won(tour, about), _off(tour), walk.coming if walk is not None else {})


def subject_of(tour: Tour) -> Quantity | None:
    """The value that a question, or the moment at hand, is about; of a gradient the value whose it is."""
    walk = tour.walk
    quantity = tour.question or (walk.now.quantity if walk is not None and walk.now is not None else None)
    if quantity is None:
        return None
    slot = tour.names.gradient_of.get(quantity.slot, quantity.slot)
    described = tour.program.slots[slot]
    if described.role not in (Role.FEED, Role.VALUE) or not described.shape:
        return None
    return Quantity(slot, quantity.index)


def _won(tour: Tour, about: Quantity | None) -> dict[int, Bools]:
    """The winners of the number at hand, else of the operation at hand."""
    walk = tour.walk
    assert walk is not None
    found: dict[int, Bools] = {}
    for i, step in enumerate(tour.program.steps):
        if not isinstance(step, Step) or step.backward or not step.op.chooses or i >= walk.stepper.position:
            continue
        asked = about is not None and step.output == about.slot
        if asked or (about is None and _at_hand(tour, step)):
            found |= winners(tour.stepper.run, step, about if asked else None, tour.example)
    return found


def _at_hand(tour: Tour, step: Step) -> bool:
    """Whether an operation, or its way back, is what the moment does."""
    walk = tour.walk
    assert walk is not None
    steps = (tour.program.steps[i] for i in walk.span)
    return any(isinstance(now, Step) and now.output == step.output and now.op == step.op for now in steps)


def _off(tour: Tour) -> dict[int, Bools]:
    """The units that dropout has turned off, where that is known by now."""
    found = {}
    for step in _masked(tour.program):
        mask = step.inputs[1]
        array = tour.stepper.array(mask)[..., tour.example]
        shapes = [tour.program.slots[slot].shape for slot in step.inputs]
        if tour.stepper.known(step.output):
            found[step.output] = step.op.sight(1, *shapes).seeing(np.asarray(array == 0), shapes[0])
    return found


def _masked(program: Program) -> list[Step]:
    return [
        step
        for step in program.steps
        if isinstance(step, Step) and not step.backward and isinstance(step.op, Masked | MaskedFeatures)
    ]
