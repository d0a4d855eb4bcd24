"""Variables of float16: the engines compute in float32, so an update widens and narrows them."""

import numpy as np
import pytest

import diptych
from diptych import ops, optimizers
from diptych.tensor import Tensor, Variable

ENGINES = ["reference", "fast"]
OF_ALL = """
    SGD RMSprop Adam AdamW Adadelta Adagrad Adamax Adafactor Nadam Ftrl Lion Lamb Muon
    ScheduleFreeAdamW
""".split()
ANY_OPTIONS = [
    {},
    {"weight_decay": 0.01},
    {"clipnorm": 1.0},
    {"global_clipnorm": 0.5},
    {"clipvalue": 0.1},
    {"use_ema": True, "ema_overwrite_frequency": 1},
    {"gradient_accumulation_steps": 2},
    {"loss_scale_factor": 2.0},
]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("options", ANY_OPTIONS, ids=lambda options: next(iter(options), "plain"))
@pytest.mark.parametrize("name", OF_ALL)
def test_variables_of_float16_are_updated_in_float32(name, options, engine):
    values = np.array([[-1, -0.5, 0.25], [0.75, 1, -0.125]])
    made = []
    with diptych.engine(engine):
        for dtype in ("float16", "float32"):
            matrix = Variable(values, dtype=dtype, name="matrix")
            other = Variable(np.ones(3), dtype="float32", name="other")
            optimizer = getattr(optimizers, name)(0.1, **options)
            for step in range(4):
                gradients = [np.full((2, 3), 0.25 + step), np.full(3, 0.5, "float32")]
                optimizer.apply([Tensor(gradients[0].astype(dtype)), gradients[1]], [matrix, other])
            made.append((matrix.array, other.array))
            own = {v.array.dtype.name for v in optimizer.variables if v.array.shape == (2, 3)}
            assert own <= {dtype}
    (half, beside), (full, beside_full) = made
    assert half.dtype == np.float16
    assert (half != values).any()
    np.testing.assert_allclose(half, full, 2e-3, 2e-3)
    np.testing.assert_array_equal(beside, beside_full)


def test_an_update_step_of_ones_own_may_change_a_variable_of_float16():
    class Descent(optimizers.Optimizer):
        def update_step(self, gradient, variable, learning_rate):
            self.assign_sub(variable, ops.cast(gradient * learning_rate, variable.dtype))

    half = Variable(np.ones(2), dtype="float16")
    optimizer = Descent(0.5, weight_decay=0.5)
    optimizer.apply([np.ones(2, "float16")], [half])
    assert half.array.dtype == np.float16
    assert half.array.tolist() == [0.25, 0.25]  # 1 - 0.5 * 0.5 * 1 - 0.5
