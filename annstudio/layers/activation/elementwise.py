"""What most activations have in common: each value of the result comes from the value in its place alone."""

from typing import ClassVar

from annstudio.engine.account import Factor, See, Term, local_slope
from annstudio.engine.op import Index, Op, Shape


class Elementwise(Op):
    """A function of each value alone. `template` and `slope_template` are LaTeX with «0» for the number put in."""

    elementwise = True
    name: ClassVar[str]
    template: str
    slope_template: str
    slope_of: ClassVar[str] = "y"
    """Whether the slope is told by the result (y) or by the input (x)."""
    range_text: ClassVar[str]
    rising: ClassVar[bool] = False
    """True where a larger input never gives a smaller result."""

    @property
    def constants(self) -> tuple[Factor, ...]:
        """The numbers that belong to the formula: «1», «2», … in the templates."""
        return ()

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def value(self, x: float) -> float:
        """The function of one number."""
        raise NotImplementedError

    def slope(self, number: float) -> float:
        """The derivative, given the result or the input as `slope_of` says."""
        raise NotImplementedError

    def account(self, see: See, index: Index) -> list[Term]:
        return [Term((see("x", *index), *self.constants), self.template, lambda x, *_: self.value(x))]

    def gradient_account(self, name: str, see: See, index: Index) -> list[Term]:
        number = see(self.slope_of, *index)
        slope = Term((number, *self.constants), self.slope_template, lambda number, *_: self.slope(number))
        return [Term((see("dy", *index), local_slope(index, slope)))]
