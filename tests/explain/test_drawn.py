"""Formulas as drawings, whatever layers are called."""

import xml.etree.ElementTree as ElementTree

import pytest

from annstudio.document.network import Network
from annstudio.explain.drawn import INK, formula_svg
from annstudio.explain.names import Names
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from tests.builders import chain, project, some_table


@pytest.mark.parametrize(
    "name", ["hidden", "o&x", "&", "<b>h", "a{b", "x}", "100 %", "$", "h^2", "a_b", "~", "ß ü", "ii"]
)
def test_a_symbol_is_drawn_whatever_the_layer_is_called(name):
    graph = chain(input=Input(shape=(3,)), **{"other one": Dense(units=2), name: Dense(units=2)})
    names = Names(Network(project(graph, some_table())).plain)
    program = names.program
    for slot in program.slots:
        svg = formula_svg(names.of(slot.index, (0,) * len(slot.shape)), 15)
        assert ElementTree.fromstring(svg).tag.endswith("svg")
        assert INK in svg


def test_signs_with_a_meaning_in_xml_are_drawn_as_they_are():
    assert len(formula_svg(r"\text{a&b}", 15)) < len(formula_svg(r"\text{a&b}\text{amp}", 15))
    assert formula_svg(r"\text{a\_b}", 15) == formula_svg(r"\text{a_b}", 15)
