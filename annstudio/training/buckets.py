"""Sequences of different length: batches of short ones go through the same network made for fewer steps.

Such a network is a Program of its own, which shares the arena; it comes to the same, since the steps that it does not
do are padding. It is made when the first batch fits it.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, Protocol, TypeVar

import numpy as np

from annstudio.data.base import Dataset
from annstudio.data.order import Indices, Order
from annstudio.engine.op import Array
from annstudio.engine.program import Program

SIZES = 8
"""How many sizes there are at most, each √2 times the one before: sequences are a fifth too long on average."""
POOL = 16
"""Examples of similar length are put together within so many batches."""
KEPT_BYTES = 1 << 29
"""Arrays for sizes that were not wanted lately are let go where all together take more than this."""


@dataclass(frozen=True)
class Ends:
    """What says how long an input's sequences of at most `steps` steps are: a column of lengths, or of `ids`, which
    end with the last that is not 0."""

    column: str
    steps: int
    ids: bool = False

    def lengths(self, dataset: Dataset, indices: Array | slice) -> Array:
        """The lengths of the sequences of some examples, (n,)."""
        values = dataset.columns[self.column].values[indices]
        if not self.ids:
            return values[:, 0].astype(np.intp)
        found: Array = np.max((values != 0) * np.arange(1, self.steps + 1), 1)
        return found


@dataclass(frozen=True)
class Shorter:
    """The readings of a network made for `steps` steps: to train, and to judge."""

    steps: int
    fast: Program
    predict: Program


Make = Callable[[int, int], Shorter | None]
"""Makes a network for so many steps or some more, but fewer than a limit; None where that cannot be."""


class Buckets:
    """The sizes that sequences are rounded up to. `ends` are those of all inputs that can be made shorter; lengths are
    counted in steps of the longest of them."""

    def __init__(self, dataset: Dataset, ends: tuple[Ends, ...], make: Make) -> None:
        self._dataset = dataset
        self._ends = ends
        self._make = make
        self._made: dict[int, Shorter | None] = {}
        self.steps = max(each.steps for each in ends)
        sizes = [int(np.ceil(self.steps / 2 ** (k / 2))) for k in range(SIZES)]
        self.sizes = tuple(sorted(set(sizes)))
        """How many steps there are to choose from, ascending; the last is all."""

    @cached_property
    def useful(self) -> bool:
        """Whether the network can be made shorter at all."""
        return len(self.sizes) > 1 and self.shorter(self.sizes[-2]) is not None

    def shorter(self, size: int) -> Shorter | None:
        """The network for one of the sizes but the last; None where there is none."""
        if size not in self._made:
            self._made[size] = self._make(size, self.sizes[self.sizes.index(size) + 1])
        return self._made[size]

    def size(self, indices: Array) -> int:
        """The smallest size that these examples fit; 0 where that is the whole network."""
        longest = int(self.needed(indices).max())
        return next((n for n in self.sizes[:-1] if n >= longest and self.shorter(n) is not None), 0)

    def needed(self, indices: Array) -> Array:
        """How many steps each of these examples needs, (n,)."""
        return self._counted(indices) if self._all is None else self._all.take(indices)

    @cached_property
    def _all(self) -> Array | None:
        """Of all examples; None where so many are not looked at in one piece."""
        if self._dataset.is_large:
            return None
        return self._counted(slice(None))

    def _counted(self, indices: Array | slice) -> Array:
        scaled = [-(-each.lengths(self._dataset, indices) * self.steps // each.steps) for each in self._ends]
        counted: Array = np.clip(np.max(scaled, 0), 1, self.steps)
        return counted

    # In which order ----------------------------------------------------------------------------------------------

    def grouped(self, order: Indices, n: int, *key: int) -> Indices:
        """The examples of an epoch with batches of `n` of similar length: out of the examples of a few batches those
        of similar length are put together, and the batches shuffled. What is left over of the epoch stays last.

        `key` decides, as it did of `order`; a pure function, so that a run can go on where it stopped.
        """
        pool = POOL * n
        if isinstance(order, Order):

            def number(places: Array) -> Array:
                first, last = int(places.min()) // pool, int(places.max()) // pool
                pools = [self._pool(order[k * pool : (k + 1) * pool], n, *key, 1 + k) for k in range(first, last + 1)]
                found: Array = np.concatenate(pools)[places - first * pool]
                return found

            return Order(len(order), number)
        pools = range(-(-len(order) // pool))
        return np.concatenate([self._pool(order[k * pool : (k + 1) * pool], n, *key, 1 + k) for k in pools])

    def _pool(self, examples: Array, n: int, *key: int) -> Array:
        """Some batches: the shortest together, and so on, in a random order."""
        whole = len(examples) - len(examples) % n
        mixed, rest = examples[:whole], examples[whole:]
        batches = mixed[np.argsort(self.needed(mixed), kind="stable")].reshape(-1, n)
        shuffled = batches[np.random.default_rng(key).permutation(len(batches))]
        return np.concatenate([shuffled.reshape(-1), rest])


# What is kept of them ------------------------------------------------------------------------------------------------


class Sized(Protocol):
    """Anything that says how much memory it takes."""

    @property
    def nbytes(self) -> int: ...


Thing = TypeVar("Thing", bound=Sized)


class Kept(Generic[Thing]):
    """Things by batch size and size of sequences (0: the whole network). Those for short sequences that were not wanted
    lately are let go where they take much memory."""

    def __init__(self, let_go: Callable[[Thing], None] = lambda thing: None) -> None:
        self._things: OrderedDict[tuple[int, int], Thing] = OrderedDict()
        self._let_go = let_go

    def get(self, n: int, size: int) -> Thing | None:
        thing = self._things.get((n, size))
        if thing is not None and size:
            self._things.move_to_end((n, size))
        return thing

    def put(self, n: int, size: int, thing: Thing) -> Thing:
        self._things[n, size] = thing
        spare = [key for key in self._things if key[1]]
        while len(spare) > 1 and sum(self._things[key].nbytes for key in spare) > KEPT_BYTES:
            self._let_go(self._things.pop(spare.pop(0)))
        return thing

    def clear(self) -> None:
        while self._things:
            self._let_go(self._things.popitem()[1])
