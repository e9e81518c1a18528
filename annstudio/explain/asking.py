"""What numbers are called where they are typed, and which number a name means.

`hidden.out[0]`, `conv_1.out[2,3,0]`, `hidden.W[0,1]`, `lstm_1.i[2] t=3`, `loss.e[1]`, `loss`; the gradient of any of
them has a d before it: `d hidden.net[0]`, and where several paths lead to it one path's share says by which:
`d hidden.out[0] via left`. Places count from 0 and are those that users see: channels last, weights by their views.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property

from annstudio.engine.layout import user_shape
from annstudio.engine.op import Index, Shape
from annstudio.engine.program import Parameter, Role, View
from annstudio.errors import GraphError
from annstudio.explain.derivation import Quantity
from annstudio.explain.names import Names

_TYPED = re.compile(r"(?P<array>.+?)\s*(?:\[(?P<place>[\d,\s-]*)\](?P<scope>(?:[\s\w][^\[\]]*)?))?")
_OF_EXAMPLE = re.compile(r"(.*?)\s+of example (-?\d+)")
_GRADIENT = re.compile(r"(?:d\s+|∂E/∂|∂|dE/d)\s*(.*)")
_OF = "∂"
"""What keys of gradients begin with."""
SHOWN_NAMES = 3
"""So many names are told where one is not known."""


@dataclass(frozen=True)
class Named:
    """An array that can be asked about: a slot, or a view of the parameter that is stored in one."""

    slot: int
    shape: Shape
    parameter: Parameter | None = None
    view: View | None = None

    def index(self, seen: Index) -> Index | None:
        """Where the number that users see at `seen` stands in the slot; None where there is none."""
        if self.view is not None and self.parameter is not None:
            return self.view.stored_at(seen, self.parameter.shape)
        if len(seen) != len(self.shape) or any(not 0 <= i < n for i, n in zip(seen, self.shape, strict=True)):
            return None
        return _engine_index(seen)


class Asking:
    """Names of all numbers of one program, for batches of `n` examples; a name that says no example means that which is
    looked at."""

    def __init__(self, names: Names, n: int = 1) -> None:
        self.names = names
        self.program = names.program
        self.n = n

    def name(self, quantity: Quantity) -> str:
        """What to type to ask about a number."""
        slot = self.program.slots[quantity.slot]
        of = self.names.gradient_of.get(quantity.slot, quantity.slot)
        array, place = self._seen(of, quantity.index)
        if quantity.term is not None:
            place = (quantity.term,)
        array, _, scope = array.partition(" @ ")
        told = f"{array}[{','.join(map(str, place))}]" if place else array
        told = f"{told} {scope}" if scope else told
        if of != quantity.slot:
            told = " ".join(filter(None, [f"d {told}", self.names.way.get(quantity.slot, "")]))
        one = slot.batched and self.n > 1 and quantity.example is not None
        return f"{told} of example {quantity.example}" if one else told

    def quantity(self, text: str) -> Quantity:
        """The number that is meant. Raises GraphError in plain words where there is no such, with the nearest names."""
        rest: str = text.strip()
        example: int | None = None
        if found := _OF_EXAMPLE.fullmatch(rest):
            rest, example = found[1], int(found[2])
            if not 0 <= example < self.n:
                raise GraphError(f"There is no example {example} in the batch.", f"It has {self.n}, counted from 0.")
        sign = ""
        if found := _GRADIENT.fullmatch(rest):
            sign, rest = _OF, found[1]
        head, _, way = rest.partition(" via ")
        typed = _TYPED.fullmatch(head.strip())
        if typed is None:
            raise self._unknown(text)
        key = sign + _key(f"{typed['array']} {typed['scope'] or ''}") + (_key(f"via {way}") if way else "")
        if key not in self._known:
            raise self._unknown(text)
        place = tuple(int(part) for part in (typed["place"] or "").split(",") if part.strip())
        return self._placed(text, self._known[key], place, example)

    @property
    def arrays(self) -> Iterator[str]:
        """The names of all arrays that can be asked about, but the gradients."""
        yield from (name.replace(" @ ", " ") for name in self._arrays.values())
        yield from (f"{p.node}.{view.name}" for p in self.program.parameters for view in p.views)

    def written(self, slot: int) -> tuple[str, ...]:
        """The names of the arrays that stand in a slot: of weights those that users see."""
        of = self.names.gradient_of.get(slot, slot)
        if of in self._parameters:
            parameter = self._parameters[of]
            names = [f"{parameter.node}.{view.name}" for view in parameter.views]
        else:
            names = [self._arrays[of].replace(" @ ", " ")] if of in self._arrays else []
        if of != slot:
            way = self.names.way.get(slot, "")
            return tuple(f"d {name} {way}".strip() for name in names)
        return tuple(names)

    # Private ---------------------------------------------------------------------------------------------------------

    def _placed(self, text: str, named: Named, place: Index, example: int | None) -> Quantity:
        index = named.index(place)
        example = example if self.program.slots[named.slot].batched else None
        if index is None and not named.shape and len(place) == 1 and self._is_sum(named.slot) and place[0] >= 0:
            return Quantity(named.slot, (), example, place[0])
        if index is None:
            last = ",".join(str(size - 1) for size in named.shape)
            first = ",".join("0" for _ in named.shape)
            told = f"has the places [{first}] to [{last}]" if named.shape else "is one number, without places"
            raise GraphError(f"There is no number {text!r}.", f"The array {told}.")
        return Quantity(named.slot, index, example)

    def _is_sum(self, slot: int) -> bool:
        """Whether a slot is the loss of one example, which has an output's share for every place."""
        return self.program.slots[slot].node in self.program.losses and slot not in self.program.losses.values()

    def _seen(self, slot: int, index: Index) -> tuple[str, Index]:
        """The name of the array that a number stands in, and where users see it."""
        described = self.program.slots[slot]
        if described.role is Role.PARAMETER:
            parameter = self._parameters[slot]
            for view in parameter.views:
                place = view.seen_at(index, parameter.shape)
                if place is not None:
                    return f"{described.node}.{view.name}", place
        return self._arrays[slot], _user_index(index)

    @cached_property
    def _parameters(self) -> dict[int, Parameter]:
        return {parameter.slot: parameter for parameter in self.program.parameters}

    @cached_property
    def _arrays(self) -> dict[int, str]:
        """The name of every slot that can be asked about but parameters; where several are called alike, numbered."""
        found: dict[int, str] = {}
        often: dict[str, int] = {}
        for slot in self.program.slots:
            if slot.role in (Role.PARAMETER, Role.GRADIENT, Role.CONSTANT) or not slot.shown:
                continue
            if slot.index == self.program.loss:
                found[slot.index] = "loss"
                continue
            gives = self.program.outputs.get(slot.node) == slot.index and slot.node not in self.program.losses
            name = f"{slot.node}.{'out' if gives else slot.name}"
            scope = f" @ {_key(slot.scope)}" if slot.scope else ""
            often[name + scope] = often.get(name + scope, 0) + 1
            number = f" ({often[name + scope]})" if often[name + scope] > 1 else ""
            found[slot.index] = f"{name}{number}{scope}"
        return found

    @cached_property
    def _known(self) -> dict[str, Named]:
        """What can be typed, as keys: the names themselves, and other words for the same."""
        program = self.program
        found: dict[str, Named] = {}
        for node, slot in program.outputs.items():
            if slot in self._arrays and node not in program.losses:
                found[_key(f"{node}.out")] = self._named(slot)
        for slot, name in self._arrays.items():
            described = program.slots[slot]
            own = _key(f"{described.node}.{described.name} {described.scope}")
            if slot == program.loss or slot in program.outputs.values():
                found.setdefault(own, self._named(slot))
            found[_key(name.replace(" @ ", " "))] = self._named(slot)
        for parameter in program.parameters:
            for view in parameter.views:
                shape = view.shape_of(parameter.shape)
                found[_key(f"{parameter.node}.{view.name}")] = Named(parameter.slot, shape, parameter, view)
        return {**found, **self._gradients(found)}

    def _gradients(self, known: dict[str, Named]) -> dict[str, Named]:
        """The gradients of what has names, whole and by the paths that they come by."""
        program = self.program
        shares: dict[int, list[int]] = {}
        for gradient in self.names.way:
            shares.setdefault(self.names.gradient_of[gradient], []).append(gradient)
        found = {}
        for key, named in known.items():
            if named.slot in program.gradients:
                found[f"{_OF}{key}"] = self._like(named, program.gradients[named.slot])
            for share in shares.get(named.slot, ()):
                found[f"{_OF}{key}{_key(self.names.way[share])}"] = self._like(named, share)
        return found

    def _named(self, slot: int) -> Named:
        return Named(slot, user_shape(self.program.slots[slot].shape))

    def _like(self, named: Named, slot: int) -> Named:
        return Named(slot, named.shape, named.parameter, named.view)

    def _unknown(self, text: str) -> GraphError:
        """What to say where a name is not known, with those that are nearest."""
        typed = _GRADIENT.fullmatch(text.strip())
        array = re.sub(r"\[[\d,\s-]*\]", "", typed[1] if typed else text.strip())
        names = {_key(name): name for name in self.arrays}
        near = get_close_matches(_key(array), names, SHOWN_NAMES, 0.5) or list(names)[:SHOWN_NAMES]
        told = ", ".join(f"d {names[key]}" if typed else names[key] for key in near)
        return GraphError(f"There is no number {text!r}.", f"The nearest arrays are {told}." if told else "")


def _key(text: str) -> str:
    """A name without what does not matter: spaces, and whether a point or a stroke stands before the array's word."""
    return re.sub(r"\s+", "", text).replace("/", ".")


def _user_index(index: Index) -> Index:
    """(c, h, w) → (h, w, c), of pictures one after the other as well; others as they are."""
    return user_shape(index)


def _engine_index(index: Index) -> Index:
    """The other way round."""
    return (*index[:-3], index[-1], *index[-3:-1]) if len(index) >= 3 else index
