"""The paper as a LaTeX document for pdflatex; every factor is a link to where it comes from."""

import re
from collections.abc import Callable, Iterator, Sequence

from annstudio.explain.takeaway import Chapter, Entry, Number, Paper, Section, Worth
from annstudio.explain.takeaway.paper import folded, in_place
from annstudio.explain.templates import filled

Told = Callable[[int], None]
_HEAD = r"""\documentclass[11pt,a4paper]{article}
\usepackage[utf8]{inputenc}
\usepackage[margin=22mm]{geometry}
\usepackage{amsmath,amssymb,longtable}
\usepackage[colorlinks,allcolors={[rgb]{0.12,0.31,0.75}}]{hyperref}
\setlength{\parindent}{0pt}
\setlength{\parskip}{4pt}
\emergencystretch=3em
\allowdisplaybreaks
"""
_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip
_SIGNS = {
    "−": "-", "–": "--", "—": "---", "…": r"\dots{}", "→": r"$\to$", "½": r"$\tfrac{1}{2}$", "×": r"$\times$",
    "·": r"$\cdot$", "∂": r"$\partial$", "Σ": r"$\Sigma$", "σ": r"$\sigma$", "η": r"$\eta$", "γ": r"$\gamma$",
    "β": r"$\beta$", "ε": r"$\epsilon$", "λ": r"$\lambda$", "μ": r"$\mu$", "≤": r"$\leq$", "≥": r"$\geq$",
}  # fmt: skip


def latex(paper: Paper, told: Told = lambda n: None) -> str:
    """The whole document."""
    document = _Document(paper, told)
    lines = [
        _HEAD + rf"\title{{{text(paper.about.title)}}}", r"\date{}", r"\begin{document}", r"\maketitle",
        *(f"{text(words)}\n" for words in (paper.about.example, paper.words_on_extent) if words),
        *_layers(paper), r"\tableofcontents",
        *(line for chapter in paper.chapters for line in document.chapter(chapter)),
        r"\end{document}", "",
    ]  # fmt: skip
    return "\n".join(lines)


def text(words: str) -> str:
    """Words as LaTeX. What pdflatex does not know by itself becomes a question mark."""
    told = "".join(_SPECIAL.get(sign, sign) for sign in words)
    return "".join(_SIGNS.get(sign, _known(sign)) for sign in told)


def _known(sign: str) -> str:
    return sign if " " <= sign < "\x7f" or "\xa0" <= sign <= "\xff" else " " if sign.isspace() else "?"


def _layers(paper: Paper) -> Iterator[str]:
    if paper.about.layers:
        yield r"\begin{longtable}[l]{@{}ll@{}}"
        yield from (rf"{text(name)} & {text(described)} \\" for name, described in paper.about.layers)
        yield r"\end{longtable}"


class _Document:
    def __init__(self, paper: Paper, told: Told) -> None:
        self.paper = paper
        self.told = told
        self.done = 0

    def chapter(self, chapter: Chapter) -> Iterator[str]:
        yield rf"\section{{{chapter.name}}}"
        for section in chapter.sections:
            yield rf"\subsection{{{text(section.title)}}}"
            yield from self.section(section)

    def section(self, section: Section) -> Iterator[str]:
        if section.formulas:
            yield r" \qquad ".join(f"${self.known(formula)}$" for formula in section.formulas) + "\n"
        given = [entry for entry in section.entries if not entry.worths]
        if given:
            yield r"\begin{longtable}[l]{@{}ll@{}}"
            yield from (rf"{self.anchor(e)}${self.known(e.symbol)}$ & ${self.number(e)}$ \\" for e in given)
            yield r"\end{longtable}"
        for entry in section.entries:
            if entry.worths:
                yield from self.entry(entry)
        if section.words:
            yield text(section.words) + "\n"

    def entry(self, entry: Entry) -> Iterator[str]:
        yield self.anchor(entry) + self.three(entry.symbol, entry.told, self.number(entry))
        for number in entry.derived:
            yield r"\begin{quote}" + self.three(number.symbol, number.within, self.number(number)) + r"\end{quote}"
        yield r"\medskip" + "\n"

    def three(self, symbol: str, worths: Sequence[Worth], result: str) -> str:
        """Symbols, the same with numbers, the result, one line each; TeX breaks long ones at their signs."""
        rule = _sum(worths, self.symbols)
        told = rule if _sum(worths, Worth.symbols) == symbol else f"{symbol} = {rule}"
        merely = len(worths) == 1 and not worths[0].template and len(worths[0].numbers) == 1
        numbers = [] if merely else [f"= {_sum(worths, self.figures)}"]
        lines = (told, *numbers, rf"= \mathbf{{{result}}}")
        return "\\\\[4pt]\n".join(f"$\\displaystyle {self.known(line)}$" for line in lines)

    def symbols(self, worth: Worth) -> str:
        return filled(worth.shape, [self.linked(number) for number in worth.numbers])

    def figures(self, worth: Worth) -> str:
        return filled(worth.shape, [self.signed(in_place(number, self.paper.digits)) for number in worth.numbers])

    def linked(self, number: Number) -> str:
        listed = number.entry in self.paper.listed
        return rf"{{\hyperlink{{{number.entry}}}{{{number.symbol}}}}}" if listed else number.symbol

    def anchor(self, entry: Entry) -> str:
        self.done += 1
        if self.done % 50 == 0:
            self.told(self.done)
        return rf"\hypertarget{{{entry.key}}}{{}}"

    def number(self, of: Entry | Number) -> str:
        return self.signed(Number("", of.value, whole=of.whole).latex(self.paper.digits))

    def signed(self, number: str) -> str:
        """With the paper's decimal sign; behind a bare comma TeX leaves a gap."""
        return number if self.paper.sign == "." else number.replace(".", f"{{{self.paper.sign}}}")

    def known(self, formula: str) -> str:
        """A formula with nothing in it that pdflatex does not know."""
        return "".join(map(_known, formula.replace("−", "-")))


def _sum(worths: Sequence[Worth], told: Callable[[Worth], str]) -> str:
    first, n, last = folded(tuple(worths))
    middle = [rf"\dots \text{{ {n} more }} \dots"] if n else []
    joined = " + ".join([*map(told, first), *middle, *map(told, last)]) or "0"
    return re.sub(r"\+ -", "- ", joined)
