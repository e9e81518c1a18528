"""Blocks by hand: made of a selection, opened and left, wired at each of their ends, copied, mended inside."""

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest

from annstudio.layers.block.node import Block, box_of
from annstudio.layers.conv import Conv2D
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.graph import Link
from annstudio.layers.losses import Loss
from annstudio.session import Session
from annstudio.ui.canvas.menus import menu_for
from annstudio.ui.canvas.scene import Spot
from tests.builders import chain, project
from tests.layers.boxes import TWO_WAYS, drawn

ALT = Qt.KeyboardModifier.AltModifier


@pytest.fixture
def boxed(hand):
    """The small network with its hidden layer and its output in a block."""
    hand.view.select(["hidden", "output"])
    hand.view.make_block()
    hand.agree()
    return hand


def words(hand) -> list[str]:
    return [button.text() for button in hand.view.trail.buttons]


def test_a_selection_becomes_a_block_that_is_selected(boxed):
    assert list(boxed.graph.nodes) == ["input", "loss", "block_1"]
    assert boxed.view.selection == ["block_1"]
    assert boxed.graph.links == (Link("input", "block_1"), Link("block_1", "loss"))
    boxed.session.undo()
    boxed.agree()
    assert "hidden" in boxed.graph.nodes


def test_what_cannot_be_a_block_is_told(hand):
    hand.view.select(["input", "loss"])
    hand.view.make_block()
    assert "Nothing of this can be in a block" in hand.told[0]
    assert "block_1" not in hand.graph.nodes


@pytest.mark.parametrize("way", ["double click", "enter", "menu"])
def test_a_block_is_opened(boxed, way):
    if way == "double click":
        boxed.double_click("block_1")
    elif way == "enter":
        boxed.key(Qt.Key.Key_Return)
    else:
        menu = menu_for(boxed.view, Spot(node=boxed.scene.nodes["block_1"]), QPointF())
        next(action for action in menu.actions() if action.text().startswith("Open block")).trigger()
        menu.deleteLater()
    assert set(boxed.scene.nodes) == {"hidden", "output", "in_1", "out_1"}
    boxed.agree()
    assert words(boxed) == ["Network", "›  block_1"]
    assert boxed.view.trail.isVisible()
    # All of it can be seen.
    for item in boxed.scene.nodes.values():
        assert boxed.view.viewport().rect().contains(boxed.view.mapFromScene(item.pos()))


@pytest.mark.parametrize("way", ["escape", "alt up", "trail", "menu"])
def test_a_block_is_left(boxed, way):
    boxed.double_click("block_1")
    boxed.click("hidden")
    if way == "escape":
        boxed.key(Qt.Key.Key_Escape)
        assert boxed.view.selection == []
        assert boxed.session.path == "block_1"
        boxed.key(Qt.Key.Key_Escape)
    elif way == "alt up":
        boxed.key(Qt.Key.Key_Up, ALT)
    elif way == "trail":
        QTest.mouseClick(boxed.view.trail.buttons[0], Qt.MouseButton.LeftButton)
    else:
        menu = menu_for(boxed.view, Spot(), QPointF())
        next(action for action in menu.actions() if action.text().startswith("Leave block")).trigger()
        menu.deleteLater()
    assert "block_1" in boxed.scene.nodes
    boxed.agree()
    assert not boxed.view.trail.isVisible()
    if way != "trail":
        assert boxed.view.selection == ["block_1"]


def test_inside_one_draws_as_outside_and_undo_takes_it_back(boxed):
    boxed.double_click("block_1")
    start = boxed.session.project
    boxed.click("hidden")
    boxed.view.append_layer("Dense", {"units": 6})
    boxed.agree()
    assert boxed.session.here.facts["dense_1"].shape == (6,)
    boxed.drag("dense_1", boxed.scene.nodes["dense_1"].pos() + QPointF(100, 250))
    boxed.drag(boxed.output("dense_1"), boxed.input("output"))
    boxed.agree()
    assert boxed.session.weight("block_1/output/W").shape == (1, 6)
    for _ in range(3):
        boxed.session.undo()
        boxed.agree()
    assert boxed.session.project is start
    assert boxed.session.path == "block_1"


def test_blocks_lie_in_blocks(boxed):
    boxed.double_click("block_1")
    boxed.view.select(["hidden"])
    boxed.view.make_block()
    boxed.key(Qt.Key.Key_Return)
    assert words(boxed) == ["Network", "›  block_1", "›  block_1"]
    assert all(boxed.view.trail.rect().contains(button.geometry()) for button in boxed.view.trail.buttons)
    assert "block_1/block_1/hidden/W" in boxed.session.weights()
    boxed.agree()
    QTest.mouseClick(boxed.view.trail.buttons[0], Qt.MouseButton.LeftButton)
    assert boxed.session.path == ""


def test_a_rename_inside_keeps_the_weights(boxed):
    weights = boxed.session.weight("block_1/hidden/W")
    boxed.double_click("block_1")
    boxed.session.rename("hidden", "first")
    boxed.agree()
    assert (boxed.session.weight("block_1/first/W") == weights).all()


