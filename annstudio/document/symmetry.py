"""Units that start alike learn alike: layers whose siblings are the same are found, and told with a mend.

Siblings see the same inputs. Where the weights behind them are equal too they get the same gradients and stay equal for
ever; otherwise only those weights tell them apart. A single trained layer, such as logistic regression, is no
such case: its units have targets of their own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from annstudio.engine.arena import Weights
from annstudio.engine.initializers import SYMMETRIC
from annstudio.engine.op import Array
from annstudio.engine.program import Parameter, View
from annstudio.errors import Remedy
from annstudio.layers.block.ends import BlockOutput
from annstudio.layers.graph import Graph
from annstudio.layers.names import node_of

UNITS = ("unit", "filter", "gate and unit")
"""What the axis of a layer's units is called."""
OUTSIDE = " behind the block"
"""What is said of a layer that is seen from inside a block."""


@dataclass(frozen=True)
class Behind:
    """The first layers behind a node that weigh its results and learn: by name, whether they weigh all of them alike.

    `parted`: noise on the way tells the units apart.
    """

    layers: Mapping[str, bool] = field(default_factory=dict)
    parted: bool = False


Beyond = Callable[[str], Behind]
"""What lies behind an end of a drawing, by the end's name: a block's goes on outside."""


def nothing(end: str) -> Behind:
    """Behind the network's own drawing."""
    return Behind()


@dataclass(frozen=True, eq=False)
class Drawing:
    """A drawing, or what a block holds, with all that tells whether its units are alike.

    `noisy` are the nodes that draw random numbers, `channels` says how many values every node gives at a place, and
    `weights` are what was trained or set by hand.
    """

    graph: Graph
    parameters: tuple[Parameter, ...]
    noisy: frozenset[str]
    channels: Mapping[str, int]
    weights: Weights
    beyond: Beyond = nothing

    @cached_property
    def _of(self) -> dict[str, list[Parameter]]:
        """The parameters of every node."""
        found: dict[str, list[Parameter]] = {}
        for parameter in self.parameters:
            found.setdefault(node_of(parameter.node), []).append(parameter)
        return found

    def alike(self) -> dict[str, str]:
        """Of every layer whose units start, or by now are, the same: its name, and what is to be said of it."""
        graph, weights, found = self.graph, self.weights, {}
        for id, own in self._of.items():
            if any("/" in parameter.node for parameter in own):
                continue  # A block: what it holds is a drawing of its own.
            if not all(_may_be_alike(p, view, weights) for p in own for view in p.views if view.name[0] in "WU"):
                continue
            n = _siblings(own, self.channels.get(graph.into(id)[0].source, 0) if graph.into(id) else 0)
            if n < 2 or not all(_units_equal(p, view, n, weights) for p in own for view in p.views):
                continue
            behind = self.behind(id)
            if not behind.layers:
                continue
            start = f"All {n} units of {id} have the same weights"
            if behind.parted or not all(behind.layers.values()):
                found[id] = f"{start}: at first they all give the same, and only what comes behind tells them apart."
            else:
                names = f"{', '.join(behind.layers)} {'weighs' if len(behind.layers) == 1 else 'weigh'}"
                found[id] = f"{start}, and {names} them alike: they learn the same and stay equal for ever."
        return found

    def behind(self, id: str, out: int | None = None) -> Behind:
        """What comes behind a node, or behind one of its outputs."""
        found: dict[str, bool] = {}
        ahead, seen, parted = [id], {id}, False
        while ahead:
            node = ahead.pop(0)
            for link in self.graph.out_of(node):
                if link.target in seen or (node == id and out not in (None, link.out)):
                    continue
                seen.add(link.target)
                parted = parted or link.target in self.noisy
                learning = [(p, view) for p in self._of.get(link.target, ()) for view in _sums(p)]
                if learning:
                    found[link.target] = all(_is_flat(p, view, self.weights) for p, view in learning)
                elif isinstance(self.graph.nodes[link.target].layer, BlockOutput):
                    outside = self.beyond(link.target)
                    found |= {f"{name.removesuffix(OUTSIDE)}{OUTSIDE}": flat for name, flat in outside.layers.items()}
                    parted = parted or outside.parted
                else:
                    ahead.append(link.target)
        return Behind(found, parted)


