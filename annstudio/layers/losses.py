"""What training makes small: how far the outputs are from the targets.

Each loss says its own sum over the outputs of one example; the network's loss is always the mean over the examples.

A sequence shorter than others has the loss that it would have alone: sums and means go over its own steps, and a step
behind its end has neither loss nor gradient. So every sequence counts alike, long or short. Keras (with a mask) and
PyTorch (with `ignore_index`) divide by the steps of the whole batch instead: there a long sequence counts for more.
"""

import math
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from annstudio.engine.account import Factor, See, Term, local_slope
from annstudio.engine.builder import Builder, Value
from annstudio.engine.op import Array, Buffer, Index, Op, Shape, values_text
from annstudio.engine.program import Step
from annstudio.errors import Remedy, ShapeError
from annstudio.layers.activation import Sigmoid, Softmax, class_axis
from annstudio.layers.activation import Step as StepFunction
from annstudio.layers.activation.softmax import below_largest, probability, scores_of
from annstudio.layers.base import Family, Layer
from annstudio.layers.distances import (
    AbsoluteError,
    Counted,
    CountedByClass,
    CountedByExample,
    Hinge,
    HuberError,
    PerceptronCriterion,
    PerExample,
    Smoothed,
)
from annstudio.layers.padded import OverSteps
from annstudio.layers.totals import MeanOverExamples, total_loss

__all__ = ["TITLES", "CrossEntropy", "Loss", "LossName", "MeanOverExamples", "PerExample", "SquaredError", "total_loss"]

LossName = Literal[
    "half_squared_error", "mean_squared_error", "mean_absolute_error", "huber", "cross_entropy",
    "binary_cross_entropy", "hinge", "perceptron",
]  # fmt: skip
TITLES: dict[str, str] = {
    "half_squared_error": "½Σ squared error",
    "mean_squared_error": "Mean squared error",
    "mean_absolute_error": "Mean absolute error",
    "huber": "Huber loss",
    "cross_entropy": "Cross-entropy",
    "binary_cross_entropy": "Binary cross-entropy",
    "hinge": "Hinge loss",
    "perceptron": "Perceptron criterion",
}
ENDS: dict[str, tuple[str, type[Op]]] = {
    "cross_entropy": ("softmax", Softmax),
    "binary_cross_entropy": ("sigmoid", Sigmoid),
    "perceptron": ("step", StepFunction),
}
"""The activation that the outputs of these losses come from; they work from the scores before it."""
LEAST = 1e-250
"""Smaller probabilities are told by their scores."""


class SquaredError(PerExample):
    """e = s Σ (t − x)², with s = ½ for the lecture's squared error or one over the number of outputs for the mean."""

    def __init__(self, mean: bool) -> None:
        self.mean = mean

    @property
    def formula(self) -> str:  # type: ignore[override]
        return r"e = \frac{1}{n} \sum_k (t_k - o_k)^2" if self.mean else r"e = \sum_k \tfrac{1}{2} (t_k - o_k)^2"

    def _scale(self, shape: Shape) -> float:
        return 1 / math.prod(self.outputs(shape)) if self.mean else 0.5

    def buffers(self, *inputs: Shape) -> dict[str, Buffer]:
        return {"error": Buffer(inputs[0])}

    def forward(self, y: Array, x: Array, t: Array, error: Array) -> None:
        np.subtract(x, t, error)
        np.multiply(np.square(error).sum(self.axes(x)), self._scale(x.shape[:-1]), y)

    def backward(self, dx: Array, dy: Array, error: Array) -> None:
        np.multiply(error, 2 * self._scale(error.shape[:-1]), dx)
        np.multiply(dx, self.beside(dy, dx), dx)

    def account(self, see: See, index: Index) -> list[Term]:
        scale = self._scale(see.shape("x"))
        share = r"\tfrac{1}{2}" if not self.mean else rf"\tfrac{{1}}{{{math.prod(self.outputs(see.shape('x')))}}} · "
        return [
            Term((see("t", *k), see("x", *k)), rf"{share}(«0» - «1»)^2", lambda t, x: scale * (t - x) ** 2)
            for k in self.places(index, see.shape("x"))
        ]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        scale = 2 * self._scale(see.shape("x"))
        share = "" if not self.mean else rf"\tfrac{{2}}{{{math.prod(self.outputs(see.shape('x')))}}} · "
        slope = Term((see("t", *index), see("x", *index)), rf"-{share}(«0» - «1»)", lambda t, x: -scale * (t - x))
        return [Term((self.handed_on(see, index), local_slope(index, slope)))]

    def kept_account(self, name: str, see: See, index: Index) -> list[Term]:
        return [Term((see("x", *index),)), Term((see("t", *index),), "-«0»", lambda t: -t)]