def test_unpacking_puts_everything_back(boxed):
    boxed.view.unpack_block()
    boxed.agree()
    assert sorted(boxed.view.selection) == ["hidden", "output"]
    assert set(boxed.graph.nodes) == {"input", "hidden", "output", "loss"}


def test_each_output_has_a_port_of_its_own(opened):
    graph = drawn(
        "x>box x>box:1 box.1>end",
        x=Input(shape=(4,)), box=Block(inside=TWO_WAYS), end=Dense(units=2), other=Dense(units=2), loss=Loss(),
    )  # fmt: skip
    hand = opened(project(graph.moved({"other": (570.0, 220.0)})))
    hand.agree()
    assert hand.output("box", 0) != hand.output("box", 1)
    hand.drag(hand.output("box", 1), hand.input("other"))
    assert Link("box", "other", 0, 1) in hand.graph.links
    hand.drag(hand.input("loss"), hand.output("box", 0))
    assert Link("box", "loss", 0, 0) in hand.graph.links
    hand.agree()
    # And with the keys.
    hand.session.edit_graph(hand.graph.disconnect(Link("box", "other", 0, 1)), "Disconnect")
    hand.click("box")
    hand.view.start_keyboard_connect()
    assert "output 2 → other" in hand.chooser().titles
    hand.choose("output 2")
    assert Link("box", "other", 0, 1) in hand.graph.links
    assert "Output 2 of box: z" in hand.view.tip_at(hand.at(hand.output("box", 1)))
    hand.hover(hand.middle_of("box", "other"))
    assert hand.view.tag.text() == "4"


def test_a_block_is_copied_with_all_that_is_inside(boxed):
    boxed.view.copy()
    boxed.view.paste()
    boxed.agree()
    assert boxed.view.selection == ["block_2"]
    weights = boxed.session.project.weights
    assert (weights["block_2/hidden/W"] == boxed.session.weight("block_1/hidden/W")).all()
    # Into a block, too.
    boxed.view.select(["block_1"])
    boxed.view.open_block()
    boxed.view.paste()
    assert "block_1" in boxed.graph.nodes
    assert "block_1/block_1/hidden/W" in boxed.session.project.weights


def test_foreign_blocks_on_the_clipboard_are_refused(boxed):
    boxed.view.copy()
    text = QGuiApplication.clipboard().text().replace('"Dense"', '"Danse"')
    QGuiApplication.clipboard().setText(text)
    boxed.view.paste()
    assert len(boxed.told) == 1
    assert set(boxed.graph.nodes) == {"input", "loss", "block_1"}


def test_a_problem_inside_is_told_at_the_card_and_mended_there(opened):
    graph = chain(input=Input(shape=(4, 4, 1)), block=Block(inside=box_of(Dense(units=2))), loss=Loss())
    hand = opened(project(graph))
    notice = hand.scene.notices["block"]
    assert "block/dense_1 needs a list of values" in notice.problem.message
    hand.view.take_remedy(notice, notice.problem.remedies[0])
    assert not hand.scene.notices
    hand.double_click("block")
    assert "flatten_1" in hand.scene.nodes
    hand.agree()


def test_a_problem_is_shown_at_the_layer_inside(opened):
    hand = opened(project(chain(input=Input(shape=(4,)), block=Block(inside=box_of(Conv2D())), loss=Loss())))
    hand.double_click("block")
    assert hand.scene.nodes["conv_1"].problem is not None
    assert hand.scene.nodes["in_1"].problem is None
    assert "conv_1" in hand.scene.notices


def test_a_wire_that_does_not_fit_inside_is_mended_with_the_wire(opened):
    inside = box_of(Dense(units=2)).with_node(box_of(Dense()).nodes["dense_1"])
    inside = inside.disconnect(inside.links[0])
    graph = chain(input=Input(shape=(4, 4, 1)), block=Block(inside=inside), loss=Loss())
    hand = opened(project(graph))
    hand.view.select(["block"])
    hand.view.open_block()
    hand.drag(hand.output("in_1"), hand.input("dense_1"))
    remedy = hand.scene.offer.problem.remedies[0]
    hand.view.take_remedy(hand.scene.offer, remedy)
    hand.agree()
    assert not hand.session.checked.problems


def test_opening_another_project_leads_out(boxed):
    boxed.double_click("block_1")
    boxed.session.open(Session().project)
    assert not boxed.view.trail.isVisible()
    boxed.agree()


def test_values_are_seen_on_the_cards_inside(boxed):
    boxed.double_click("block_1")
    boxed.scene.show_views(boxed.session.views, None)
    boxed.view.grab()
    assert boxed.scene.nodes["hidden"].picture is not None
    assert boxed.scene.nodes["out_1"].picture is not None


def test_inside_a_block_the_cards_of_its_ends_tell_what_goes_in_and_out(boxed):
    boxed.double_click("block_1")
    cards = boxed.scene.nodes
    assert len(cards) == 4
    for card in cards.values():
        told = [text.text() for _, text, _, _ in card._laid_out()]
        assert "×".join(map(str, card.fact.shape)) in told, card.id
