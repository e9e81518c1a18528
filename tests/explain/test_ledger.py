"""Why a weight changed: an account whose entries come to what the run really did, whatever the rule."""

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annstudio.document.network import Network
from annstudio.document.project import Project
from annstudio.engine.account import Sum
from annstudio.engine.optimizers import OPTIMIZERS
from annstudio.engine.schedules import Cosine, Moment, OneCycle, Plateau, Schedule, Steps
from annstudio.explain.derivation import Explainer
from annstudio.explain.ledger import Ledger, example_of, gradient_shares, ledger
from annstudio.explain.names import plain
from annstudio.explain.numbers import number_text
from annstudio.explain.report import report
from annstudio.explain.stepper import Stepper
from annstudio.explain.told import Quantity
from annstudio.explain.weight import ask
from annstudio.layers.conv import Conv2D
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.graph import Node
from annstudio.layers.losses import Loss
from annstudio.layers.recurrent.lstm import LSTM
from annstudio.layers.shaping import Flatten, Reshape
from annstudio.layers.steady import Dropout
from annstudio.layers.transposed import Conv2DTranspose
from tests.builders import chain, project, small_project, some_table, table, trained, worked_example

KINDS = [optimizer.model_fields["kind"].default for optimizer in OPTIMIZERS]


def stepper_of(start: Project, *examples: int, paced: tuple[Schedule, Moment] | None = None) -> Stepper:
    """A batch of these examples."""
    network = Network(start)
    one = network.stepper(0)
    feeds = network.rows("float64").feeds(one.program, np.array(examples))
    if paced is not None:
        one.arena.rate[()] = start.settings.optimizer.learning_rate * paced[0].factor(paced[1])
    stepper = Stepper(one.program, one.arena, feeds, one.seed, one.batch_number)
    stepper.paced = paced
    return stepper


def told(stepper: Stepper, key: str, *index: int, digits: int = 4) -> Ledger:
    return ledger(Explainer(stepper), ask(stepper.program, key, index), digits)


def assert_comes_out(account: Ledger, digits: int) -> None:
    """Every entry leads from the one before to the next, the last to the new weight; little is rounding."""
    total = account.update.before
    for entry in account.entries:
        assert entry.total == pytest.approx(total + entry.amount, rel=1e-15, abs=1e-300)
        total = entry.total
    assert number_text(total, digits) == number_text(account.update.after, digits)
    real = [entry.amount for entry in account.entries if entry.what != "rounding"]
    size = max(abs(account.update.before), *map(abs, real))
    assert math.fsum(real) == pytest.approx(account.change, rel=1e-12, abs=4e-16 * size)


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    n=st.integers(1, 4),
    value=st.sampled_from([0.0, 0.002, 1.0]),
    norm=st.sampled_from([0.0, 0.01, 5.0]),
    penalties=st.sampled_from([(0.0, 0.0), (0.01, 0.0), (0.0, 0.02), (0.01, 0.02)]),
    limit=st.sampled_from([0.0, 0.5, 100.0]),
    schedule=st.sampled_from([None, Steps(every=1), Cosine(warm_up=3), OneCycle(), Plateau(patience=1)]),
    behind=st.integers(0, 3),
    digits=st.sampled_from([2, 4, 9, 15, 17]),
    lock=st.booleans(),
)
def test_the_account_sums_to_the_change_to_the_last_digit_shown(
    kind, n, value, norm, penalties, limit, schedule, behind, digits, lock
):
    held = dict(zip(("l1", "l2"), penalties, strict=True)) | {"max_norm": limit}
    graph = chain(
        input=Input(shape=(3,)),
        hidden=Dense(units=4, activation="tanh", **held),
        output=Dense(units=2, activation="sigmoid", train_bias=False),
        loss=Loss(),
    )
    rules: dict[str, Any] = {"optimizer": {"kind": kind}, "clip_value": value, "clip_norm": norm}
    start = project(graph, some_table(), batch_size=5, epochs=9, **rules)
    start = trained(start, behind) if behind else start
    locked = {"hidden/W": np.eye(4, 3, dtype=bool)} if lock else {}
    start = replace(start, locked=locked)
    paced = None if schedule is None else (schedule, Moment(1.25, 9, (1.0, 1.0)))
    stepper = stepper_of(start, *range(n), paced=paced)
    for key, index in (("hidden/W", (1, 2)), ("hidden/W", (0, 0)), ("hidden/b", (3,)), ("output/W", (1, 0))):
        account = told(stepper, key, *index, digits=digits)
        if lock and index == (0, 0):
            assert (account.entries, account.change) == ((), 0.0)
            assert account.update.reason.startswith("It is locked")
            continue
        assert_comes_out(account, digits)
        assert account.update.lines[-1].value == pytest.approx(account.update.after, rel=1e-12, abs=1e-15)
        if paced is not None:
            assert account.update.rate[-1].value == pytest.approx(stepper.rate, rel=1e-14)
    assert stepper.position == 0


