"""The last chapter: how every weight gets its new value, by the optimiser's own account."""

from collections.abc import Callable, Iterator
from functools import cached_property

from annstudio.engine.account import Factor, Term
from annstudio.engine.op import Array, Index
from annstudio.engine.program import Parameter, Phase, Update
from annstudio.explain.derivation import Explainer, Quantity
from annstudio.explain.takeaway.extent import Extent
from annstudio.explain.takeaway.keys import key_of
from annstudio.explain.takeaway.paper import Entry, Number, Section, Worth

_CLIP_VALUE, _CLIP_NORM = "clip_{value}", "clip_{norm}"


class Updates:
    """The update of one batch. `places` gives the weights of a parameter's slot that are told."""

    def __init__(self, explainer: Explainer, extent: Extent, places: Callable[[int], list[Index]]) -> None:
        self.explainer = explainer
        self.stepper = explainer.stepper
        self.program = explainer.program
        self.extent = extent
        self.places = places
        self.arena = self.stepper.arena
        self.optimizer = self.arena.optimizer
        self.wanted: dict[str, Quantity] = {}
        with self.stepper.visit(self.stepper.end_of(Phase.BACKWARD)):
            self.t = self.arena.t + 1
            self.clipped = self.arena.clipped().copy()
            self.vectors = {
                (name, p.slot): self.arena.vector(name, p).copy() for name in self._names for p in self._moved
            }

    @property
    def rule(self) -> str:
        return self.optimizer.formula if self.optimizer is not None and self._moved else ""

    # Given -----------------------------------------------------------------------------------------------------------

    def settings(self) -> Iterator[Section]:
        """What the optimiser and the clipping are set to."""
        entries = [Entry(_setting_key(symbol), symbol, value) for symbol, value in self._settings.items()]
        if entries:
            yield Section("Settings", (), tuple(entries))

    def memory(self) -> Iterator[Section]:
        """What the optimiser remembers of earlier batches."""
        entries = [
            Entry(number.entry, number.symbol, number.value)
            for p in self._moved
            for index in self.places(p.slot)
            if not self._still(p, index)
            for number in self._remembered(p, index).values()
        ]
        if entries:
            yield Section("The optimiser's memory", (), tuple(entries))

    # Worked out ------------------------------------------------------------------------------------------------------

    def sections(self) -> Iterator[Section]:
        if self.arena.clipping and self._moved:
            yield from self._clipping()
        for parameter in self._moved:
            places = [index for index in self.places(parameter.slot) if not self._still(parameter, index)]
            entries = [entry for index in places for entry in self._lines(parameter, index)]
            still = len(self.places(parameter.slot)) - len(places)
            words = f"{still} stay as they are: locked, or not trained." if still else ""
            if entries or words:
                yield Section(parameter.node, (self.rule,), tuple(entries), words)

    def _lines(self, parameter: Parameter, index: Index) -> Iterator[Entry]:
        slot = parameter.slot
        weight = Quantity(slot, index)
        symbol, before = self.explainer.symbol(weight), self.explainer.value(weight)
        gradient = self._gradient(parameter, index)
        known = {
            "w": Number(symbol, before, key_of(slot, index)),
            "g": gradient,
            **{name: Number(s, value, _setting_key(s)) for name, (s, value) in self._named_settings.items()},
            **self._remembered(parameter, index),
        }
        self.wanted.setdefault(key_of(slot, index), weight)
        if self.arena.clipping:
            cut = self._cut(parameter, index, gradient)
            yield cut
            known["g"] = Number(cut.symbol, cut.value, cut.key)
        remembered = {name: number.value for name, number in self._remembered(parameter, index).items()}
        assert self.optimizer is not None
        rated = self.optimizer.model_copy(update={"learning_rate": self.stepper.rate})
        lines = rated.account(before, known["g"].value, remembered, self.t)
        for i, (name, term) in enumerate(lines):
            last = i == len(lines) - 1
            entry = self._line(name, term, known, symbol, key_of(slot, index, update=True) + ("" if last else f"-{i}"))
            known[name] = Number(entry.symbol, entry.value, entry.key)
            yield entry

    def _line(self, name: str, term: Term, known: dict[str, Number], symbol: str, key: str) -> Entry:
        numbers = tuple(known[factor.array] if factor.array in known else _bare(factor) for factor in term.factors)
        told = {"w^{+}": f"{symbol}^{{+}}", "w'": f"{symbol}'"}.get(name, rf"{name}_{{{symbol}}}")
        return Entry(key, told, term.value, (Worth(term.template, numbers, term.value),))

    # Clipping --------------------------------------------------------------------------------------------------------

    def _clipping(self) -> Iterator[Section]:
        """How all gradients together are shortened."""
        clipping = self.arena.clipping
        if not clipping.norm:
            return
        cut = clipping.cut(self.clipped_from)
        squares, length = float(cut @ cut), float((cut @ cut) ** 0.5)
        terms = tuple(self._squared(p, index) for p in self._moved for index in _all(p) if not self._still(p, index))
        whole = Entry("clip-squares", r"\sum g^2", squares, terms)
        root = Worth(r"\sqrt{«0»}", (Number(whole.symbol, squares, whole.key),), length)
        norm = Entry("clip-length", r"\text{length}", length, (root,))
        limit = self._setting_number(_CLIP_NORM)
        numbers = (limit, Number(norm.symbol, length, norm.key))
        scale = clipping.norm / max(clipping.norm, length)
        share = Entry("clip-scale", "c", scale, (Worth(r"\frac{«0»}{\max(«0»,\; «1»)}", numbers, scale),))
        yield Section("Clipping", (), (whole, norm, share))

    @cached_property
    def clipped_from(self) -> Array:
        """All gradients before they are clipped, what does not learn as 0."""
        vector = self.arena.gradients.copy()
        for parameter in self.program.parameters:
            self.arena.part(vector, parameter)[self.arena.still(parameter)] = 0
        return vector

    def _squared(self, parameter: Parameter, index: Index) -> Worth:
        template, numbers = self._within_limit(self._gradient(parameter, index))
        value = float(self.arena.clipping.cut(self.arena.part(self.clipped_from, parameter)[index]))
        return Worth(f"({template})^2" if len(numbers) > 1 else f"{template}^2", numbers, value * value)

    def _cut(self, parameter: Parameter, index: Index, gradient: Number) -> Entry:
        template, numbers = self._within_limit(gradient)
        if self.arena.clipping.norm:
            scale = self.arena.clipping.scale(self.arena.clipping.cut(self.clipped_from))
            template, numbers = rf"«{len(numbers)}» \cdot {template}", (*numbers, Number("c", scale, "clip-scale"))
        value = float(self.arena.part(self.clipped, parameter)[index])
        symbol = self._of("g", parameter.slot, index)
        return Entry(
            key_of(parameter.slot, index, update=True) + "-g", symbol, value, (Worth(template, numbers, value),)
        )

    def _within_limit(self, gradient: Number) -> tuple[str, tuple[Number, ...]]:
        """A gradient that is cut off where it is larger than is allowed."""
        if not self.arena.clipping.value:
            return "«0»", (gradient,)
        return r"\max(-«1»,\; \min(«1»,\; «0»))", (gradient, self._setting_number(_CLIP_VALUE))

    # Numbers ---------------------------------------------------------------------------------------------------------

    def _gradient(self, parameter: Parameter, index: Index) -> Number:
        slot = self.program.gradients[parameter.slot]
        quantity = Quantity(slot, index)
        key = key_of(slot, index)
        self.wanted.setdefault(key, quantity)
        return Number(self.explainer.symbol(quantity), self.explainer.value(quantity), key)

    @cached_property
    def _named_settings(self) -> dict[str, tuple[str, float]]:
        """The optimiser's settings by the symbol that its account has for them."""
        if self.optimizer is None or not self._moved:
            return {}
        rated = self.optimizer.model_copy(update={"learning_rate": self.stepper.rate})
        memory = dict.fromkeys(self._names, 0.5)
        lines = [name for name, _ in rated.account(0.5, 0.5, memory, 1)]
        factors = [factor for _, term in rated.account(0.5, 0.5, memory, 1) for factor in term.factors]
        return {f.array: (f.array, f.value) for f in factors if f.array not in ("w", "g", *self._names, *lines)}

    @cached_property
    def _settings(self) -> dict[str, float]:
        found = dict(self._named_settings.values())
        if self._moved and self.arena.clipping.value:
            found[_CLIP_VALUE] = self.arena.clipping.value
        if self._moved and self.arena.clipping.norm:
            found[_CLIP_NORM] = self.arena.clipping.norm
        return found

    def _setting_number(self, symbol: str) -> Number:
        return Number(symbol, self._settings[symbol], _setting_key(symbol))

    @property
    def _names(self) -> tuple[str, ...]:
        return () if self.optimizer is None else self.optimizer.vectors

    @cached_property
    def _moved(self) -> list[Parameter]:
        """The parameters that the batch updates."""
        if self.optimizer is None:
            return []
        updated = {i for step in self.program.steps if isinstance(step, Update) for i in step.parameters}
        return [p for i, p in enumerate(self.program.parameters) if i in updated and p.slot in self.program.gradients]

    def _still(self, parameter: Parameter, index: Index) -> bool:
        return bool(self.arena.still(parameter)[index])

    def _remembered(self, parameter: Parameter, index: Index) -> dict[str, Number]:
        """What the optimiser remembers of one weight, by the names of its vectors."""
        slot = parameter.slot
        return {
            name: Number(self._of(name, slot, index), float(vector[index]), f"m{name}-{key_of(slot, index)}")
            for (name, of), vector in self.vectors.items()
            if of == slot
        }

    def _of(self, name: str, slot: int, index: Index) -> str:
        return rf"{name}_{{{self.explainer.symbol(Quantity(slot, index))}}}"


def _setting_key(symbol: str) -> str:
    return "s-" + "".join(sign for sign in symbol if sign.isalnum())


def _bare(factor: Factor) -> Number:
    return Number(factor.array, factor.value)


def _all(parameter: Parameter) -> Iterator[Index]:
    return Extent().places(parameter.shape)
