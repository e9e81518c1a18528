"""How a program is carried out on this machine: the form of each matrix product, pieces of a batch, threads.

A Plan is a value that goes with a run: same seed and same Plan give the same bits, whatever the machine.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from annstudio.engine.gemm import WHOLE, Call, Product


@dataclass(frozen=True)
class Plan:
    """`forms` of products by their keys (whole where nothing is said); `piece`: how many examples of a batch are sent
    through at a time (0: all); `threads`: how many pieces at the same time."""

    forms: Mapping[str, str] = field(default_factory=dict)
    piece: int = 0
    threads: int = 1

    def bind(self, product: Product) -> list[Call]:
        return product.bind(self.forms.get(product.key, WHOLE) if self.forms else WHOLE)


PLAIN_PLAN = Plan()
"""Products in one go, whole batches, one thread: the same everywhere."""
