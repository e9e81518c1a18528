"""What only drawings in boxes can show: films, weights shared in any order, and how far sequences count further in."""

from annstudio.layers.block.ends import BlockInput, BlockOutput
from annstudio.layers.block.node import Block, box_of
from annstudio.layers.dense import Dense
from annstudio.layers.merge import Add
from annstudio.layers.normal import BatchNorm
from annstudio.layers.pool import GlobalAveragePool
from annstudio.layers.recurrent.simple import SimpleRNN
from annstudio.layers.steady import Dropout
from tests.layers.boxes import NESTED, NORMAL, OF_PICTURES, OF_SEQUENCES, ONE, SHARED, drawn
from tests.layers.cases import Case

FILM, PICTURE, SEQUENCE, LIST = (3, 2, 5, 4), (2, 5, 4), (5, 3), (4,)
HELD = box_of(Dense(units=4, activation="tanh", l2=0.1, max_norm=0.5))


def sharing(first: Block, second: Block) -> Block:
    return Block(
        inside=drawn("x>a a>mid mid>b b>y", x=BlockInput(), a=first, mid=Dense(units=4), b=second, y=BlockOutput())
    )


SHARER_FIRST = sharing(Block(inside=HELD, weights_of="b"), Block(inside=HELD))
FROZEN_ONCE = [
    sharing(Block(inside=HELD, trainable=a), Block(inside=HELD, weights_of="a", trainable=not a)) for a in (True, False)
]
SHARED_STATES = drawn(
    "x>a a>b b>y", x=BlockInput(), a=Block(inside=NORMAL), b=Block(inside=NORMAL, weights_of="a"), y=BlockOutput()
)
STEPS_IN_STEPS = box_of(Block(inside=NORMAL, apply="each step", weights="one set a step"), Dropout(rate=0.5))
READ = drawn(
    "x>read w>read:1 read>y",
    x=BlockInput(), w=BlockInput(position=2, whole=True), y=BlockOutput(),
    read=Block(inside=drawn("x>sum w>mean mean>sum:1 sum>y", x=BlockInput(), w=BlockInput(position=2),
                            mean=GlobalAveragePool(), sum=Add(), y=BlockOutput())),
)  # fmt: skip
PASSED_ON = [
    box_of(Block(inside=OF_SEQUENCES), GlobalAveragePool()),
    box_of(Block(inside=ONE, apply="each step"), GlobalAveragePool()),
    box_of(Block(inside=ONE, apply="each step"), BatchNorm(), SimpleRNN(units=2, direction="both")),
    box_of(Block(inside=ONE, apply="windows"), GlobalAveragePool()),
]

BOXED = [
    Case(Block(inside=OF_PICTURES, apply="each step"), (FILM,)),
    Case(Block(inside=OF_PICTURES, apply="each step", weights="one set a step"), (FILM,)),
    Case(Block(inside=box_of(Block(inside=OF_SEQUENCES, apply="each step")), apply="each step"), (FILM,)),
    *(Case(block, (LIST,)) for block in (SHARER_FIRST, *FROZEN_ONCE, Block(inside=SHARED_STATES))),
    *(Case(Block(inside=box, apply="each step", weights="one set a step"), ((5, 4),)) for box in (NESTED, SHARED)),
    Case(Block(inside=SHARED_STATES, apply="each step"), (SEQUENCE,)),
    Case(Block(inside=STEPS_IN_STEPS, apply="each step", weights="one set a step"), (PICTURE,)),
    *(Case(Block(inside=READ, apply="each step"), (SEQUENCE, SEQUENCE), cut) for cut in (False, True)),
    *(Case(Block(inside=box), (SEQUENCE,), cut) for box in PASSED_ON for cut in (False, True)),
]
