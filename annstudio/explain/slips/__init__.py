"""The mistakes that are made again and again in working out a network by hand, each recomputed.

A slip says which numbers come out where it is made: the batch is done again with it (`explain/rework.py`), or it is
made with the right numbers alone, as with a wrong sign. Whoever gave such a number is told what may have happened.
"""

from collections.abc import Iterator

from annstudio.explain.case import Case, Slip
from annstudio.explain.slips.anywhere import forgot_half, forgot_mean, rounded_early, wrong_target
from annstudio.explain.slips.arithmetic import (
    added_the_step,
    gradient_or_step,
    not_updated,
    rows_for_columns,
    step_alone,
    wrong_sign,
)
from annstudio.explain.slips.backward import (
    forgot_rate,
    forgot_slope,
    net_for_out,
    transposed_backward,
    used_updated_weights,
)
from annstudio.explain.slips.forward import forgot_activation, forgot_bias, transposed_forward

_ALL = (
    wrong_sign, added_the_step, rows_for_columns, used_updated_weights, forgot_slope, forgot_mean, forgot_rate,
    forgot_bias, forgot_activation, net_for_out, transposed_forward, transposed_backward, forgot_half, step_alone,
    gradient_or_step, wrong_target, not_updated, rounded_early,
)  # fmt: skip


def slips(case: Case) -> Iterator[Slip]:
    """Every slip that can be made in a batch, those that are told first at the front."""
    for make in _ALL:
        yield from make(case)
