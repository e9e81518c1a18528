"""What numbers are called: the lecture's symbols (w₅, net, out, E) for any network.

A symbol is LaTeX; `plain` turns LaTeX of the kind used here into text for tooltips and screen readers.
"""

import math
import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property, lru_cache

from annstudio.engine.layout import user_shape
from annstudio.engine.op import Index
from annstudio.engine.program import Parameter, Program, Role, Slot, Step, View
from annstudio.ordinals import ordinal, ordinals

NUMBERED_WEIGHTS = 99
"""Networks with at most so many weights number them through (w₁, w₂, …), larger ones say from where to where."""

_OF_STEP = re.compile(r"\[(\d+)\]")
"""How names of nodes end whose weights are for one step."""


@dataclass(frozen=True)
class Names:
    """The symbols of one program; from the point of view of the block at the path `inside`, where there is one: what it
    holds is called as it is called in there, all else by its whole path."""

    program: Program
    inside: str = ""

    def seen(self, node: str) -> str:
        """What a node is called from here; /dense is one outside where the block holds a dense of its own."""
        if not self.inside or node.startswith(f"{self.inside}/"):
            return node.removeprefix(f"{self.inside}/")
        return f"/{node}" if node in self._held else node

    @cached_property
    def _held(self) -> frozenset[str]:
        """What the block calls its own."""
        within = f"{self.inside}/"
        return frozenset(s.node.removeprefix(within) for s in self.program.slots if s.node.startswith(within))

    def of(self, slot: int, index: Index) -> str:
        r"""The symbol of one element: w_5, \text{net}_{o1}, \frac{\partial E}{\partial \dots}."""
        of = self.gradient_of.get(slot)
        if of is not None:
            inner = self.of(of, index)
            way = _raised(self.way.get(slot, ""))
            return rf"\frac{{\partial E}}{{\partial {inner}}}{way}"
        described = self.program.slots[slot]
        match described.role:
            case Role.PARAMETER:
                return self._weight(described, index)
            case Role.FEED:
                return self._feed(described, index)
            case Role.CONSTANT | Role.STATE | Role.NOISE | Role.BUFFER:
                name = described.name.replace("_", r"\_")
                at = _raised(described.scope or _step(described.node))
                return rf"\text{{{name}}}_{{{self.unit(described.node, index)}}}{at}"
        if not described.shape and described.name.rstrip("'") in ("E", "e"):
            return self._loss(described)
        word = "out" if self.program.outputs.get(described.node) == slot else described.name.replace("_", r"\_")
        return rf"\text{{{word}}}_{{{self._gate_or_unit(described, index)}}}{_raised(described.scope)}"

    def unit(self, node: str, index: Index) -> str:
        """A unit's short name: h1 for the first of `hidden`; of a picture h(2,3,1): row, column, channel, as users see
        it. Long names stand upright."""
        return self._called(node, user_shape(index))

    def _called(self, node: str, index: Index) -> str:
        """A node's short name with a place behind it, counted from 1."""
        short = self._short.get(node, self.seen(node))
        places = ordinals(index)
        if len(index) > 1:
            places = f"({places})"
        if len(short) == 1:
            return f"{short}{places}"
        name = f"{short}{places}".strip().replace("_", r"\_")
        return rf"\text{{{name}}}"

    def text(self, slot: int, index: Index) -> str:
        """The symbol as plain text."""
        return plain(self.of(slot, index))

    @cached_property
    def gradient_of(self) -> dict[int, int]:
        """What a slot is the gradient of, or one path's share of it."""
        found = {gradient: slot for slot, gradient in self.program.gradients.items()}
        for step in self.program.steps:
            for slot, gradient in zip(getattr(step, "inputs", ()), getattr(step, "gradients", ()), strict=False):
                if gradient is not None:
                    found.setdefault(gradient, slot)
        return found

    @cached_property
    def way(self) -> dict[int, str]:
        """Of gradients that are only one path's share: which layer they come by, numbered where several do."""
        whole = set(self.program.gradients.values())
        penalties = {slot for slots in self.program.penalties.values() for slot in slots}
        shares = [
            (
                gradient,
                of,
                "penalty" if step.output in penalties else f"via {self.seen(step.node)} {step.scope}".strip(),
            )
            for step in self.program.steps
            if isinstance(step, Step)
            for of, gradient in zip(step.inputs, step.gradients, strict=False)
            if gradient is not None and gradient not in whole
        ]
        told: Counter[tuple[int, str]] = Counter()
        found = {}
        for gradient, of, way in shares:
            told[of, way] += 1
            number = f" ({told[of, way]})" if told[of, way] > 1 else ""
            found[gradient] = f"{way}{number}"
        return found

    @cached_property
    def _short(self) -> dict[str, str]:
        """One letter a node where no other node begins with it, else its whole name."""
        nodes = list(dict.fromkeys(slot.node for slot in self.program.slots if slot.node))
        layers = [node for node in nodes if node not in self.program.losses]
        letters = [self.seen(node)[0].lower() for node in layers]
        short = {}
        for node in nodes:
            seen = self.seen(node)
            alone = node in layers and seen[0] != "/" and letters.count(seen[0].lower()) == 1
            short[node] = seen[0] if alone else f"{_OF_STEP.sub('', seen)} "
        return short

    @cached_property
    def _first_number(self) -> dict[int, int]:
        """The number of the first weight of each dense parameter, where weights are numbered through."""
        numbers, total = {}, 0
        for parameter in self.program.parameters:
            view = parameter.views[0]
            if len(view.axis_names) == 2 and not view.gates and {view.name for view in parameter.views} <= {"W", "b"}:
                numbers[parameter.slot] = total + 1
                total += math.prod(view.shape_of(parameter.shape))
        return numbers if total <= NUMBERED_WEIGHTS else {}

    @cached_property
    def _parameters(self) -> dict[int, Parameter]:
        return {parameter.slot: parameter for parameter in self.program.parameters}

    def _weight(self, slot: Slot, index: Index) -> str:
        """W with unit and input, u for weights of the state before, b for biases; as users see them in a view."""
        parameter = self._parameters[slot.index]
        seen = ((view, view.seen_at(index, parameter.shape)) for view in parameter.views)
        view, place = next((view, place) for view, place in seen if place is not None)
        letter, _, way = view.name.partition("_")
        letter = rf"\{letter}" if len(letter) > 1 else letter.lower()
        way = _raised(", ".join(filter(None, (way, _step(slot.node)))))
        if view.axis_names == ("layer",):
            return rf"b_{{{self.unit(slot.node, ())}}}{way}"
        if len(view.axis_names) == 1 or len(place) != 2:
            return rf"{letter}_{{{self._gated(slot.node, view, place, parameter)}}}{way}"
        if slot.index in self._first_number:
            columns = view.shape_of(parameter.shape)[1]
            return rf"w_{{{self._first_number[slot.index] + place[0] * columns + place[1]}}}"
        return rf"{letter}_{{{self._gated(slot.node, view, place[:1], parameter)},{ordinal(place[1])}}}{way}"

    def _gate_or_unit(self, slot: Slot, index: Index) -> str:
        """A unit's name; of the sums of all gates one after the other with the letter of its gate."""
        parameter = self._with_gates.get(slot.node)
        if parameter is None or not slot.scope or slot.shape != parameter.shape[:1]:
            return self.unit(slot.node, index)
        return self._gated(slot.node, parameter.views[0], index, parameter)

    @cached_property
    def _with_gates(self) -> dict[str, Parameter]:
        return {parameter.node: parameter for parameter in self.program.parameters if parameter.views[0].gates}

    def _gated(self, node: str, view: View, place: Index, parameter: Parameter) -> str:
        """A unit's name with the letter of its gate, where it has one: i2 for the second unit's input gate."""
        if not view.gates:
            return self._called(node, place)
        gate, unit = divmod(place[0], parameter.shape[0] // len(view.gates))
        short = self._short.get(node, self.seen(node)).strip().replace("_", r"\_")
        return rf"\text{{{short} {view.gates[gate]}{ordinal(unit)}}}"

    def _loss(self, slot: Slot) -> str:
        """E, and where there are several losses, or penalties, E with the name of each but for their sum."""
        only = len(self.program.losses) < 2 and slot.name != "E"
        if only or slot.index == self.program.loss:
            return slot.name
        return f"{slot.name}_{{{self.unit(slot.node, ())}}}"

    def _feed(self, slot: Slot, index: Index) -> str:
        judged = next((j for j in self.program.judged if j.target == slot.index), None)
        if judged is not None:
            node = next((n for n, s in self.program.outputs.items() if s == judged.output), slot.node)
            if [j.output for j in self.program.judged].count(judged.output) > 1:
                node = slot.node
            return rf"\text{{target}}_{{{self.unit(node, index)}}}"
        if self.program.outputs.get(slot.node) != slot.index:
            # What is read beside the data itself: lengths, what an example counts for.
            name = slot.name.replace("_", r"\_")
            return rf"\text{{{name}}}_{{{self.unit(slot.node, index)}}}"
        unit = self.unit(slot.node, index)
        return rf"{unit[0]}_{{{unit[1:]}}}" if len(self._short.get(slot.node, "")) == 1 else unit


def _raised(words: str) -> str:
    """Words that stand raised behind a symbol: the time step, the way that a gradient comes by."""
    return rf"^{{\text{{ {words}}}}}".replace("_", r"\_") if words else ""


def _step(node: str) -> str:
    """Which step weights are for, where every step has its own: `dense_1[1]` has those of step 2."""
    steps = ordinals(int(index) for index in _OF_STEP.findall(node))
    return f"step {steps}" if steps else ""


_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def lowered(name: str) -> str:
    """A unit's short name as it is drawn: h1 → h₁. Other names stay as they are."""
    return name.translate(_SUBSCRIPTS) if re.fullmatch(r"[^\W\d_]\d+", name) else name


@lru_cache(maxsize=4096)
def plain(latex: str) -> str:
    """LaTeX of the kind used here as readable text."""
    text = latex.replace(r"\tfrac{1}{2}", "½")
    text = re.sub(r"\^\{\\text\{ ([^{}]*)\}\}", r" (\1)", text)
    text = re.sub(r"\\hat\{(\w)\}", "\\1\u0302", re.sub(r"\\tilde\{(\w)\}", "\\1\u0303", text))
    for _ in range(6):
        before = text
        text = re.sub(r"\\t?frac\{([^{}]*)\}\{([^{}]*)\}", lambda m: _fraction(m[1], m[2]), text)
        text = re.sub(r"\\(?:text|mathrm)\{([^{}]*)\}", r"\1", text)
        text = re.sub(r"\\sqrt\{([^{}]*)\}", lambda m: f"√{m[1]}" if m[1].isalnum() else f"√({m[1]})", text)
        text = re.sub(r"_\{(\d+)\}", lambda m: m[1].translate(_SUBSCRIPTS), text)
        text = re.sub(r"_\{([^{}]*)\}", r"_\1", text)
        text = re.sub(r"\^\{(\w+|[+-]|-?[\d.]+|\(\d+\))\}", r"^\1", text)
        text = re.sub(r"\^\{([^{}]*)\}", r"^(\1)", text)
        if text == before:
            # Most symbols hold nothing more after the first round.
            break
    for latex_word, word in _WORDS:
        text = text.replace(latex_word, word)
    return re.sub(r"\s+", " ", text).strip()


def _fraction(above: str, below: str) -> str:
    simple = re.fullmatch(r"[\w.∂\\ _]*|(\\partial )[\w\\ _,()=·']*", below) is not None
    whole = re.fullmatch(r"[\w.∂\\ _^-]*", above) is not None
    return f"{above if whole else f'({above})'}/{below if simple else f'({below})'}"


_WORDS = (
    (r"\partial ", "∂"), (r"\partial", "∂"), (r"\cdots", "· …"), (r"\cdot", "·"), (r"\sum", "Σ"), (r"\eta", "η"),
    (r"\sigma", "σ"), (r"\mu", "μ"), (r"\rho", "ρ"), (r"\lambda", "λ"), (r"\alpha", "α"), (r"\beta", "β"),
    (r"\gamma", "γ"), (r"\delta", "δ"), (r"\epsilon", "ε"), (r"\Delta", "Δ"), (r"\Phi", "Φ"), (r"\pi", "π"),
    (r"\leq", "≤"), (r"\geq", "≥"), (r"\neq", "≠"), (r"\pm", "±"), (r"\infty", "∞"), (r"\in", "∈"),
    (r"\max", "max"), (r"\min", "min"), (r"\ln", "ln"), (r"\cos", "cos"),
    (r"\tanh", "tanh"), (r"\quad", "  "), (r"\dots", "…"), (r"\sqrt", "√"), (r"\lVert", "‖"), (r"\rVert", "‖"),
    (r"\lfloor", "⌊"), (r"\rfloor", "⌋"), (r"\lceil", "⌈"), (r"\rceil", "⌉"),
    (r"\left", ""), (r"\right", ""), (r"\,", " "), (r"\;", " "), (r"\_", "_"),
    ("{", ""), ("}", ""),
)  # fmt: skip
