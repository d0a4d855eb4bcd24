"""keras.backend: the values of Keras 2, by hand or by NumPy, and gradients, on both engines."""

import numpy as np
import pytest

import diptych
from diptych import backend as K
from diptych import layers, legacy

RNG = np.random.default_rng(0)
A = RNG.normal(size=(3, 4))
B = RNG.normal(size=(4, 2))
C = RNG.normal(size=(2, 3, 4))
D = RNG.normal(size=(2, 4, 5))
POSITIVE = np.abs(A) + 0.5
P = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
IMAGES = RNG.normal(size=(2, 4, 5, 3))


@pytest.fixture(params=["reference", "fast"])
def engine(request):
    with diptych.engine(request.param):
        yield request.param


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def convolved(x, kernel, stride=1):
    """'valid' convolution of (N, H, W, C) by (h, w, C, F), window by window."""
    h, w = kernel.shape[:2]
    rows = range(0, x.shape[1] - h + 1, stride)
    columns = range(0, x.shape[2] - w + 1, stride)
    made = [[np.tensordot(x[:, r : r + h, c : c + w], kernel, 3) for c in columns] for r in rows]
    return np.array(made).transpose(2, 0, 1, 3)


KERNEL = RNG.normal(size=(2, 3, 3, 4))
CASES = {
    "abs": (lambda: K.abs(A), np.abs(A)),
    "all": (lambda: K.all(A > -9, axis=1), np.array([True] * 3)),
    "any": (lambda: K.any(A > 9), np.array(False)),
    "arange": (lambda: K.arange(2, 8, 3), np.array([2, 5], np.int32)),
    "arange of one": (lambda: K.arange(3, dtype="float32"), np.array([0, 1, 2], np.float32)),
    "argmax": (lambda: K.argmax(A), A.argmax()),
    "argmin": (lambda: K.argmin(A, axis=-1), A.argmin(-1)),
    "batch_dot of rows": (lambda: K.batch_dot(A, A, 1), (A * A).sum(1, keepdims=True)),
    "batch_dot of rows, default": (lambda: K.batch_dot(A, A), (A * A).sum(1, keepdims=True)),
    "batch_dot": (lambda: K.batch_dot(C, D), np.matmul(C, D)),
    "batch_dot with axes": (
        lambda: K.batch_dot(C, D, axes=(2, 1)), np.einsum("nab,nbc->nac", C, D),
    ),
    "batch_dot with other axes": (
        lambda: K.batch_dot(C, C, axes=[1, 1]), np.einsum("nab,nac->nbc", C, C),
    ),
    "batch_dot of a sequence and a row": (
        lambda: K.batch_dot(C, D[:, :, 0]), np.einsum("nab,nb->na", C, D[:, :, 0]),
    ),
    "batch_flatten": (lambda: K.batch_flatten(C), C.reshape(2, 12)),
    "bias_add": (lambda: K.bias_add(A, np.arange(4.0)), A + np.arange(4)),
    "bias_add, channels first": (
        lambda: K.bias_add(IMAGES, np.arange(4.0), "channels_first"),
        IMAGES + np.arange(4)[:, None, None],
    ),
    "binary_crossentropy": (
        lambda: K.binary_crossentropy(np.array([1.0, 0.0]), np.array([0.8, 0.4])),
        -np.log([0.8, 0.6]),
    ),
    "binary_crossentropy of logits": (
        lambda: K.binary_crossentropy(np.array([1.0, 0.0]), np.array([2.0, 1.0]), True),
        np.log1p(np.exp([-2.0, 1.0])),
    ),
    "categorical_crossentropy": (
        lambda: K.categorical_crossentropy(np.eye(3)[[0, 2]], P), -np.log([0.7, 0.6]),
    ),
    "sparse_categorical_crossentropy": (
        lambda: K.sparse_categorical_crossentropy(np.array([[0], [2]]), P), -np.log([0.7, 0.6]),
    ),
    "binary_focal_crossentropy": (
        lambda: K.binary_focal_crossentropy(np.array([1.0, 0.0]), np.array([0.8, 0.4])),
        np.array([0.2**2 * -np.log(0.8), 0.4**2 * -np.log(0.6)]),
    ),
    "binary_focal_crossentropy, balanced": (
        lambda: K.binary_focal_crossentropy(
            np.array([1.0, 0.0]), np.array([0.8, 0.4]), True, 0.25, 1.0
        ),
        np.array([0.25 * 0.2 * -np.log(0.8), 0.75 * 0.4 * -np.log(0.6)]),
    ),
    "categorical_focal_crossentropy": (
        lambda: K.categorical_focal_crossentropy(np.eye(3)[[0, 2]], P, 0.25, 2.0),
        0.25 * np.array([0.3**2 * -np.log(0.7), 0.4**2 * -np.log(0.6)]),
    ),
    "cast": (lambda: K.cast(A, "int32"), A.astype("int32")),
    "clip": (lambda: K.clip(A, -0.5, 0.5), A.clip(-0.5, 0.5)),
    "concatenate": (lambda: K.concatenate([A, A]), np.concatenate([A, A], -1)),
    "constant": (lambda: K.constant(3, shape=(2, 2)), np.full((2, 2), 3, np.float32)),
    "cos": (lambda: K.cos(A), np.cos(A)),
    "cumsum": (lambda: K.cumsum(A, 1), A.cumsum(1)),
    "cumprod": (lambda: K.cumprod(A), A.cumprod(0)),
    "dot": (lambda: K.dot(A, B), A @ B),
    "dot of a sequence": (lambda: K.dot(C, B), C @ B),
    "elu": (lambda: K.elu(A, 0.5), np.where(A > 0, A, 0.5 * np.expm1(A))),
    "equal": (lambda: K.equal([1.0, 2.0], [1.0, 3.0]), np.array([True, False])),
    "exp": (lambda: K.exp(A), np.exp(A)),
    "expand_dims": (lambda: K.expand_dims(A), A[..., None]),
    "eye": (lambda: K.eye(2), np.eye(2, dtype="float32")),
    "flatten": (lambda: K.flatten(C), C.reshape(-1)),
    "foldl": (lambda: K.foldl(lambda a, x: a * 2 + x, A), (A[0] * 2 + A[1]) * 2 + A[2]),
    "foldr": (lambda: K.foldr(lambda a, x: a * 2 + x, A), (A[2] * 2 + A[1]) * 2 + A[0]),
    "gather": (lambda: K.gather(A, np.array([2, 0])), A[[2, 0]]),
    "greater": (lambda: K.greater(A, 0.0), A > 0),
    "greater_equal": (lambda: K.greater_equal(A, A), A >= A),
    "hard_sigmoid": (
        lambda: K.hard_sigmoid(np.array([-3.0, -1.0, 0.0, 2.0, 4.0])),
        np.array([0.0, 0.3, 0.5, 0.9, 1.0]),
    ),
    "in_top_k": (
        lambda: K.in_top_k(P.astype("float32"), np.array([1, 0]), 2), np.array([True, False]),
    ),
    "l2_normalize": (
        lambda: K.l2_normalize(A, axis=1), A / np.linalg.norm(A, axis=1, keepdims=True),
    ),
    "less": (lambda: K.less(A, 0.0), A < 0),
    "less_equal": (lambda: K.less_equal(A, 0.0), A <= 0),
    "log": (lambda: K.log(POSITIVE), np.log(POSITIVE)),
    "logsumexp": (lambda: K.logsumexp(A, axis=0), np.log(np.exp(A).sum(0))),
    "map_fn": (lambda: K.map_fn(lambda x: x * x, A), A * A),
    "max": (lambda: K.max(A, axis=0), A.max(0)),
    "maximum": (lambda: K.maximum(A, 0.0), np.maximum(A, 0)),
    "mean": (lambda: K.mean(A, axis=[0, 1], keepdims=True), A.mean(keepdims=True)),
    "mean of booleans": (lambda: K.mean(A > 0), np.mean(A > 0)),
    "min": (lambda: K.min(A, axis=-1, keepdims=True), A.min(-1, keepdims=True)),
    "minimum": (lambda: K.minimum(A, 0.0), np.minimum(A, 0)),
    "not_equal": (lambda: K.not_equal([1.0, 2.0], [1.0, 3.0]), np.array([False, True])),
    "one_hot": (lambda: K.one_hot(np.array([2, 0]), 3), np.eye(3)[[2, 0]]),
    "ones": (lambda: K.ones((2, 3)), np.ones((2, 3))),
    "ones_like": (lambda: K.ones_like(A), np.ones_like(A)),
    "permute_dimensions": (lambda: K.permute_dimensions(C, (2, 0, 1)), C.transpose(2, 0, 1)),
    "pow": (lambda: K.pow(A, 3), A**3),
    "prod": (lambda: K.prod(A, axis=1), A.prod(1)),
    "relu": (lambda: K.relu(A, alpha=0.1, max_value=1.0), np.where(A > 0, A.clip(0, 1), 0.1 * A)),
    "repeat": (lambda: K.repeat(A, 2), np.stack([A, A], 1)),
    "repeat_elements": (lambda: K.repeat_elements(A, 2, 1), np.repeat(A, 2, 1)),
    "reshape": (lambda: K.reshape(A, (2, -1)), A.reshape(2, 6)),
    "resize_images": (
        lambda: K.resize_images(IMAGES, 2, 3, "channels_last"),
        IMAGES.repeat(2, axis=1).repeat(3, axis=2),
    ),
    "resize_images, channels first": (
        lambda: K.resize_images(IMAGES, 2, 1, "channels_first"), IMAGES.repeat(2, axis=2),
    ),
    "reverse": (lambda: K.reverse(A, (0, 1)), A[::-1, ::-1]),
    "round": (lambda: K.round(np.array([0.5, 1.5, -0.6])), np.array([0.0, 2.0, -1.0])),
    "sigmoid": (lambda: K.sigmoid(A), 1 / (1 + np.exp(-A))),
    "sign": (lambda: K.sign(A), np.sign(A)),
    "sin": (lambda: K.sin(A), np.sin(A)),
    "slice": (lambda: K.slice(A, (1, 0), (-1, 2)), A[1:, :2]),
    "softmax": (lambda: K.softmax(A), softmax(A)),
    "softplus": (lambda: K.softplus(A), np.log1p(np.exp(A))),
    "softsign": (lambda: K.softsign(A), A / (1 + np.abs(A))),
    "spatial_2d_padding": (
        lambda: K.spatial_2d_padding(IMAGES, ((1, 0), (0, 2))),
        np.pad(IMAGES, ((0, 0), (1, 0), (0, 2), (0, 0))),
    ),
    "sqrt": (lambda: K.sqrt(POSITIVE), np.sqrt(POSITIVE)),
    "square": (lambda: K.square(A), A * A),
    "squeeze": (lambda: K.squeeze(A[:, None], 1), A),
    "stack": (lambda: K.stack([A, A], axis=1), np.stack([A, A], 1)),
    "std": (lambda: K.std(A, axis=0), A.std(0)),
    "stop_gradient": (lambda: K.stop_gradient(A), A),
    "sum": (lambda: K.sum(A, axis=-1), A.sum(-1)),
    "switch": (lambda: K.switch(A > 0, A, -A), np.abs(A)),
    "switch of rows": (
        lambda: K.switch(np.array([True, False, True]), A, -A), A * [[1], [-1], [1]],
    ),
    "switch of functions": (lambda: K.switch(np.array(1) > 2, lambda: A, lambda: -A), -A),
    "tanh": (lambda: K.tanh(A), np.tanh(A)),
    "temporal_padding": (
        lambda: K.temporal_padding(C, (0, 2)), np.pad(C, ((0, 0), (0, 2), (0, 0))),
    ),
    "tile": (lambda: K.tile(A, [2, 1]), np.tile(A, (2, 1))),
    "tile of a number": (lambda: K.tile(A, 2), np.tile(A, 2)),
    "transpose": (lambda: K.transpose(A), A.T),
    "var": (lambda: K.var(A), A.var()),
    "variable": (lambda: K.variable([1, 2]), np.array([1, 2], np.float32)),
    "zeros": (lambda: K.zeros(3), np.zeros(3)),
    "zeros_like": (lambda: K.zeros_like(A), np.zeros_like(A)),
    "conv2d": (lambda: K.conv2d(IMAGES, KERNEL), convolved(IMAGES, KERNEL)),
    "conv2d with strides": (
        lambda: K.conv2d(IMAGES, KERNEL, strides=(2, 2)), convolved(IMAGES, KERNEL, 2),
    ),
    "conv1d": (
        lambda: K.conv1d(IMAGES[:, 0], KERNEL[0]), convolved(IMAGES[:, :1], KERNEL[:1])[:, 0],
    ),
    "pool2d": (
        lambda: K.pool2d(IMAGES, (2, 2), strides=(2, 2)),
        IMAGES[:, :, :4].reshape(2, 2, 2, 2, 2, 3).max(axis=(2, 4)),
    ),
    "pool2d, means": (
        lambda: K.pool2d(IMAGES, (2, 2), strides=(2, 2), pool_mode="avg"),
        IMAGES[:, :, :4].reshape(2, 2, 2, 2, 2, 3).mean(axis=(2, 4)),
    ),
    "depthwise_conv2d": (
        lambda: K.depthwise_conv2d(IMAGES[..., :1], KERNEL[:, :, :1, :2]),
        convolved(IMAGES[..., :1], KERNEL[:, :, :1, :2]),
    ),
    "batch_normalization": (
        lambda: K.batch_normalization(A, A.mean(0), A.var(0), np.ones(4), np.full(4, 2.0)),
        2 * (A - A.mean(0)) / np.sqrt(A.var(0) + 1e-3) + 1,
    ),
    "normalize_batch_in_training": (
        lambda: K.normalize_batch_in_training(A, None, None, [0])[0],
        (A - A.mean(0)) / np.sqrt(A.var(0) + 1e-3),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("call", "expected"), CASES.values(), ids=CASES)
def test_values(call, expected, engine):
    found = np.asarray(call())
    assert found.shape == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_types_and_shapes():
    x = K.variable(A)
    assert (K.dtype(x), K.ndim(x), K.int_shape(x), K.shape(x)) == ("float32", 2, (3, 4), (3, 4))
    assert K.count_params(x) == 12
    assert K.dtype(K.cast_to_floatx(x)) == "float32"
    assert K.cast_to_floatx(np.arange(3)).dtype == np.float32
    assert isinstance(K.cast_to_floatx(np.arange(3)), np.ndarray)
    symbol = layers.Input((5,))
    assert K.int_shape(symbol) == (None, 5)
    assert (K.is_keras_tensor(symbol), K.is_keras_tensor(x)) == (True, False)
    assert K.int_shape(K.batch_flatten(layers.Input((2, 3)))) == (None, 6)


def test_variables_change_in_place():
    x = K.variable([1.0, 2.0])
    K.update_add(x, [1.0, 1.0])
    K.update_sub(x, [0.0, 2.0])
    assert K.get_value(x).tolist() == [2.0, 1.0]
    K.moving_average_update(x, np.array([0.0, 3.0]), 0.5)
    assert K.eval(x).tolist() == [1.0, 2.0]
    K.set_value(x, [5.0, 6.0])
    K.batch_set_value([(x, [7.0, 8.0])])
    assert [v.tolist() for v in K.batch_get_value([x])] == [[7.0, 8.0]]
    with pytest.raises(TypeError, match="changes a variable, but got 0.1 of type float.*schedule"):
        K.set_value(0.1, 0.2)
    before = K.get_value(x)
    K.update(x, [0.0, 0.0])
    assert before.tolist() == [7.0, 8.0]  # a copy


def test_random_numbers():
    diptych.utils.set_random_seed(1)
    assert K.random_normal((20, 50), mean=3.0, stddev=0.1).numpy().mean() == pytest.approx(3, 0.01)
    with legacy.quiet():
        assert K.random_normal((20, 50), std=0.1).numpy().std() == pytest.approx(0.1, 0.1)
    x = K.random_uniform((1000,), 2.0, 3.0).numpy()
    assert (2 <= x.min(), x.max() < 3) == (True, True)
    assert K.random_uniform((5,), 0, 2, dtype="int32").dtype == np.int32
    assert set(np.unique(K.random_bernoulli((50,), p=0.5).numpy())) == {0.0, 1.0}
    assert np.abs(K.truncated_normal((500,)).numpy()).max() <= 2
    dropped = K.dropout(np.ones((20, 20)), 0.5).numpy()
    assert set(np.unique(dropped)) == {0.0, 2.0}
    with pytest.raises(ValueError, match="known shape"):
        K.random_normal((None, 2))


GRADIENTS = {
    "l2_normalize": lambda x: K.sum(K.l2_normalize(x, axis=1) * A),
    "batch_dot": lambda x: K.sum(K.square(K.batch_dot(x, x, 1))),
    "hard_sigmoid": lambda x: K.sum(K.hard_sigmoid(x) * A),
    "switch": lambda x: K.sum(K.switch(x > 0, x * x, -x)),
    "std": lambda x: K.sum(K.std(x, axis=0)),
    "gather": lambda x: K.sum(K.square(K.gather(x, np.array([0, 0, 2])))),
    "binary_focal_crossentropy": lambda x: K.sum(
        K.binary_focal_crossentropy((A > 0) * 1.0, K.sigmoid(x))
    ),
    "print_tensor": lambda x: K.sum(K.square(K.print_tensor(x, "x ="))),
    "rnn": lambda x: K.sum(
        K.rnn(lambda a, s: (a * s[0], [s[0] + a]), K.expand_dims(x), [K.ones((3, 1))])[1]
    ),
}


@pytest.mark.parametrize("function", GRADIENTS.values(), ids=GRADIENTS)
def test_gradients_flow(function, engine, capsys):
    x = diptych.Variable(A.copy(), dtype="float64")
    with diptych.GradientTape() as tape:
        loss = function(x)
    found = np.asarray(tape.gradient(loss, x))
    expected = np.zeros_like(A)
    for place in np.ndindex(A.shape):
        for sign in (1, -1):
            moved = A.copy()
            moved[place] += sign * 1e-6
            value = function(diptych.ops.convert_to_tensor(moved)).numpy()
            expected[place] += sign * value / 2e-6
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


def test_rnn_by_hand():
    def step(x, states):
        new = states[0] * 2 + x
        return new + 1, [new]

    x = np.array([[[1.0], [2.0], [3.0]]])
    last, outputs, states = K.rnn(step, K.constant(x), [K.constant([[0.0]])])
    assert outputs.numpy().ravel().tolist() == [2, 5, 12]
    assert (last.item(), states[0].item()) == (12, 11)
    last, outputs, states = K.rnn(step, K.constant(x), [K.constant([[0.0]])], go_backwards=True)
    assert outputs.numpy().ravel().tolist() == [4, 9, 18]
    mask = np.array([[True, False, True]])
    last, outputs, states = K.rnn(step, K.constant(x), [K.constant([[0.0]])], mask=K.constant(mask))
    assert outputs.numpy().ravel().tolist() == [2, 2, 6]  # the second step repeats the first
    assert states[0].item() == 5


# ------------------------------------------------------------------------------------------------
# Functions, the learning phase


@pytest.fixture
def model():
    diptych.utils.set_random_seed(0)
    return diptych.Sequential(
        [
            diptych.Input((4,)),
            layers.Dense(3, activation="tanh"),
            layers.Dropout(0.5),
            layers.Dense(1),
        ]
    )


def test_function_of_a_models_layers(model, engine):
    f = K.function([model.input, K.learning_phase()], [model.layers[0].output, model.output])
    hidden, output = f([A, 0])
    kernel, bias = model.layers[0].get_weights()
    np.testing.assert_allclose(hidden, np.tanh(A @ kernel + bias), rtol=1e-5)
    np.testing.assert_allclose(output, model.predict(A, verbose=0), rtol=1e-6)
    assert not np.allclose(f([A, 1])[1], output)
    one = K.function(model.inputs, model.output)
    np.testing.assert_allclose(one([A]), output, rtol=1e-6)
    with pytest.raises(ValueError, match="has 2 inputs, and was called with 1"):
        f([A])
    with pytest.raises(ValueError, match="symbolic tensors"):
        K.function([A], [model.output])


def test_function_of_placeholders_and_updates():
    x, y = K.placeholder((None, 2)), K.placeholder(ndim=2)
    assert (x.shape, y.shape) == ((None, 2), (None, None))
    count = K.variable(0.0)
    f = K.function([x, y], [K.dot(x, K.transpose(x)) + K.sum(y)], updates=[(count, count + 1.0)])
    (found,) = f([np.eye(2), np.ones((1, 3))])
    assert found.tolist() == [[4.0, 3.0], [3.0, 4.0]]
    assert K.get_value(count) == 1.0


def test_gradients_of_a_symbolic_loss(model, engine):
    loss = K.sum(K.square(model.output))
    by_input, by_hidden, by_weight = K.gradients(
        loss, [model.input, model.layers[0].output, model.layers[2].kernel]
    )
    f = K.function([model.input], [by_input, by_hidden, by_weight])
    found = f([A])
    w1, b1, w2, b2 = model.get_weights()
    hidden = np.tanh(A @ w1 + b1)
    slope = 2 * (hidden @ w2 + b2)
    expected_hidden = slope @ w2.T
    np.testing.assert_allclose(found[1], expected_hidden, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        found[0], (expected_hidden * (1 - hidden**2)) @ w1.T, rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(found[2], hidden.T @ slope, rtol=1e-4, atol=1e-6)
    with pytest.raises(TypeError, match="GradientTape"):
        K.gradients(K.variable(1.0), K.variable(1.0))


def test_gradients_of_a_symbolic_gradient(engine):
    x = diptych.Input((2,))
    (slope,) = K.gradients(K.sum(K.exp(x) * x), [x])
    (bend,) = K.gradients(K.sum(slope), [x])
    (found,) = K.function([x], [bend])([A[:, :2]])
    np.testing.assert_allclose(found, (2 + A[:, :2]) * np.exp(A[:, :2]), rtol=1e-5)


def test_the_learning_phase():
    assert K.learning_phase() == 0
    assert K.in_train_phase(lambda: 1, 2) == 2
    assert K.in_train_phase(1, 2, training=True) == 1
    assert K.in_test_phase(1, 2, training=True) == 2
    K.set_learning_phase(1)
    assert K.in_train_phase(1, 2) == 1
    K.clear_session()
    assert K.learning_phase() == 0
    layer = layers.Lambda(lambda x: K.in_train_phase(x * 2, x))
    assert layer(np.ones((1, 1)), training=True).item() == 2
    assert layer(np.ones((1, 1)), training=False).item() == 1


def test_sessions_and_the_words_of_keras_1(model):
    with pytest.warns(legacy.LegacySpelling, match="get_session"):
        session = K.get_session()
    assert session.run(K.constant([1.0, 2.0])).tolist() == [1.0, 2.0]
    found = session.run([model.output], feed_dict={model.input: A, K.learning_phase(): 0})
    np.testing.assert_allclose(found[0], model.predict(A, verbose=0), rtol=1e-6)
    with legacy.quiet():
        assert K.image_dim_ordering() == "tf"
        K.set_image_dim_ordering("th")
        assert K.image_data_format() == "channels_first"


def test_a_name_that_is_not_there_is_explained():
    with pytest.raises(AttributeError, match=r"K\.ctc_batch_cost is not among.*diptych\.ops"):
        K.ctc_batch_cost  # noqa: B018


def test_the_functions_that_scripts_use_are_there():
    t1 = (
        "abs all any arange argmax argmin batch_dot batch_flatten bias_add "
        "binary_crossentropy cast cast_to_floatx categorical_crossentropy clip "
        "concatenate constant cos count_params cumsum dot dropout dtype elu equal eval "
        "exp expand_dims eye flatten gather get_value gradients greater greater_equal "
        "hard_sigmoid int_shape l2_normalize less less_equal log max maximum mean min "
        "minimum ndim not_equal one_hot ones ones_like permute_dimensions pow prod "
        "random_normal random_uniform relu repeat repeat_elements reshape reverse round "
        "set_value shape sigmoid sign sin softmax softplus softsign "
        "sparse_categorical_crossentropy sqrt square squeeze stack std stop_gradient sum "
        "switch tanh tile transpose truncated_normal update var variable zeros zeros_like"
    ).split()
    t2 = (
        "batch_get_value batch_normalization batch_set_value binary_focal_crossentropy "
        "categorical_focal_crossentropy conv1d conv2d conv2d_transpose cumprod "
        "depthwise_conv2d in_top_k pool2d random_bernoulli random_normal_variable "
        "random_uniform_variable resize_images rnn separable_conv2d spatial_2d_padding "
        "temporal_padding update_add update_sub"
    ).split()
    assert set(t1 + t2) <= set(K.__all__)
    assert all(callable(getattr(K, name)) for name in K.__all__)


def test_numbers_for_a_prefix():
    K.reset_uids()
    assert [K.get_uid("some"), K.get_uid("some"), K.get_uid("other")] == [1, 2, 1]
