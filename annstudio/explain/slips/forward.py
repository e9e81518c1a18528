"""Slips on the way forward: without the bias, without the activation, with the matrix read the wrong way."""

from collections.abc import Iterator, Mapping

from annstudio.engine.op import Array
from annstudio.engine.program import Step
from annstudio.explain.case import Case, Slip
from annstudio.explain.rework import Mistake, copied, during, together


def forgot_bias(case: Case) -> Iterator[Slip]:
    """A sum without the unit that is always on."""
    for node, steps in case.by_node(case.forward()).items():
        without = together(
            during(i, slot, zero, right) for i, s in steps.items() for slot, zero, right in _biases(case, s)
        )
        if without.before:
            yield case.slip(
                "forgot the bias", without,
                f"This is what comes out without the bias of {node}. Its unit is always on: add b.",
            )  # fmt: skip


def forgot_activation(case: Case) -> Iterator[Slip]:
    """The sum goes on in place of out, from there on."""
    for node, steps in case.by_node(case.activations(case.forward())).items():
        yield case.slip(
            "took net for out", Mistake(after={i: copied(s.inputs[0], s.output) for i, s in steps.items()}),
            f"This is what comes out with net of {node} in place of out: the activation was forgotten.",
        )  # fmt: skip


def transposed_forward(case: Case) -> Iterator[Slip]:
    """The matrix read column by column in a sum."""
    yield from transposed(
        case, case.forward(),
        "This is what comes out with rows and columns of W of {} mixed up. net of unit j is the sum over i of "
        "w from i to j: one row of W.",
    )  # fmt: skip


def transposed(case: Case, steps: Mapping[int, Step], sentence: str) -> Iterator[Slip]:
    """Slips in which a layer's sums read their matrix of weights along the other axis."""
    for node, own in case.by_node(steps).items():
        mistakes = []
        for i, step in own.items():
            parameter = case.weights(step)
            if parameter is None or not step.op.weighted_sum or len(parameter.views[0].axis_names) != 2:
                continue
            right = case.stored(parameter.slot)
            mixed = right.copy()
            seen = parameter.views[0].of(mixed)
            seen[...] = seen.T.copy().reshape(seen.shape)
            if (mixed != right).any():
                mistakes.append(during(i, parameter.slot, mixed, right))
        if mistakes:
            yield case.slip("rows for columns", together(mistakes), sentence.format(node))


def _biases(case: Case, step: Step) -> Iterator[tuple[int, Array, Array]]:
    """Of every bias in a step's sum its slot, the numbers stored there with 0 for it, and as they are."""
    for parameter in case.catalogue.program.parameters:
        view = next((v for v in parameter.views if v.name == "b"), None)
        if parameter.slot in step.inputs and view is not None:
            right = case.stored(parameter.slot)
            without = right.copy()
            view.of(without)[...] = 0
            if (without != right).any():
                yield parameter.slot, without, right
