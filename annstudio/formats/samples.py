"""The projects that come with the program, from easy to hard."""

from dataclasses import dataclass
from pathlib import Path

from annstudio.formats.studio import load
from annstudio.places import SAMPLES

FIRST = "digits-cnn"
"""What is opened at the first start."""
ORDER = (
    "worked-example", "worked-example-biases", "worked-example-worksheet", "three-layer-forward", "classes-by-hand",
    "one-unit", "ravine", "perceptron", "perceptron-xor", "xor", "spiral", "digits-mlp", "digits-cnn",
    "deep-sigmoid-vs-relu", "autoencoder",
    "sunspots-conv1d", "sunspots-rnn", "vowels-lstm", "block-of-blocks", "rnn-over-rnn",
)  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """A project to begin with: `note` says what to try."""

    name: str
    title: str
    note: str
    path: Path


def samples() -> list[Sample]:
    """Every sample, in the order in which to try them; further files of that folder come last."""
    return [_sample(path) for path in sorted(SAMPLES.glob("*.annstudio"), key=_place)]


def first_sample() -> Sample:
    """The sample that is opened at the first start."""
    return _sample(SAMPLES / f"{FIRST}.annstudio")


def _sample(path: Path) -> Sample:
    project = load(path)
    return Sample(path.stem, project.title or path.stem, project.note, path)


def _place(path: Path) -> tuple[int, str]:
    return (ORDER.index(path.stem) if path.stem in ORDER else len(ORDER), path.stem)
