"""Drawing wires: in either direction, refused with the reason, mended, taken off, dropped on empty canvas, by key."""

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest

from annstudio.layers.base import make
from annstudio.layers.graph import Link
from annstudio.ui.canvas.geometry import CARD


@pytest.fixture
def loose(opened, making):
    """Input → hidden → output with the second wire missing."""
    hand = opened(making(("input", "Input", {"shape": (2,)}), ("hidden", "Dense", {}), ("output", "Dense", {})))
    hand.session.edit_graph(hand.graph.disconnect(Link("hidden", "output")), "Disconnect")
    return hand


@pytest.fixture
def images(opened, making):
    """Input (images) → conv, and a dense layer that is not fed."""
    hand = opened(
        making(
            ("input", "Input", {"shape": (8, 8, 1)}),
            ("conv", "Conv2D", {"filters": 4}),
            ("dense", "Dense", {"units": 10, "activation": "softmax"}),
            data={"kind": "digits"},
        )
    )
    hand.session.edit_graph(hand.graph.disconnect(Link("conv", "dense")), "Disconnect")
    hand.view.fit()
    return hand


def test_a_wire_from_output_to_input(loose):
    loose.drag(loose.output("hidden"), loose.input("output"))
    assert Link("hidden", "output") in loose.graph.links
    assert loose.session.document.undo_label == "Connect"
    loose.agree()
    loose.session.undo()
    assert Link("hidden", "output") not in loose.graph.links
    loose.agree()


def test_a_wire_from_input_back_to_output(loose):
    loose.drag(loose.input("output"), loose.output("hidden"))
    assert Link("hidden", "output") in loose.graph.links


def test_a_wire_may_end_anywhere_on_a_card(loose):
    loose.drag(loose.output("hidden"), "output")
    assert Link("hidden", "output") in loose.graph.links


def test_the_port_below_the_loose_end_is_lit(loose):
    loose.drag(loose.output("hidden"), loose.input("output"), let_go=False)
    assert loose.scene.nodes["output"].hot_port == 0
    assert loose.view.tag.isHidden()
    loose.key(Qt.Key.Key_Escape)
    assert loose.scene.nodes["output"].hot_port is None
    loose.release(loose.input("output"))
    assert Link("hidden", "output") not in loose.graph.links


def test_a_circle_is_refused_while_dragging(loose):
    loose.drag(loose.output("hidden"), loose.input("output"))
    project = loose.session.project
    loose.drag(loose.output("output"), "hidden", let_go=False)
    assert loose.view.tag.isVisible()
    assert "circle" in loose.view.tag.text()
    loose.release("hidden")
    assert loose.session.project is project
    assert loose.view.tag.isHidden()
    assert "circle" in loose.scene.offer.problem.message
    loose.click(QPointF(100, 400))
    assert loose.scene.offer is None


def test_a_refused_wire_offers_its_mend(images):
    project = images.session.project
    images.drag(images.output("conv"), images.input("dense"), let_go=False)
    assert images.view.tag.text() == "dense needs a list of values; conv gives 8×8×4."
    images.release(images.input("dense"))
    assert images.session.project is project
    offer = images.scene.offer
    assert offer.labels == ["Insert Flatten"]
    images.click(offer.button_place(0))
    assert [images.graph.nodes[id].layer.kind() for id in images.graph.order()] == [
        "Input",
        "Conv2D",
        "Flatten",
        "Dense",
    ]
    assert images.scene.offer is None
    images.agree()
    images.session.undo()
    assert images.session.project is project


def test_a_wire_dropped_on_empty_canvas_offers_what_fits(images):
    images.drag(images.output("conv"), QPointF(420, 300))
    titles = images.chooser().titles
    assert {"Conv2D", "MaxPool2D", "Flatten", "Dropout"} <= set(titles)
    assert "Dense" not in titles
    assert "Input" not in titles
    images.choose("flat")
    (link,) = images.graph.out_of("conv")
    assert images.graph.nodes[link.target].layer.kind() == "Flatten"
    assert images.view.selection == [link.target]
    images.session.undo()
    assert not images.graph.out_of("conv")


def test_a_wire_dropped_backwards_offers_what_could_feed(images):
    images.drag(images.input("dense"), QPointF(350, 300))
    titles = images.chooser().titles
    assert "Flatten" in titles
    assert "Cross-entropy" not in titles
    images.choose("dropout")
    assert images.graph.into("dense")[0].source == "dropout_1"


