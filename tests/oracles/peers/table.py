"""Every layer's twin by the layer's kind. A kind without one fails: put it into the chapter that it belongs to."""

from tests.oracles.peers import block, convolution, core, losses, recurrent, steady
from tests.oracles.peers.place import Twin

TWINS: dict[str, Twin] = {
    **core.TWINS,
    **convolution.TWINS,
    **recurrent.TWINS,
    **steady.TWINS,
    **losses.TWINS,
    **block.TWINS,
}
WITHOUT_TWIN = frozenset({"Input", "BlockInput", "BlockOutput"})
"""They reckon nothing: an input is the data, a block's ends hand on what comes in and out. The walk does so."""
