"""`annstudio explain`: any number by its name, in words and as JSON that can be asked on with."""

import pytest

from annstudio.places import SAMPLES
from tests.cli.calls import EXAMPLE, XOR, done, last_object, mistaken, rounded

LSTM = SAMPLES / "vowels-lstm.annstudio"
CNN = SAMPLES / "digits-cnn.annstudio"


def asked(capsys, project, number: str, *more) -> dict:
    return last_object(done(capsys, "explain", project, "--number", number, "--json", *more))


def test_a_number_has_three_lines_and_its_terms_largest_first(capsys):
    told = done(capsys, "explain", EXAMPLE, "--number", "d hidden.out[0]").splitlines()
    assert told[:3] == [
        "∂E/∂out_h1 = w₅ · ∂E/∂net_o1 + w₇ · ∂E/∂net_o2",
        "= 0.400000000 · 0.138498562 + 0.500000000 · (-0.038098237)",
        "= 0.036350306",
    ]
    assert told[3].startswith("finite difference 0.036350306, step 6.1e-06: agrees to ")
    assert told[5] == "terms, largest first"
    assert told[6].split()[0] == "0.055399425"
    assert "(output.W[0,0], d output.net[0])" in told[6]
    assert told[7].split()[0] == "−0.019049118"
    assert told[-1].startswith("d hidden.out[0] is written by step 10 of 14, back through WeightedSum")


def test_digits_can_be_chosen(capsys):
    assert "= 0.75\n" in done(capsys, "explain", EXAMPLE, "--number", "output.out[0]", "--digits", 2)
    assert "= 0.75136506955231575\n" in done(capsys, "explain", EXAMPLE, "--number", "output.out[0]", "--digits", 17)
    assert "--digits" in mistaken(capsys, "explain", EXAMPLE, "--digits", 1)


def test_json_has_everything_in_full_precision(capsys):
    found = asked(capsys, EXAMPLE, "d output.W[0,0]")
    assert found["name"] == "d output.W[0,0]"
    assert found["symbol"] == "∂E/∂w₅"
    assert rounded(found["value"]) == "0.082167041"
    assert found["symbols"] == "∂E/∂w₅ = ∂E/∂net_o1 · out_h1"
    assert found["numbers"] == "= 0.138498562 · 0.593269992"
    (term,) = found["terms"]
    assert term["value"] == found["value"]
    assert [factor["name"] for factor in term["factors"]] == ["d output.net[0]", "hidden.out[0]"]
    product = term["factors"][0]["number"] * term["factors"][1]["number"]
    assert product == pytest.approx(found["value"], rel=1e-15)
    assert found["op"] == "WeightedSum"
    assert found["formula"]
    assert found["source"].startswith("def backward(")
    assert found["step"] == 10
    assert rounded(found["finite_difference"]) == "0.082167041"
    assert found["check"]["agrees"]
    assert not found["check"]["kink"]


def named(terms: list[dict]) -> list[str]:
    """The names of all factors, of those too that are worked out from others."""
    factors = [factor for term in terms for factor in term["factors"]]
    inner = [name for factor in factors for name in named(factor.get("terms", []))]
    return [factor["name"] for factor in factors if factor["name"]] + inner


def test_every_factor_can_be_asked_about_down_to_what_was_given(capsys):
    met, ahead = set(), ["d hidden.W[0,0]"]
    while ahead:
        name = ahead.pop()
        if name not in met:
            met.add(name)
            found = asked(capsys, EXAMPLE, name)
            assert found["name"] == name
            ahead += named(found["terms"])
    assert {"input.out[0]", "output.W[1,0]", "loss.y[1]", "d loss"} <= met


def test_a_factor_that_is_worked_out_has_its_own_terms(capsys):
    (term,) = asked(capsys, CNN, "output.out[3]")["terms"]
    power, total = term["factors"]
    assert total["name"] is None
    assert len(total["terms"]) == 10
    assert sum(inner["value"] for inner in total["terms"]) == pytest.approx(total["number"], rel=1e-14)
    assert power["number"] / total["number"] == pytest.approx(term["value"], rel=1e-14)


def test_a_gate_at_a_time_step(capsys):
    found = asked(capsys, LSTM, "memory.net f[2] t=4")
    names = [factor["name"] for term in found["terms"] for factor in term["factors"]]
    assert {"input.out[3,0]", "memory.h[0] t=3", "memory.b[26]"} <= set(names)
    told = done(capsys, "explain", LSTM, "--number", "d memory.W[0,0]")
    assert "… 9 more terms" in told, "29 steps, the 20 largest are listed"


def test_a_pixel_of_a_feature_map(capsys):
    steps = last_object(done(capsys, "explain", CNN, "--steps", "--json"))["steps"]
    conv = next(step for step in steps if step["op"] == "Correlate2D")
    assert conv["phase"] == "forward"
    assert conv["formula"]
    found = asked(capsys, CNN, f"{conv['writes'][0]}[2,3,0]", "--sample", 5)
    assert len(found["terms"]) == 10, "nine places of the kernel and the bias"


def test_a_weight_is_told_with_every_place_where_it_was_used(capsys):
    found = last_object(done(capsys, "explain", LSTM, "--weight", "memory.U[0,1]", "--json"))
    assert found["gradient_name"] == "d memory.U[0,1]"
    assert sum(term["value"] for term in found["terms"]) == pytest.approx(found["gradient"], rel=1e-12)
    assert len(found["terms"]) == 29
    assert {"symbols", "numbers", "op", "formula", "source"} <= set(found)
    told = done(capsys, "explain", LSTM, "--weight", "memory.U[0,1]")
    assert "terms, largest first" in told


def test_the_steps_are_listed_with_the_names_of_what_they_write(capsys):
    told = done(capsys, "explain", EXAMPLE, "--steps").splitlines()
    assert len(told) == 14
    assert told[0].split() == ["1", "forward", "hidden", "hidden.net"]
    assert "d hidden.out, d output.W, d output.b" in told[9]
    assert told[13].split() == ["14", "update", "hidden", "hidden.W"]


def test_a_batch_is_told_example_by_example(capsys):
    found = asked(capsys, XOR, "d output.b[0]", "--batch")
    names = [factor["name"] for term in found["terms"] for factor in term["factors"]]
    assert sum("of example" in name for name in names) == len(names) - 1, "the first is the one that is looked at"
    second = next(name for name in names if name.endswith("of example 2"))
    assert asked(capsys, XOR, second, "--batch")["name"] == second


MISTAKES = {
    "mistyped layer": (["--number", "hiden.out[0]"], "nearest arrays are hidden.out"),
    "place outside": (["--number", "hidden.out[2]"], "[0] to [1]"),
    "no place": (["--number", "hidden.out"], "[0] to [1]"),
    "nothing": (["--number", ""], "There is no number"),
    "two questions": (["--number", "loss", "--weight", "hidden.W[0,0]"], "one at a time"),
    "example outside": (["--number", "loss", "--sample", "1"], "There is no example with index 1"),
}


@pytest.mark.parametrize(("arguments", "words"), MISTAKES.values(), ids=MISTAKES)
def test_a_wrong_question_is_told_in_one_line(capsys, arguments, words):
    assert words in mistaken(capsys, "explain", EXAMPLE, *arguments)


def test_help_tells_how_numbers_are_called(capsys):
    told = done(capsys, "explain", "--help")
    for name in ("hidden.out[0]", "lstm_1.i[2] t=3", "d hidden.net[0]", "--steps", "--batch"):
        assert name in told
