"""Papers for the tests of what is written from them."""

from annstudio.document.network import Network
from annstudio.document.project import Project
from annstudio.document.takeaway import about
from annstudio.explain.takeaway import Extent, Paper, write


def paper_of(project: Project, sample: int = 0, units: int | None = None, digits: int = 9) -> Paper:
    network = Network(project)
    return write(network.stepper(sample), about(network, sample), Extent(units), digits)
