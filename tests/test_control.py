"""Loops, branches, functions of functions: results, gradients, symbolic calls, what is refused."""

import numpy as np
import pytest

from diptych import GradientTape, Input, KerasTensor, Model, Tensor, Variable, ops
from diptych.generators import generator_of
from diptych.ops import image
from diptych.random import SeedGenerator

X = np.arange(6, dtype="float32").reshape(3, 2)


def slope(function, x):
    x = Variable(np.asarray(x))
    with GradientTape() as tape:
        y = function(x)
    return tape.gradient(y, x)


def test_a_branch_gets_the_gradient():
    for x, expected in ((3.0, 6.0), (-3.0, -2.0)):
        found = slope(lambda x: ops.cond(x > 0, lambda: x * x, lambda: -2 * x), x)
        assert found == expected
        found = slope(lambda x: ops.switch(x > 0, [lambda v: -2 * v, lambda v: v * v], x), x)
        assert found == expected


def test_a_loop_stops_where_its_condition_ends():
    assert ops.while_loop(lambda i: i < 5, lambda i: i + 2, 0).item() == 6
    i, total = ops.while_loop(lambda i, t: i < 5, lambda i, t: (i + 1, t + i), (0, 0))
    assert (i.item(), total.item()) == (5, 10)
    assert ops.while_loop(lambda i: i < 5, lambda i: i + 2, 0, maximum_iterations=1).item() == 2
    assert ops.fori_loop(2, 5, lambda i, x: x * i, 1).item() == 24
    assert slope(lambda x: ops.fori_loop(0, 3, lambda i, x: x * x, x), 1.5) == pytest.approx(
        8 * 1.5**7
    )


def test_nothing_mapped_has_the_shape_of_what_a_function_returns():
    empty = ops.map(lambda x: ops.sum(x), np.zeros((0, 3), "float32"))
    assert (empty.shape, empty.dtype) == ((0,), np.float32)
    carry, ys = ops.scan(lambda c, x: (c, x * 2), 1.0, np.zeros((0, 3), "float32"))
    assert (carry.item(), ys.shape) == (1, (0, 3))


def test_structures_go_through_loops():
    mapped = ops.map(lambda e: {"sum": e["a"] + e["b"]}, {"a": X, "b": 2 * X})
    np.testing.assert_array_equal(mapped["sum"], 3 * X)
    (total, last), ys = ops.scan(
        lambda c, x: ((c[0] + x["a"], x["b"]), c[1]), (np.float32(0), np.float32(7)),
        {"a": X[:, 0], "b": X[:, 1]},
    )  # fmt: skip
    assert (total.item(), last.item()) == (6, 5)
    np.testing.assert_array_equal(ys, [7, 1, 3])
    carry, ys = ops.scan(lambda c, x: (c + 1, None), 0, length=3)
    assert (carry.item(), ys) == (3, None)


@pytest.mark.parametrize("n", [1, 2, 5, 8, 13])
def test_an_associative_scan_keeps_the_order(n):
    """Of a function that is associative and not commutative: the product of matrices."""
    matrices = np.random.default_rng(0).normal(size=(n, 2, 2))
    found = ops.associative_scan(ops.matmul, Tensor(matrices)).array
    product = np.eye(2)
    for matrix, y in zip(matrices, found, strict=True):
        product = product @ matrix
        np.testing.assert_allclose(y, product, atol=1e-12)


def test_symbolic_loops_run_in_a_model():
    start = Input((3,))
    y = ops.map(lambda row: ops.sum(row), start)
    _, sums = ops.scan(lambda c, row: (c + row, c), np.zeros(3, "float32"), start)
    n, doubled = ops.while_loop(lambda i, x: i < 2, lambda i, x: (i + 1, x * 2.0), (0, start))
    chosen = ops.switch(1, [lambda x: x, lambda x: -x], start)
    assert [tuple(t.shape) for t in (y, sums, n, doubled, chosen)] == [
        (None,), (None, 3), (), (None, 3), (None, 3),
    ]  # fmt: skip
    model = Model(start, [y, sums, doubled, chosen])
    x = np.arange(6, dtype="float32").reshape(2, 3)
    expected = x.sum(1), np.stack([0 * x[0], x[0]]), 4 * x, -x
    for found, right in zip(model(x), expected, strict=True):
        np.testing.assert_array_equal(found, right)