class CrossEntropy(PerExample):
    """e = −Σ t ln o with o = softmax(x), worked out from the scores x so that it stays finite for any of them.

    `sure` says that the targets are classes: they add up to 1.
    """

    formula = r"e = -\sum_k t_k \ln o_k, \quad o = \mathrm{softmax}(x)"
    repeats_output = "o"

    def __init__(self, *, sure: bool = False) -> None:
        self.sure = sure

    def buffers(self, *inputs: Shape) -> dict[str, Buffer]:
        classes = class_axis(len(inputs[0]))
        places = (*inputs[0][:classes], *inputs[0][classes + 1 :])
        return {"o": Buffer(inputs[0]), "log_sum": Buffer(places, shown=False)}

    def forward(self, y: Array, x: Array, t: Array, o: Array, log_sum: Array) -> None:
        classes = class_axis(x.ndim - 1)
        top = x.max(classes, keepdims=True)
        np.subtract(x, top, o)
        # Scores may lie further apart than the largest number: 0 · −∞ would be no number.
        np.maximum(o, np.finfo(o.dtype).min, out=o)
        # −Σ t ln o = Σ t · ln Σ eˣ − Σ t x, with the largest score taken off both.
        scores = np.multiply(o, t).sum(classes)
        np.exp(o, o)
        total = o.sum(classes, keepdims=True)
        np.divide(o, total, o)
        logs = np.log(total).squeeze(classes)
        np.add(logs, top.squeeze(classes), log_sum)
        per_place = logs * t.sum(classes) - scores
        np.copyto(y, per_place.sum(self.axes(per_place)))

    def backward(self, dx: Array, dy: Array, t: Array, o: Array) -> None:
        np.multiply(o, t.sum(class_axis(t.ndim - 1), keepdims=True), dx)
        np.subtract(dx, t, dx)
        np.multiply(dx, self.beside(dy, dx), dx)

    def account(self, see: See, index: Index) -> list[Term]:
        return [
            self._share(see, k, see("t", *k), see("o", *k))
            for k in self.places(index, see.shape("t"))
            if see.every or see("t", *k).value != 0
        ]

    def _share(self, see: See, k: Index, t: Factor, o: Factor) -> Term:
        """One class's −t ln o; by way of the scores where o itself is too small for a float."""
        if o.value > LEAST:
            return Term((t, o), r"-«0» \ln «1»", lambda t, o: -t * math.log(o))
        template = r"«0» · («1» + \ln «2» - «3»)"
        factors = (t, *below_largest(scores_of(see, k)), see("x", *k))
        return Term(factors, template, lambda t, top, total, x: t * (top + math.log(total) - x))

    def kept_account(self, name: str, see: See, index: Index) -> list[Term]:
        return [probability(see, index)] if name == "o" else []

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        classes = class_axis(len(index))
        others = [j for j in range(see.shape("t")[classes]) if j != index[classes]]
        own = (see("o", *index), see("t", *index))
        rest = tuple(see("t", *index[:classes], j, *index[classes + 1 :]) for j in others)
        if math.isclose(own[1].value + math.fsum(t.value for t in rest), 1, rel_tol=1e-12):
            slope = Term(own, "«0» - «1»", lambda o, t: o - t)
        else:
            whole = " + ".join(f"«{i}»" for i in range(1, len(rest) + 2))
            slope = Term((*own, *rest), f"«0» ({whole}) - «1»", lambda o, *ts: o * math.fsum(ts) - ts[0])
        return [Term((self.handed_on(see, index), local_slope(index, slope)))]


