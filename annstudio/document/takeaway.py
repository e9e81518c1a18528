"""What a derivation to take away is about: the project's name, the example, and its layers in words."""

from annstudio.document.network import Network
from annstudio.explain.takeaway import About
from annstudio.ordinals import ordinal


def about(network: Network, sample: int | None) -> About:
    """The head of the paper on one example of the data; None: on the batch that training does next."""
    project, n = network.project, len(network.need_dataset())
    step = network.run_so_far.step
    trained = f", after {step:,} steps of training" if step else ""
    told = "The next batch of training" if sample is None else f"Example {ordinal(sample):,} of {n:,}"
    layers = tuple((id, node.layer.summary) for id, node in project.graph.nodes.items())
    return About(project.title or "A network", f"{told}{trained}", layers)
