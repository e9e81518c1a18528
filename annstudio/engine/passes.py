"""Rewrites that make the fast reading of a Program fast; each keeps what the program computes.

Passes know steps and slots, not layers: what can be replaced is declared by the ops themselves (`Op.fast`).
"""

from dataclasses import replace

from annstudio.engine.program import Program, Step


def quicken(program: Program) -> Program:
    """The program after all passes. Programs for looking (`plain`) are left as they are."""
    return program if program.plain else _fast_ops(program)


def _fast_ops(program: Program) -> Program:
    steps = tuple(replace(s, op=s.op.fast()) if isinstance(s, Step) else s for s in program.steps)
    return replace(program, steps=steps)