def test_escape_closes_the_list_and_nothing_is_added(images):
    project = images.session.project
    images.drag(images.output("conv"), QPointF(420, 300))
    QTest.keyClick(images.chooser().line, Qt.Key.Key_Escape)
    assert images.session.project is project
    assert images.view.hasFocus()


def test_the_end_of_a_wire_is_taken_off(hand):
    hand.drag(hand.input("output"), QPointF(400, 400))
    assert Link("hidden", "output") not in hand.graph.links
    assert hand.session.document.undo_label == "Disconnect"
    hand.agree()


def test_the_end_of_a_wire_is_put_elsewhere(opened, making):
    hand = opened(
        making(
            ("input", "Input", {"shape": (2,)}), ("hidden", "Dense", {}), ("output", "Dense", {}), ("loss", "Loss", {})
        )
    )
    hand.session.edit_graph(hand.graph.disconnect(Link("output", "loss")), "Disconnect")
    hand.drag(hand.input("output"), hand.input("loss"))
    assert Link("hidden", "loss") in hand.graph.links
    assert Link("hidden", "output") not in hand.graph.links
    hand.agree()
    hand.session.undo()
    assert Link("hidden", "output") in hand.graph.links


def test_a_wire_taken_off_and_put_back_changes_nothing(hand):
    project = hand.session.project
    hand.drag(hand.input("output"), QPointF(400, 300), let_go=False)
    assert not hand.scene.wires[Link("hidden", "output")].isVisible()
    hand.move(hand.input("output"))
    hand.release(hand.input("output"))
    assert hand.session.project is project
    hand.agree()


def test_escape_puts_a_wire_back(hand):
    hand.drag(hand.input("output"), QPointF(400, 300), let_go=False)
    hand.key(Qt.Key.Key_Escape)
    hand.release(QPointF(400, 300))
    assert Link("hidden", "output") in hand.graph.links
    hand.agree()


def test_a_clicked_port_chooses_its_node(hand):
    hand.click(hand.output("hidden"))
    assert hand.view.selection == ["hidden"]


def test_a_merge_shows_a_further_port_for_every_wire(opened, making):
    hand = opened(making(("input", "Input", {"shape": (2,)}), ("hidden", "Dense", {"units": 2}), ("sum", "Add", {})))
    assert hand.scene.nodes["sum"].n_ports == 2
    hand.drag(hand.output("input"), hand.input("sum", 1))
    assert Link("input", "sum", 1) in hand.graph.links
    assert hand.scene.nodes["sum"].n_ports == 3
    hand.agree()
    hand.session.undo()
    hand.agree()


def test_connecting_without_a_mouse(images):
    images.session.edit_graph(images.graph.with_layer("dense", make("Conv2D", {})), "Change")
    images.click("conv")
    images.view.start_keyboard_connect()
    assert images.chooser().titles == ["dense"]
    images.choose("den")
    assert Link("conv", "dense") in images.graph.links


def test_connecting_without_a_mouse_needs_one_layer(hand):
    hand.view.start_keyboard_connect()
    assert hand.told == ["Choose one layer with an output to connect."]


def test_a_hovered_wire_tells_its_shape(images):
    images.hover(images.middle_of("input", "conv"))
    assert images.view.tag.isVisible()
    assert images.view.tag.text() == "8×8×1"
    images.hover(QPointF(100, 500))
    assert images.view.tag.isHidden()


def test_a_wire_back_goes_between_the_rows(hand):
    hand.session.edit_graph(hand.graph.moved({"output": (0, 200), "loss": (200, 200)}), "Move")
    path = hand.scene.wires[Link("hidden", "output")].path()
    middle = path.pointAtPercent(0.5)
    assert 140 < middle.y() < 200
    assert path.boundingRect().right() > hand.output("hidden").x()
    assert path.boundingRect().left() < hand.input("output").x()


def test_a_skip_goes_around_the_cards_between(opened, making):
    project = making(
        ("input", "Input", {"shape": (2,)}),
        ("a", "Dense", {"units": 2}),
        ("b", "Dense", {"units": 2}),
        ("sum", "Add", {}),
    )
    hand = opened(project)
    hand.drag(hand.output("input"), hand.input("sum", 1))
    path = hand.scene.wires[Link("input", "sum", 1)].path()
    points = [path.pointAtPercent(i / 60) for i in range(61)]
    for card in ("a", "b"):
        area = CARD.translated(hand.scene.nodes[card].pos())
        assert not any(area.contains(point) for point in points)
