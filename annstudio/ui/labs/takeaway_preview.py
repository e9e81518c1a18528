"""What the file will look like, before it is written: its beginning as rich text, as plain text, or as cells."""

import html
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from annstudio.explain.numbers import number_text
from annstudio.explain.takeaway import Entry, Number, Paper, Section, Worth
from annstudio.explain.takeaway.paper import folded
from annstudio.explain.templates import filled
from annstudio.formats.derivation import Output
from annstudio.formats.derivation.workbook import Workbook
from annstudio.ui.explain.rich import coloured, rich
from annstudio.ui.theme import theme

MOST_NUMBERS, MOST_LINES, MOST_SIGNS = 200, 240, 160
MOST_CELLS = 36
"""Of every sheet so many rows are shown."""


def preview(paper: Paper, output: Output) -> str:
    """The beginning of the file as HTML that Qt can show."""
    if output.suffix == ".xlsx":
        return _cells(Workbook(paper))
    if output.suffix == ".html":
        return "".join(_page(paper))
    text = output.written(paper, lambda n: None).decode("utf-8-sig")
    lines = [line[:MOST_SIGNS] + ("…" if len(line) > MOST_SIGNS else "") for line in text.splitlines()]
    more = ["…"] if len(lines) > MOST_LINES else []
    return f"<pre>{html.escape(chr(10).join([*lines[:MOST_LINES], *more]))}</pre>"


# As a page -----------------------------------------------------------------------------------------------------------


def _page(paper: Paper) -> Iterator[str]:
    yield f"<h2>{html.escape(paper.about.title)}</h2><p>{_quiet(html.escape(paper.about.example))}</p>"
    left = MOST_NUMBERS
    for chapter in paper.chapters:
        if left > 0:
            yield f"<h3>{chapter.name}</h3>"
            for section in chapter.sections:
                yield from _section(paper, section, left)
                left -= len(section.entries)
    if left < 0:
        yield f"<p>{_quiet('… and so on')}</p>"


def _section(paper: Paper, section: Section, left: int) -> Iterator[str]:
    if left <= 0:
        return
    formulas = " &nbsp; ".join(rich(formula) for formula in section.formulas)
    yield f"<p><b>{html.escape(section.title)}</b> &nbsp; {_quiet(formulas)}</p>"
    given = [entry for entry in section.entries[:left] if not entry.worths]
    if given:
        yield "<p>" + " &nbsp; ".join(_given(paper, entry) for entry in given) + "</p>"
    yield from (_entry(paper, entry) for entry in section.entries[:left] if entry.worths)
    if section.words:
        yield f"<p>{_quiet(html.escape(section.words))}</p>"


def _given(paper: Paper, entry: Entry) -> str:
    return f'<a name="{entry.key}"></a>{rich(entry.symbol)} = <b>{_number(paper, entry)}</b>'


def _entry(paper: Paper, entry: Entry) -> str:
    lines = [f'<a name="{entry.key}"></a>{_line(paper, entry.symbol, entry.told, _number(paper, entry))}']
    for number in entry.derived:
        told = _line(paper, number.symbol, number.within, _number(paper, number))
        lines.append(f"&nbsp;&nbsp;&nbsp;&nbsp;{_quiet('with')} {told}")
    return f"<p>{'<br>'.join(lines)}</p>"


def _line(paper: Paper, symbol: str, worths: Sequence[Worth], result: str) -> str:
    symbols = _sum(worths, lambda worth: _linked(paper, worth))
    figures = _sum(worths, lambda worth: rich(worth.figures(paper.digits)))
    same = _sum(worths, lambda worth: rich(worth.symbols())) == rich(symbol)
    parts = [*([] if same else [rich(symbol)]), symbols, *([figures] if figures != result else [])]
    return f"{' = '.join(parts)} = <b>{result}</b>"


def _linked(paper: Paper, worth: Worth) -> str:
    """A term with its symbols as links to where they come from."""
    marks = [rf"\text{{@{i}@}}" for i in range(len(worth.numbers))]
    text = rich(filled(worth.shape, [number.symbol for number in worth.numbers], marks))
    colour = theme().link.name()

    def put(found: re.Match[str]) -> str:
        number = worth.numbers[int(found[1])]
        if number.entry not in paper.listed:
            return rich(number.symbol)
        return f'<a href="#{number.entry}" style="color:{colour};text-decoration:none">{rich(number.symbol)}</a>'

    return re.sub(r"@(\d+)@", put, text)


def _sum(worths: Sequence[Worth], told: Callable[[Worth], str]) -> str:
    first, n, last = folded(tuple(worths))
    middle = [f"… {n} more …"] if n else []
    return " + ".join([*map(told, first), *middle, *map(told, last)]).replace("+ −", "− ") or "0"


def _number(paper: Paper, of: Entry | Number) -> str:
    return f"{of.value:.0f}" if of.whole else number_text(of.value, paper.digits).replace(".", paper.sign)


def _quiet(text: str) -> str:
    return coloured(text, theme().dim.name())


# As cells ------------------------------------------------------------------------------------------------------------


def _cells(book: Workbook) -> str:
    """The sheets one below the other, formulas as they stand in the cells."""
    rows = []
    for sheet in book.built():
        if sheet.title == "About":
            continue
        rows.append(f"<tr><td colspan=4><br><b>{html.escape(sheet.title)}</b></td></tr>")
        for row in islice(sheet.iter_rows(min_row=4), MOST_CELLS):
            if isinstance(row[4].value, (int, float)):
                held = str(row[3].value) if row[3].data_type == "f" else ""
                shown = html.escape(held[:MOST_SIGNS] + ("…" if len(held) > MOST_SIGNS else ""))
                value = number_text(float(row[4].value), book.paper.digits).replace(".", book.paper.sign)
                cells = (row[3].coordinate, html.escape(str(row[1].value)), _quiet(shown), f"<b>{value}</b>")
                rows.append("<tr>" + "".join(f"<td>{cell}&nbsp;&nbsp;</td>" for cell in cells) + "</tr>")
        if sheet.max_row > MOST_CELLS + 3:
            rows.append(f"<tr><td></td><td>{_quiet('…')}</td></tr>")
    return f"<table>{''.join(rows)}</table>"