class BinaryCrossEntropy(PerExample):
    """e = −Σ t ln o + (1 − t) ln(1 − o) with o = σ(x), worked out from x so that it stays finite."""

    formula = r"e = -\sum_k t_k \ln o_k + (1 - t_k) \ln(1 - o_k), \quad o = \sigma(x)"
    repeats_output = "o"

    def buffers(self, *inputs: Shape) -> dict[str, Buffer]:
        return {"o": Buffer(inputs[0])}

    def forward(self, y: Array, x: Array, t: Array, o: Array) -> None:
        Sigmoid().forward(o, x)
        per_place = np.logaddexp(0, x) - t * x
        np.copyto(y, per_place.sum(self.axes(x)))

    def backward(self, dx: Array, dy: Array, t: Array, o: Array) -> None:
        np.subtract(o, t, dx)
        np.multiply(dx, self.beside(dy, dx), dx)

    def account(self, see: See, index: Index) -> list[Term]:
        return [self._share(see("t", *k), see("o", *k), see("x", *k)) for k in self.places(index, see.shape("t"))]

    def _share(self, t: Factor, o: Factor, x: Factor) -> Term:
        """One output's share; by way of the score where o is too near 0 or 1 for its logarithm."""
        if LEAST < o.value < 1 - 1e-6:
            template = r"-(«0» \ln «1» + (1 - «0») \ln(1 - «1»))"
            return Term((t, o), template, lambda t, o: -(t * math.log(o) + (1 - t) * math.log1p(-o)))
        template = r"\max(0,\; «1») + \ln(1 + e^{-|«1»|}) - «0» · «1»"
        return Term((t, x), template, lambda t, x: max(x, 0.0) + math.log1p(math.exp(-abs(x))) - t * x)

    def kept_account(self, name: str, see: See, index: Index) -> list[Term]:
        return Sigmoid().account(see, index)

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        slope = Term((see("o", *index), see("t", *index)), "«0» - «1»", lambda o, t: o - t)
        return [Term((self.handed_on(see, index), local_slope(index, slope)))]


