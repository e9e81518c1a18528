"""Any sequence of edits through the view's commands: the scene agrees after each; undoing all leads to the start."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPointF

from annstudio.ui.canvas.entries import entries

EDITS = st.sampled_from(
    ["append", "add", "delete", "cut", "paste", "duplicate", "nudge", "drag", "connect", "take off", "insert", "rename",
     "mend", "undo", "redo", "choose", "choose wire"]
)  # fmt: skip
NUMBERS = st.integers(0, 10_000)


def pick(things, n):
    things = list(things)
    return things[n % len(things)] if things else None


def do(hand, edit, n, m):
    view, graph = hand.view, hand.graph
    node, other, link = pick(graph.nodes, n), pick(graph.nodes, m), pick(graph.links, n)
    entry = pick(entries(), m)
    if edit == "append":
        view.append_layer(entry.kind, entry.settings)
    elif edit == "add":
        hand.drag_in(entry.mime(), QPointF(n % 900, m % 500))
    elif edit == "delete":
        view.delete_selection()
    elif edit in ("cut", "paste", "duplicate"):
        view.copy() if edit == "paste" and n % 2 else None
        getattr(view, edit)()
    elif edit == "nudge":
        view.nudge(n % 3 - 1, m % 3 - 1)
    elif edit == "choose":
        view.select([id for id in (node, other) if id])
    elif edit == "choose wire":
        view.select((), [link] if link else [])
    elif edit == "undo":
        hand.session.undo()
    elif edit == "redo":
        hand.session.redo()
    elif edit == "drag" and node:
        hand.drag(node, hand.scene.nodes[node].pos() + QPointF(n % 300, m % 300))
    elif edit == "connect" and node and hand.scene.nodes[node].layer.gives:
        hand.drag(hand.output(node), other)
        view.setFocus()
    elif edit == "take off" and link:
        hand.drag(hand.input(link.target, link.port), QPointF(n % 900, 600 + m % 100))
        view.setFocus()
    elif edit == "insert" and link:
        hand.drag_in(entry.mime(), hand.middle_of(link.source, link.target))
    elif edit == "rename" and node:
        view.attempt(lambda: hand.session.rename(node, f"name {n}"))
    elif edit == "mend" and hand.scene.notices:
        notice = pick(hand.scene.notices.values(), n)
        if notice.problem.remedies:
            view.take_remedy(notice, pick(notice.problem.remedies, m))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(EDITS, NUMBERS, NUMBERS), max_size=14))
def test_any_sequence_then_undo_all_is_the_start(opened, sequence):
    hand = opened()
    try:
        start = hand.session.project
        for edit, n, m in sequence:
            do(hand, edit, n, m)
            hand.agree()
            assert set(hand.view.selection) <= set(hand.graph.nodes)
            assert all(
                hand.scene.nodes[p.node.partition("/")[0]].problem is not None for p in hand.session.checked.problems
            )
        while hand.session.document.undo_label:
            hand.session.undo()
            hand.agree()
        assert hand.session.project.graph == start.graph
        assert hand.session.project.weights == start.weights
    finally:
        hand.close()