def test_a_symbolic_choice_runs_in_a_model():
    flag = Input((), batch_size=1, dtype="bool")
    y = ops.cond(flag[0], lambda: ops.ones(2), lambda: ops.zeros(2))
    model = Model(flag, y)
    assert model(np.array([True])).tolist() == [1, 1]
    assert model(np.array([False])).tolist() == [0, 0]


def test_vectorize_broadcasts_and_differentiates():
    clipped = ops.vectorize(lambda x, y: x * y if x > 0 else y)
    np.testing.assert_array_equal(clipped(X - 2, X[:1]), [[0, 1], [0, 1], [0, 3]])
    assert slope(lambda x: ops.sum(clipped(x, 3.0)), [-1.0, 2.0]).tolist() == [0, 3]
    dot = ops.vectorize(lambda a, b: ops.sum(a * b), signature="(n),(n)->()")
    np.testing.assert_array_equal(dot(X, X[1]), X @ X[1])
    rows = ops.vectorize(lambda x, times: x * times, excluded=["times"])
    np.testing.assert_array_equal(rows(X, times=2), 2 * X)
    with pytest.raises(ValueError, match="is for 2 arguments, but got 1"):
        dot(X)


def test_a_gradient_of_ones_own():
    @ops.custom_gradient
    def softplus(x):
        e = ops.exp(x)

        def grad(*args, upstream=None):
            if upstream is None:
                (upstream,) = args
            return ops.multiply(upstream, 1.0 - 1.0 / ops.add(1, e))

        return ops.log(1 + e), grad

    assert slope(softplus, 100.0) == 1  # inf / inf by the chain rule
    assert softplus(0.0).item() == pytest.approx(np.log(2))

    @ops.custom_gradient
    def both(pair):
        a, b = pair["a"], pair["b"]
        return (a * b, a), lambda da, db: (3 * da, 5 * db)

    a, b = Variable(2.0), Variable(4.0)
    with GradientTape() as tape:
        y, z = both({"a": a, "b": b})
    assert (y.item(), z.item()) == (8, 2)
    assert tape.gradient([y, z], [a, b]) == [3, 5]

    wrong = ops.custom_gradient(lambda a, b: (a * b, lambda g: g))
    with GradientTape() as tape:
        y = wrong(a, b)
    with pytest.raises(ValueError, match="returned 1 gradients for 2 arguments"):
        tape.gradient(y, a)


def test_the_derivative_in_a_direction():
    y, dy, aux = ops.jvp(
        lambda a, b: ((a * b, ops.sum(a)), "more"), (X, X[0]), (np.ones_like(X), X[1]), True
    )
    np.testing.assert_array_equal(y[0], X * X[0])
    np.testing.assert_array_equal(dy[0], X[0] + X * X[1])
    assert (dy[1].item(), aux) == (6, "more")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ops.while_loop(lambda x: True, lambda x: x * 2.0, np.int32([1])), TypeError,
         "keep their shapes and dtypes, but a step made of .* int32 .* float32"),
        (lambda: ops.while_loop(lambda i, x: True, lambda i, x: i, (0, X)), TypeError,
         "began with 2 tensors, but a step returned 1"),
        (lambda: ops.fori_loop(0, 3, lambda i, x: x[:1], X), TypeError, "fori_loop"),
        (lambda: ops.scan(lambda c, x: ((c, c), x), X[0], X), TypeError, "began with 1 tensors"),
        (lambda: ops.scan(lambda c, x: (c, x), X[0], X, length=4), ValueError, "length=4"),
        (lambda: ops.scan(lambda c, x: (c, x), X[0]), ValueError, "number of steps"),
        (lambda: ops.scan(lambda c, x: (c, x), X[0], X, unroll=0), ValueError, "unroll"),
        (lambda: ops.map(lambda x: x[0], [X, X[:2]]), ValueError, "one size"),
        (lambda: ops.associative_scan(lambda a, b: a, [X, X[:2]]), ValueError, "one size"),
        (lambda: ops.jvp(lambda x: x, (X,), (X[0],)), ValueError, "shapes of the primals"),
        (lambda: ops.cond(KerasTensor((), "bool"), lambda: X, lambda: X[0]), ValueError,
         "same structure, shapes and dtypes"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


# --------------------------------------------------------------------------------------------------
# What Keras's values do not show


def test_sparsemax_is_the_nearest_point_among_the_probabilities():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 6))
    y = ops.sparsemax(Tensor(x)).array
    np.testing.assert_allclose(y.sum(-1), 1)
    assert (y >= 0).all()
    assert (y == 0).any(-1).mean() > 0.5
    others = rng.dirichlet(np.ones(6), size=1000)
    near = ((x - y) ** 2).sum(-1)
    assert (near[:, None] <= ((x[:, None] - others) ** 2).sum(-1) + 1e-12).all()


