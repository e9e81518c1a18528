"""A worksheet to take away: a report of what was answered, as a page, a table or text, and sheets to print."""

import csv
import html
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from annstudio.explain.catalogue import symbol_text
from annstudio.explain.drawn import formula_svg
from annstudio.explain.marking import Judgement, Marker, Score, Verdict
from annstudio.explain.names import plain
from annstudio.explain.sheet import Line, Section, Sheet, digits_given, formula_hint, given_text, laid_out, numbers_hint
from annstudio.explain.worksheet import Answer, Worksheet
from annstudio.ordinals import nth, ordinal

SYMBOL_SIZE = 16
TOLD = {
    Verdict.OPEN: "not answered", Verdict.RIGHT: "right", Verdict.FOLLOWS: "follows from a wrong number",
    Verdict.NEAR: "nearly right", Verdict.SLIP: "not right", Verdict.WRONG: "not right",
    Verdict.UNREADABLE: "no number",
}  # fmt: skip
SIGNS = {Verdict.OPEN: "–", Verdict.RIGHT: "✓", Verdict.FOLLOWS: "↳", Verdict.NEAR: "≈"}
COLUMNS = ("number", "name", "example", "answer", "right number", "verdict", "remarks", "tries", "hints")


@dataclass(frozen=True)
class Row:
    """One blank with everything about it."""

    line: Line
    answer: Answer
    judgement: Judgement

    @property
    def hints(self) -> str:
        """What help was had."""
        return ("", "formula", "formula with numbers", "solution shown")[self.answer.hints]


@dataclass(frozen=True)
class Report:
    """A sheet and how it was answered. `date` is written as it is given; `network` is the project's title."""

    worksheet: Worksheet
    sheet: Sheet
    rows: tuple[Row, ...]
    score: Score
    date: str
    network: str
    hints: dict[str, tuple[str, ...]]
    """Of every blank the formula and the formula with numbers, as a solution tells them."""

    @property
    def title(self) -> str:
        return self.worksheet.title or f"Worksheet: {self.network}"

    @property
    def digits(self) -> int:
        return digits_given(self.worksheet.tolerance)


def reported(marker: Marker, worksheet: Worksheet, date: str, network: str) -> Report:
    """Everything that there is to say about a worksheet."""
    sheet = laid_out(marker, worksheet)
    rows = tuple(
        Row(line, worksheet.answer(line.name), marker.judge(worksheet, line.name)) for line in sheet.blanks
    )  # fmt: skip
    solved = worksheet
    for line in sheet.blanks:
        solved = solved.answered(line.name, repr(line.value))
    digits = digits_given(worksheet.tolerance)
    hints = {
        line.name: (*formula_hint(marker, line.name), *numbers_hint(marker, solved, line.name, digits))
        for line in sheet.blanks
    }
    return Report(worksheet, sheet, rows, marker.score(worksheet), date, network, hints)


# Text and table -------------------------------------------------------------------------------------------------------


