"""Runs a layer here and its twin in PyTorch on the same numbers: values, loss, all gradients and the update.

Everything is compared in users' layout, examples first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from annstudio.engine.arena import Arena
from annstudio.engine.layout import to_engine, to_user
from annstudio.engine.op import Array
from annstudio.engine.optimizers import SGD
from annstudio.engine.passes import quicken
from annstudio.engine.program import Role
from annstudio.engine.run import Run
from annstudio.layers.losses import ENDS
from tests.layers.cases import Case, written
from tests.oracles.peers.padded import with_lengths
from tests.oracles.peers.place import Place, penalty, shortened
from tests.oracles.peers.table import TWINS

N = 3
RATE = 0.1
CLOSENESS = {"float64": 1e-10, "float32": 1e-5}
AS_NEAR = 4
"""So many times the error of PyTorch's own float32 may ours be where that is more than CLOSENESS."""
ROUNDING = 1e-9
"""What is smaller than this share of the largest gradient comes to nothing: rounding, small beside that one."""


@dataclass(frozen=True)
class Outcome:
    """What came of a batch. Gradients and weights by key (`layer/W`), those of inputs by column (`x0`)."""

    y: Array
    loss: float
    gradients: Mapping[str, Array]
    after: Mapping[str, Array]
    """Weights and states after one step of gradient descent."""
    noise: tuple[Array, ...] = ()
    terms: float = 0.0
    """What the loss's terms come to without their signs: a sum that cancels out is no more exact than they are."""


@dataclass(frozen=True)
class Numbers:
    """What a batch is made of: the data by column, weights by key, both in double precision."""

    columns: Mapping[str, Array]
    weights: Mapping[str, Array]
    learned: frozenset[str]
    """The weights that training changes."""

    @property
    def lengths(self) -> Array | None:
        """How many steps of the first input's sequences count."""
        return self.columns.get("length0")


def numbers_for(case: Case, *, seed: int = 1) -> Numbers:
    """Random numbers that suit the case: rows for an embedding, yes and no for margins, shares for other targets."""
    program = written(case)
    rng = np.random.default_rng(seed)
    columns: dict[str, Array] = {}
    for feed in program.feeds:
        if feed.column not in columns:
            columns[feed.column] = _column(case, feed.column, program.slots[feed.slot].shape, rng)
    weights, learned = {}, set()
    for parameter in program.parameters:
        for view in parameter.views:
            shape = view.of(np.zeros(parameter.shape)).shape
            weights[parameter.key(view)] = rng.normal(0, 0.7, shape) * (not _counts(case, parameter.node))
            learned |= {parameter.key(view)} if parameter.learns(view) else set()
    return Numbers(columns, weights, frozenset(learned))


