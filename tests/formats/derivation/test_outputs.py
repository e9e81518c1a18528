"""What is written of a paper: the lecture's figures to the digit, links that lead somewhere, well made files."""

import csv
import io
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from annstudio.errors import FormatError
from annstudio.explain.takeaway import ChapterName, Paper
from annstudio.formats.derivation import OUTPUTS, output_of
from annstudio.formats.derivation.latex import latex
from annstudio.formats.derivation.tables import tables
from annstudio.formats.derivation.webpage import webpage
from annstudio.formats.studio import load
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.places import SAMPLES
from tests.builders import chain, project, table, worked_example
from tests.formats.derivation.papers import paper_of
from tests.formats.derivation.spreadsheet import Spreadsheet

FIGURES = (
    "0.377500000", "0.593269992", "0.596884378", "1.105905967", "0.751365070", "0.772928465", "0.298371109",
    "0.741365070", "0.186815602", "0.082167041", "0.358916480", "0.408666186", "0.511301270", "0.561370121",
    "0.149780716", "0.199561432", "0.249751144", "0.299502287",
)  # fmt: skip
"""As the lecture prints them."""


class Page(HTMLParser):
    """What a browser makes of a page: its text, its anchors, its links, and whether every tag is closed."""

    VOID = frozenset({"meta", "br", "hr", "img", "link"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.ids, self.links, self.open, self.tags = "", [], [], [], Counter()
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        found = dict(attrs)
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found["href"]] if "href" in found else []
        assert not found.keys() & {"src", "onclick"}
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text += data


# The web page --------------------------------------------------------------------------------------------------------


def test_the_web_page_has_the_lectures_figures_and_every_link_leads_to_an_entry():
    page = Page(webpage(paper_of(worked_example())))
    assert page.open == []
    assert [figure for figure in FIGURES if figure not in page.text] == []
    assert len(page.links) > 100
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert len(set(page.ids)) == len(page.ids)
    assert page.tags["script"] == page.tags["link"] == page.tags["img"] == 0


def test_the_page_has_every_factor_of_a_weight_as_a_link_to_where_it_was_computed():
    paper = paper_of(worked_example())
    page = webpage(paper)
    entry = page[page.index('id="n16-0-0"') :].partition("</div>")[0]
    assert re.findall(r'href="#([^"]+)"', entry) == ["n14-0", "n3-0"]
    assert paper.by_key["n14-0"].symbol == r"\frac{\partial E}{\partial \text{net}_{o1}}"
    assert paper.by_key["n3-0"].symbol == r"\text{out}_{h1}"


def test_the_names_that_users_give_are_told_as_they_are():
    project = replace(worked_example(), title="<b>1 & 2</b> 100% $x_1$ π 例")
    paper = paper_of(project)
    assert "<b>1 & 2</b> 100% $x_1$ π 例" in Page(webpage(paper)).text
    assert r"<b>1 \& 2</b> 100\% \$x\_1\$ ? ?" in latex(paper)


def test_only_the_chapters_that_are_wanted_are_written():
    paper = paper_of(worked_example())
    some = replace(paper, chapters=tuple(c for c in paper.chapters if c.name is ChapterName.UPDATE))
    page = Page(webpage(some))
    assert "0.358916480" in page.text
    assert "0.593269992" not in page.text
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)


# LaTeX ---------------------------------------------------------------------------------------------------------------


def test_the_latex_has_the_lectures_figures_and_is_balanced():
    document = latex(paper_of(worked_example()))
    assert [figure for figure in FIGURES if figure not in document] == []
    bare = re.sub(r"\\[\\{}$]", "", document)
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == 0
    assert Counter(re.findall(r"\\begin\{(\w+)\}", document)) == Counter(re.findall(r"\\end\{(\w+)\}", document))
    targets = re.findall(r"\\hypertarget\{([^}]+)\}", document)
    assert len(set(targets)) == len(targets)
    assert set(re.findall(r"\\hyperlink\{([^}]+)\}", document)) <= set(targets)
    assert all(ord(sign) < 256 for sign in document)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no TeX here")
def test_tex_makes_a_document_of_it(tmp_path):
    (tmp_path / "derivation.tex").write_text(latex(paper_of(worked_example(train_bias=True))), "utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "derivation.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout
    assert (tmp_path / "derivation.pdf").stat().st_size > 20_000


# The table -----------------------------------------------------------------------------------------------------------


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_table_has_every_number_and_of_a_weight_its_gradient_and_its_new_value():
    paper = paper_of(worked_example())
    rows = {row["number"]: row for row in rows_of(tables(paper))}
    assert len(rows) == sum(1 for _ in paper.entries())
    w5 = rows["w₅"]
    assert (w5["chapter"], w5["layer"], w5["value"]) == ("Weights", "output", "0.4")
    assert float(w5["gradient"]) == pytest.approx(0.082167041, abs=5.1e-10)
    assert float(w5["after the update"]) == pytest.approx(0.358916480, abs=5.1e-10)
    assert rows["b_o1"]["after the update"] == rows["b_o1"]["value"] == "0.6"
    assert rows["net_h1"]["formula"] == "w₁ · i₁ + w₂ · i₂ + b_h1"
    assert rows["net_h1"]["with numbers"].startswith("0.150000000 · 0.050000000 + ")
    assert float(rows["out_o1"]["gradient"]) == pytest.approx(0.741365070, abs=5.1e-10)


# All of them ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("output", OUTPUTS.values(), ids=lambda output: output.suffix)
def test_every_file_has_the_new_weights_and_tells_how_far_it_is(output):
    told: list[int] = []
    paper = paper_of(worked_example(train_bias=True))
    written = output.written(paper, told.append)
    assert told == [50]
    if output.suffix == ".xlsx":
        sheet = Spreadsheet(written)
        assert sheet.value(*sheet.where("w₅^+")) == pytest.approx(0.358916480, abs=5.1e-10)
    else:
        assert "0.35891647971788465" in written.decode() or "0.358916480" in written.decode()


def test_a_file_of_another_kind_is_refused():
    with pytest.raises(FormatError, match=r"End its name in one of \.html, \.tex, \.xlsx, \.csv"):
        output_of(Path("derivation.docx"))
    assert output_of(Path("A.HTML")) is OUTPUTS[".html"]


# Names and long sums -------------------------------------------------------------------------------------------------


def many_classes() -> Paper:
    layers = [Input(shape=(2,)), Dense(units=10, activation="softmax"), Loss(function="cross_entropy")]
    return paper_of(project(chain(*layers), table([[1.0, 2.0]], [[1.0, *[0.0] * 9]])))


def test_a_long_sum_inside_a_formula_has_a_name_and_is_told_beside():
    paper = many_classes()
    entry = next(e for e in paper.entries() if e.symbol == r"\text{out}_{d1}")
    assert entry.told[0].symbols().endswith(r"{\Sigma}")
    assert [number.symbol for number in entry.derived if len(number.within) == 10] == [r"\Sigma"]
    assert "Σ" in Page(webpage(paper)).text


@pytest.mark.parametrize("name", ["vowels-lstm", "digits-cnn", "block-of-blocks"])
def test_every_name_in_a_large_network_is_proper_latex(name, tmp_path):
    document = latex(paper_of(load(SAMPLES / f"{name}.annstudio"), units=1))
    assert re.findall(r"\\cdot[a-zA-Z]", document) == []
    if shutil.which("pdflatex") is not None:
        (tmp_path / "derivation.tex").write_text(document, "utf-8")
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "derivation.tex"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stdout[-2000:]