def as_csv(report: Report) -> str:
    """One line a number, after lines that say whose sheet it is."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for name, value in (
        ("worksheet", report.title), ("network", report.network), ("name", report.worksheet.student),
        ("date", report.date), ("tolerance", report.worksheet.tolerance.words), ("score", report.score.words),
    ):  # fmt: skip
        writer.writerow([name, _harmless(value)])
    writer.writerow([])
    writer.writerow(COLUMNS)
    for row in report.rows:
        example = "" if row.line.example is None else ordinal(row.line.example)
        writer.writerow([
            symbol_text(row.line.symbol), _harmless(row.line.name), example, _harmless(row.answer.text),
            repr(row.line.value), TOLD[row.judgement.verdict], " / ".join(row.judgement.sentences), row.answer.tries,
            row.hints,
        ])  # fmt: skip
    return out.getvalue()


def _harmless(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    return f"'{text}" if re.match(r"[=@+\t\r]|-(?![\d.,])", text) else text


def as_text(report: Report) -> str:
    """The report as plain text."""
    sheet = report.worksheet
    lines = [report.title, "=" * len(report.title), ""]
    lines += [f"{name}: {value}" for name, value in _facts(report)]
    for section in report.sheet.sections:
        rows = [row for row in report.rows if row.line in section.blanks]
        if rows:
            lines += ["", section.title, "-" * len(section.title)]
        for row in rows:
            sign = SIGNS.get(row.judgement.verdict, "✗")
            answer = row.answer.text or "…"
            lines.append(f"{sign} {row.line.text} = {answer}  ({TOLD[row.judgement.verdict]}{_solution(report, row)})")
            lines += [f"    {sentence}" for sentence in row.judgement.sentences]
            if row.hints:
                lines.append(f"    Help: {row.hints}.")
    if not sheet.answers:
        lines += ["", "No answer was given yet."]
    return "\n".join(lines) + "\n"


def _solution(report: Report, row: Row) -> str:
    if row.judgement.verdict is Verdict.RIGHT:
        return ""
    return f"; it is {given_text(row.line.value, report.digits)}"


def _facts(report: Report) -> list[tuple[str, str]]:
    facts = [
        ("Network", report.network), ("Name", report.worksheet.student), ("Date", report.date),
        ("Asked", f"{len(report.rows)} numbers, {report.worksheet.tolerance.words}"), ("Score", report.score.words),
    ]  # fmt: skip
    return [(name, value) for name, value in facts if value]


# Pages ----------------------------------------------------------------------------------------------------------------


def as_html(report: Report) -> str:
    """The report as a page that needs nothing else and can be printed."""
    facts = "".join(f"<dt>{name}</dt><dd>{_text(value)}</dd>" for name, value in _facts(report))
    body = [f"<h1>{_text(report.title)}</h1><dl>{facts}</dl>"]
    for section in report.sheet.sections:
        rows = [row for row in report.rows if row.line in section.blanks]
        if rows:
            told = "".join(_report_row(report, row) for row in rows)
            body.append(f"<h2>{_text(section.title)}</h2><table><thead>{_HEAD}</thead><tbody>{told}</tbody></table>")
    return _page(report.title, "".join(body))


def _report_row(report: Report, row: Row) -> str:
    verdict = row.judgement.verdict
    remarks = "".join(f"<div class=remark>{_text(sentence)}</div>" for sentence in row.judgement.sentences)
    help_had = f"<div class=remark>Help: {row.hints}</div>" if row.hints else ""
    cells = (
        _symbol(row.line), f"<code>{_text(row.answer.text) or '–'}</code>",
        f"{SIGNS.get(verdict, '✗')} {TOLD[verdict]}{remarks}{help_had}",
        f"<code>{given_text(row.line.value, report.digits)}</code>", str(row.answer.tries or "–"),
    )  # fmt: skip
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def empty_sheet(report: Report) -> str:
    """The sheet for paper: what is given, the calculation, and lines to write on."""
    return _paper(report, "", lambda line: "<span class=blank></span>")


def solutions_sheet(report: Report) -> str:
    """The same for the teacher: with the numbers, and how they come about."""

    def solved(line: Line) -> str:
        steps = "".join(f"<div>{_formula(latex)}</div>" for latex in report.hints[line.name])
        return f"<code><b>{given_text(line.value, report.digits)}</b></code><div class=steps>{steps}</div>"

    return _paper(report, " · solutions", solved)


def _paper(report: Report, behind: str, of_blank: Callable[[Line], str]) -> str:
    tolerance = report.worksheet.tolerance.words
    name = _text(report.worksheet.student) or "<span class=blank></span>"
    body = [
        f"<h1>{_text(report.title)}{behind}</h1>",
        f"<p class=who><span>Name: {name}</span><span>Date: <span class=blank></span></span></p>",
        f"<p>{_text(report.network)}. Give every number {_text(tolerance)}.</p>",
        _given(report),
    ]
    for section in report.sheet.sections:
        body.append(f"<h2>{_text(section.title)}</h2>")
        if section.given:
            body.append(_numbers(section.given, report.digits))
        for example, lines in groupby(section.blanks, lambda line: line.example):
            if example is not None:
                body.append(f"<h3>{nth('Example', example)}</h3>")
            body.append("<div class=blanks>")
            body += [f"<div class=line>{_symbol(line, example=False)} = {of_blank(line)}</div>" for line in lines]
            body.append("</div>")
    return _page(report.title + behind, "".join(body))


def _given(report: Report) -> str:
    given: Section = report.sheet.given
    left_out = f"<p>{given.left_out} inputs and weights more are in the project.</p>" if given.left_out else ""
    rule = f"<p>{_text(report.sheet.rule)}</p>" if report.sheet.rule else ""
    formulas = "".join(
        f"<p class=remark>{_text(layers)}</p>" + "".join(f"<div class=line>{_formula(latex)}</div>" for latex in known)
        for layers, known in given.formulas
    )
    return f"<h2>Given</h2>{_numbers(given.lines, report.digits)}{left_out}{rule}<div class=blanks>{formulas}</div>"


def _numbers(lines: Sequence[Line], digits: int) -> str:
    paragraphs = []
    for example, group in groupby(lines, lambda line: line.example):
        start = "" if example is None else f"{nth('Example', example)}: "
        told = (
            f"<span class=number>{_symbol(line, example=False)} = <code>{given_text(line.value, digits)}</code></span>"
            for line in group
        )
        paragraphs.append(f"<p class=numbers>{start}{' '.join(told)}</p>")
    return "".join(paragraphs)


def _symbol(line: Line, *, example: bool = True) -> str:
    behind = f"<div class=remark>{nth('example', line.example)}</div>" if example and line.example is not None else ""
    return _formula(line.symbol) + behind


def _formula(latex: str) -> str:
    """A formula as a drawing that stands on the line, and that a screen reader can read."""
    # A hundredth of a pixel is fine enough, and makes the page a good deal smaller.
    svg = re.sub(r"(\.\d\d)\d+", r"\1", formula_svg(latex, SYMBOL_SIZE))
    svg = re.sub(r" ?([A-Z]) ", r"\1", svg.replace(' xmlns:xlink="http://www.w3.org/1999/xlink"', ""))
    box = re.search(r'viewBox="([-\d. ]+)"', svg)
    assert box is not None
    _, top, _, height = map(float, box[1].split())
    label = html.escape(plain(latex), quote=True)
    style = f'role="img" aria-label="{label}" style="vertical-align:{-(top + height):.1f}px"'
    return svg[svg.index("<svg") :].replace("<svg", f"<svg {style}", 1)


def _text(text: str) -> str:
    return html.escape(text)


def _page(title: str, body: str) -> str:
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{_text(title)}</title>'
        f"<style>{_STYLE}</style></head><body>{body}</body></html>\n"
    )


_HEAD = (
    "<tr><th class=narrow>Number</th><th>Answer</th><th class=wide>Judged</th><th>Right number</th>"
    "<th class=narrow>Tries</th></tr>"
)
_STYLE = """
:root { color-scheme: light; }
body { font: 11pt/1.45 system-ui, sans-serif; max-width: 50em; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.5em; } h2 { font-size: 1.1em; margin: 1.4em 0 .4em; } h3 { font-size: 1em; margin: .8em 0 .2em; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1em 1em; } dt { color: dimgray; } dd { margin: 0; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; }
.narrow { width: 9%; } .wide { width: 40%; } td { overflow-wrap: anywhere; } tr { break-inside: avoid; }
th, td { border-bottom: 1px solid lightgray; padding: .35em .7em .35em 0; text-align: left; vertical-align: top; }
th { font-weight: 600; font-size: .9em; color: dimgray; }
code { font: .95em ui-monospace, monospace; }
.remark, .steps { color: dimgray; font-size: .9em; } .steps { margin: .3em 0 .6em 1.5em; }
p.remark { margin: .8em 0 0; }
.number { white-space: nowrap; margin-right: 1.2em; } .numbers { line-height: 2; margin: .3em 0; }
.line { margin: .7em 0; break-inside: avoid; }
.blank { display: inline-block; min-width: 12em; border-bottom: 1px solid; height: 1.3em; }
.who > span { margin-right: 3em; }
@media print { body { margin: 0; max-width: none; } }
"""
