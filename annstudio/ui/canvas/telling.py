"""What things on the canvas are, in words: for tool tips and for the label on a hovered wire."""

from html import escape

from annstudio.document.compile import Checked
from annstudio.engine.op import shape_text
from annstudio.layers.base import Layer
from annstudio.layers.block.node import Block
from annstudio.layers.graph import Link
from annstudio.ordinals import nth
from annstudio.ui.canvas.node import NodeItem, out_of
from annstudio.ui.canvas.scene import Spot


def tip(spot: Spot, checked: Checked) -> str:
    """The tool tip for what is at a place; empty for nothing. Names are the user's, so they are escaped."""
    if spot.node is None:
        return ""
    lines = _port(spot.node, spot.port, checked) if spot.port is not None else _card(spot.node)
    first, *others = [escape(line) for line in lines]
    return "<br>".join([f"<b>{first}</b>", *others])


def wire_words(link: Link, checked: Checked) -> str:
    """What runs along a wire."""
    fact = checked.facts.get(link.source)
    return shape_text(fact.shapes[link.out]) if fact is not None and link.out < len(fact.shapes) else "no shape yet"


def _card(item: NodeItem) -> list[str]:
    lines = [item.id, item.layer.summary]
    if item.fact is not None:
        n = item.fact.n_parameters
        counted = f", {n:,} parameters".replace(",", " ", 1).replace(",", " ") if n else ""
        if item.layer.gives:
            lines.append(f"Output {shape_text(item.fact.shape)}{counted}")
    if item.picture is not None and item.picture.told:
        lines.append(item.picture.told[0].upper() + item.picture.told[1:])
    if isinstance(item.layer, Block):
        lines.append("Double-click or Enter shows what it holds.")
    if item.problem is not None:
        lines += [item.problem.message, item.problem.hint]
    return [line for line in lines if line]


def _port(item: NodeItem, port: int, checked: Checked) -> list[str]:
    if port < 0:
        fact, out = checked.facts.get(item.id), out_of(port)
        which = nth("Output", out) if item.layer.gives > 1 else "Output"
        shape = shape_text(fact.shapes[out]) if fact is not None else "Drag a wire from here."
        return [f"{which} of {item.id}{_called(item.layer, out, output=True)}", shape]
    which = nth("Input", port) if item.n_ports > 1 else "Input"
    return [f"{which} of {item.id}{_called(item.layer, port, output=False)}", "Drag a wire here."]


def _called(layer: Layer, place: int, *, output: bool) -> str:
    """What an end of a block is called inside it."""
    if not isinstance(layer, Block):
        return ""
    return f": {(layer.outputs if output else layer.inputs)[place]}"
