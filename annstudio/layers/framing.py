"""The shapes that layers need, and where sliding windows stand: how many fit, and what border `same` has."""

from annstudio.engine.builder import Builder, Value
from annstudio.engine.op import Margin, Shape
from annstudio.errors import Remedy, ShapeError


def window_counts(sizes: Shape, reach: Shape, strides: Shape) -> Shape:
    """How many windows fit along each axis."""
    return tuple((size - r) // s + 1 for size, r, s in zip(sizes, reach, strides, strict=True))


def border(shape: Shape, reach: Shape, strides: Shape, padding: str, fill: float = 0.0) -> Margin:
    """The border of an image (C, H, W) or a sequence (T, D): with strides more of it lies behind, as in Keras.

    `same` gives one window for every stride begun; `causal` puts all of the border before a sequence; `valid` has none.
    """
    sizes = shape[1:] if len(shape) == 3 else shape[:1]
    before, after = [], []
    for size, r, s in zip(sizes, reach, strides, strict=True):
        total = 0
        if padding == "same":
            total = max((-(-size // s) - 1) * s + r - size, 0)
        elif padding == "causal":
            total = r - 1
        before.append(total if padding == "causal" else total // 2)
        after.append(total - before[-1])
    if len(shape) == 3:
        return Margin((0, *before), (0, *after), fill)
    return Margin((*before, 0), (*after, 0), fill)


def need_list(net: Builder, x: Value, wanted: str = "a list of values", most_axes: int = 1) -> None:
    """Raise ShapeError unless the value is a list (or a sequence, with two axes), offering to lay it out as one."""
    flatten = Remedy("insert", "Insert Flatten", net.current, "Flatten")
    net.need(1 <= len(x.shape) <= most_axes, x, wanted, "Insert a Flatten layer between them.", [flatten])


def need_image(net: Builder, x: Value) -> None:
    """Raise ShapeError unless the value is an image, offering to fold a list into one."""
    remedies = []
    if len(x.shape) == 1:
        side = round(x.shape[0] ** 0.5)
        shape = (side, side, 1) if side * side == x.shape[0] else (x.shape[0], 1, 1)
        remedies = [Remedy("insert", "Insert Reshape", net.current, "Reshape", {"target": shape})]
    hint = "Feed it an image, or fold the values into one with Reshape."
    net.need(len(x.shape) == 3, x, "height × width × channels", hint, remedies)


def need_sequence(net: Builder, x: Value) -> None:
    """Raise ShapeError unless the value is a sequence, offering to fold anything else into one."""
    remedies = []
    if len(x.shape) == 1:
        target = (x.shape[0], 1)
        remedies = [Remedy("insert", "Insert Reshape", net.current, "Reshape", {"target": target})]
    elif len(x.shape) == 3:
        target = (x.shape[1], x.shape[2] * x.shape[0])
        remedies = [Remedy("insert", "Read rows as steps", net.current, "Reshape", {"target": target})]
    net.need(len(x.shape) == 2, x, "a sequence of time × values", "Feed it steps of values.", remedies)


def fitting_kernel(net: Builder, x: Value, size: Shape, dilation: Shape, padding: str) -> None:
    """Raise ShapeError where a window without padding is larger than what it slides over."""
    sizes = x.shape[1:] if len(x.shape) == 3 else x.shape[:1]
    reach = tuple((k - 1) * d + 1 for k, d in zip(size, dilation, strict=True))
    if padding == "valid" and any(r > n for r, n in zip(reach, sizes, strict=True)):
        told, found = ("×".join(map(str, numbers)) for numbers in (reach, sizes))
        raise ShapeError(
            f"{net.current}'s window of {told} is larger than what it slides over, {found}.",
            "Choose a smaller window or padding same.",
            (Remedy("set", "Set padding to same", net.current, settings={"padding": "same"}),),
        )


def need_groups(net: Builder, x: Value, groups: int, channels: int, filters: int) -> None:
    """Raise ShapeError where channels or filters cannot be shared out evenly among the groups."""
    remedies = [Remedy("set", "Set groups to 1", net.current, settings={"groups": 1})]
    if channels % groups or filters % groups:
        raise ShapeError(
            f"{net.current} has {groups} groups; its {channels} channels and "
            f"{filters} filters cannot be shared out evenly.",
            "Choose a number that divides both.",
            tuple(remedies),
        )
