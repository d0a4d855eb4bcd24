"""Initializers: the distributions they promise, the fans they scale by, seeds and names."""

import inspect
import math

import numpy as np
import pytest

import diptych.initializers as initializers
from diptych import Tensor, config
from diptych.random import SeedGenerator
from diptych.utils import set_random_seed

NAMED = {
    # name: (variance as a function of fan_in and fan_out, distribution)
    "glorot_uniform": (lambda i, o: 2 / (i + o), "uniform"),
    "glorot_normal": (lambda i, o: 2 / (i + o), "truncated"),
    "he_uniform": (lambda i, o: 2 / i, "uniform"),
    "he_normal": (lambda i, o: 2 / i, "truncated"),
    "lecun_uniform": (lambda i, o: 1 / i, "uniform"),
    "lecun_normal": (lambda i, o: 1 / i, "truncated"),
}
SHAPES = {
    # shape: (fan_in, fan_out); a convolution counts its kernel positions
    (300, 120): (300, 120),
    (5, 40, 60): (200, 300),
    (3, 3, 50, 80): (450, 720),
}
CLASSES = sorted(
    {
        getattr(initializers, name).__name__
        for name in initializers.__all__
        if inspect.isclass(getattr(initializers, name)) and name != "Initializer"
    }
)


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("shape", SHAPES)
def test_variance_follows_the_fans(name, shape):
    variance, distribution = NAMED[name]
    expected = math.sqrt(variance(*SHAPES[shape]))
    values = getattr(initializers, name)(seed=4)(shape)
    assert values.shape == shape
    assert abs(values.mean()) < 0.03 * expected
    assert values.std() == pytest.approx(expected, rel=0.02)
    # Even over [-sqrt(3) s, sqrt(3) s), or a normal distribution cut at two of its own deviations.
    end = math.sqrt(3) * expected if distribution == "uniform" else 2 * expected / 0.8796256610
    assert 0.99 * end < np.abs(values).max() <= end * (1 + 1e-6)


def test_fans():
    assert initializers.compute_fans(()) == (1, 1)
    assert initializers.compute_fans((7,)) == (7, 7)
    assert initializers.compute_fans((3, 4)) == (3, 4)
    assert initializers.compute_fans((2, 5, 3, 4)) == (30, 40)
    assert initializers.compute_fans((2, 5, 3), input_axes=(0, 1), output_axes=(2,)) == (10, 3)


def test_variance_scaling_arguments():
    values = initializers.VarianceScaling(3.0, "fan_out", "untruncated_normal", seed=1)((100, 300))
    assert values.std() == pytest.approx(0.1, rel=0.02)
    assert np.abs(values).max() > 0.3  # beyond two deviations
    over_axes = initializers.VarianceScaling(seed=1, input_axes=(1,), output_axes=(0,))((100, 400))
    assert over_axes.std() == pytest.approx(0.05, rel=0.02)
    assert initializers.VarianceScaling(distribution="normal").distribution == "truncated_normal"


def test_plain_distributions():
    normal = initializers.RandomNormal(mean=2.0, stddev=0.5, seed=3)((200, 100))
    assert normal.mean() == pytest.approx(2.0, abs=0.02)
    assert normal.std() == pytest.approx(0.5, rel=0.02)
    cut = initializers.TruncatedNormal(mean=2.0, stddev=0.5, seed=3)((200, 100))
    assert cut.mean() == pytest.approx(2.0, abs=0.02)
    assert cut.std() == pytest.approx(0.5 * 0.87963, rel=0.02)
    assert 0.99 < np.abs(cut - 2.0).max() <= 1.0 + 1e-6
    even = initializers.RandomUniform(-1.0, 3.0, seed=3)((200, 100))
    assert even.min() == pytest.approx(-1.0, abs=0.01)
    assert even.max() == pytest.approx(3.0, abs=0.01)
    assert even.max() < 3.0


def test_constants():
    np.testing.assert_array_equal(initializers.Zeros()((2, 3)), np.zeros((2, 3)))
    np.testing.assert_array_equal(initializers.Ones()((2, 3)), np.ones((2, 3)))
    np.testing.assert_array_equal(initializers.Constant(0.5)((2, 3)), np.full((2, 3), 0.5))
    rows = initializers.Constant(np.arange(3))((2, 3), dtype="int32")
    np.testing.assert_array_equal(rows, [[0, 1, 2], [0, 1, 2]])
    assert rows.dtype == np.int32
    np.testing.assert_array_equal(initializers.Identity(gain=2.0)((2, 3)), 2 * np.eye(2, 3))


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5), (2, 3, 4)])
def test_orthogonal(shape):
    q = initializers.Orthogonal(gain=3.0, seed=5)(shape, dtype="float64").reshape(-1, shape[-1]) / 3
    product = q.T @ q if q.shape[0] >= q.shape[1] else q @ q.T
    np.testing.assert_allclose(product, np.eye(min(q.shape)), atol=1e-12)


def test_orthogonal_matrices_turn_either_way():
    """Without its sign correction, the QR decomposition would lean to one side."""
    traces = [np.trace(initializers.Orthogonal(seed=seed)((3, 3))) for seed in range(400)]
    assert abs(np.mean(traces)) < 0.15


@pytest.mark.parametrize("name", CLASSES)
def test_dtype(name):
    make = getattr(initializers, name)
    shape = (4, 1, 3) if name == "STFT" else (4, 4)
    assert make()(shape).dtype == np.float32
    assert make()(shape, dtype="float64").dtype == np.float64
    config.set_floatx("float64")
    assert make()(shape).dtype == np.float64


