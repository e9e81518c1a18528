"""Every form of a product gives the product, and unknown forms are no harm."""

import numpy as np
import pytest

from annstudio.engine.gemm import WHOLE, Product


def product(rows: int, columns: int, inner: int, *, turned: bool = False) -> Product:
    rng = np.random.default_rng(rows)
    a = rng.normal(size=(inner, rows)).T if turned else rng.normal(size=(rows, inner))
    return Product(a, rng.normal(size=(inner, columns)), np.empty((rows, columns)))


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("size", [(3, 4, 5), (64, 96, 128), (16, 8, 4096), (128, 785, 32)], ids=str)
def test_every_form_gives_the_product(size, turned):
    of = product(*size, turned=turned)
    for form in of.forms():
        of.out.fill(np.nan)
        for call in of.bind(form):
            call()
        np.testing.assert_allclose(of.out, of.a @ of.b, rtol=1e-9, atol=1e-9, err_msg=form)


def test_small_products_have_one_form_and_large_ones_several():
    assert list(product(3, 4, 5).forms()) == [WHOLE]
    assert {form.partition(":")[0] for form in product(64, 64, 2048).forms()} == {WHOLE, "rows", "columns", "inner"}


@pytest.mark.parametrize("form", ["rows:7", "columns:0", "inner:-1", "sideways:2", "rows:x", ""])
def test_a_form_that_is_none_does_it_whole(form):
    of = product(64, 96, 128)
    (call,) = of.bind(form)
    call()
    np.testing.assert_allclose(of.out, of.a @ of.b)


def test_what_lies_scattered_in_memory_is_written_too():
    of = product(64, 96, 128)
    scattered = Product(of.a, of.b, np.empty((96, 64)).T)
    for call in scattered.bind("rows:2"):
        call()
    np.testing.assert_allclose(scattered.out, of.a @ of.b)
