"""The paper: what is told of a batch, how much of a large network, and how it can be given up."""

import numpy as np
import pytest

from annstudio.document.network import Network
from annstudio.explain.takeaway import About, ChapterName, Extent, fitting, n_numbers, write
from annstudio.formats.studio import load
from annstudio.places import SAMPLES
from tests.builders import small_project, worked_example


def paper(**options):
    return write(Network(worked_example()).stepper(0), About("By hand"), **options)


def test_the_chapters_and_their_layers_in_the_order_of_the_calculation():
    told = {chapter.name: [section.title for section in chapter.sections] for chapter in paper().chapters}
    assert list(told) == list(ChapterName)
    assert told[ChapterName.FORWARD] == ["hidden", "output"]
    assert told[ChapterName.BACKWARD] == ["loss", "output", "hidden"]
    assert told[ChapterName.UPDATE] == ["hidden", "output"]


def test_every_number_is_told_once_and_is_the_runs_own():
    stepper = Network(worked_example()).stepper(0)
    entries = list(write(stepper, About("By hand")).entries())
    assert len({entry.key for entry in entries}) == len(entries)
    stepper.to(len(stepper))
    output = stepper.program.outputs["output"]
    told = {entry.key: entry.value for entry in entries}
    assert told[f"n{output}-1"] == stepper.array(output)[1, 0]


def test_every_number_in_a_formula_has_its_entry():
    whole = paper()
    used = {number.entry for entry in whole.entries() for worth in entry.worths for number in worth.numbers}
    assert used - {""} <= whole.listed
    assert whole.left_out == ()
    assert whole.words_on_extent == ""


def test_the_stepper_is_left_where_it_was():
    stepper = Network(worked_example()).stepper(0)
    stepper.to(3)
    write(stepper, About("By hand"))
    assert stepper.position == 3


def test_gradients_that_lead_to_no_weight_are_not_told():
    symbols = [entry.symbol for entry in paper().entries()]
    assert not any(r"\partial i_" in symbol for symbol in symbols)


def test_what_stays_as_it_is_is_said():
    update = paper().chapter(ChapterName.UPDATE)
    assert [section.words for section in update.sections] == ["2 stay as they are: locked, or not trained."] * 2


def test_a_cut_paper_names_what_it_leaves_out():
    cut = paper(extent=Extent(1))
    assert {entry.symbol for entry in cut.left_out} >= {r"\text{out}_{h2}"}
    assert cut.words_on_extent.startswith("Of every layer the first unit is here.")


@pytest.mark.parametrize("name", ["digits-mlp", "digits-cnn", "vowels-lstm"])
def test_how_much_fits_is_known_beforehand(name):
    stepper = Network(load(SAMPLES / f"{name}.annstudio")).stepper(0)
    extent = fitting(stepper, 1200)
    counted, more = n_numbers(stepper, extent), n_numbers(stepper, Extent(extent.units + 1))
    assert counted <= 1200 < more or extent.units == 1
    with np.errstate(all="ignore"):
        written = sum(1 for _ in write(stepper, About(name), extent).entries())
    assert written == pytest.approx(counted, rel=0.1)


def test_a_small_network_is_told_whole():
    stepper = Network(small_project()).stepper(0)
    assert fitting(stepper, 2000) == Extent()


def test_writing_can_be_given_up():
    class Enough(Exception):
        pass

    def told(n: int) -> None:
        raise Enough

    with pytest.raises(Enough):
        paper(told=told)