@pytest.mark.parametrize("layer", ["conv", "deconv", "lstm"])
def test_limits_of_layers_whose_weights_are_shared_come_out_too(layer):
    graph = {
        "conv": chain(input=Input(shape=(9,)), fold=Reshape(target=(3, 3, 1)),
                      layer=Conv2D(filters=2, kernel_size=(2, 2), max_norm=0.3, l2=0.1)),
        "deconv": chain(input=Input(shape=(9,)), fold=Reshape(target=(3, 3, 1)),
                        layer=Conv2DTranspose(filters=2, kernel_size=(2, 2), max_norm=0.3)),
        "lstm": chain(input=Input(shape=(9,)), fold=Reshape(target=(3, 3)), layer=LSTM(units=2, max_norm=0.3)),
    }[layer]  # fmt: skip
    for node, tail in (("flat", Flatten()), ("out", Dense(units=2)), ("loss", Loss())):
        graph = graph.with_node(Node(node, tail)).connect(list(graph.nodes)[-1], node)
    stepper = stepper_of(project(graph, some_table(6, 9, 2), optimizer={"kind": "adam"}), 0, 1)
    limited = 0
    for parameter in stepper.program.parameters:
        for view in parameter.views:
            for index in np.ndindex(view.of(np.empty(parameter.shape)).shape):
                account = told(stepper, parameter.key(view), *index, digits=15)
                assert_comes_out(account, 15)
                limited += any(entry.what == "largest norm" for entry in account.entries)
    assert limited >= 4


# What is told ---------------------------------------------------------------------------------------------------------


def test_plain_descent_is_one_entry_with_the_lectures_numbers():
    stepper = stepper_of(worked_example(), 0)
    account = told(stepper, "output/W", 0, 0, digits=9)
    (entry,) = account.entries
    assert (entry.what, plain(entry.how)) == ("gradient", "-0.5 · 0.082167041")
    assert entry.total == pytest.approx(0.358916480, abs=5e-10)
    assert account.gradient == pytest.approx(0.082167041, abs=5e-10)


def test_every_example_has_its_share_of_the_mean_and_the_largest_comes_first():
    start = small_project(optimizer={"kind": "sgd", "learning_rate": 0.5})
    together = stepper_of(start, 3, 5, 7)
    account = told(together, "hidden/W", 2, 1)
    alone = {}
    for place, example in enumerate((3, 5, 7)):
        one = stepper_of(start, example)
        alone[f"example {place + 1}"] = told(one, "hidden/W", 2, 1).gradient / 3
    assert [entry.what for entry in account.entries] == sorted(alone, key=lambda name: -abs(alone[name]))
    for entry in account.entries:
        assert entry.amount == pytest.approx(-0.5 * alone[entry.what], rel=1e-12)


def test_an_examples_share_leads_to_what_was_handed_back_for_that_example():
    stepper = stepper_of(small_project(), 0, 1)
    account = told(stepper, "hidden/W", 2, 1)
    stepper.to(len(stepper))
    explainer = Explainer(stepper)
    for entry in account.entries:
        assert entry.quantity is not None
        assert entry.what == f"example {entry.quantity.example + 1}"
        assert explainer.names.text(entry.quantity.slot, entry.quantity.index) == "∂E/∂net_h3"


def test_places_of_a_kernel_and_time_steps_are_gathered_by_example():
    graph = chain(
        input=Input(shape=(16,)), fold=Reshape(target=(4, 4, 1)), conv=Conv2D(filters=2, activation="tanh"),
        flat=Flatten(), out=Dense(units=2), loss=Loss(),
    )  # fmt: skip
    stepper = stepper_of(project(graph, some_table(6, 16, 2)), 0, 1, 2)
    question = ask(stepper.program, "conv/W", (1, 0, 1, 2))
    stepper.to(len(stepper))
    gradient = Quantity(stepper.program.gradients[question.parameter.slot], question.stored)
    shares = gradient_shares(Explainer(stepper), gradient)
    assert sorted(share.what for share in shares) == ["example 1", "example 2", "example 3"]
    assert sum(share.value for share in shares) == pytest.approx(Explainer(stepper).value(gradient), rel=1e-12)


