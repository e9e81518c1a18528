"""The command line's figures: those that the lecture prints."""

import numpy as np
import pytest

from annstudio.document.network import Network
from annstudio.formats.studio import load
from annstudio.places import SAMPLES
from tests.cli.calls import BIASES, EXAMPLE, done, last_object, rounded

# --------------------------------------------------------------------------------- the worked example


def test_the_worked_example_has_every_printed_figure(capsys):
    found = last_object(done(capsys, "explain", EXAMPLE, "--weight", "output.W[0,0]", "--json"))
    layers = {layer["name"]: layer for layer in found["layers"]}
    assert rounded(found["loss"]) == "0.298371109"
    assert [rounded(number) for number in layers["hidden"]["output"]] == ["0.593269992", "0.596884378"]
    assert rounded(layers["output"]["net"][0]) == "1.105905967"
    assert [rounded(number) for number in layers["output"]["output"]] == ["0.751365070", "0.772928465"]
    assert found["value"] == 0.4
    assert rounded(found["gradient"]) == "0.082167041"
    assert rounded(found["finite_difference"]) == "0.082167041"
    assert [rounded(factor["number"]) for factor in found["factors"]] == ["0.741365070", "0.186815602", "0.593269992"]
    assert np.prod([factor["number"] for factor in found["factors"]]) == pytest.approx(found["gradient"], rel=1e-12)
    assert all(factor["symbol"] for factor in found["factors"])
    # ∂E/∂net of the output units is ∂E/∂out · ∂out/∂net.
    assert layers["output"]["delta"][0] == pytest.approx(0.741365069 * 0.186815602, rel=1e-8)
    assert layers["input"]["net"] is None
    assert found["layers"][0]["output"] == [0.05, 0.1]


UPDATED = {
    "output.W[0,0]": "0.358916480",
    "output.W[0,1]": "0.408666186",
    "output.W[1,0]": "0.511301270",
    "output/W[1,1]": "0.561370121",
    "hidden.W[0,0]": "0.149780716",
    "hidden/W[0,1]": "0.199561432",
    "hidden.W[1,0]": "0.249751144",
    " hidden.W[ 1 , 1 ] ": "0.299502287",
    "output.b[0]": "0.600000000",
}


@pytest.mark.parametrize("weight", UPDATED)
def test_the_worked_example_has_every_printed_update(capsys, weight):
    found = last_object(done(capsys, "explain", EXAMPLE, "--weight", weight, "--json"))
    assert rounded(found["after_update"]) == UPDATED[weight]


@pytest.mark.parametrize(
    ("sample", "after_one", "after_many"),
    [(EXAMPLE, "0.291027774", "3.51019e-05"), (BIASES, "0.280471447", "2.44756e-06")],
    ids=["biases held", "biases learned"],
)
def test_the_worked_example_learns_as_printed(capsys, tmp_path, sample, after_one, after_many):
    for epochs, told in ((1, after_one), (10_000, after_many)):
        out = tmp_path / f"{epochs}.annstudio"
        result = last_object(done(capsys, "train", sample, "--epochs", epochs, "--out", out, "--json"))
        assert result["epochs"] == epochs
        loss = last_object(done(capsys, "explain", out, "--json"))["loss"]
        assert told in (rounded(loss), f"{loss:.6g}")


def test_three_layers_forward_are_plain_numpy(capsys):
    path = SAMPLES / "three-layer-forward.annstudio"
    w = load(path).weights
    data = Network(load(path)).need_dataset().columns["x"].values
    for sample, x in enumerate(data):

        def f(net):
            return 1 / (1 + np.exp(-net))

        h1 = f(w["hidden_1/W"] @ x + w["hidden_1/b"])
        h2 = f(w["hidden_2/W"] @ h1 + w["hidden_2/b"])
        out = w["output/W"] @ h2 + w["output/b"]
        found = last_object(done(capsys, "explain", path, "--sample", sample, "--json"))
        told = {layer["name"]: layer["output"] for layer in found["layers"]}
        for name, wanted in (("hidden_1", h1), ("hidden_2", h2), ("output", out)):
            np.testing.assert_allclose(told[name], wanted, rtol=0, atol=1e-12)


def test_explain_in_words(capsys):
    told = done(capsys, "explain", EXAMPLE, "--weight", "output.W[0,0]")
    for words in ("0.2983711", "net    1.10590597", "∂E/∂out", "= 0.0821670406", "after the update 0.35891648"):
        assert words in told
    told = done(capsys, "explain", SAMPLES / "digits-cnn.annstudio", "--sample", 3)
    assert "8×8×16 numbers from" in told
