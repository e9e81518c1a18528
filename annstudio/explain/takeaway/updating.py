"""The last chapter: how every weight gets its new value, by the optimiser's own account."""

from collections.abc import Callable, Iterator
from functools import cached_property

from annstudio.engine.account import Factor, See, Term
from annstudio.engine.op import Array, Index, Limit
from annstudio.engine.program import Parameter, Phase, Step, Update
from annstudio.explain.derivation import Explainer
from annstudio.explain.takeaway.counting import updated
from annstudio.explain.takeaway.extent import Extent
from annstudio.explain.takeaway.keys import key_of
from annstudio.explain.takeaway.paper import Entry, Number, Section, Worth
from annstudio.explain.told import Quantity

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
        self.wanted: dict[str, Entry] = {}
        """Every number that a formula has used, as an entry without its reason."""
        with self.stepper.visit(self.stepper.end_of(Phase.BACKWARD)):
            self.t = self.arena.t + 1
            self.clipped = self.arena.clipped().copy()
            self.vectors = {
                (name, p.slot): self.arena.vector(name, p).copy() for name in self._names for p in self._moved
            }
        self.free = {p.slot: self._just_updated(p) for p in self._moved if p.slot in self._limits}
        """Weights that are kept within bounds as they were before that."""

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
            yield Section("Optimiser's memory", (), tuple(entries))

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
        self._want(known["w"])
        if self.arena.clipping:
            cut = self._cut(parameter, index, gradient)
            yield cut
            known["g"] = Number(cut.symbol, cut.value, cut.key)
        remembered = {name: number.value for name, number in self._remembered(parameter, index).items()}
        assert self.optimizer is not None
        rated = self.optimizer.model_copy(update={"learning_rate": self.stepper.rate})
        lines = rated.account(before, known["g"].value, remembered, self.t)
        for i, (name, term) in enumerate(lines):
            new = self._new(parameter, index) if name == "w^{+}" else None
            key = f"{key_of(slot, index, update=True)}-{i}" if new is None else new.entry
            told = rf"{name}_{{{symbol}}}" if new is None else new.symbol
            numbers = tuple(known.get(factor.array) or _bare(factor) for factor in term.factors)
            yield Entry(key, told, term.value, (Worth(term.template, numbers, term.value),))
            known[name] = Number(told, term.value, key)
        if slot in self._limits:
            yield self._bounded(parameter, index)

    # Bounds ----------------------------------------------------------------------------------------------------------

    @cached_property
    def _limits(self) -> dict[int, Limit]:
        """What keeps a parameter within bounds after its update, by slot."""
        steps = [self.program.steps[i] for i in self.program.in_phase(Phase.UPDATE)]
        return {step.output: step.op for step in steps if isinstance(step, Step) and isinstance(step.op, Limit)}

    def _just_updated(self, parameter: Parameter) -> Array:
        which = self.program.parameters.index(parameter)
        steps = enumerate(self.program.steps)
        at = next(i for i, step in steps if isinstance(step, Update) and which in step.parameters)
        with self.stepper.visit(at + 1):
            return self.stepper.array(parameter.slot).copy()

    def _new(self, parameter: Parameter, index: Index) -> Number:
        """A weight as the optimiser leaves it."""
        slot = parameter.slot
        symbol, key = self.explainer.symbol(Quantity(slot, index)), key_of(slot, index, update=True)
        if slot not in self.free:
            return Number(f"{symbol}^{{+}}", float(self.stepper.array(slot)[index]), key)
        value = float(self.free[slot][index])
        if self._still(parameter, index):
            return Number(symbol, value, key_of(slot, index))
        return Number(rf"{symbol}^{{*}}", value, f"{key}-free")

    def _bounded(self, parameter: Parameter, index: Index) -> Entry:
        """A weight's new value after it was brought within the bounds."""
        slot = parameter.slot
        see = See({"w": self.free[slot]}, frozenset(), 0, self.stepper.n, every=True)
        terms = self._limits[slot].bound_account(see, self.arena.still(parameter), index)
        symbol, value = self.explainer.symbol(Quantity(slot, index)), float(self.stepper.array(slot)[index])
        worths = tuple(self._of_bounds(parameter, term) for term in terms)
        return Entry(key_of(slot, index, update=True), f"{symbol}^{{+}}", value, worths)

    def _of_bounds(self, parameter: Parameter, term: Term) -> Worth:
        numbers = []
        for factor in term.factors:
            within = tuple(self._of_bounds(parameter, inner) for inner in factor.within)
            if within or factor.array != "w":
                name = rf"\Sigma_{{\text{{{factor.array}}}}}"
                rule = " + ".join(worth.symbols() for worth in within) if len(within) < 3 else name
                numbers.append(Number(factor.symbol or rule, factor.value, "", within))
            else:
                numbers.append(self._want(self._new(parameter, factor.index)))
        return Worth(term.template, tuple(numbers), term.value)

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
        return self._want(Number(self.explainer.symbol(quantity), self.explainer.value(quantity), key))

    def _want(self, number: Number) -> Number:
        self.wanted.setdefault(number.entry, Entry(number.entry, number.symbol, number.value))
        return number

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
        return [] if self.optimizer is None else updated(self.program)

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
