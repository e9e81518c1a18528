"""One step of mathematics: shapes in, shape out, forward, backward, its formula, and the account of any element.

The names of the parameters of `forward` and `backward` say which arrays an op wants: `y` is the result, the other
parameters of `forward` are the inputs in order (or buffers), `dx` is the gradient of input `x`, `dy` that of the
result. Ops are pure: what they keep for the way back are buffers with slots of their own, so it can be shown.
"""

import inspect
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from annstudio.engine.sight import Sight, everything, in_place
from annstudio.errors import ShapeError

if TYPE_CHECKING:
    from annstudio.engine.account import Remark, See, Term
    from annstudio.engine.gemm import Product

Array = npt.NDArray[Any]
Shape = tuple[int, ...]
Index = tuple[int, ...]
Calls = Sequence["Callable[[], Any] | Product"]
"""Bound calls in their order; products are left for the Plan to bind."""


@dataclass(frozen=True)
class Buffer:
    """An array that an op needs beside its result: kept for the way back, or scratch (`shown` is False)."""

    shape: Shape
    dtype: str = "float"
    fill: float = 0.0
    batched: bool = True
    shown: bool = True


@dataclass(frozen=True)
class Margin:
    """A constant frame around an input: the row of ones that carries a bias, the zero border of a padded image.

    The producer writes the inside; the op that asked for the margin is given the whole.
    """

    before: Shape
    after: Shape
    fill: float = 0.0

    def around(self, shape: Shape) -> Shape:
        return tuple(b + n + a for b, n, a in zip(self.before, shape, self.after, strict=True))

    def inside(self, shape: Shape) -> tuple[slice, ...]:
        return tuple(slice(b, b + n) for b, n in zip(self.before, shape, strict=True))

    @property
    def only_below(self) -> bool:
        """Whether it lies below the whole array, so that the inside is in one piece in memory."""
        return not any(self.before) and not any(self.after[1:])


class Op:
    """A differentiable function of arrays. Shapes never contain the examples; arrays have them as their last axis.

    `forward(y, x, …)` writes the result into `y`. `backward(dx, …, dy, …)` writes (never adds) the gradients of the
    inputs; a gradient that nobody needs is None. Every op instance is a value: two with equal settings are equal.
    """

    formula: ClassVar[str] = ""
    weighted_sum: ClassVar[bool] = False
    """True for the part of a unit that the lecture calls `net`: the sum before the activation."""
    elementwise: ClassVar[bool] = False
    """True where each value of the result comes from the value in its place alone, as with most activations."""
    place_by_place: ClassVar[bool] = False
    """True where each value of the result comes from the values in its place, of several inputs perhaps; what has
    another shape than the result counts for all places."""
    chooses: ClassVar[bool] = False
    """True where some elements win over others, as the largest of a window does: the gradient goes to them alone."""
    couples_examples: ClassVar[bool] = False
    """True where one example's result depends on the others; such a program is never split over the batch."""
    without_gradient: ClassVar[frozenset[str]] = frozenset()
    """Inputs that no gradient flows to, such as targets."""
    result: ClassVar[str] = "float"
    """What the result is made of: `float` numbers, or `int` ones, which count something and have no gradient."""

    looked_at: ClassVar[frozenset[str]] = frozenset()
    """Buffers that other steps may read (`Builder.kept`)."""

    only_brings: ClassVar[bool] = False
    """True where numbers are only brought together, to be used side by side: they are told as what they were."""
    only_parts: ClassVar[bool] = False
    """True where a result is only parted: its numbers are told as those of the whole."""
    repeats_output: ClassVar[str] = ""
    """The buffer of a loss that holds, once more, the output that it judges."""

    # What the passes may do with an op in the fast reading
    in_place: ClassVar[bool] = False
    """True where the result may take the input's place in memory, and the way back needs the result alone."""
    relays: ClassVar[bool] = False
    """True where the result is the input in another shape: the same memory."""
    any_order: ClassVar[frozenset[str]] = frozenset()
    """Inputs that may lie in memory in any order of axes."""
    keeps_gradient: ClassVar[Mapping[str, str]] = {}
    """Buffers that hold the gradient of the result (one number) towards an input, worked out on the way forward."""
    by_products: ClassVar[Mapping[str, "Op"]] = {}
    """Buffers that hold what another op would give from the first input."""

    def shape(self, *inputs: Shape) -> Shape:
        """The shape of one example's result. Raises ShapeError where the inputs do not fit."""
        raise NotImplementedError

    def batched(self, *inputs: bool) -> bool:
        """Whether the result has one entry per example, given which inputs have."""
        return any(inputs)

    def buffers(self, *inputs: Shape) -> Mapping[str, Buffer]:
        """Arrays kept for the way back, by the name that `forward` and `backward` know them by."""
        return {}

    def margin(self, name: str, shape: Shape) -> Margin | None:
        """The frame that input `name` is wanted with."""
        return None

    def forward(self, y: Array, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError

    def backward(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError

    def forward_calls(self, *arrays: Any) -> Calls:
        """What `forward` does with these arrays, as bound calls."""
        return [partial(self.forward, *arrays)]

    def backward_calls(self, *arrays: Any) -> Calls:
        """What `backward` does with these arrays, as bound calls."""
        return [partial(self.backward, *arrays)]

    def sight(self, which: int, *inputs: Shape) -> Sight:
        """Which elements of an input, by its position among those of these shapes, each element of the result sees."""
        result, given = self.shape(*inputs), inputs[which]
        if (self.elementwise or self.place_by_place) and given == result:
            return in_place(result)
        return everything(result, given)

    def account(self, see: "See", index: Index) -> Sequence["Term"]:
        """The terms whose sum is element `index` of the result."""
        return []

    def gradient_account(self, name: str, see: "See", index: Index) -> Sequence["Term"]:
        """The terms whose sum is element `index` of the gradient of input `name`."""
        return []

    def kept_account(self, name: str, see: "See", index: Index) -> list["Term"]:
        """The terms whose sum is element `index` of the buffer `name`; for every buffer that is shown."""
        return []

    def remarks(self, see: "See", index: Index) -> list["Remark"]:
        """What else there is to say about element `index` of the result."""
        return []

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), tuple(sorted(vars(self).items()))))

    def __repr__(self) -> str:
        settings = ", ".join(f"{key}={value!r}" for key, value in vars(self).items())
        return f"{type(self).__name__}({settings})"


