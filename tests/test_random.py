"""Random numbers: seeds, and the distributions."""

import numpy as np
import pytest

import diptych
from diptych import config, ops, random
from diptych.tape import GradientTape
from diptych.tensor import Tensor, Variable
from diptych.utils import set_random_seed

DRAWS = {
    "normal": lambda seed: random.normal((3, 2), seed=seed),
    "uniform": lambda seed: random.uniform((3, 2), seed=seed),
    "truncated_normal": lambda seed: random.truncated_normal((3, 2), seed=seed),
    "randint": lambda seed: random.randint((3, 20), 0, 1000, seed=seed),
    "categorical": lambda seed: random.categorical(np.zeros((3, 50)), 20, seed=seed),
    "shuffle": lambda seed: random.shuffle(np.arange(50), seed=seed),
    "dropout": lambda seed: random.dropout(np.ones((5, 20)), 0.5, seed=seed),
    "binomial": lambda seed: random.binomial((3, 2), 1000, 0.5, seed=seed),
    "beta": lambda seed: random.beta((3, 2), 2.0, 3.0, seed=seed),
    "gamma": lambda seed: random.gamma((3, 2), 2.0, seed=seed),
}


@pytest.mark.parametrize("name", DRAWS)
def test_seeds(name):
    draw = lambda seed: np.asarray(DRAWS[name](seed))  # noqa: E731
    assert isinstance(DRAWS[name](1), Tensor)
    np.testing.assert_array_equal(draw(1), draw(1))
    assert not np.array_equal(draw(1), draw(2))
    first, second = random.SeedGenerator(1), random.SeedGenerator(1)
    sequence = [draw(first), draw(first)]
    assert not np.array_equal(*sequence)
    np.testing.assert_array_equal(sequence, [draw(second), draw(second)])
    set_random_seed(5)
    sequence = [draw(None), draw(None)]
    assert not np.array_equal(*sequence)
    set_random_seed(5)
    np.testing.assert_array_equal(sequence, [draw(None), draw(None)])


def test_seed_generators():
    generator = random.SeedGenerator(seed=3)
    first = random.normal((4,), seed=generator).numpy()
    generator.reset()
    np.testing.assert_array_equal(random.normal((4,), seed=generator).numpy(), first)
    again = random.SeedGenerator.from_config(generator.get_config())
    np.testing.assert_array_equal(random.normal((4,), seed=again).numpy(), first)
    set_random_seed(1)
    unseeded = random.SeedGenerator().seed
    assert random.SeedGenerator().seed != unseeded
    set_random_seed(1)
    assert random.SeedGenerator().seed == unseeded


@pytest.mark.parametrize("seed", [-1, 1.5, "1", True])
def test_seeds_that_are_none(seed):
    with pytest.raises(ValueError, match="at least 0, or a SeedGenerator$"):
        random.normal((2,), seed=seed)


def test_a_generator_of_seeds_is_made_from_an_integer():
    """As in Keras; so a layer's seed is none either, and the error does not ask for one."""
    with pytest.raises(ValueError, match="expected None or an integer of at least 0$"):
        random.SeedGenerator(random.SeedGenerator(7))


def test_moments():
    n = 20000
    for drawn, mean, std in [
        (random.normal((n,), 3.0, 2.0, seed=1), 3.0, 2.0),
        (random.uniform((n,), -1.0, 5.0, seed=1), 2.0, 6 / np.sqrt(12)),
        (random.truncated_normal((n,), 3.0, 2.0, seed=1), 3.0, 2 * 0.87963),
        (random.randint((n,), 2, 8, seed=1), 4.5, np.sqrt(35 / 12)),
        (random.binomial((n,), 10, 0.3, seed=1), 3.0, np.sqrt(2.1)),
        (random.beta((n,), 2.0, 3.0, seed=1), 0.4, 0.2),
        (random.gamma((n,), 4.0, seed=1), 4.0, 2.0),
    ]:
        values = np.asarray(drawn, dtype=np.float64)
        assert values.mean() == pytest.approx(mean, abs=0.03 * std)
        assert values.std() == pytest.approx(std, rel=0.03)


def test_ends():
    integers = random.randint((1000,), 2, 5, seed=1).numpy()
    assert set(integers.tolist()) == {2, 3, 4}
    # Float32 has few numbers between these: half of the raw draws round up to the end.
    narrow = random.uniform((1000,), 1.0, 1.0 + 2**-22, seed=1).numpy()
    assert narrow.max() < np.float32(1.0 + 2**-22)
    cut = random.truncated_normal((10000,), seed=1).numpy()
    assert 1.9 < np.abs(cut).max() <= 2.0


def test_types():
    assert random.normal((2,)).dtype == np.float32
    assert random.uniform((2,), dtype="float64").dtype == np.float64
    assert random.randint((2,), 0, 5).dtype == np.int32
    assert random.randint((2,), 0, 5, dtype="uint8").dtype == np.uint8
    assert random.categorical(np.zeros((1, 2)), 3, dtype="int64").dtype == np.int64
    config.set_floatx("float64")
    assert random.gamma((2,), 1.0).dtype == np.float64
    with pytest.raises(ValueError, match="randint"):
        random.randint((2,), 0, 5, dtype="float32")
    with pytest.raises(ValueError, match="'int32'"):
        random.uniform((2,), dtype="int32")


