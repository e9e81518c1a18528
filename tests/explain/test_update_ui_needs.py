"""One weight's update with every optimiser's numbers, and all paths from a number to the error."""

import numpy as np
import pytest

from annstudio.document.network import Network
from annstudio.engine.optimizers import OPTIMIZERS
from annstudio.explain.derivation import Explainer
from annstudio.explain.names import plain
from annstudio.explain.paths import paths
from annstudio.explain.stepper import Stepper
from annstudio.explain.told import Quantity
from annstudio.explain.update import explain_update
from annstudio.explain.weight import ask
from tests.builders import small_project, trained, worked_example


def test_plain_descent_with_the_lectures_numbers():
    stepper = Network(worked_example()).stepper(0)
    told = explain_update(stepper, ask(stepper.program, "output/W", (0, 0)), "w_{5}", 9)
    (line,) = told.lines
    assert plain(f"{line.symbol} = {line.symbols}") == "w₅^+ = w₅ - η · g"
    assert plain(line.numbers) == "0.400000000 - 0.5 · 0.082167041"
    assert line.value == told.after == pytest.approx(0.358916480, abs=5e-10)
    assert stepper.position == 0


@pytest.mark.parametrize("kind", [optimizer.model_fields["kind"].default for optimizer in OPTIMIZERS])
def test_the_account_comes_to_what_the_optimiser_does(kind: str):
    project = trained(small_project(optimizer={"kind": kind}), 7)
    stepper = Network(project).stepper(3)
    for key, index in (("hidden/W", (2, 1)), ("output/b", (1,))):
        told = explain_update(stepper, ask(stepper.program, key, index))
        assert told.lines[-1].value == pytest.approx(told.after, rel=1e-12)
        assert told.after != told.before


def test_what_is_not_trained_says_why():
    stepper = Network(worked_example()).stepper(0)
    told = explain_update(stepper, ask(stepper.program, "output/b", (0,)))
    assert told.lines == ()
    assert told.after == told.before == 0.6
    assert told.reason == "It stays as it is: b of output is not trained."


def gradient_of(stepper: Stepper, node: str, index: tuple[int, ...]) -> Quantity:
    return Quantity(stepper.program.gradients[stepper.program.outputs[node]], index)


def test_both_paths_of_a_hidden_unit_and_their_products():
    stepper = Network(worked_example()).stepper(0)
    stepper.to(len(stepper))
    explainer = Explainer(stepper)
    found = paths(explainer, gradient_of(stepper, "hidden", (0,)))
    assert [plain(path.factors[-1].symbol) for path in found] == ["w₅", "w₇"]
    assert [path.value for path in found] == pytest.approx([0.055399425, -0.019049118], abs=5e-10)
    for path in found:
        assert np.prod([part.value for part in path.factors]) == pytest.approx(path.value, rel=1e-12)
    assert sum(path.value for path in found) == pytest.approx(0.036350306, abs=5e-10)


def test_too_many_paths_are_not_listed():
    stepper = Network(small_project()).stepper(0)
    stepper.to(len(stepper))
    gradient = gradient_of(stepper, "input", (0,))
    assert len(paths(Explainer(stepper), gradient)) == 8
    assert paths(Explainer(stepper), gradient, most=7) == ()
