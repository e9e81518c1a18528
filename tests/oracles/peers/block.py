"""The block's twin: which steps its drawing is done on, and how the results are put together."""

from tests.oracles.peers.place import Place, Tensor, Twin


def block(at: Place, layer, *xs: Tensor) -> tuple[Tensor, ...]:
    """In users' layout steps are always the first axis after the examples: of sequences, pictures' rows and films."""
    if layer.apply == "once":
        return at.once(xs, "")
    width, stride = (layer.window, layer.stride) if layer.apply == "windows" else (1, 1)
    whole = [layer.inside.nodes[id].layer.whole for id in layer.inputs]
    length = next(x.shape[1] for x, all_of_it in zip(xs, whole, strict=True) if not all_of_it)
    steps = []
    for i, start in enumerate(range(0, length - width + 1, stride)):
        span = start if width == 1 else slice(start, start + width)
        parts = [x if all_of_it else x[:, span] for x, all_of_it in zip(xs, whole, strict=True)]
        steps.append(at.once(parts, f"[{i}]" if layer.weights == "one set a step" else ""))
    return tuple(at.torch.stack(results, 1) for results in zip(*steps, strict=True))


TWINS: dict[str, Twin] = {"Block": block}
