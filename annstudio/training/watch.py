"""What pictures of a running training are made from: one example sent through a plain Run with the weights of now."""

from collections import defaultdict
from functools import cached_property

import numpy as np

from annstudio.engine.arena import Arena, frozen
from annstudio.engine.layout import to_user
from annstudio.engine.noise import KeepMask, generator
from annstudio.engine.op import Array, Shape
from annstudio.engine.program import Program, Role
from annstudio.engine.run import Run
from annstudio.training.batches import Rows
from annstudio.training.snapshot import Views

MAX_WEIGHTS = 250_000
"""Views of more numbers than this are not copied for every frame."""


class Watch:
    """Looks at a network between two batches. `look_program` predicts and is plain, `train_program` has the noise."""

    def __init__(self, look_program: Program, train_program: Program, arena: Arena, rows: Rows) -> None:
        self._program, self._trained, self._arena, self._rows = look_program, train_program, arena, rows
        self._run: Run | None = None

    def look(self, sample: int, seed: int, step: int) -> Views:
        """Copies of every node's activations for one example, of the weights, and the sizes of the gradients."""
        if self._run is None:
            self._run = Run(self._program, self._arena, 1)
        run = self._run
        run.load(self._rows.feeds(self._program, np.array([sample % len(self._rows.dataset)])))
        with np.errstate(all="ignore"):
            run.finish()
        activations = {
            node: frozen(to_user(self._columns(run, self._of_last_step(run, slot))))
            for node, slot in self._program.outputs.items()
        }
        weights = {}
        gradients = {}
        for parameter in self._trained.parameters:
            for view in parameter.views:
                key = parameter.key(view)
                with np.errstate(all="ignore"):
                    gradients[key] = float(np.linalg.norm(view.of(self._arena.gradient(parameter))))
                if parameter.size <= MAX_WEIGHTS:
                    weights[key] = frozen(view.of(self._arena.stored(parameter)))
        return Views(activations, weights, self._masks(seed, step), gradients)

    def _of_last_step(self, run: Run, slot: int) -> int:
        """What a layer inside a block at every step gave at the last step that counts, rather than at padding."""
        steps = self._steps.get(slot, [])
        ends = [feed.slot for feed in self._program.feeds if feed.encoding == "lengths" and feed.end == len(steps) + 1]
        return steps[max(int(run.arrays[ends[0]].flat[0]), 1) - 1] if ends else slot

    @cached_property
    def _steps(self) -> dict[int, list[int]]:
        """Of results that stand for the last step: those of every step, in their order."""
        alike: dict[tuple[str, str, Role, Shape], list[int]] = defaultdict(list)
        for slot in self._program.slots:
            if slot.scope:
                alike[slot.node, slot.name, slot.role, slot.shape].append(slot.index)
        return {steps[-1]: steps for steps in alike.values() if len(steps) > 1}

    def _columns(self, run: Run, slot: int) -> Array:
        array = run.arrays[slot]
        return array if self._program.slots[slot].batched else array[..., None]

    def _masks(self, seed: int, step: int) -> dict[str, Array]:
        masks = {}
        for noise in self._trained.noises:
            if not isinstance(noise.draw, KeepMask):
                continue
            mask = np.empty((*self._trained.slots[noise.slot].shape, 1))
            noise.draw.fill(generator(seed, step, noise.key), mask)
            masks[noise.node] = frozen(to_user(mask)[0])
        return masks