class Limit(Op):
    """Keeps a parameter within bounds after every update; nothing is learned through it."""

    def bound(self, w: Array, still: Array) -> None:
        """Bring `w` within the bounds, in place; what is True in `still` (w's shape) must not move."""
        raise NotImplementedError

    def bound_account(self, see: "See", still: Array, index: Index) -> list["Term"]:
        """The terms whose sum is element `index` within the bounds; `see` has the `w` before."""
        raise NotImplementedError

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def forward(self, y: Array, w: Array) -> None:
        if y is not w:
            np.copyto(y, w)
        self.bound(y, np.zeros(y.shape, bool))

    def backward(self) -> None:
        raise AssertionError("nothing is learned through a limit")


@dataclass(frozen=True)
class Signature:
    """Which arrays an op's two methods want, read off their parameters."""

    forward: tuple[str, ...]
    backward: tuple[str, ...]
    variadic: str | None

    def input_names(self, n_inputs: int, buffers: Container[str]) -> tuple[str, ...]:
        """The inputs' names in order; those of a variadic op are numbered: xs[0], xs[1], …"""
        if self.variadic:
            return tuple(numbered(self.variadic, i) for i in range(n_inputs))
        return tuple(name for name in self.forward[1:] if name not in buffers)


def numbered(variadic: str, i: int) -> str:
    """What one of a variadic op's inputs is called, from 0."""
    return f"{variadic}[{i}]"


_signatures: dict[type, Signature] = {}


def signature(op: Op) -> Signature:
    """The parameter names of an op's methods, read once a class."""
    if type(op) not in _signatures:
        _signatures[type(op)] = _read_signature(op)
    return _signatures[type(op)]


def _read_signature(op: Op) -> Signature:
    forward = inspect.signature(op.forward).parameters
    variadic = next((p.name for p in forward.values() if p.kind is p.VAR_POSITIONAL), None)
    names = tuple(name for name in forward if name != variadic)
    return Signature(names, tuple(inspect.signature(op.backward).parameters), variadic)


def same_shape(*inputs: Shape) -> Shape:
    """The one shape that all inputs have; raises ShapeError where they differ."""
    if any(shape != inputs[0] for shape in inputs):
        told = " and ".join(shape_text(shape) for shape in inputs)
        raise ShapeError(f"needs inputs of one shape; got {told}.", "Make both branches end in the same shape.")
    return inputs[0]


def shape_text(shape: Shape) -> str:
    """A shape as users read it: images as height × width × channels, a single number as 1."""
    if len(shape) >= 3:
        shape = (*shape[:-3], *shape[-2:], shape[-3])
    return "×".join(str(size) for size in shape) or "1"


def values_text(shape: Shape) -> str:
    """A shape in a sentence: a list by how many values it has."""
    return shape_text(shape) if len(shape) != 1 else f"{shape[0]} value{'s' if shape[0] != 1 else ''}"