def test_both_penalties_are_told_with_the_weights_number():
    graph = chain(input=Input(shape=(3,)), out=Dense(units=2, l1=0.01, l2=0.1), loss=Loss())
    weights = {"out/W": [[0.5, -0.25, 1.0], [0.1, 0.2, 0.3]]}
    stepper = stepper_of(project(graph, some_table(), weights, optimizer={"kind": "sgd", "learning_rate": 1.0}), 0, 1)
    account = told(stepper, "out/W", 0, 1)
    *_, first, second = account.entries
    assert [entry.what for entry in account.entries[2:]] == ["L1 penalty", "L2 penalty"]
    assert (first.amount, second.amount) == pytest.approx((0.01, 0.05))
    assert "sign(-0.2500)" in plain(first.how)
    assert "2 · 0.1 · (-0.2500)" in plain(second.how)


def test_clipping_momentum_decay_and_limit_are_entries_of_their_own():
    graph = chain(input=Input(shape=(3,)), out=Dense(units=2, max_norm=0.1), loss=Loss())
    start = project(graph, some_table(), optimizer={"kind": "adamw", "weight_decay": 0.5}, clip_norm=0.01, batch_size=2)
    stepper = stepper_of(trained(start, 2), 0, 1)
    names = [entry.what for entry in told(stepper, "out/W", 1, 1).entries]
    assert names[2:] == ["clipped norm", "weight decay", "mean gradient so far", "largest norm"]


def test_what_drops_out_has_no_share():
    graph = chain(input=Input(shape=(8,)), drop=Dropout(rate=0.5), out=Dense(units=2), loss=Loss())
    stepper = stepper_of(project(graph, some_table(4, 8, 2)), 0, 1)
    for index in range(8):
        assert_comes_out(told(stepper, "out/W", 0, index), 17)


def test_a_schedule_tells_how_it_made_the_rate_of_the_very_batch():
    schedule = {"kind": "cosine", "warm_up": 1}
    start = trained(small_project(schedule=schedule, optimizer={"kind": "sgd", "learning_rate": 0.5}), 2)
    stepper = Network(start).stepper(3)
    told_rate = told(stepper, "hidden/W", 2, 1).update.rate
    assert [line.symbol for line in told_rate] == ["f", "u", r"\eta"]
    assert told_rate[-1].value == pytest.approx(stepper.rate, rel=1e-14)
    assert stepper.rate < 0.5
    assert told(Network(small_project()).stepper(3), "hidden/W", 2, 1).update.rate == ()


def test_the_account_is_plain_data_too():
    start = trained(small_project(optimizer={"kind": "adamw"}, clip_norm=0.01, schedule={"kind": "exponential"}), 3)
    found = report(Network(start).stepper(0), ("hidden/W", (1, 2)))["ledger"]
    assert json.loads(json.dumps(found)) == found
    assert found["entries"][0]["what"] == "gradient"
    assert found["entries"][-1]["weight"] == pytest.approx(found["after"], rel=1e-12)
    assert [line["symbol"] for line in found["rate"]] == ["f", "η"]
    assert [line["symbol"] for line in found["rule"]][-1] == "w₆^+"
    assert not any("\\" in text for entry in found["entries"] for text in (entry["what"], entry["how"]))


def test_shares_that_run_away_both_ways_are_no_number():
    graph = chain(
        input=Input(shape=(2,)), fold=Reshape(target=(2, 1, 1)),
        conv=Conv2D(filters=1, kernel_size=(1, 1), activation="linear"), flat=Flatten(), loss=Loss(),
    )  # fmt: skip
    start = project(graph, table([(1e200, 1e200)], [(0.0, 3e200)]), {"conv/W": [[[[1.0]]]]})
    stepper = stepper_of(start, 0)
    account = told(stepper, "conv/W", 0, 0, 0, 0)
    assert math.isnan(account.entries[0].amount)
    assert not math.isfinite(account.update.after)
    assert [entry.what for entry in account.entries] == ["gradient", "rounding"], "nothing was clipped"


def test_the_uses_of_a_kernel_s_weight_come_all_at_once_with_the_bits_of_each_term():
    graph = chain(
        input=Input(shape=(36,)), image=Reshape(target=(6, 6, 1)), conv=Conv2D(filters=2, strides=(2, 1)),
        flat=Flatten(), out=Dense(units=2), loss=Loss(),
    )  # fmt: skip
    explainer = Explainer(stepper_of(project(graph, some_table(5, 36, 2)), 0, 2, 4))
    explainer.stepper.to(len(explainer.stepper))
    program = explainer.program
    for key, index in (("conv/W", (1, 0, 2, 1)), ("conv/b", (1,)), ("out/W", (0, 7)), ("out/b", (1,))):
        question = ask(program, key, index)
        gradient = Quantity(program.gradients[question.parameter.slot], question.stored)
        _, terms = explainer.terms(gradient)
        assert isinstance(terms, Sum)
        assert list(terms.values) == [term.value for term in terms]
        assert list(terms.examples) == [example_of(term) for term in terms]
        assert math.fsum(terms.values) == pytest.approx(explainer.value(gradient), rel=1e-12)