class Loss(Layer):
    """How far the outputs are from the targets: the one number that training makes small."""

    family: ClassVar[Family] = Family.OUTPUT
    prefix: ClassVar[str] = "loss"
    has_output: ClassVar[bool] = False
    stands: ClassVar = "outside"
    presets: ClassVar = {title: {"function": name} for name, title in TITLES.items()}

    function: LossName = Field("half_squared_error", title="Loss", description="How the distance is measured.")
    column: str = Field("y", min_length=1, title="Target column", description="Which column of the data is the target.")

    weight: float = Field(
        1.0, ge=0, le=1e6, title="Weight", description="What this loss counts for where a network has several."
    )
    delta: float = Field(
        1.0,
        gt=0,
        le=1e6,
        title="δ",
        description="Up to which distance the Huber loss is squared.",
        json_schema_extra={"needs": "function=huber"},
    )
    label_smoothing: float = Field(
        0.0,
        ge=0,
        le=1,
        title="Label smoothing",
        description="The share of every target that is spread over all classes.",
        json_schema_extra={"needs": "function=cross_entropy|binary_cross_entropy"},
    )
    example_weights: str = Field(
        "", max_length=100, title="Weights column", description="Which column says what each example counts for."
    )
    class_weights: tuple[Annotated[float, Field(ge=0, le=1e6)], ...] = Field(
        (), max_length=100_000, title="Class weights", description="What examples of each class count for, in order."
    )

    def lower(self, net: Builder, *xs: Value) -> Value:
        (x,) = xs
        encoding = self._encoding(net, x)
        scores = self._scores(net, x)
        target = net.feed(self.column, x.shape, encoding)
        ops: dict[str, PerExample] = {
            "half_squared_error": SquaredError(mean=False),
            "mean_squared_error": SquaredError(mean=True),
            "mean_absolute_error": AbsoluteError(),
            "huber": HuberError(self.delta),
            "cross_entropy": CrossEntropy(sure=encoding == "onehot"),
            "binary_cross_entropy": BinaryCrossEntropy(),
            "hinge": Hinge(),
            "perceptron": PerceptronCriterion(),
        }
        aim = target
        if self.label_smoothing and self.function in ("cross_entropy", "binary_cross_entropy"):
            classes = x.shape[class_axis(len(x.shape))] if self.function == "cross_entropy" else 2
            aim = net.apply(Smoothed(self.label_smoothing, classes), target, name="smoothed")
        each = self._counted(net, _judged(net, ops[self.function], scores, aim, net.lengths(x)), target)
        return net.loss(each, MeanOverExamples(), x, target, threshold=0.0 if self.function == "hinge" else 0.5)

    def _counted(self, net: Builder, each: Value, target: Value) -> Value:
        """The loss of every example times what it counts for."""
        if self.weight != 1:
            each = net.apply(Counted(self.weight), each, name=_followed(net, each))
        if self.class_weights:
            classes = target.shape[0] if target.shape != (1,) else 2
            if len(target.shape) != 1 or len(self.class_weights) != classes:
                told = f"{classes} class weights" if len(target.shape) == 1 else "no class weights for such targets"
                raise ShapeError(
                    f"{net.current} needs {told}; it has {len(self.class_weights)}.",
                    "Give one weight for each class.",
                    (Remedy("set", "Let all classes count alike", net.current, settings={"class_weights": ()}),),
                )
            each = net.apply(CountedByClass(self.class_weights), each, target, name=_followed(net, each))
        if self.example_weights:
            spec = net.columns.get(self.example_weights)
            if net.columns and (spec is None or spec.n_classes or spec.shape != (1,)):
                raise ShapeError(
                    f"{net.current} needs a column {self.example_weights!r} with one number for each example.",
                    f"The data has {', '.join(net.columns)}.",
                    (Remedy("set", "Let all examples count alike", net.current, settings={"example_weights": ""}),),
                )
            weights = net.feed(self.example_weights, (), "number")
            each = net.apply(CountedByExample(), each, weights, name=_followed(net, each))
        return each

    def _encoding(self, net: Builder, x: Value) -> str:
        """How the target column is written for outputs of this shape; raises ShapeError where it cannot be."""
        spec = net.columns.get(self.column)
        if spec is None:
            if net.columns:
                known = [name for name in net.columns if name != "x"] or list(net.columns)
                raise ShapeError(
                    f"{net.current} reads the column {self.column!r}, which the data does not have.",
                    f"The data has {', '.join(net.columns)}.",
                    tuple(Remedy("set", f"Read {n}", net.current, settings={"column": n}) for n in known),
                )
            return "values"
        if spec.n_classes == 2 and x.shape == (1,) and self.function != "cross_entropy":
            return "binary"
        wanted = (spec.n_classes,) if spec.n_classes else spec.shape
        if x.shape != wanted:
            told = f"{spec.n_classes} values, one for each class" if spec.n_classes else values_text(wanted)
            remedies = []
            if len(wanted) == 1 and len(x.shape) == 1:
                remedies = [self._units_remedy(net, x, wanted[0])]
            elif len(wanted) == 1:
                remedies = [self._insert_dense(net, wanted[0])]
            net.need(False, x, told, "Give the layer before it as many units as the data has targets.", remedies)
        return "onehot" if spec.n_classes else "values"

    def _scores(self, net: Builder, x: Value) -> Value:
        """What the loss works from: the output, or for the cross-entropies the scores before softmax or sigmoid."""
        if self.function not in ENDS:
            return x
        wanted, op = ENDS[self.function]
        made_by = net.producer(x)
        if made_by is not None and isinstance(made_by.op, op):
            return net.value_of(made_by.inputs[0])
        if made_by is not None and _ends_a_layer(made_by):
            name = made_by.node
            remedy = Remedy("set", f"Set {name} to {wanted}", name, settings={"activation": wanted})
        else:
            remedy = Remedy("insert", f"Insert {wanted}", net.current, "Activation", {"function": wanted})
        what = "outputs" if wanted == "step" else "probabilities"
        raise ShapeError(
            f"{net.current} needs {what} from a {wanted}; {net.source(x)} does not end in one.",
            f"Let the layer before it end in a {wanted}.",
            (remedy,),
        )

    def _units_remedy(self, net: Builder, x: Value, units: int) -> Remedy:
        """Another number of units for the layer that the outputs come from, or where there is none a layer more."""
        made_by = net.producer(x)
        while made_by is not None and _ends_a_layer(made_by) and not made_by.op.weighted_sum:
            made_by = net.producer(net.value_of(made_by.inputs[0]))
        if made_by is None or not made_by.op.weighted_sum:
            return self._insert_dense(net, units)
        label = f"Set {made_by.node} to {units} unit{'s' if units != 1 else ''}"
        return Remedy("set", label, made_by.node, settings={"units": units})

    def _insert_dense(self, net: Builder, units: int) -> Remedy:
        settings = {"units": units, "activation": ENDS[self.function][0] if self.function in ENDS else "linear"}
        return Remedy("insert", "Insert Dense", net.current, "Dense", settings)

    @property
    def summary(self) -> str:
        return TITLES[self.function]


def _judged(net: Builder, op: PerExample, x: Value, t: Value, lengths: Value | None) -> Value:
    """The loss of every example; of sequences of different length that of the steps that count."""
    if lengths is None:
        return net.apply(op, x, t, name="e")
    each = net.apply(op.at_every_step(), x, t, name="e_t")
    return net.apply(OverSteps(mean=op.mean), each, lengths, name="e")


def _followed(net: Builder, each: Value) -> str:
    """What a loss is called that was made from another: e, e', e'', …"""
    return f"{net.slots[each.slot].name}'"


def _ends_a_layer(step: Step) -> bool:
    """Whether a step is the sum or the activation that a layer with such a setting ends in."""
    return step.op.weighted_sum or step.op.elementwise or isinstance(step.op, Softmax)
