"""Which arrays are shown side by side: what an operation read or wrote beside its gradient, before beside after, the
shares of a gradient beside their sum, the input beside what it contributed."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from annstudio.engine.op import Array
from annstudio.engine.program import AnyStep, Role, Step, Update
from annstudio.explain.attribution import Contributions, FromInput, Source, ToOutputs
from annstudio.explain.names import plain
from annstudio.explain.report import net_slot
from annstudio.explain.told import Quantity
from annstudio.explain.words import slot_word
from annstudio.ordinals import nth
from annstudio.ui.explain.array_maps import Maps, Subject, laid_out, layout, quantity_at, subjects_of
from annstudio.ui.explain.lights import NOTHING, Lights, Marks
from annstudio.ui.explain.tour import Tour
from annstudio.ui.numbers import count_text

Place = tuple[int, int, int]


@dataclass(frozen=True)
class Exhibit:
    """An array laid out, or why there is none. `asks` says which question a click on a cell asks."""

    title: str
    words: str = ""
    maps: Maps | None = None
    signed: bool = True
    marks: Marks = NOTHING
    asks: Callable[[Place], Quantity] | None = None


@dataclass(frozen=True)
class Pair:
    """Two exhibits side by side, worked out when they are wanted."""

    title: str
    left: Callable[[], Exhibit]
    right: Callable[[], Exhibit]


class Exhibition:
    """Makes the pairs of one moment."""

    def __init__(self, tour: Tour, lights: Lights) -> None:
        self.tour, self.lights = tour, lights
        self.program = tour.program

    def of_step(self, step: AnyStep) -> list[Pair]:
        """The arrays of an operation, what it wrote first."""
        if isinstance(step, Update):
            subjects = [
                s for i in step.parameters for s in subjects_of(self.program, self.program.parameters[i].slot, "")
            ]
            return [
                Pair(s.title, self._showing(s, s.slot, f"{s.title} before"), partial(self._after, s)) for s in subjects
            ]
        added = next((of for of, gradient in self.program.gradients.items() if gradient == step.output), None)
        if not step.backward and added is not None:
            return self._added(step, added)
        if step.backward:
            slots = [of for of, to in zip(step.inputs, step.gradients, strict=True) if to is not None]
            slots.sort(key=lambda slot: self.program.slots[slot].role is not Role.PARAMETER)
        else:
            slots = [step.output, *step.inputs, *step.buffers.values()]
        shown = [slot for slot in slots if self.program.slots[slot].shown]
        return [
            self._with_gradient(step, subject)
            for slot in dict.fromkeys(shown)
            for subject in subjects_of(self.program, slot, self._title(slot))
        ]

    def of_question(self, question: FromInput) -> list[Pair]:
        """The input, and what each of its numbers contributed to the number that is asked about; nothing while that
        is being worked out."""
        answer = self.tour.answer(question)
        sources = answer.sources if isinstance(answer, Contributions) else ()
        name = plain(self.tour.explainer.symbol(question))
        return [
            Pair(
                f"{self._title(source.slot)} to {name}",
                self._showing(Subject(source.slot, self._title(source.slot)), source.slot, self._title(source.slot)),
                partial(self._contributed, source, f"Contribution to {name}"),
            )
            for source in sources
        ]

    # Private ---------------------------------------------------------------------------------------------------------

    def _title(self, slot: int) -> str:
        return f"{slot_word(self.program, slot)} of {self.tour.names.seen(self.program.slots[slot].node)}"

    def _with_gradient(self, step: Step, subject: Subject) -> Pair:
        gradient = self.program.gradients.get(subject.slot)
        if step.backward and subject.slot in step.inputs:
            # Where paths meet, this operation wrote only its own share.
            gradient = step.gradients[step.inputs.index(subject.slot)]
        title = subject.title
        values = self._showing(subject, subject.slot, title)
        return Pair(title, values, self._showing(subject, gradient, _gradient_title(subject)))

    def _added(self, step: Step, of: int) -> list[Pair]:
        """Every share of a gradient beside the sum of all."""
        pairs = []
        for subject in subjects_of(self.program, of, self._title(of)):
            total = self._showing(subject, step.output, f"⊕ Sum: {_gradient_title(subject)}")
            for i, share in enumerate(step.inputs):
                writer = self.program.steps[self.tour.stepper.written_by[share]]
                way = " · ".join(word for word in (writer.node, writer.scope) if word)
                title = f"{subject.title}: {nth('share', i)} of {len(step.inputs)}, by {way}"
                pairs.append(Pair(title, self._showing(subject, share, title), total))
        return pairs

    def _showing(self, subject: Subject, slot: int | None, title: str) -> Callable[[], Exhibit]:
        return partial(self._exhibit, subject, slot, title)

    def _exhibit(self, subject: Subject, slot: int | None, title: str) -> Exhibit:
        """A slot as it is now; of a weight the value that the batch began with."""
        tour, walk = self.tour, self.tour.walk
        assert walk is not None
        if slot is None:
            return Exhibit(title, self._why_none(subject))
        described = self.program.slots[slot]
        if not walk.known(slot, (0,) * len(described.shape)):
            done = count_text(walk.moments.reached(walk.stepper.written_by.get(slot, 0) + 1))
            return Exhibit(title, f"Not computed yet: that is step {done} of {count_text(len(walk))}.")
        if described.role in (Role.PARAMETER, Role.STATE):
            return self._laid_out(subject, slot, title, tour.stepper.before_update(slot), before=True)
        return self._laid_out(subject, slot, title, tour.array(slot))

    def _why_none(self, subject: Subject) -> str:
        """Why there is no gradient of an array."""
        node = self.program.slots[subject.slot].node
        net = net_slot(self.program, node)
        judged = any(one.output == subject.slot for one in self.program.judged)
        if judged and net is not None and net in self.program.gradients:
            return f"Loss and activation go back in one step: straight to ∂E/∂net of {node}."
        return "The error does not flow back to it."

    def _after(self, subject: Subject) -> Exhibit:
        """A weight's new values."""
        title, stepper = f"{subject.title} after", self.tour.stepper
        assert subject.parameter is not None
        if not stepper.updated(self.program.parameters.index(subject.parameter)):
            return Exhibit(title, "Not updated yet.")
        return self._laid_out(subject, subject.slot, title, stepper.array(subject.slot))

    def _laid_out(self, subject: Subject, slot: int, title: str, array: Array, *, before: bool = False) -> Exhibit:
        maps = layout(self.program, subject, array)
        role = self.program.slots[slot].role
        grey = role not in (Role.GRADIENT, Role.PARAMETER) and bool(maps.values.size) and float(maps.values.min()) >= 0
        asks = partial(quantity_at, self.program, subject, slot)
        return Exhibit(
            title, maps=maps, signed=not grey, marks=self._marks(subject, None if before else slot), asks=asks
        )

    def _contributed(self, source: Source, title: str) -> Exhibit:
        subject = Subject(source.slot, title)

        def asks(place: Place) -> Quantity:
            pixel = quantity_at(self.program, subject, source.slot, place)
            return ToOutputs(pixel.slot, pixel.index)

        return Exhibit(title, maps=laid_out(source.products), marks=self._marks(subject, source.slot), asks=asks)

    def _marks(self, subject: Subject, slot: int | None) -> Marks:
        """What is marked on an array of values, or of their gradients: `slot` is which of them is being written."""
        if subject.parameter is not None:
            coming = None if slot is None else self.lights.coming.get(slot)
            masks = (self._asked(subject), None, None, coming)
            return Marks(*(None if mask is None else layout(self.program, subject, mask).values for mask in masks))
        marks = self.lights.on(subject.slot, self.program.slots[subject.slot].shape, slot)
        return marks.as_seen(lambda mask: laid_out(mask).values)

    def _asked(self, subject: Subject) -> Array | None:
        """The weight that is asked about, or that has just come into being, where it is one of these."""
        walk = self.tour.walk
        about = self.tour.question or (walk.now.quantity if walk is not None and walk.now is not None else None)
        if about is None or self.tour.names.gradient_of.get(about.slot, about.slot) != subject.slot:
            return None
        assert subject.parameter is not None
        mask = np.zeros(subject.parameter.shape, bool)
        mask[about.index] = True
        return mask if subject.view is None or subject.view.of(mask).any() else None


def _gradient_title(subject: Subject) -> str:
    return f"∂E/∂{subject.title}"
