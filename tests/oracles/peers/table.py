"""Every layer's twin by the layer's kind. A kind without one fails: put it into the chapter that it belongs to."""

from tests.oracles.peers import convolution, core, losses, recurrent, steady
from tests.oracles.peers.place import Twin

TWINS: dict[str, Twin] = {
    **core.TWINS,
    **convolution.TWINS,
    **recurrent.TWINS,
    **steady.TWINS,
    **losses.TWINS,
}
"""`Input` has none: it is the data."""
