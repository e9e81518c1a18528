"""The templates of accounts as trees: what they come to, and what is no template."""

import math

import pytest

from annstudio.errors import FormatError
from annstudio.explain.expression import blanks, parsed, product_of, worked_out


@pytest.mark.parametrize(
    ("template", "numbers", "value"),
    [
        ("«0» · «1» · «2»", [2, 3, 4], 24),
        (r"«0» \cdot «1» + (1 - «0») \cdot «2»^2", [0.25, 8, 2], 5),
        (r"\frac{1}{1 + e^{-«0»}}", [0.0], 0.5),
        (r"\frac{«0»}{\sqrt{«1» + 0.001}}", [2, 3.999], 1),
        (r"-\frac{«0» · «2»}{2 \sqrt{«1» + 1}^3}", [4, 3, 2], -0.5),
        (r"\tfrac{1}{4} |«0» - «1»|", [1, 9], 2),
        (r"0.25\,|«0»| + 2\, «0»^2", [-2], 8.5),
        (r"-(«0» \ln «1» + (1 - «0») \ln(1 - «1»))", [1, 0.5], math.log(2)),
        (r"-«0»^2 - -«1»", [3, 1], -8),
        (r"e^{-«0»^2 / 2}", [2], math.exp(-2)),
        (r"[\,«0» \geq 0\,] - [\,«0» < 0\,]", [0], 1),
        (r"[\,«1» = \max(«0»,\; «1»)\,]", [1, 2], 1),
        (r"\max(1\,[\,«0» \neq 0\,],\; 2\,[\,«1» \neq 0\,])", [5, 0], 1),
        (r"\lceil («0» + 1) / 2 \rceil + \lfloor «0» / 2 \rfloor", [4], 5),
        (r"\mathrm{huber}_{0.5}(«0» - «1»)", [3, 1], 0.875),
        (r"-\mathrm{s}(«0»)\,\mathrm{sign}(«1»)", [0, -2], -1),
        (r"\sigma(«0») \tanh(«0») \Phi(«0»)", [0], 0),
        (r"\frac{1}{\sqrt{2 \pi}}", [], 1 / math.sqrt(2 * math.pi)),
        (r"\frac{«0»}{1 - «1»^{3}}", [7, 0.5], 8),
        ("1e-05 · «0»", [2], 2e-5),
    ],
)
def test_a_template_is_worked_out(template, numbers, value):
    assert worked_out(parsed(template), numbers) == pytest.approx(value, rel=1e-15)


def test_without_a_template_the_numbers_are_multiplied():
    assert worked_out(product_of(3), [2, 3, 4]) == 24
    assert worked_out(product_of(0), []) == 1


def test_the_blanks_of_a_template():
    assert list(blanks(parsed(r"«1»^2 + \frac{«0»}{«1»}"))) == [1, 0, 1]


@pytest.mark.parametrize(
    "words",
    ["", "«0» +", r"\lVert x \rVert", "(«0»", "«0»)", r"\mathrm{clip}(«0»)", r"[«0»]", "«0» ? 1", r"\frac{1}", "x"],
)
def test_what_is_no_formula_is_told_so(words):
    with pytest.raises(FormatError, match="cannot be read"):
        parsed(words)
