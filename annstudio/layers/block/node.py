"""Block: a network inside a box, with inputs and outputs of its own, that goes where any layer goes."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PlainSerializer, PlainValidator

from annstudio.engine.builder import Builder, Value
from annstudio.engine.op import Shape, values_text
from annstudio.errors import GraphError, Remedy, ShapeError
from annstudio.layers.base import Family, Layer
from annstudio.layers.block.ends import BlockInput, BlockOutput
from annstudio.layers.block.steps import Row, Span, StackRows
from annstudio.layers.dense import Dense
from annstudio.layers.drawn import MAX_DEPTH, GraphEntry
from annstudio.layers.graph import Graph, Node
from annstudio.layers.losses import Loss
from annstudio.layers.lowering import Grade, InnerProblems, Problem, Results, lower_graph
from annstudio.layers.padded import WindowsCounted, blanked
from annstudio.layers.recurrent.steps import Moment, Stack
from annstudio.ordinals import at_step

MOST_STEPS = 20_000
"""So many ops a program may have when a block begins another step; beyond that unrolling would take forever."""
ENDS_APART = 190.0


def _read(raw: Any) -> Graph:
    try:
        graph = raw if isinstance(raw, Graph) else GraphEntry.read(raw).graph()
    except GraphError as error:
        raise ValueError(error.message) from error
    if _depth(graph) >= MAX_DEPTH:
        raise ValueError(f"Its boxes lie in one another more than {MAX_DEPTH} deep.")
    return graph


def _depth(graph: Graph) -> int:
    """How many boxes lie in one another at most."""
    return max((1 + _depth(n.layer.inside) for n in graph.nodes.values() if isinstance(n.layer, Block)), default=0)


def _written(graph: Graph) -> dict[str, Any]:
    return GraphEntry.of(graph).model_dump(mode="json")


Inside = Annotated[Graph, PlainValidator(_read), PlainSerializer(_written)]
"""A drawing as a setting: in files it is written as the project's own is."""
Apply = Literal["once", "each step", "windows"]


def box_of(*layers: Layer) -> Graph:
    """A drawing for a block: an input, these layers in a row, an output."""
    graph, before = Graph({"in_1": Node("in_1", BlockInput())}), "in_1"
    for layer in (*layers, BlockOutput()):
        id = graph.free_id(layer.prefix)
        graph = graph.with_node(Node(id, layer, ENDS_APART * len(graph.nodes), 0.0)).connect(before, id)
        before = id
    return graph


