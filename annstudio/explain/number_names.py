"""Names of numbers, to be typed and kept, and which number a name means.

`hidden.out[0]`, `conv_1.out[2,3,0]`, `hidden.W[0,1]`, `lstm_1.i[2] t=3`, `loss.e[1]`, `loss`; the gradient of any of
them has a d before it: `d hidden.net[0]`, and where several paths lead to it one path's share says by which:
`d hidden.out[0] via left`. What stands in brackets are indices from 0, of the arrays that users see: channels last,
weights by their views. What stands behind them is said as everywhere else and counts from 1: `t=3` is the third time
step, `of example 2` the second of the batch. Other words are read as well: `hidden/W[0,1]`, `dE/d hidden.net[0]`.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property

from annstudio.engine.layout import engine_shape, user_shape
from annstudio.engine.op import Index, Shape
from annstudio.engine.program import Parameter, Role, View
from annstudio.errors import GraphError
from annstudio.explain.names import Names
from annstudio.explain.told import Quantity
from annstudio.ordinals import index_of, nth

_TYPED = re.compile(r"(?P<array>.+?)\s*(?:\[(?P<place>[\d,\s-]*)\](?P<scope>(?:[\s\w][^\[\]]*)?))?")
_PLACE = re.compile(r"\s*(?:-?\d{1,9}\s*(?:,\s*-?\d{1,9}\s*)*,?\s*)?")
_OF_EXAMPLE = re.compile(r"(.*?)\s+of example (-?\d{1,9})")
_GRADIENT = re.compile(r"(?:d\s+|∂E/∂|∂|dE/d)\s*(.*)")
_OF = "∂"
"""What keys of gradients begin with."""
SHOWN_NAMES = 3
"""So many names are told where one is not known."""


@dataclass(frozen=True)
class Named:
    """An array that can be asked about: a slot, or a view of the parameter that is stored in one."""

    head: str
    """The name up to where places stand: `d lstm_1.i`."""
    tail: str
    """What stands behind them: `t=3 via dense_1`."""
    slot: int
    shape: Shape
    """As users see it."""
    parameter: Parameter | None = None
    view: View | None = None

    @property
    def name(self) -> str:
        return self.at(())

    def at(self, place: Index) -> str:
        """The name of the number that users see there; without a place that of the array."""
        return f"{_placed(self.head, place)} {self.tail}".strip()

    def index(self, seen: Index) -> Index | None:
        """Where the number that users see at `seen` stands in the slot; None where there is none."""
        if self.view is not None and self.parameter is not None:
            return self.view.stored_at(seen, self.parameter.shape)
        if len(seen) != len(self.shape) or any(not 0 <= i < n for i, n in zip(seen, self.shape, strict=True)):
            return None
        return engine_shape(seen)

    def seen(self, index: Index) -> Index | None:
        """The other way round: where users see an element of the slot; None where it is none of this array."""
        if self.view is not None and self.parameter is not None:
            return self.view.seen_at(index, self.parameter.shape)
        return user_shape(index)


class NumberNames:
    """Names of all numbers of one program, for batches of `n` examples; a name that says no example means that which is
    looked at."""

    def __init__(self, names: Names, n: int = 1) -> None:
        self.names = names
        self.program = names.program
        self.n = n
        self._within: dict[int, tuple[Named, ...]] = {}

    # Numbers and names -----------------------------------------------------------------------------------------------

    def name(self, quantity: Quantity) -> str:
        """What to type to ask about a number."""
        named, place = self.place(quantity)
        told = named.at(place if quantity.term is None else (quantity.term,))
        if quantity.example is None or self.n == 1 or not self.program.slots[quantity.slot].batched:
            return told
        return f"{told} {nth('of example', quantity.example)}"

    def place(self, quantity: Quantity) -> tuple[Named, Index]:
        """The array that a number stands in, and where users see it."""
        seen = ((named, named.seen(quantity.index)) for named in self.arrays_in(quantity.slot))
        return next((named, place) for named, place in seen if place is not None)

    def quantity(self, text: str) -> Quantity:
        """The number that is meant. Raises GraphError in plain words where there is no such, with the nearest names."""
        read = self._read(text)
        if read is None:
            raise self._unknown(text)
        named, place, example = read
        if example is not None and not 0 <= example < self.n:
            raise GraphError(
                f"There is no {nth('example', example)} in the batch.", f"It has {self.n}, counted from 1."
            )
        found = self._at(named, place, example)
        if found is None:
            last = ",".join(str(size - 1) for size in named.shape)
            first = ",".join("0" for _ in named.shape)
            told = f"has the places [{first}] to [{last}]" if named.shape else "is one number, without places"
            raise GraphError(f"There is no number {text!r}.", f"The array {told}.")
        return found

    def find(self, text: str) -> Quantity | None:
        """The number that is meant; None where there is no such."""
        read = self._read(text)
        if read is None or not 0 <= (read[2] or 0) < self.n:
            return None
        return self._at(*read)

    # Arrays ----------------------------------------------------------------------------------------------------------

    @property
    def arrays(self) -> Iterator[str]:
        """The names of all arrays that can be asked about, but the gradients."""
        for slot in (*self._words, *self._parameters):
            yield from self.written(slot)

    def written(self, slot: int) -> tuple[str, ...]:
        """The names of the arrays that stand in a slot: of weights those that users see."""
        return tuple(named.name for named in self.arrays_in(slot))

    def arrays_in(self, slot: int) -> tuple[Named, ...]:
        """The arrays that stand in a slot: of weights those that users see."""
        if slot not in self._within:
            self._within[slot] = tuple(self._arrays_in(slot))
        return self._within[slot]

    def learned_in(self, slot: int) -> tuple[Named, ...]:
        """Of weights in a slot, or of their gradients, those arrays that training moves."""
        arrays = self.arrays_in(slot)
        return tuple(a for a in arrays if a.parameter and a.view and a.parameter.learns(a.view))

    # Private ---------------------------------------------------------------------------------------------------------

    def _arrays_in(self, slot: int) -> Iterator[Named]:
        of = self.names.gradient_of.get(slot, slot)
        sign, way = ("", "") if of == slot else ("d ", self.names.way.get(slot, ""))
        if of in self._parameters:
            parameter = self._parameters[of]
            for view in parameter.views:
                shape = view.shape_of(parameter.shape)
                yield Named(f"{sign}{parameter.node}.{view.name}", way, slot, shape, parameter, view)
        elif of in self._words:
            word, scope = self._words[of]
            yield Named(f"{sign}{word}", f"{scope} {way}".strip(), slot, user_shape(self.program.slots[of].shape))

    def _read(self, text: str) -> tuple[Named, Index, int | None] | None:
        """The array, the place and the example that a name says; None where there is no such array."""
        rest: str = text.strip()
        example: int | None = None
        if found := _OF_EXAMPLE.fullmatch(rest):
            rest, example = found[1], index_of(int(found[2]))
        sign = ""
        if found := _GRADIENT.fullmatch(rest):
            sign, rest = _OF, found[1]
        head, _, way = rest.partition(" via ")
        typed = _TYPED.fullmatch(head.strip())
        place = None if typed is None else _read_place(typed["place"] or "")
        if typed is None or place is None:
            return None
        key = sign + _key(f"{typed['array']} {typed['scope'] or ''}") + (_key(f"via {way}") if way else "")
        return (self._known[key], place, example) if key in self._known else None

    def _at(self, named: Named, place: Index, example: int | None) -> Quantity | None:
        index = named.index(place)
        example = example if self.program.slots[named.slot].batched else None
        if index is None and not named.shape and len(place) == 1 and self._is_sum(named.slot) and place[0] >= 0:
            return Quantity(named.slot, (), example, place[0])
        return None if index is None else Quantity(named.slot, index, example)

    def _is_sum(self, slot: int) -> bool:
        """Whether a slot is the loss of one example, which has an output's share for every place."""
        return self.program.slots[slot].node in self.program.losses and slot not in self.program.losses.values()

    @cached_property
    def _parameters(self) -> dict[int, Parameter]:
        return {parameter.slot: parameter for parameter in self.program.parameters}

    @cached_property
    def _words(self) -> dict[int, tuple[str, str]]:
        """Of every slot that can be asked about but parameters: its name, and when it is; those called alike are
        numbered."""
        found: dict[int, tuple[str, str]] = {}
        often: dict[tuple[str, str], int] = {}
        for slot in self.program.slots:
            if slot.role in (Role.PARAMETER, Role.GRADIENT, Role.CONSTANT) or not slot.shown:
                continue
            if slot.index == self.program.loss:
                found[slot.index] = "loss", ""
                continue
            gives = self.program.outputs.get(slot.node) == slot.index and slot.node not in self.program.losses
            name, scope = f"{slot.node}.{'out' if gives else slot.name}", _key(slot.scope)
            often[name, scope] = often.get((name, scope), 0) + 1
            number = f" ({often[name, scope]})" if often[name, scope] > 1 else ""
            found[slot.index] = f"{name}{number}", scope
        return found

    @cached_property
    def _known(self) -> dict[str, Named]:
        """What can be typed, as keys: the names themselves, and other words for the same."""
        program = self.program
        found: dict[str, Named] = {}
        for node, slot in program.outputs.items():
            if slot in self._words and node not in program.losses:
                found[_key(f"{node}.out")] = self.arrays_in(slot)[0]
        for slot in self._words:
            described, named = program.slots[slot], self.arrays_in(slot)[0]
            if slot == program.loss or slot in program.outputs.values():
                found.setdefault(_key(f"{described.node}.{described.name} {described.scope}"), named)
            found[_key(named.name)] = named
        for slot in self._parameters:
            found |= {_key(named.name): named for named in self.arrays_in(slot)}
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

    def _like(self, named: Named, slot: int) -> Named:
        """The same view of the gradient."""
        return next(other for other in self.arrays_in(slot) if other.view is named.view)

    def _unknown(self, text: str) -> GraphError:
        """What to say where a name is not known, with those that are nearest."""
        typed = _GRADIENT.fullmatch(text.strip())
        array = re.sub(r"\[[\d,\s-]*\]", "", typed[1] if typed else text.strip())
        names = {_key(name): name for name in self.arrays}
        near = get_close_matches(_key(array), names, SHOWN_NAMES, 0.5) or list(names)[:SHOWN_NAMES]
        told = ", ".join(f"d {names[key]}" if typed else names[key] for key in near)
        return GraphError(f"There is no number {text!r}.", f"The nearest arrays are {told}." if told else "")


