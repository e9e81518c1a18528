"""Data larger than memory in the data panel: chosen file by file, looked at through an excerpt, watched by number."""

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog

from annstudio.data import archive, arrays, base
from annstudio.data.generated import Clouds
from annstudio.ui.numbers import count_text
from annstudio.ui.panels import data as data_panel
from annstudio.ui.panels import examples
from annstudio.ui.panels.boundary import BoundaryPanel
from annstudio.ui.panels.data import DataPanel
from annstudio.ui.panels.predictions import PredictionsPanel
from annstudio.ui.patience import GivenUp
from tests.ui.panels.hands import choose, tabs

N = 6000


@pytest.fixture
def large(monkeypatch):
    for module in (archive, arrays, base):
        monkeypatch.setattr(module, "LARGE_BYTES", 0)


@pytest.fixture
def folder(tmp_path, large):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", rng.normal(size=(N, 2)).astype(np.float32))
    np.save(tmp_path / "y.npy", (np.arange(N) % 2).astype(np.int8))
    return tmp_path


def press(panel, monkeypatch, name, file):
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(file), ""))
    form = next(form for form in panel._forms.values() if form.isVisible())
    QTest.mouseClick(form.field(name).button, Qt.MouseButton.LeftButton)


def test_two_files_are_chosen_and_looked_at_through_an_excerpt(xor, seen, folder, monkeypatch):
    panel = seen(DataPanel(xor), 940, 320)
    choose(panel, "npy")
    assert panel.problem.text().startswith("No data file is chosen yet.")
    press(panel, monkeypatch, "path", folder / "x.npy")
    press(panel, monkeypatch, "targets", folder / "y.npy")
    assert tabs(panel) == ["Points", "Table", "Classes"]
    assert "examples are fetched when they are needed" in panel.facts.text()
    assert panel.model.rowCount() == N
    assert [panel.model.index(N - 1, i).data() for i in (0, 2)] == [
        f"{xor.dataset.columns['x'].values[-1][0]:.6g}",
        "1",
    ]
    assert {bar.text for bar in panel.balance.bars} == {f"about {count_text(N // 2)}"}
    plane = panel.plane
    panel.views.setCurrentIndex(1)
    QApplication.processEvents()
    assert len(plane.points) == base.EXCERPT
    place = plane._plot.getViewBox().mapViewToScene(QPointF(*map(float, plane.points[-1])))
    view = plane._plot.mapFromScene(place)
    QTest.mouseClick(plane._plot.viewport(), Qt.MouseButton.LeftButton, pos=view)
    assert xor.sample in xor.dataset.excerpted
    assert plane.watched == xor.sample


def test_more_examples_than_can_be_listed(xor, seen, folder, monkeypatch):
    monkeypatch.setattr(examples, "SHOWN", 100)
    monkeypatch.setattr(data_panel, "SHOWN", 100)
    np.save(folder / "x.npy", np.zeros((N, 4, 4, 3), np.uint8))
    panel = seen(DataPanel(xor), 940, 320)
    xor.set_data(arrays.NpyFiles(path=str(folder / "x.npy"), targets=str(folder / "y.npy")))
    assert tabs(panel) == ["Pictures", "Classes"]
    assert panel.pictures.count == 100
    assert "the first 100 are listed" in panel.facts.text()
    xor.set_data(Clouds(examples=10**9))
    assert panel.model.rowCount() == 100
    xor.set_settings(validation_share=0.2)
    for n in (8 * 10**8, 2 * 10**8):
        assert count_text(n) in panel.facts.text()
    assert f"{count_text(65_536)} of them after every epoch" in panel.facts.text()


def test_bad_files_are_told_and_who_gives_up_waiting_keeps_what_was(xor, seen, folder, monkeypatch):
    panel = seen(DataPanel(xor), 940, 320)
    choose(panel, "npy")
    (folder / "bad.npy").write_bytes(b"no numbers")
    press(panel, monkeypatch, "path", folder / "bad.npy")
    assert "bad.npy is not an .npy file, or it is damaged" in panel.problem.text()

    def given_up(*_, **__):
        raise GivenUp

    monkeypatch.setattr(data_panel, "patiently", given_up)
    press(panel, monkeypatch, "path", folder / "x.npy")
    assert xor.project.data.path.endswith("bad.npy")
    form = next(form for form in panel._forms.values() if form.isVisible())
    assert form.field("path").value().endswith("bad.npy")


def test_the_boundary_and_the_predictions_of_large_data(xor, seen, folder):
    x = np.load(folder / "x.npy")
    np.save(folder / "t.npy", (x[:, :1] > 0).astype(np.float32))
    source = arrays.NpyFiles(path=str(folder / "x.npy"), targets=str(folder / "t.npy"))
    xor.edit(replace(xor.project, data=source), "Choose data")
    boundary = seen(BoundaryPanel(xor), 600, 400)
    assert len(boundary.plane.points) == base.EXCERPT
    predictions = seen(PredictionsPanel(xor), 900, 400)
    predictions.refresh()
    QTest.qWait(50)
    assert predictions.model.judged
    assert predictions.model.right[0] == ((predictions.model.found[0, 0] > 0.5) == (x[0, 0] > 0))
