"""The workbook reckons: every cell comes to the engine's number, also after a weight, an input or a setting changed."""

import shutil
import subprocess
from dataclasses import replace

import numpy as np
import openpyxl
import pytest

from annstudio.document.network import Network
from annstudio.document.project import Project
from annstudio.engine.arena import Clipping
from annstudio.engine.optimizers import OPTIMIZERS
from annstudio.formats.derivation.workbook import Workbook
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.pool import MaxPool2D
from annstudio.layers.shaping import Flatten, Reshape
from tests.builders import chain, some_table, worked_example
from tests.builders import project as project_of
from tests.formats.derivation.papers import paper_of
from tests.formats.derivation.spreadsheet import Spreadsheet


def sheet_of(project: Project, sample: int = 0) -> Spreadsheet:
    book = Workbook(paper_of(project, sample))
    found = Spreadsheet(book.bytes())
    assert book.not_live == []
    return found


def agrees(spreadsheet: Spreadsheet) -> None:
    """Every cell is what the engine says beside it."""
    rows = list(spreadsheet.numbers())
    assert rows
    for sheet, cell, symbol, found, engine in rows:
        assert found == pytest.approx(engine, rel=1e-9, abs=1e-12), (sheet, cell, symbol)


def follows(spreadsheet: Spreadsheet, changed: Project, sample: int = 0) -> None:
    """Every cell is what the engine says of the changed project."""
    wanted = Spreadsheet(Workbook(paper_of(changed, sample)).bytes())
    engine = {(sheet, cell): value for sheet, cell, _, _, value in wanted.numbers()}
    found = {(sheet, cell): value for sheet, cell, _, value, _ in spreadsheet.numbers()}
    assert found == pytest.approx(engine, rel=1e-9, abs=1e-12)


def with_weight(project: Project, key: str, place: tuple[int, ...], value: float) -> Project:
    array = np.array(Network(project).weights()[key])
    array[place] = value
    return project.with_weight(key, array)


# The worked example --------------------------------------------------------------------------------------------------


def test_the_lectures_figures_stand_in_the_cells():
    sheet = sheet_of(worked_example())
    printed = {"w₅^+": 0.358916480, "w₆^+": 0.408666186, "w₇^+": 0.511301270, "w₈^+": 0.561370121,
               "w₁^+": 0.149780716, "w₂^+": 0.199561432, "w₃^+": 0.249751144, "w₄^+": 0.299502287,
               "E": 0.298371109, "∂E/∂w₅": 0.082167041, "out_o1": 0.751365070}  # fmt: skip
    for symbol, value in printed.items():
        assert sheet.value(*sheet.where(symbol)) == pytest.approx(value, abs=5.1e-10)


def test_every_computed_number_is_a_formula_and_every_given_one_is_not():
    sheet = sheet_of(worked_example())
    for name, cell, symbol, _, _ in sheet.numbers():
        held = sheet.book[name][cell].value
        given = name in ("Data", "Weights") or symbol == "∂E/∂E"
        assert isinstance(held, str) != given, (name, cell, held)
        assert sheet.style(name, cell) == ("Given" if given else "Worked out")


def test_a_changed_weight_changes_what_the_engine_would():
    project = worked_example(train_bias=True)
    sheet = sheet_of(project)
    agrees(sheet)
    sheet.change(*sheet.where("w₁"), 0.9)
    follows(sheet, with_weight(project, "hidden/W", (0, 0), 0.9))
    sheet.change(*sheet.where("b_o2"), -0.25)
    follows(sheet, with_weight(with_weight(project, "hidden/W", (0, 0), 0.9), "output/b", (1,), -0.25))


def test_a_changed_rate_changes_the_update():
    project = worked_example()
    sheet = sheet_of(project)
    sheet.change(*sheet.where("η"), 0.05)
    optimizer = project.settings.optimizer.model_copy(update={"learning_rate": 0.05})
    follows(sheet, replace(project, settings=project.settings.model_copy(update={"optimizer": optimizer})))


@pytest.mark.parametrize("kind", OPTIMIZERS, ids=lambda kind: kind.title)
@pytest.mark.parametrize("clipping", [Clipping(), Clipping(0.05), Clipping(0, 0.02), Clipping(0.04, 0.03)], ids=repr)
def test_every_optimiser_and_every_clipping_follows(kind, clipping):
    project = worked_example(train_bias=True)
    settings = project.settings.model_copy(
        update={"optimizer": kind(learning_rate=0.1), "clip_value": clipping.value, "clip_norm": clipping.norm}
    )
    project = replace(project, settings=settings)
    assert Network(project).stepper(0).arena.clipping == clipping
    sheet = sheet_of(project)
    agrees(sheet)
    sheet.change(*sheet.where("w₆"), 1.5)
    follows(sheet, with_weight(project, "output/W", (0, 1), 1.5))


# Numbers and names that are none -------------------------------------------------------------------------------------


def test_numbers_that_ran_away_are_told_in_words_and_the_file_is_whole():
    project = with_weight(worked_example(), "output/W", (0, 0), np.inf)
    book = Workbook(paper_of(project))
    sheet = Spreadsheet(book.bytes())
    name, cell = sheet.where("w₅")
    assert (sheet.book[name][cell].value, sheet.style(name, cell)) == ("∞", "Fixed")
    assert sheet.book["Forward"]["D10"].value == "∞"
    assert all("inf" not in str(c.value) and "nan" not in str(c.value) for s in sheet.book for r in s for c in r)


def test_a_title_that_no_cell_can_hold():
    book = Workbook(paper_of(replace(worked_example(), title="=1+1\x00\x07")))
    about = Spreadsheet(book.bytes()).book["About"]["A1"]
    assert (about.value, about.data_type) == ("=1+1", "s")


# In LibreOffice ------------------------------------------------------------------------------------------------------


ACTIVATIONS = ("gelu", "selu", "elu", "silu", "softplus", "softsign", "leaky_relu", "tanh", "relu")


def many_functions() -> Project:
    layers = [Input(shape=(3,)), *(Dense(units=3, activation=each) for each in ACTIVATIONS), Reshape(target=(3, 1, 1))]
    ends = [
        MaxPool2D(pool_size=(2, 1), strides=(1, 1)),
        Flatten(),
        Dense(units=2, max_norm=0.5),
        Loss(function="huber"),
    ]
    return project_of(chain(*layers, *ends), some_table(2, 3, 2))


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
@pytest.mark.parametrize("made", [worked_example, many_functions], ids=lambda made: made.__name__)
def test_libreoffice_comes_to_the_same_numbers(made, tmp_path):
    project = made()
    book = Workbook(paper_of(project))
    assert book.not_live == []
    sheet = Spreadsheet(book.bytes())
    agrees(sheet)
    sheet.change(*sheet.where("w₁"), 0.9)
    sheet.book.save(tmp_path / "changed.xlsx")
    subprocess.run(
        ["soffice", "--headless", f"-env:UserInstallation=file://{tmp_path}/profile", "--convert-to",
         "xlsx:Calc MS Excel 2007 XML", "--outdir", str(tmp_path / "out"), str(tmp_path / "changed.xlsx")],
        check=True, capture_output=True, timeout=110,
    )  # fmt: skip
    wanted = {(name, cell): value for name, cell, _, value, _ in sheet.numbers()}
    reckoned = openpyxl.load_workbook(tmp_path / "out" / "changed.xlsx", data_only=True)
    for (name, cell), value in wanted.items():
        assert reckoned[name][cell].value == pytest.approx(value, rel=1e-9, abs=1e-12), (name, cell)