# Names as text --------------------------------------------------------------------------------------------------------


def spelled(key: str, index: Index) -> str:
    """What a weight is called: `hidden/W`, (0, 1) → hidden.W[0,1]."""
    node, _, view = key.rpartition("/")
    return _placed(f"{node}.{view}", index)


def weight_named(text: str) -> tuple[str, Index]:
    """The other way round, whether there is such a weight or not: hidden.W[0,1] or hidden/W[0,1] → `hidden/W`, (0, 1).
    Raises GraphError where the text is no name of a weight."""
    typed = _TYPED.fullmatch(text.strip())
    found = _WEIGHT.fullmatch(typed["array"]) if typed is not None and not typed["scope"] else None
    place = None if found is None or typed is None else _read_place(typed["place"] or "")
    if found is None or not place:
        raise GraphError(
            f"{text!r} names no weight.",
            "Write 'hidden.W[0,1]' for the weight into the first unit of hidden from the second before it.",
        )
    return f"{found['node']}/{found['view']}", place


def of_any_example(name: str) -> str:
    """The name without what it says of an example of the batch."""
    found = _OF_EXAMPLE.fullmatch(name)
    return name if found is None else found[1]


def renamed(name: str, path: Callable[[str], str]) -> str:
    """The same number of a network whose nodes are called otherwise; `path` tells what a node, or one inside it, is
    called now."""
    head, via, way = name.partition(" via ")
    found, by = _OF_NODE.fullmatch(head), _BY.fullmatch(way)
    if found is not None:
        head = f"{found['sign']}{path(found['node'])}{found['rest']}"
    return f"{head}{via}{way if by is None else path(by['node']) + by['rest']}"


_WEIGHT = re.compile(r"(?P<node>.+)[./](?P<view>[^./]+)")
_OF_NODE = re.compile(r"(?P<sign>d |new |)(?P<node>.+)(?P<rest>[./][^./]*)")
_BY = re.compile(r"(?P<node>.+?)(?P<rest>(?: back,?| \w+ = \d+,?)*(?: \(\d+\))?(?: of example \d+)?)")


def _placed(array: str, place: Index) -> str:
    return f"{array}[{','.join(map(str, place))}]" if place else array


def _read_place(text: str) -> Index | None:
    """What stands between brackets as a place; None where it is none."""
    return tuple(int(part) for part in text.split(",") if part.strip()) if _PLACE.fullmatch(text) else None


def _key(text: str) -> str:
    """A name without what does not matter: spaces, and whether a point or a stroke stands before the array's word."""
    return re.sub(r"\s+", "", text).replace("/", ".")
