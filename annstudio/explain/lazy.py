"""Long lists whose items are made when somebody looks: sums of thousands of terms cost what is shown of them."""

from collections.abc import Callable, Sequence
from typing import TypeVar, overload

T = TypeVar("T")


class Lazy(Sequence[T]):
    """A sequence whose items are made when they are first asked for; equal to others of the same `key`."""

    def __init__(self, n: int, make: Callable[[int], T], key: object) -> None:
        self._n, self._make, self.key = n, make, key
        self._made: dict[int, T] = {}

    def __len__(self) -> int:
        return self._n

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> list[T]: ...
    def __getitem__(self, at: int | slice) -> T | list[T]:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(self._n))]
        if not -self._n <= at < self._n:
            raise IndexError(at)
        at %= self._n
        if at not in self._made:
            self._made[at] = self._make(at)
        return self._made[at]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Lazy) and (self._n, self.key) == (other._n, other.key)

    def __hash__(self) -> int:
        return hash((self._n, self.key))