def _column(case: Case, name: str, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    if name.startswith("length"):
        return rng.permutation([case.shapes[0][0], 1, max(case.shapes[0][0] - 2, 1)])
    if name.startswith("x") and case.layer.kind() == "Embedding":
        return rng.integers(0, case.layer.vocabulary, (N, *shape)).astype(float)
    values = to_user(np.moveaxis(rng.normal(size=(N, *shape)), 0, -1))
    if case.layer.has_output or name.startswith("x"):
        return values
    if case.layer.function in ("hinge", "perceptron") and name == case.layer.column:
        return (values > 0).astype(float)
    return np.exp(values) / np.exp(values).sum(-1, keepdims=True)


def _counts(case: Case, node: str) -> bool:
    """Whether what lies before an embedding must not move the whole numbers that it is given."""
    return case.layer.kind() == "Embedding" and node != "layer"


# Here ----------------------------------------------------------------------------------------------------------------


def ours(case: Case, numbers: Numbers, dtype: str, *, plain: bool) -> Outcome:
    """What the engine makes of it."""
    program = quicken(written(case, plain=plain))
    arena = Arena(program, dtype)
    arena.load(numbers.weights)
    arena.use(SGD(learning_rate=RATE))
    run = Run(program, arena, N)
    run.load({feed.slot: to_engine(numbers.columns[feed.column]) for feed in program.feeds}, seed=3, step=5)
    noise = tuple(to_user(run.arrays[noise.slot]).copy() for noise in program.noises)
    run.to_loss()
    run.to_update()
    y, loss, gradients = run.output("layer").copy(), run.loss, _gradients(run)
    run.update()
    return Outcome(to_user(y) if case.layer.has_output else y, loss, gradients, arena.weights(), noise)


def _gradients(run: Run) -> dict[str, Array]:
    program = run.program
    found = {
        slot.name: to_user(run.arrays[program.gradients[slot.index]]).copy()
        for slot in program.slots
        if slot.role is Role.FEED and slot.index in program.gradients
    }
    for parameter in program.parameters:
        if parameter.slot in program.gradients:
            gradient = run.arena.gradient(parameter).copy()
            found |= {parameter.key(view): view.of(gradient) for view in parameter.views}
    return found


# There ---------------------------------------------------------------------------------------------------------------


def theirs(torch: Any, case: Case, numbers: Numbers, noise: tuple[Array, ...], dtype: str) -> Outcome:
    """What PyTorch and its derivatives make of the layer's twin."""
    kind, layer = getattr(torch, dtype), case.layer

    def tensor(array: Array) -> Any:
        return torch.tensor(np.ascontiguousarray(array), dtype=kind)

    columns = {name: tensor(array) for name, array in numbers.columns.items()}
    weights = {key: tensor(array).requires_grad_() for key, array in numbers.weights.items()}
    own = {key.partition("/")[2]: w for key, w in weights.items() if key.startswith("layer/")}
    lengths = None if numbers.lengths is None else torch.tensor(numbers.lengths)
    at = Place(torch, own, [tensor(array) for array in noise], lengths, columns, states=_states(case, tensor))
    xs = []
    for i in range(len(case.shapes)):
        columns[f"x{i}"].requires_grad_()
        shift = weights[f"before_{i}/p"]
        xs.append(columns[f"x{i}"] + (shift.movedim(0, -1) if shift.ndim == 3 else shift))
    if not layer.has_output and layer.function in ENDS:
        xs = [at.activated(ENDS[layer.function][0], x, 0.0) for x in xs]
    y = with_lengths(TWINS[layer.kind()], at, layer, *xs) if case.cut else TWINS[layer.kind()](at, layer, *xs)
    parts = y * columns["r0"] if layer.has_output else y[:, None]
    each = parts.flatten(1).sum(1)
    loss = each.mean() + penalty(layer, own)
    loss.backward()
    leaves = {**{name: x for name, x in columns.items() if x.requires_grad}, **weights}
    gradients = {key: _numpy(torch.zeros_like(x) if x.grad is None else x.grad) for key, x in leaves.items()}
    after = {key: w - RATE * tensor(gradients[key]) if key in numbers.learned else w for key, w in weights.items()}
    for name in own:
        if f"layer/{name}" in numbers.learned:
            after[f"layer/{name}"] = shortened(torch, layer, name, after[f"layer/{name}"])
    after |= {f"layer/{name}": state for name, state in at.states.items()}
    result = y if layer.has_output else each.mean()
    terms = parts.abs().sum().item() / N
    return Outcome(
        _numpy(result), loss.item(), gradients, {key: _numpy(w) for key, w in after.items()}, terms=terms
    )  # fmt: skip


def _states(case: Case, tensor: Any) -> dict[str, Any]:
    """What the layer's states are at first."""
    program = written(case)
    slots = [slot for slot in program.slots if slot.role is Role.STATE]
    return {slot.name: tensor(np.full(slot.shape, slot.fill)) for slot in slots}


def _numpy(tensor: Any) -> Array:
    return tensor.detach().numpy().copy()


# Side by side --------------------------------------------------------------------------------------------------------


def compare(torch: Any, case: Case, dtype: str) -> None:
    """Assert that both readings and PyTorch agree: to 1e-10 of the largest value in float64, to 1e-5 in float32."""
    numbers = numbers_for(case)
    plain, fast = (ours(case, numbers, dtype, plain=plain) for plain in (True, False))
    exact, rounded = (theirs(torch, case, numbers, plain.noise, kind) for kind in ("float64", dtype))
    for found in (plain, fast):
        assert numbers.learned <= found.gradients.keys()
        assert found.after.keys() == exact.after.keys()
        agree(found, exact, rounded, dtype)
    inputs = {f"x{i}" for i in range(len(case.shapes))}
    assert inputs <= plain.gradients.keys(), "the plain reading has the gradients of all inputs"


def agree(found: Outcome, exact: Outcome, rounded: Outcome, dtype: str) -> None:
    """Assert closeness to PyTorch's double precision; `rounded` is PyTorch's own in the number format at hand."""
    largest = max((_largest(g) for g in exact.gradients.values()), default=0.0)
    assert_near(found.y, exact.y, rounded.y, dtype, "y")
    assert_near(*(np.array(side.loss) for side in (found, exact, rounded)), dtype, "E", exact.terms)
    for key, gradient in found.gradients.items():
        least = largest if _largest(exact.gradients[key]) <= ROUNDING * largest else 0.0
        assert_near(gradient, exact.gradients[key], rounded.gradients[key], dtype, f"d{key}", least)
    for key, weight in found.after.items():
        assert_near(weight, exact.after[key], rounded.after[key], dtype, f"{key} after the update", RATE * largest)


def assert_near(found: Array, exact: Array, rounded: Array, dtype: str, name: str, least: float = 0.0) -> None:
    """Assert closeness by the array's largest value, or by `least` where that is larger.

    Where a result hangs on small differences of large numbers, being as near as PyTorch's own float32 is near enough.
    """
    assert found.shape == exact.shape, name
    near = CLOSENESS[dtype] * max(_largest(exact), least)
    near = max(near, AS_NEAR * _largest(rounded - exact), np.finfo(found.dtype).tiny)
    np.testing.assert_allclose(found, exact, rtol=0, atol=near, err_msg=name)


def _largest(array: Array) -> float:
    return float(np.abs(array).max(initial=0))
