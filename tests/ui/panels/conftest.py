"""Real sessions for the panels' tests: the digits with a small convolution, and XOR with four hidden units."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from PySide6.QtWidgets import QApplication, QWidget

from annstudio.data.images import Digits
from annstudio.data.sequences import JapaneseVowels
from annstudio.data.toys import Xor
from annstudio.document.graph import Graph, Node
from annstudio.document.project import Project
from annstudio.engine.optimizers import Adam
from annstudio.layers.base import make
from annstudio.session import Session
from annstudio.training.settings import TrainingSettings
from annstudio.ui.theme import apply_theme


def chain(*layers: tuple[str, str, dict]) -> Graph:
    """Layers (name, kind, settings) one behind the other."""
    graph = Graph()
    for i, (name, kind, settings) in enumerate(layers):
        graph = graph.with_node(Node(name, make(kind, settings), 190.0 * i, 0.0))
    names = [name for name, _, _ in layers]
    for source, target in pairwise(names):
        graph = graph.connect(source, target)
    return graph


def xor_project() -> Project:
    graph = chain(
        ("input", "Input", {"shape": (2,)}),
        ("hidden", "Dense", {"units": 4, "activation": "tanh"}),
        ("output", "Dense", {"units": 1, "activation": "sigmoid"}),
        ("loss", "Loss", {"function": "half_squared_error"}),
    )
    settings = TrainingSettings(optimizer=Adam(learning_rate=0.05), batch_size=4, epochs=300, validation_share=0)
    return Project(graph, data=Xor(), settings=settings, title="xor")


def digits_project() -> Project:
    graph = chain(
        ("input", "Input", {"shape": (8, 8, 1)}),
        ("conv_1", "Conv2D", {"filters": 8}),
        ("pool_1", "MaxPool2D", {}),
        ("flatten", "Flatten", {}),
        ("output", "Dense", {"units": 10, "activation": "softmax"}),
        ("loss", "Loss", {"function": "cross_entropy"}),
    )
    settings = TrainingSettings(optimizer=Adam(), batch_size=64, epochs=3)
    return Project(graph, data=Digits(), settings=settings, title="digits-cnn")


@pytest.fixture
def vowels() -> Iterator[Session]:
    """Spoken vowels of different length, through a convolution and an LSTM."""
    graph = chain(
        ("input", "Input", {"shape": (29, 12), "lengths": "steps"}),
        ("conv_1", "Conv1D", {"filters": 4, "padding": "same"}),
        ("memory", "LSTM", {"units": 5}),
        ("output", "Dense", {"units": 9, "activation": "softmax"}),
        ("loss", "Loss", {"function": "cross_entropy"}),
    )
    session = Session(Project(graph, data=JapaneseVowels(), settings=TrainingSettings(epochs=3)))
    yield session
    session.close()


@pytest.fixture
def xor() -> Iterator[Session]:
    session = Session(xor_project())
    yield session
    session.close()


@pytest.fixture
def digits() -> Iterator[Session]:
    session = Session(digits_project())
    yield session
    session.close()


@pytest.fixture
def trained(xor: Session) -> Session:
    """XOR, learned."""
    xor.watch(True, 0)
    xor.train()
    xor.wait(60)
    return xor


@pytest.fixture
def seen(qtbot, qapp) -> Callable[[QWidget, int, int], QWidget]:
    """Show a widget in a window of this size, dressed in light."""
    apply_theme(qapp, "light")

    def show(widget: QWidget, width: int = 320, height: int = 700) -> QWidget:
        qtbot.addWidget(widget)
        widget.resize(width, height)
        QWidget.show(widget)
        widget.activateWindow()
        qtbot.waitUntil(widget.isActiveWindow)
        QApplication.processEvents()
        return widget

    yield show
    qapp.setStyleSheet("")