@pytest.mark.parametrize("name", CLASSES)
def test_names_configurations_and_clones(name):
    snake = {"RandomNormal": "random_normal", "Orthogonal": "orthogonal"}.get(name)
    made = initializers.get(name)
    assert type(made).__name__ == name
    if snake:
        assert type(initializers.get(snake)) is type(made)
    again = initializers.deserialize(initializers.serialize(made))
    assert type(again) is type(made)
    assert again.get_config() == made.get_config()
    assert type(made.clone()) is type(made)


def test_aliases_of_keras():
    for alias, name in {
        "uniform": "RandomUniform",
        "normal": "RandomNormal",
        "zero": "Zeros",
        "zeros": "Zeros",
        "one": "Ones",
        "ones": "Ones",
        "identity": "Identity",
        "he_normal": "HeNormal",
        "glorot_uniform": "GlorotUniform",
        "variance_scaling": "VarianceScaling",
        "OrthogonalInitializer": "Orthogonal",
    }.items():
        assert type(initializers.get(alias)).__name__ == name


def test_what_get_takes():
    assert initializers.get(None) is None
    zeros = initializers.Zeros()
    assert initializers.get(zeros) is zeros
    assert isinstance(initializers.get(initializers.Ones), initializers.Ones)
    values = np.arange(6.0).reshape(2, 3)
    made = initializers.get(values)((2, 3))
    np.testing.assert_array_equal(made, values)
    assert made.dtype == np.float32
    with pytest.raises(ValueError, match=r"\(2, 3\)"):
        initializers.get(values)((3, 2))
    config_only = initializers.get({"class_name": "Constant", "config": {"value": 2.0}})
    assert config_only((1,))[0] == 2.0


def test_seeds():
    shape = (3, 3)
    made = initializers.GlorotUniform(seed=9)
    np.testing.assert_array_equal(made(shape), made(shape))
    np.testing.assert_array_equal(made(shape), initializers.GlorotUniform(seed=9)(shape))
    assert not np.array_equal(made(shape), initializers.GlorotUniform(seed=10)(shape))
    unseeded = initializers.GlorotUniform()
    np.testing.assert_array_equal(unseeded(shape), unseeded(shape))
    assert not np.array_equal(unseeded(shape), unseeded.clone()(shape))
    flowing = initializers.GlorotUniform(seed=SeedGenerator(9))
    assert not np.array_equal(flowing(shape), flowing(shape))


def test_the_process_s_seed_governs_initializers_without_one():
    set_random_seed(1)
    first = [initializers.get("he_normal")((2, 2)) for _ in range(2)]
    set_random_seed(1)
    second = [initializers.get("he_normal")((2, 2)) for _ in range(2)]
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first[0], first[1])


def test_a_seed_generator_survives_the_configuration():
    made = initializers.RandomNormal(stddev=2.0, seed=SeedGenerator(5))
    again = initializers.deserialize(initializers.serialize(made))
    np.testing.assert_array_equal(again((3,)), made((3,)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: initializers.get("glorot_unifrom"), "did you mean 'glorot_uniform'"),
        (lambda: initializers.get("GlorotUnifrom"), "did you mean 'GlorotUniform'"),
        (lambda: initializers.get(3), "no initializer"),
        (lambda: initializers.VarianceScaling(scale=0.0), "positive"),
        (lambda: initializers.VarianceScaling(mode="fan"), "'fan_avg'"),
        (lambda: initializers.VarianceScaling(distribution="even"), "'uniform'"),
        (lambda: initializers.VarianceScaling(input_axes=(0,)), "together"),
        (lambda: initializers.RandomNormal(seed=-1), "seed=-1"),
        (lambda: initializers.RandomNormal(seed=1.5), "seed=1.5"),
        (lambda: initializers.RandomNormal()((2,), dtype="int32"), "float64"),
        (lambda: initializers.Identity()((2,)), "two axes"),
        (lambda: initializers.Orthogonal()((2,)), "two axes"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_an_initializer_of_one_s_own():
    class Ramp(initializers.Initializer):
        def __init__(self, step=1.0):
            self.step = step

        def __call__(self, shape, dtype=None):
            return self.step * np.arange(np.prod(shape)).reshape(shape)

        def get_config(self):
            return {"step": self.step}

    ramp = Ramp(2.0)
    assert initializers.get(ramp) is ramp
    again = initializers.deserialize(initializers.serialize(ramp), {"Ramp": Ramp})
    np.testing.assert_array_equal(again((2, 2)), [[0, 2], [4, 6]])
    assert repr(ramp) == "Ramp(step=2.0)"
    with pytest.raises(NotImplementedError, match="__call__"):
        initializers.Initializer()((2,))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, [0.586652, -0.181285, -0.474611]),
        (
            {"side": "imag", "window": "hamming", "scaling": "spectrum", "periodic": True},
            [0.0, -0.190491, 0.11773],
        ),
        ({"window": None}, [1.0, -0.309017, -0.809017]),
        ({"window": "flattop", "scaling": None}, [0.780874, -0.241303, -0.63174]),
        ({"window": [1.0, 2, 3, 4, 5, 6, 7, 8]}, [0.280056, -0.086542, -0.22657]),
    ],
    ids=str,
)
def test_fourier_kernels_are_those_of_keras(arguments, expected):
    kernel = initializers.STFT(**arguments)((8, 1, 6))
    np.testing.assert_allclose(kernel[3, 0, :3], expected, atol=1e-5)


def test_a_tensor_gives_its_own_values():
    values = np.arange(6, dtype="float32").reshape(2, 3)
    given = initializers.get(Tensor(values))
    np.testing.assert_array_equal(given((2, 3)), values)
    with pytest.raises(ValueError, match=r"shape \(2, 3\)"):
        given((3, 2))