def test_the_gradient_of_sparsemax():
    rng = np.random.default_rng(1)
    x, c, v = rng.normal(size=(3, 4, 5, 3))
    found = slope(lambda x: ops.sum(ops.sparsemax(x, axis=1) * c), x)
    values = [(ops.sparsemax(Tensor(x + h * v), axis=1).array * c).sum() for h in (1e-6, -1e-6)]
    assert (found * v).sum() == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-6)


def test_points_that_are_the_same_have_the_distance_0_and_no_gradient():
    assert slope(lambda x: ops.sum(ops.cdist(x, x)), np.ones((2, 3))).tolist() == [[0] * 3] * 2


def test_updates_at_one_place():
    where = np.int32([[1], [1], [1]])
    x, updates = Variable(np.ones(3)), Variable(np.array([2.0, 0.0, 3.0]))
    for reduction, y, dx, du in (
        (None, [1, 3, 1], [1, 0, 1], [0, 0, 1]),
        ("add", [1, 6, 1], [1, 1, 1], [1, 1, 1]),
        ("mul", [1, 0, 1], [1, 0, 1], [0, 6, 0]),
        ("max", [1, 3, 1], [1, 0, 1], [0, 0, 1]),
    ):
        with GradientTape() as tape:
            found = ops.scatter_update(x, where, updates, reduction)
        assert found.tolist() == y
        gradients = tape.gradient(found, [x, updates])
        assert [g.tolist() for g in gradients] == [dx, du]


def test_elastic_images_move_a_little():
    images = np.linspace(0, 1, 2 * 12 * 13 * 3, dtype="float32").reshape(2, 12, 13, 3)
    moved = image.elastic_transform(images, alpha=3.0, sigma=2.0, seed=1).array
    assert moved.shape == images.shape
    assert 0 < np.abs(moved - images).max() < 0.5
    np.testing.assert_array_equal(moved, image.elastic_transform(images, 3.0, 2.0, seed=1))
    first = moved.transpose(0, 3, 1, 2)
    again = image.elastic_transform(
        images.transpose(0, 3, 1, 2), 3.0, 2.0, seed=1, data_format="channels_first"
    )
    np.testing.assert_allclose(again, first, rtol=1e-5)
    seed = SeedGenerator(1)
    assert generator_of(seed) is seed.generator


def test_casts_end_at_the_limits_of_the_dtype():
    x = np.float32([np.inf, -np.inf, 300, -300])
    assert ops.saturate_cast(x, "uint8").tolist() == [255, 0, 255, 0]
    assert ops.saturate_cast(x, "int64").tolist() == [2**63 - 1, -(2**63), 300, -300]
    assert ops.saturate_cast(x, "float16").tolist() == [65504, -65504, 300, -300]
    assert ops.saturate_cast(np.int32([-1, 300]), "uint8").tolist() == [0, 255]
    assert slope(lambda x: ops.sum(ops.saturate_cast(x, "float64")), x[2:]).tolist() == [1, 1]