def test_shapes():
    assert random.normal(()).shape == ()
    assert random.uniform((0, 3)).shape == (0, 3)
    assert random.beta((3, 2), np.array([1.0, 2.0]), 2.0).shape == (3, 2)


def test_categorical_follows_the_logits():
    p = np.array([[0.1, 0.0, 0.6, 0.3], [0.0, 1.0, 0.0, 0.0]])
    with np.errstate(divide="ignore"):
        logits = np.log(p) + [[5.0], [-200.0]]
    samples = random.categorical(logits, 20000, seed=1).numpy()
    shares = [np.bincount(row, minlength=4) / 20000 for row in samples]
    np.testing.assert_allclose(shares, p, atol=0.01)
    assert (samples[0] != 1).all()
    assert (samples[1] == 1).all()
    with pytest.raises(ValueError, match="batch, classes"):
        random.categorical([1.0, 2.0], 3)


def test_shuffle_keeps_rows_together_and_lets_gradients_through():
    rows = np.arange(12.0).reshape(6, 2)
    variable = Variable(rows)
    weight = np.arange(12.0).reshape(6, 2)
    with GradientTape() as tape:
        shuffled = random.shuffle(variable, seed=2)
        total = ops.sum(shuffled * weight)
    order = (shuffled.numpy()[:, 0] / 2).astype(int)
    assert sorted(order) == list(range(6))
    np.testing.assert_array_equal(shuffled.numpy(), rows[order])
    np.testing.assert_array_equal(np.asarray(tape.gradient(total, variable))[order], weight)
    columns = random.shuffle(rows, axis=1, seed=1).numpy()
    np.testing.assert_array_equal(np.sort(columns, axis=1), rows)


def test_dropout():
    x = Variable(np.full((100, 50), 3.0))
    with GradientTape() as tape:
        y = random.dropout(x, 0.2, seed=1)
        total = ops.sum(y)
    kept = y.numpy() != 0
    assert kept.mean() == pytest.approx(0.8, abs=0.02)
    np.testing.assert_allclose(y.numpy()[kept], 3.0 / 0.8)
    np.testing.assert_allclose(tape.gradient(total, x), kept / 0.8)
    whole_rows = random.dropout(x, 0.5, noise_shape=(None, 1), seed=1).numpy()
    assert set(np.unique((whole_rows != 0).mean(axis=1))) == {0.0, 1.0}
    np.testing.assert_array_equal(random.dropout(x, 0.0).numpy(), x.numpy())
    for engine in ("reference", "fast"):
        with diptych.engine(engine):
            assert not random.dropout(x, 1.0).numpy().any()
    with pytest.raises(ValueError, match="rate=1.5"):
        random.dropout(x, 1.5)
    for shape in ((100,), (2, *x.shape)):
        with pytest.raises(ValueError, match="one entry for each axis"):
            random.dropout(x, 0.5, noise_shape=shape)
    rows = random.dropout(x, 0.5, noise_shape=x.shape[-1:]).numpy()
    np.testing.assert_array_equal((rows != 0).all(0), (rows != 0).any(0))


@pytest.mark.parametrize("engine", ["reference", "fast"])
@pytest.mark.parametrize("rate", [0.0, 0.25, 0.3, 1 / 3, 0.999, 1.0])
@pytest.mark.parametrize("count", [1, 2003, 2 * 16384, 50_003])
def test_what_is_kept_is_read_byte_by_byte_from_raw_words(rate, engine, count):
    generator = np.random.default_rng(5)
    with diptych.engine(engine):
        kept = random.draw_dropout_mask(generator, (count,), rate)
    bits = np.random.PCG64(5)
    words = [int(word) for word in bits.random_raw((count + 7) // 8)]
    drawn = [word >> shift & 255 for word in words for shift in range(0, 64, 8)][:count]
    expected = []
    for byte in drawn:
        if byte == int(rate * 256) and rate * 256 % 1:
            byte += (int(bits.random_raw()) >> 11) / 2**53
        expected.append(byte >= rate * 256)
    assert kept.tolist() == expected
    if rate < 1:
        assert generator.bit_generator.state == bits.state


@pytest.mark.parametrize("bits", [np.random.PCG64, np.random.MT19937, np.random.Philox])
@pytest.mark.parametrize("rate", [0.5, 0.1, 0.002])
def test_what_is_kept_has_the_probability_that_was_asked_for(bits, rate):
    kept = random.draw_dropout_mask(np.random.Generator(bits(0)), (400, 1000), rate)
    assert kept.dtype == np.bool_
    deviation = (rate * (1 - rate) / kept.size) ** 0.5
    assert abs(1 - kept.mean() - rate) < 4 * deviation
    # Neighbours know nothing of each other.
    flat = kept.ravel()
    assert abs(np.corrcoef(flat[1:], flat[:-1])[0, 1]) < 4 / flat.size**0.5


def test_nothing_is_kept_of_nothing():
    assert random.draw_dropout_mask(np.random.default_rng(0), (0, 3), 0.3).shape == (0, 3)
