"""Taking the derivation away from the window: what the preview shows, what is saved, and giving up."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QLocale, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog

from annstudio.document.project import Project
from annstudio.explain.takeaway import ChapterName
from annstudio.formats.studio import load
from annstudio.layers.dense import Dense
from annstudio.places import SAMPLES
from annstudio.session import Session
from annstudio.ui.labs.takeaway_lab import TakeAwayLab
from annstudio.ui.numbers import use_decimal_sign
from tests.builders import project as project_of
from tests.builders import worked_example
from tests.formats.derivation.spreadsheet import Spreadsheet


class Bench:
    """The panel on a session, as a user has it before them."""

    def __init__(self, project: Project) -> None:
        self.session = Session(project)
        self.words: list[tuple[str, str]] = []
        self.session.told.connect(lambda kind, words: self.words.append((kind, words)))
        self.lab = TakeAwayLab(self.session)
        self.lab.resize(1200, 600)
        self.lab.show()
        self.rest()

    def rest(self) -> None:
        """Until nothing is under way."""
        for _ in range(600):
            QTest.qWait(10)
            if not self.lab.busy:
                return
        raise AssertionError("it never comes to rest")

    @property
    def shown(self) -> str:
        return self.lab.page.toPlainText()

    def choose(self, suffix: str) -> None:
        self.lab.kind.choose(suffix)
        self.rest()

    def type_into(self, spin, text: str) -> None:
        spin.setFocus()
        spin.selectAll()
        QTest.keyClicks(spin, text)
        QTest.keyClick(spin, Qt.Key.Key_Return)
        self.rest()

    def save(self, monkeypatch, path: Path) -> None:
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
        QTest.mouseClick(self.lab.save_button, Qt.MouseButton.LeftButton)

    def close(self) -> None:
        self.lab.close()
        self.lab.deleteLater()
        QApplication.sendPostedEvents(None, 0)
        QApplication.processEvents()


@pytest.fixture
def bench(qapp) -> Iterator[Bench]:
    found = Bench(worked_example())
    yield found
    found.close()


def test_the_preview_is_the_whole_calculation(bench):
    for words in ("Forward", "0.593269992", "∂E/∂w5", "0.082167041", "0.358916480"):
        assert words in bench.shown
    assert bench.lab.told.text() == "The whole batch is about 62 numbers."


def test_fewer_digits_and_fewer_chapters(bench):
    bench.type_into(bench.lab.digits, "4")
    assert "0.3589" in bench.shown
    assert "0.358916480" not in bench.shown
    bench.lab.chapters[ChapterName.BACKWARD].click()
    bench.rest()
    assert "Backward" not in bench.shown
    assert "∂e/∂out" not in bench.shown


@pytest.mark.parametrize(
    ("suffix", "words"),
    [(".tex", r"\begin{document}"), (".csv", "chapter,layer,number"), (".xlsx", "=Weights!D12-Data!D10*Backward!D")],
)
def test_every_kind_of_file_has_its_preview(bench, suffix, words):
    bench.choose(suffix)
    assert words in bench.shown
    assert bench.lab.chapters[ChapterName.LOSS].isEnabled() == (suffix != ".xlsx")


def test_a_workbook_is_saved_and_its_name_gets_its_ending(bench, monkeypatch, tmp_path):
    bench.choose(".xlsx")
    bench.save(monkeypatch, tmp_path / "mine")
    bench.rest()
    sheet = Spreadsheet((tmp_path / "mine.xlsx").read_bytes())
    assert sheet.value(*sheet.where("w₅^+")) == pytest.approx(0.358916480, abs=5.1e-10)
    assert bench.words == [("info", "Saved mine.xlsx: 59 numbers.")]


def test_where_it_cannot_be_written_it_says_so(bench, monkeypatch, tmp_path):
    bench.save(monkeypatch, tmp_path / "nowhere" / "page.html")
    bench.rest()
    ((kind, words),) = bench.words
    assert kind == "error"
    assert "page.html could not be written" in words
    assert bench.lab.save_button.isVisible()


def test_a_changed_weight_changes_the_preview(bench):
    bench.session.set_weight("output/W", (0, 0), 0.5)
    bench.rest()
    assert "0.358916480" not in bench.shown


def test_a_large_network_is_cut_and_the_panel_says_so_before(qapp, monkeypatch, tmp_path):
    found = Bench(load(SAMPLES / "digits-mlp.annstudio"))
    assert "The file has those of the first" in found.lab.told.text()
    found.type_into(found.lab.units, "2")
    assert "The file has those of the first 2 units of every layer" in found.lab.told.text()
    found.save(monkeypatch, tmp_path / "mlp.html")
    found.rest()
    assert "Of every layer the first 2 units are here." in (tmp_path / "mlp.html").read_text("utf-8")
    found.close()


def test_saving_shows_how_far_it_is_and_can_be_given_up(qapp, monkeypatch, tmp_path):
    found = Bench(load(SAMPLES / "digits-mlp.annstudio"))
    found.choose(".xlsx")
    found.save(monkeypatch, tmp_path / "mlp.xlsx")
    for _ in range(500):
        QTest.qWait(10)
        if found.lab.bar.value() > 0:
            break
    assert found.lab.bar.isVisible()
    assert 0 < found.lab.bar.value() < found.lab.bar.maximum()
    QTest.mouseClick(found.lab.cancel, Qt.MouseButton.LeftButton)
    found.rest()
    assert list(tmp_path.iterdir()) == []
    assert found.words == [("info", "Nothing was saved.")]
    assert found.lab.save_button.isVisible()
    found.close()


def test_without_data_it_says_what_is_missing(qapp):
    found = Bench(project_of(worked_example().graph))
    found.rest()
    assert found.lab.empty.isVisible()
    assert "The project has no data." in found.lab.empty.text()
    found.close()


def test_a_network_with_a_problem_says_so_and_comes_back(qapp):
    start = worked_example()
    found = Bench(start)
    graph = start.graph.with_layer("output", Dense(units=3))
    found.session.edit(project_of(graph, start.data), "Three outputs")
    found.rest()
    assert found.lab.empty.isVisible()
    found.session.undo()
    found.rest()
    assert not found.lab.empty.isVisible()
    assert "0.358916480" in found.shown
    found.close()


@pytest.mark.parametrize("suffix", [".html", ".tex"])
def test_with_a_decimal_comma_preview_and_file_have_it(qapp, monkeypatch, tmp_path, suffix):
    before = QLocale()
    try:
        use_decimal_sign("comma")
        found = Bench(worked_example())
        found.choose(suffix)
        comma = "," if suffix == ".html" else "{,}"
        assert f"0{comma}593269992" in found.shown
        assert not re.search(r"\d\.\d", found.shown.partition("Forward")[2])
        found.save(monkeypatch, tmp_path / f"d{suffix}")
        found.rest()
        written = (tmp_path / f"d{suffix}").read_text("utf-8").replace(" ", "")
        assert f"0{comma}358916480" in written
        assert "0.358916480" not in written
        assert ("<mn>0,050000000</mn>" if suffix == ".html" else "0{,}050000000") in written
        assert "0.050000000" not in written
        found.close()
    finally:
        QLocale.setDefault(before)