class Block(Layer):
    """A network inside a box: opened, reused, nested, applied once, at every time step or over windows of steps."""

    family: ClassVar[Family] = Family.CORE
    prefix: ClassVar[str] = "block"
    films: ClassVar[bool] = True

    presets: ClassVar = {
        "TimeDistributed": {"apply": "each step", "inside": _written(box_of(Dense()))},
    }

    inside: Inside = Field(default_factory=box_of, title="Inside", description="What the block holds; open it to see.")
    apply: Apply = Field(
        "once",
        title="Apply",
        description="To the input as a whole, to every step of a sequence (every row of a picture), or to each window "
        "of steps; results are put together in the order of the steps.",
    )
    window: int = Field(
        2,
        ge=1,
        le=10_000,
        title="Window",
        description="How many steps the block is given at a time.",
        json_schema_extra={"needs": "apply=windows"},
    )
    stride: int = Field(
        1,
        ge=1,
        le=10_000,
        title="Stride",
        description="How many steps it is from a window to the next.",
        json_schema_extra={"needs": "apply=windows"},
    )
    weights: Literal["shared", "one set a step"] = Field(
        "shared",
        title="Weights",
        description="Whether every step uses the same weights or has its own.",
        json_schema_extra={"needs": "apply=each step|windows"},
    )
    weights_of: str = Field(
        "",
        max_length=60,
        title="Weights of",
        description="Another block beside this one whose weights it uses, or its own.",
        json_schema_extra={"offered": True},
    )
    trainable: bool = Field(True, title="Trainable", description="Whether training changes the weights inside.")

    @classmethod
    def order(cls) -> int:
        return 80

    @property
    def inputs(self) -> list[str]:
        """The inner nodes where values enter, in the order of the block's inputs."""
        return _ends(self.inside, BlockInput)

    @property
    def outputs(self) -> list[str]:
        """The inner nodes where values leave, in the order of the block's outputs."""
        return _ends(self.inside, BlockOutput)

    @property
    def takes(self) -> tuple[int, int | None]:
        return len(self.inputs), len(self.inputs)

    @property
    def gives(self) -> int:
        return len(self.outputs)

    @property
    def meaning(self) -> object:
        rest = tuple(getattr(self, name) for name in type(self).model_fields if name != "inside")
        return (type(self).__name__, self.inside.meaning, *rest)

    @property
    def summary(self) -> str:
        n = len(self.inside.nodes) - len(self.inputs) - len(self.outputs)
        told = f"Block of {n} layer{'s' if n != 1 else ''}"
        more = [self.apply] * (self.apply != "once") + [f"as {self.weights_of}"] * bool(self.weights_of)
        return " · ".join([told, *more])

    def after_renaming(self, names: Any) -> Layer:
        new = names.get(self.weights_of, self.weights_of)
        return self if new == self.weights_of else self.model_copy(update={"weights_of": new})

    def agree(self, path: str, graph: Graph) -> None:
        id = path.rpartition("/")[2]
        if not self.weights_of:
            return
        there = graph.nodes.get(self.weights_of)
        other = there.layer if there is not None and self.weights_of != id else None
        own = Remedy("set", "Give it weights of its own", path, settings={"weights_of": ""})
        if not isinstance(other, Block) or other.weights_of:
            raise ShapeError(
                f"{path} shares the weights of {self.weights_of!r}, which is no block with weights of its own.",
                "Name another block, or none.",
                (own,),
            )
        if other.inside.meaning != self.inside.meaning:
            same = Remedy(
                "set", f"Hold what {self.weights_of} holds", path, settings={"inside": _written(other.inside)}
            )
            raise ShapeError(
                f"{path} shares the weights of {self.weights_of}, but holds another network.",
                "Blocks that share weights hold the same.",
                (same, own),
            )

    # Meaning ---------------------------------------------------------------------------------------------------------

    def lower(self, net: Builder, *xs: Value) -> Value | tuple[Value, ...]:
        if not self.inputs or not self.outputs:
            what = "input" if not self.inputs else "output"
            raise InnerProblems(
                [Problem(net.current, f"{net.current} holds no block {what}.", f"Open it and add one: Block{what}.",
                         grade=Grade.OPEN)]
            )  # fmt: skip
        self._refuse_what_belongs_outside(net)
        if self.apply == "once":
            return self._once(net, xs)
        spans = self._spans(net, xs)
        if self.apply == "windows" and self.window > 1:
            # A window may reach behind the end of a shorter sequence.
            xs = tuple(x if whole else blanked(net, x) for x, whole in zip(xs, self._whole(), strict=True))
        steps = []
        for i, span in enumerate(spans):
            if len(net.steps) > MOST_STEPS:
                raise ShapeError(
                    f"{net.current} would be applied {len(spans):,} times: more than {MOST_STEPS:,} steps in all.",
                    "Use shorter sequences, larger strides or a smaller network inside.",
                )
            suffix = f"[{i}]" if self.weights == "one set a step" else ""
            with net.scope(at_step(self._step_word(xs), i)):
                steps.append(self._once(net, [self._part(net, x, k, span) for k, x in enumerate(xs)], suffix))
        results = tuple(self._together(net, [step[k] for step in steps]) for k in range(self.gives))
        self._pass_lengths_on(net, xs, results, len(spans))
        return results

    def _refuse_what_belongs_outside(self, net: Builder) -> None:
        for id, node in self.inside.nodes.items():
            outer = isinstance(node.layer, Loss) or (
                node.layer.takes[1] == 0 and not isinstance(node.layer, BlockInput)
            )
            if outer and not isinstance(node.layer, Block):
                kind = type(node.layer).__name__
                words = f"{net.current}/{id} is inside a block; {kind} has its place outside."
                raise InnerProblems([Problem(f"{net.current}/{id}", words, "Move it out of the block.")])

    def _once(self, net: Builder, xs: Any, suffix: str = "") -> tuple[Value, ...]:
        with net.inside(self.weights_of, suffix, trainable=self.trainable):
            values, problems = lower_graph(self.inside, net, dict(zip(self.inputs, xs, strict=True)))
        if problems:
            raise InnerProblems(problems)
        return tuple(_leaving(self.inside, values, id) for id in self.outputs)

    # Steps -----------------------------------------------------------------------------------------------------------

    def _spans(self, net: Builder, xs: tuple[Value, ...]) -> list[tuple[int, int]]:
        """From which step to before which the block is given at a time. Raises ShapeError where there are none."""
        stepped = [x for x, whole in zip(xs, self._whole(), strict=True) if not whole]
        if not stepped:
            raise ShapeError(
                f"{net.current} has no input that comes step by step.",
                "Open it and switch off Whole sequence at one of its inputs.",
            )
        for x in stepped:
            once = Remedy("set", "Apply it once", net.current, settings={"apply": "once"})
            hint = "Apply it once, or give it something that has steps."
            net.need(len(x.shape) > 1, x, "a sequence or a picture, to be applied step by step", hint, [once])
        counts = [x.shape[_axis(x.shape)] for x in stepped]
        if len(set(counts)) > 1:
            told = " and ".join(values_text(x.shape) for x in stepped)
            raise ShapeError(
                f"{net.current} needs inputs of equally many steps; got {told}.", "Make them equally long."
            )
        width, stride = (self.window, self.stride) if self.apply == "windows" else (1, 1)
        if counts[0] < width:
            fitting = Remedy("set", f"Set window to {counts[0]}", net.current, settings={"window": counts[0]})
            words = f"{net.current} has a window of {width} steps; the input has {counts[0]}."
            raise ShapeError(words, "Make the window smaller.", (fitting,))
        return [(start, start + width) for start in range(0, counts[0] - width + 1, stride)]

    def _whole(self) -> list[bool]:
        return [getattr(self.inside.nodes[id].layer, "whole", False) for id in self.inputs]

    def _part(self, net: Builder, x: Value, k: int, span: tuple[int, int]) -> Value:
        """What the block is given of one input: a single step without its axis, a window with it."""
        if self._whole()[k]:
            return x
        start, stop = span
        if stop - start > 1:
            return net.apply(Span(_axis(x.shape), start, stop), x, name="window")
        return net.apply(Row(start) if len(x.shape) == 3 else Moment(start), x, name="x")

    def _together(self, net: Builder, steps: list[Value]) -> Value:
        """The results of all steps: lists of values make a sequence, sequences the rows of a picture."""
        shape = steps[0].shape
        if len(shape) not in (1, 2, 3):
            raise ShapeError(
                f"{net.current} cannot put results of {values_text(shape)} one after the other.",
                "Let what is inside end in a list, a sequence or a picture.",
            )
        return net.apply(StackRows() if len(shape) == 2 else Stack(), *steps, name="out")

    def _pass_lengths_on(self, net: Builder, xs: tuple[Value, ...], results: tuple[Value, ...], times: int) -> None:
        """Of the results of `times` steps (or windows) as many count as were made of steps that count alone."""
        stepped = [x for x, whole in zip(xs, self._whole(), strict=True) if not whole]
        known = net.shortest(*map(net.lengths, stepped))
        sequences = [value for value in results if len(value.shape) == 2]
        if known is None or not sequences:
            return
        if self.apply == "windows" and (self.window, self.stride) != (1, 1):
            steps = next(x.shape[0] for x in stepped if net.lengths(x) is not None)
            known = net.apply(WindowsCounted(steps, times, self.window, self.stride, None), known, name="length")
        for value in sequences:
            net.measure(value, known)

    def _step_word(self, xs: tuple[Value, ...]) -> str:
        if self.apply == "windows" and self.window > 1:
            return "window"
        return "row" if any(len(x.shape) == 3 for x in xs) else "t"


def _ends(inside: Graph, kind: type[BlockInput | BlockOutput]) -> list[str]:
    found = [(node.layer.position, id) for id, node in inside.nodes.items() if isinstance(node.layer, kind)]
    return [id for _, id in sorted(found, key=lambda end: end[0])]


def _leaving(inside: Graph, values: Results, id: str) -> Value:
    (link,) = inside.into(id)
    return values[link.source, link.out]


def _axis(shape: Shape) -> int:
    """Which axis the steps lie along: the rows of a picture (C, H, W), else the first."""
    return 1 if len(shape) == 3 else 0