def redraw(id: str, settings: Mapping[str, object]) -> Remedy:
    """Draw a layer's weights at random, as suits its activation."""
    auto = {"initializer": "auto"} if "initializer" in settings else {}
    return Remedy("redraw", "Start at random", id, settings=auto)


def _may_be_alike(parameter: Parameter, view: View, weights: Weights) -> bool:
    """A first look, since most layers are drawn at random: whether two numbers next to each other are the same."""
    array = weights.get(parameter.key(view))
    if array is None or array.ndim != len(view.axis_names):
        return view.initial.name in SYMMETRIC
    units = np.moveaxis(array, _axis_of_units(view) or 0, 0)
    return len(units) > 1 and bool(np.array_equal(units[0], units[1]))


def _axis_of_units(view: View) -> int | None:
    return next((i for i, name in enumerate(view.axis_names) if name in UNITS), None)


def _siblings(own: list[Parameter], channels: int) -> int:
    """How many units of a node see the same inputs, so many `channels`, and learn; 0 where there are none."""
    for parameter in own:
        for view in _sums(parameter):
            sizes = dict(zip(view.axis_names, _shape(parameter, view), strict=False))
            if view.axis_names == ("row", "unit"):
                return sizes["unit"]  # An embedding's units are all given the same number.
            if view.axis_names[:1] == ("gate and unit",):
                return sizes.get("input", 0) if view.name.startswith("U") else _of_state(own)
            if sizes.get("input", sizes.get("channel")) == channels:
                return next((sizes[name] for name in UNITS if name in sizes), 0)
    return 0


def _of_state(own: list[Parameter]) -> int:
    """How many units a recurrent layer has: so many see the state."""
    states = [_shape(p, view)[1] for p in own for view in _sums(p) if view.name.startswith("U")]
    return states[0] if states else 0


def _sums(parameter: Parameter) -> list[View]:
    """The views that weigh inputs, where they learn."""
    return [view for view in parameter.views if view.name[0] in "WU" and parameter.learns(view)]


def _shape(parameter: Parameter, view: View) -> tuple[int, ...]:
    return view.of(np.empty(parameter.shape, np.int8)).shape


def _known(parameter: Parameter, view: View, weights: Weights) -> Array | None:
    """What was trained or set by hand, where it fits."""
    array = weights.get(parameter.key(view))
    return array if array is not None and array.shape == _shape(parameter, view) else None


def _units_equal(parameter: Parameter, view: View, n: int, weights: Weights) -> bool:
    """Whether a view is the same for all `n` units, for each gate by itself."""
    array = _known(parameter, view, weights)
    if array is None:
        return view.initial.name in SYMMETRIC or view.initial.constant is not None or bool(view.initial.parts)
    axis = _axis_of_units(view)
    if axis is None or array.shape[axis] % n:
        return True  # One for the whole layer.
    rows = np.moveaxis(array, axis, 0)
    rows = rows.reshape(-1, n, *rows.shape[1:])
    # Mostly the first two differ already.
    same = bool((rows[:, 0] == rows[:, 1]).all() and (rows == rows[:, :1]).all())
    return same and (not view.name.startswith("U") or _is_flat(parameter, view, weights))


def _is_flat(parameter: Parameter, view: View, weights: Weights) -> bool:
    """Whether a view weighs everything that comes in alike."""
    array = _known(parameter, view, weights)
    if array is None:
        return view.initial.name in SYMMETRIC and view.initial.constant is None
    flat = array.reshape(len(array), -1)
    return bool((flat == flat[:, :1]).all())
