"""compare_engines: each engine computes all of its side."""

import numpy as np
import pytest

import diptych
from diptych import Sequential, layers

rng = np.random.default_rng(0)
X = rng.normal(size=(64, 16)).astype("float32")
Y = rng.integers(4, size=64)


def small(engine=None):
    diptych.utils.set_random_seed(0)
    model = Sequential(
        [layers.Input((16,)), layers.Dense(32, "tanh"), layers.Dense(4, "softmax")], engine=engine
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_the_engine_of_a_model_does_not_count(engine):
    """Else one engine would compute both sides, and they would agree to the last bit."""
    free = diptych.compare_engines(small(), X, Y, repeats=1)
    own = small(engine)
    nested = Sequential([layers.Input((16,)), own])
    nested.compile("sgd", "sparse_categorical_crossentropy")
    for model in (own, nested):
        report = diptych.compare_engines(model, X, Y, repeats=1)
        assert own.engine == engine
        found = [row.difference for row in report.rows if row.what.startswith("d loss")]
        assert found == [row.difference for row in free.rows if row.what.startswith("d loss")]
        assert max(found) > 0
