"""The paper as one web page that needs nothing else: formulas in MathML, every factor a link to where it comes from."""

import html
import re
from collections.abc import Callable, Iterator, Sequence

from annstudio.explain.numbers import number_text
from annstudio.explain.takeaway import Chapter, Entry, Number, Paper, Section, Worth
from annstudio.explain.takeaway.paper import folded
from annstudio.formats.derivation.mathml import figures, math, symbols
from annstudio.places import RESOURCES

Told = Callable[[int], None]


def webpage(paper: Paper, told: Told = lambda n: None) -> str:
    """The whole page."""
    style = (RESOURCES / "derivation" / "paper.css").read_text("utf-8")
    title = html.escape(paper.about.title)
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}: derivation</title>\n<style>\n{style}</style>\n</head>\n<body>",
            *_Page(paper, told).body(title),
            "</body>\n</html>\n",
        ]
    )


class _Page:
    def __init__(self, paper: Paper, told: Told) -> None:
        self.paper = paper
        self.told = told
        self.done = 0

    def body(self, title: str) -> Iterator[str]:
        paper = self.paper
        yield f"<header>\n<h1>{title}</h1>"
        yield from (f"<p>{html.escape(words)}</p>" for words in (paper.about.example, paper.words_on_extent) if words)
        rows = "".join(f"<tr><th>{html.escape(n)}</th><td>{html.escape(d)}</td></tr>" for n, d in paper.about.layers)
        yield f'<table class="layers">{rows}</table>\n</header>' if rows else "</header>"
        yield from self.contents()
        yield "<main>"
        for chapter in paper.chapters:
            yield from self.chapter(chapter)
        yield "</main>"

    def contents(self) -> Iterator[str]:
        yield '<nav aria-label="Contents">\n<ol>'
        for chapter in self.paper.chapters:
            links = "".join(
                f'<li><a href="#{_anchor(chapter, i)}">{html.escape(section.title)}</a></li>'
                for i, section in enumerate(chapter.sections)
            )
            yield f'<li><a href="#{chapter.name.lower()}">{chapter.name}</a><ol>{links}</ol></li>'
        yield "</ol>\n</nav>"

    def chapter(self, chapter: Chapter) -> Iterator[str]:
        yield f'<section id="{chapter.name.lower()}">\n<h2>{chapter.name}</h2>'
        for i, section in enumerate(chapter.sections):
            yield f'<h3 id="{_anchor(chapter, i)}">{html.escape(section.title)}</h3>'
            yield from self.section(section)
        yield "</section>"

    def section(self, section: Section) -> Iterator[str]:
        if section.formulas:
            yield f'<p class="rule">{" &emsp; ".join(map(math, section.formulas))}</p>'
        given = [entry for entry in section.entries if not entry.worths]
        if given:
            yield '<div class="given">'
            yield from map(self.given, given)
            yield "</div>"
        yield from (self.entry(entry) for entry in section.entries if entry.worths)
        if section.words:
            yield f"<p>{html.escape(section.words)}</p>"

    def given(self, entry: Entry) -> str:
        self.count()
        return f'<span id="{entry.key}">{math(entry.symbol)} = <b>{self.number(entry)}</b></span>'

    def entry(self, entry: Entry) -> str:
        """Symbols, the same with numbers, the result; and what is worked out on the spot."""
        self.count()
        lines = [f'<div class="entry" id="{entry.key}">', *self.three(entry.symbol, entry.told, self.number(entry))]
        for number in entry.derived:
            lines += ['<div class="beside">', *self.three(number.symbol, number.within, self.number(number)), "</div>"]
        return "\n".join([*lines, "</div>"])

    def three(self, symbol: str, worths: Sequence[Worth], result: str) -> Iterator[str]:
        listed, digits = self.paper.listed, self.paper.digits
        rule, filled = _sum(worths, lambda w: symbols(w, listed)), _sum(worths, lambda w: figures(w, digits))
        if self.paper.sign != ".":
            filled = re.sub(r"(?<=\d)\.(?=\d+</mn>)", self.paper.sign, filled)
        same = _sum(worths, Worth.symbols) == symbol
        yield f"<p>{rule}</p>" if same else f"<p>{math(symbol)} = {rule}</p>"
        if any(worth.template or len(worth.numbers) > 1 for worth in worths) or len(worths) != 1:
            yield f'<p class="figures">= {filled}</p>'
        yield f'<p class="result">= <b>{result}</b></p>'

    def number(self, of: Entry | Number) -> str:
        text = f"{of.value:.0f}" if of.whole else number_text(of.value, self.paper.digits)
        return text.replace("e−", "e-").replace(".", self.paper.sign)

    def count(self) -> None:
        self.done += 1
        if self.done % 50 == 0:
            self.told(self.done)


def _anchor(chapter: Chapter, i: int) -> str:
    return f"{chapter.name.lower()}-{i}"


def _sum(worths: Sequence[Worth], told: Callable[[Worth], str]) -> str:
    """The terms with plus signs, folded in the middle where they are many."""
    if not worths:
        return "<math><mn>0</mn></math>"
    first, n, last = folded(tuple(worths))
    middle = [f'<span class="folded">… {n} more …</span>'] if n else []
    return " + ".join([*map(told, first), *middle, *map(told, last)]).replace("+ <math><mo>&#x02212;</mo>", "− <math>")
