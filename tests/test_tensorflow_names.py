"""What Keras scripts use of TensorFlow: values by hand, gradients, data sets, what is missing."""

import importlib

import numpy as np
import pytest

import diptych
from diptych import compat, layers
from diptych.compat import tensorflow as tf

A = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
X = np.arange(6, dtype="float32").reshape(2, 3)


@pytest.fixture(params=["reference", "fast"])
def engine(request):
    with diptych.engine(request.param):
        yield request.param


VALUES = {
    "constant": (lambda: tf.constant([1, 2]), np.array([1, 2], np.int32)),
    "constant of floats": (lambda: tf.constant(1.5), np.float32(1.5)),
    "constant with a shape": (lambda: tf.constant(0.5, shape=(2, 2)), np.full((2, 2), 0.5)),
    "convert_to_tensor": (lambda: tf.convert_to_tensor(X), X),
    "convert_to_tensor of tensors": (
        lambda: tf.convert_to_tensor([tf.constant(1.0), tf.constant(2.0)]), np.array([1.0, 2.0]),
    ),
    "cast": (lambda: tf.cast([1.7, 2.2], tf.int32), np.array([1, 2], np.int32)),
    "zeros": (lambda: tf.zeros([2, 2], dtype=tf.int32), np.zeros((2, 2), np.int32)),
    "ones": (lambda: tf.ones(3), np.ones(3)),
    "ones of a dtype by its number": (lambda: tf.ones(1, 3), np.ones(1, np.int32)),
    "fill": (lambda: tf.fill([2], 7), np.array([7, 7], np.int32)),
    "eye": (lambda: tf.eye(2), np.eye(2)),
    "range": (lambda: tf.range(1, 7, 2), np.array([1, 3, 5], np.int32)),
    "range of floats": (lambda: tf.range(3, dtype=tf.float32), np.arange(3, dtype=np.float32)),
    "linspace": (lambda: tf.linspace(0.0, 1.0, 3), np.array([0, 0.5, 1])),
    "one_hot": (lambda: tf.one_hot([1, 0], 3), np.eye(3)[[1, 0]]),
    "one_hot with values": (
        lambda: tf.one_hot([1], 2, on_value=5.0, off_value=-1.0), np.array([[-1.0, 5.0]]),
    ),
    "reshape": (lambda: tf.reshape(X, [3, -1]), X.reshape(3, 2)),
    "transpose": (lambda: tf.transpose(X, perm=[1, 0]), X.T),
    "concat": (lambda: tf.concat([X, X], axis=1), np.concatenate([X, X], 1)),
    "stack": (lambda: tf.stack([X, X], axis=1), np.stack([X, X], 1)),
    "split": (lambda: tf.split(X, [1, -1], axis=1)[1], X[:, 1:]),
    "split in equal parts": (lambda: tf.split(X, 3, axis=1)[2], X[:, 2:]),
    "unstack": (lambda: tf.unstack(X)[1], X[1]),
    "tile": (lambda: tf.tile(X, [2, 1]), np.tile(X, (2, 1))),
    "repeat": (lambda: tf.repeat(X, 2, axis=0), X.repeat(2, 0)),
    "pad": (lambda: tf.pad(X, [[1, 0], [0, 2]]), np.pad(X, ((1, 0), (0, 2)))),
    "pad by reflection": (
        lambda: tf.pad(X, [[0, 0], [1, 1]], "REFLECT"), np.pad(X, ((0, 0), (1, 1)), "reflect"),
    ),
    "reverse": (lambda: tf.reverse(X, axis=[1]), X[:, ::-1]),
    "roll": (lambda: tf.roll(X, 1, axis=1), np.roll(X, 1, 1)),
    "slice": (lambda: tf.slice(X, [0, 1], [-1, 1]), X[:, 1:2]),
    "gather": (lambda: tf.gather(X, [2, 0], axis=1), X[:, [2, 0]]),
    "gather_nd": (lambda: tf.gather_nd(X, [[0, 1], [1, 2]]), np.array([1.0, 5.0])),
    "boolean_mask": (lambda: tf.boolean_mask(X, [True, False]), X[:1]),
    "where": (lambda: tf.where(X > 2, X, 0.0), np.where(X > 2, X, 0)),
    "where, places": (lambda: tf.where(np.array([0, 3, 5])), np.array([[1], [2]])),
    "sort": (lambda: tf.sort([3, 1, 2], direction="DESCENDING"), np.array([3, 2, 1])),
    "argsort": (lambda: tf.argsort([3, 1, 2]), np.array([1, 2, 0])),
    "unique": (lambda: tf.unique([5, 3, 5])[1], np.array([0, 1, 0])),
    "clip_by_value": (lambda: tf.clip_by_value(X, 1, 3), X.clip(1, 3)),
    "clip_by_norm": (lambda: tf.clip_by_norm([3.0, 4.0], 1.0), np.array([0.6, 0.8])),
    "clip_by_global_norm": (
        lambda: tf.clip_by_global_norm([tf.constant([3.0]), None, tf.constant([4.0])], 1.0)[0][2],
        np.array([0.8]),
    ),
    "norm": (lambda: tf.norm([[3.0, 4.0]]), np.float32(5)),
    "matmul": (lambda: tf.matmul(X, X, transpose_b=True), X @ X.T),
    "einsum": (lambda: tf.einsum("ij,kj->ik", X, X), X @ X.T),
    "tensordot": (lambda: tf.tensordot(X, X, axes=[[1], [1]]), X @ X.T),
    "reduce_sum": (lambda: tf.reduce_sum(X, axis=1, keepdims=True), X.sum(1, keepdims=True)),
    "reduce_mean": (lambda: tf.reduce_mean(X), np.float32(2.5)),
    "reduce_mean, old words": (
        lambda: tf.reduce_mean(X, reduction_indices=[0], keep_dims=True), X.mean(0, keepdims=True),
    ),
    "reduce_max": (lambda: tf.reduce_max(X, axis=0), X.max(0)),
    "reduce_all": (lambda: tf.reduce_all(X > 0), np.array(False)),
    "reduce_logsumexp": (lambda: tf.reduce_logsumexp(X), np.log(np.exp(X).sum())),
    "math.reduce_std": (lambda: tf.math.reduce_std(X), X.std()),
    "math.squared_difference": (lambda: tf.math.squared_difference(X, 1.0), (X - 1) ** 2),
    "math.l2_normalize": (lambda: tf.math.l2_normalize([3.0, 4.0]), np.array([0.6, 0.8])),
    "math.confusion_matrix": (
        lambda: tf.math.confusion_matrix([0, 1, 1], [0, 0, 1]), np.array([[1, 0], [1, 1]]),
    ),
    "math.top_k": (lambda: tf.math.top_k([1.0, 3.0, 2.0], k=2)[1], np.array([1, 2])),
    "math.add_n": (lambda: tf.math.add_n([X, X, X]), 3 * X),
    "math.pow": (lambda: tf.pow(X, 2, name="squares"), X**2),
    "math.count_nonzero": (lambda: tf.math.count_nonzero(X), np.array(5)),
    "math.atan2": (lambda: tf.math.atan2([1.0], [2.0]), np.arctan2([1.0], [2.0])),
    "nn.relu": (lambda: tf.nn.relu(A), np.maximum(A, 0)),
    "nn.leaky_relu": (lambda: tf.nn.leaky_relu(A, alpha=0.1), np.where(A > 0, A, 0.1 * A)),
    "nn.l2_loss": (lambda: tf.nn.l2_loss(X), np.float32((X**2).sum() / 2)),
    "nn.moments": (lambda: tf.nn.moments(X, axes=[0])[1], X.var(0)),
    "nn.embedding_lookup": (lambda: tf.nn.embedding_lookup(X, [1, 1]), X[[1, 1]]),
    "nn.softmax_cross_entropy_with_logits": (
        lambda: tf.nn.softmax_cross_entropy_with_logits(labels=np.eye(3)[[0, 2]], logits=X),
        np.log(np.exp(X).sum(1)) - X[[0, 1], [0, 2]],
    ),
    "nn.sparse_softmax_cross_entropy_with_logits": (
        lambda: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[0, 2], logits=X),
        np.log(np.exp(X).sum(1)) - X[[0, 1], [0, 2]],
    ),
    "nn.sigmoid_cross_entropy_with_logits": (
        lambda: tf.nn.sigmoid_cross_entropy_with_logits(labels=np.ones((2, 3)), logits=X),
        np.log1p(np.exp(-X)),
    ),
    "nn.weighted_cross_entropy_with_logits": (
        lambda: tf.nn.weighted_cross_entropy_with_logits(np.ones((2, 3)), tf.constant(X), 2.0),
        2 * np.log1p(np.exp(-X)),
    ),
    "nn.max_pool": (
        lambda: tf.nn.max_pool(X[None, :, :, None], [1, 2, 2, 1], [1, 1, 1, 1], "VALID"),
        np.array([[[[4.0], [5.0]]]]),
    ),
    "nn.conv2d": (
        lambda: tf.nn.conv2d(X[None, :, :, None], np.ones((2, 2, 1, 1), "float32"), 1, "VALID"),
        np.array([[[[8.0], [12.0]]]]),
    ),
    "linalg.matvec": (lambda: tf.linalg.matvec(X, [1.0, 0.0, 2.0]), X @ [1, 0, 2]),
    "linalg.diag_part": (lambda: tf.linalg.diag_part(X[:, :2]), np.array([0.0, 4.0])),
    "linalg.svd": (
        lambda: tf.linalg.svd(A)[1] * tf.linalg.svd(A)[0] @ tf.transpose(tf.linalg.svd(A)[2]), A,
    ),
    "image.flip_left_right": (
        lambda: tf.image.flip_left_right(X[:, :, None]), X[:, ::-1, None],
    ),
    "image.rot90": (lambda: tf.image.rot90(X[:, :, None]), np.rot90(X)[:, :, None]),
    "image.central_crop": (
        lambda: tf.image.central_crop(np.arange(16.0).reshape(4, 4, 1), 0.5),
        np.array([[[5.0], [6.0]], [[9.0], [10.0]]]),
    ),
    "image.resize_with_crop_or_pad": (
        lambda: tf.image.resize_with_crop_or_pad(X[:, :, None], 4, 1),
        np.array([0.0, 1.0, 4.0, 0.0]).reshape(4, 1, 1),
    ),
    "image.convert_image_dtype": (
        lambda: tf.image.convert_image_dtype(np.array([[[0, 255]]], "uint8"), tf.float32),
        np.array([[[0.0, 1.0]]]),
    ),
    "image.grayscale_to_rgb": (
        lambda: tf.image.grayscale_to_rgb(X[:, :, None]), X[:, :, None].repeat(3, -1),
    ),
    "image.per_image_standardization": (
        lambda: tf.image.per_image_standardization(X[:, :, None]),
        ((X - X.mean()) / X.std())[:, :, None],
    ),
    "image.adjust_contrast": (
        lambda: tf.image.adjust_contrast(X[:, :, None], 2.0), (2 * (X - 2.5) + 2.5)[:, :, None],
    ),
    "image.total_variation": (lambda: tf.image.total_variation(X[:, :, None]), np.float32(13)),
    "map_fn": (lambda: tf.map_fn(lambda x: x * 2, tf.constant(X)), X * 2),
    "scan": (
        lambda: tf.scan(lambda a, x: a + x, tf.constant([1.0, 2.0, 3.0])), np.array([1, 3, 6]),
    ),
    "while_loop": (
        lambda: tf.while_loop(lambda i: i < 5, lambda i: i + 2, [tf.constant(0)])[0], np.int32(6),
    ),
    "cond": (lambda: tf.cond(tf.constant(1) > 0, lambda: X, lambda: -X), X),
}  # fmt: skip


@pytest.mark.parametrize(("call", "expected"), VALUES.values(), ids=VALUES)
def test_values(call, expected, engine):
    found = np.asarray(call())
    assert found.shape == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    if np.asarray(expected).dtype.kind == "i" and found.dtype.kind == "i":
        assert found.dtype in (np.int32, np.int64)


def test_shapes_are_tuples_of_numbers():
    assert (tf.shape(X), tf.rank(X), tf.size(X)) == ((2, 3), 2, 6)
    assert tf.shape(layers.Input((4,))) == (None, 4)
    assert tf.TensorShape([None, 3]).as_list() == [None, 3]
    assert tf.constant(X).dtype == tf.float32


def test_a_tape_gives_tensors(engine):
    x = tf.Variable(3.0, name="x")
    y = tf.constant(2.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(y)
        z = x * x * y + tf.sin(y)
    dx, dy = tape.gradient(z, [x, y])
    assert dx.numpy() == 12
    assert dy.numpy() == pytest.approx(9 + np.cos(2))
    unused = tf.Variable([1.0, 2.0])
    assert tape.gradient(z, unused) is None
    zero = tape.gradient(z, unused, unconnected_gradients="zero")
    assert zero.numpy().tolist() == [0, 0]
    named = tape.gradient(z, {"x": x})
    assert named["x"].numpy() == 12


def test_a_tape_within_a_tape_and_jacobians(engine):
    x, unused = tf.Variable([1.0, 2.0]), tf.Variable(1.0)
    with tf.GradientTape(persistent=True) as outer:
        with tf.GradientTape() as inner:
            y = tf.reduce_sum(x**3)
        slope = inner.gradient(y, x)
    assert outer.gradient(slope, x).numpy().tolist() == [6, 12]
    hessian = outer.jacobian(slope, x, experimental_use_pfor=False)
    assert isinstance(hessian, tf.Tensor)
    assert hessian.numpy().tolist() == [[6, 0], [0, 12]]
    assert outer.batch_jacobian(slope, x).numpy().tolist() == [6, 12]
    assert outer.jacobian(slope, [unused]) == [None]
    zeros = outer.jacobian(slope, {"x": unused}, unconnected_gradients="zero")
    assert zeros["x"].numpy().tolist() == [0, 0]


def test_variables():
    v = tf.Variable([1, 2])
    assert v.dtype == tf.int32
    v.assign_add([1, 1])
    assert v.read_value().numpy().tolist() == [2, 3]
    assert tf.Variable(lambda: tf.zeros((2,))).shape == (2,)
    assert isinstance(v, tf.Tensor)
    assert not tf.Variable(1.0, trainable=False).trainable


def test_random_numbers_start_from_the_seed():
    def draw():
        tf.random.set_seed(4)
        return tf.random.normal((3,)).numpy(), tf.random.uniform((2, 2), -1, 1).numpy()

    for a, b in zip(draw(), draw(), strict=True):
        np.testing.assert_array_equal(a, b)
    numbers = tf.random.uniform((100,), maxval=3, dtype=tf.int32).numpy()
    assert set(numbers) == {0, 1, 2}
    assert sorted(tf.random.shuffle(np.arange(5)).numpy()) == list(range(5))
    assert tf.random.categorical(np.log([[0.001, 0.999]]), 4).dtype == tf.int64
    assert np.abs(tf.random.truncated_normal([200]).numpy()).max() <= 2


def test_random_images():
    tf.random.set_seed(0)
    batch = np.arange(120.0).reshape(10, 3, 4, 1)
    flipped = tf.image.random_flip_left_right(batch).numpy()
    same = [np.array_equal(a, b) for a, b in zip(flipped, batch, strict=True)]
    other = [np.array_equal(a, b[:, ::-1]) for a, b in zip(flipped, batch, strict=True)]
    assert all(a or b for a, b in zip(same, other, strict=True))
    assert 0 < sum(same) < 10
    part = tf.image.random_crop(batch[0], (2, 2, 1)).numpy()
    assert part[0, 1, 0] - part[0, 0, 0] == 1
    brighter = tf.image.random_brightness(batch, 0.5).numpy() - batch
    assert np.ptp(brighter) < 1e-3
    assert np.abs(brighter).max() <= 0.5


def test_what_there_is_of_the_machine():
    assert tf.config.list_physical_devices("GPU") == []
    assert [d.device_type for d in tf.config.list_physical_devices()] == ["CPU"]
    assert not tf.test.is_gpu_available()
    with tf.device("/GPU:0"), tf.distribute.MirroredStrategy().scope():
        pass
    threads = diptych.config.num_threads()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    assert tf.config.threading.get_intra_op_parallelism_threads() == 1
    diptych.config.set_num_threads(threads)


def test_functions_are_not_compiled():
    @tf.function
    def double(x):
        return x * 2

    @tf.function(jit_compile=True)
    def triple(x):
        return x * 3

    assert (double(2), triple(2)) == (4, 6)


def test_tensorflow_1(capsys):
    config = tf.ConfigProto(allow_soft_placement=True)
    config.gpu_options.allow_growth = True
    with tf.Session(config=config) as session, tf.get_default_graph().as_default():
        session.run(tf.global_variables_initializer())
        x = tf.placeholder(tf.float32, shape=(None, 2))
        assert session.run(tf.reduce_sum(x), {x: [[1.0, 2.0]]}) == 3
    tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.ERROR)
    tf.compat.v1.disable_eager_execution()
    assert tf.compat.v1.reduce_sum is tf.reduce_sum
    assert tf.compat.v2 is tf
    tf.print("values", tf.constant([1, 2]))
    assert capsys.readouterr().out == "values [1 2]\n"


@pytest.mark.parametrize(
    "module", ["", ".math", ".nn", ".random", ".linalg", ".image", ".data", ".config", ".dtypes"]
)
def test_a_name_that_is_missing_is_named(module):
    home = importlib.import_module(f"diptych.compat.tensorflow{module}")
    with pytest.raises(AttributeError, match=rf"tf{module}\.quantize is not in diptych"):
        home.quantize  # noqa: B018
    for name in home.__all__:
        assert hasattr(home, name)


def test_modules_can_be_imported():
    compat.install_as_keras()
    try:
        import tensorflow.compat.v1 as tf1
        import tensorflow.keras.backend as K
        from tensorflow import math, nn
        from tensorflow.data import Dataset
        from tensorflow.keras import optimizers
    finally:
        compat.uninstall()
    assert tf1.Session is tf.Session
    assert (math, nn, K, Dataset) == (tf.math, tf.nn, diptych.backend, tf.data.Dataset)
    assert optimizers is diptych.optimizers is tf.optimizers


# ------------------------------------------------------------------------------------------------
# tf.data


def numbers(dataset):
    return [np.asarray(x).tolist() for x in dataset]


def test_steps_of_a_data_set():
    five = tf.data.Dataset.range(5)
    assert numbers(five) == numbers(five) == [0, 1, 2, 3, 4]
    assert numbers(five.map(lambda x: x * 2).filter(lambda x: x > 3)) == [4, 6, 8]
    assert numbers(five.skip(1).take(2).repeat(2)) == [1, 2, 1, 2]
    assert numbers(five.batch(2)) == [[0, 1], [2, 3], [4]]
    assert numbers(five.batch(2, drop_remainder=True)) == [[0, 1], [2, 3]]
    assert numbers(five.batch(2).unbatch()) == [0, 1, 2, 3, 4]
    assert numbers(five.concatenate(five.take(1))) == [0, 1, 2, 3, 4, 0]
    assert numbers(five.shard(2, 1)) == [1, 3]
    assert numbers(five.flat_map(lambda x: tf.data.Dataset.range(int(x)))) == [
        0,
        0,
        1,
        0,
        1,
        2,
        0,
        1,
        2,
        3,
    ]
    assert [(int(i), int(x)) for i, x in five.skip(3).enumerate(start=10)] == [(10, 3), (11, 4)]
    assert int(five.reduce(0, lambda a, x: a + x)) == 10
    assert [len(five), len(five.batch(2)), len(five.repeat(3)), len(five.skip(9))] == [5, 3, 15, 0]
    assert five.cardinality().numpy() == 5
    assert five.repeat().cardinality().numpy() == -1
    assert five.filter(bool).cardinality().numpy() == -2
    with pytest.raises(TypeError, match="has no end"):
        len(five.repeat())
    assert five.apply(lambda d: d.take(1)).prefetch(1).with_options(tf.data.Options()) is not None


def test_structures_of_elements():
    x, y = np.arange(6.0).reshape(3, 2), np.array([5, 6, 7])
    pairs = tf.data.Dataset.from_tensor_slices((x, y))
    first, label = next(iter(pairs))
    assert (first.numpy().tolist(), int(label)) == ([0, 1], 5)
    named = tf.data.Dataset.from_tensor_slices(({"a": x, "b": y}, y)).batch(2)
    element, labels = next(iter(named))
    assert (element["a"].shape, labels.shape) == ((2, 2), (2,))
    both = tf.data.Dataset.zip((pairs, tf.data.Dataset.range(9)))
    assert len(both) == 3
    ((a, b), n) = list(both)[-1]
    assert (a.numpy().tolist(), int(b), int(n)) == ([4, 5], 7, 2)
    assert next(iter(tf.data.Dataset.from_tensors([1, 2]))).shape == (2,)
    ragged = tf.data.Dataset.from_generator(lambda: iter([[1], [2, 3]]), output_types=tf.int32)
    assert numbers(ragged.padded_batch(2)) == [[[1, 0], [2, 3]]]
    with pytest.raises(ValueError, match="padded_batch"):
        list(ragged.batch(2))
    with pytest.raises(ValueError, match="same number of rows"):
        tf.data.Dataset.from_tensor_slices((x, y[:2]))
    assert next(pairs.as_numpy_iterator())[0].tolist() == [0, 1]


@pytest.mark.parametrize("size", [3, 100], ids=["a small buffer", "all"])
def test_a_shuffle_keeps_everything(size):
    data = tf.data.Dataset.from_tensor_slices(np.arange(20))
    for one in (data, data.map(lambda x: x)):
        shuffled = one.shuffle(size, seed=1)
        first, second = numbers(shuffled), numbers(shuffled)
        assert sorted(first) == sorted(second) == list(range(20))
        assert first != second
        assert first != list(range(20))
        again = one.shuffle(size, seed=1, reshuffle_each_iteration=False)
        assert numbers(again) == numbers(again)
    if size == 3:  # an element moves forward by less than the buffer
        assert all(value <= place + 2 for place, value in enumerate(numbers(data.shuffle(3))))


def test_a_cache_makes_elements_once():
    made = []

    def note(x):
        made.append(int(x))
        return x

    cached = tf.data.Dataset.range(3).map(note).cache()
    assert numbers(cached) == numbers(cached) == [0, 1, 2]
    assert made == [0, 1, 2]


def test_models_take_data_sets(engine):
    x = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
    y = x.sum(axis=1, keepdims=True)
    model = diptych.Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)
    history = model.fit(data, epochs=2, validation_data=data, verbose=0)
    assert int(model.optimizer.iterations) == 6
    assert model.evaluate(data, verbose=0) == pytest.approx(
        model.evaluate(x, y, verbose=0), rel=1e-5
    )
    np.testing.assert_allclose(
        model.predict(data, verbose=0), model.predict(x, verbose=0), rtol=1e-5
    )
    assert history.history["val_loss"][1] < history.history["val_loss"][0]
    model.fit(data.repeat(), epochs=2, steps_per_epoch=2, verbose=0)
    assert int(model.optimizer.iterations) == 10
    with pytest.raises(ValueError, match="has no end: state the number of batches"):
        model.fit(data.repeat(), verbose=0)
    model.fit(data.filter(lambda a, b: True), verbose=0)  # of unknown length
    assert int(model.optimizer.iterations) == 13


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("zeros_initializer", "Zeros"),
        ("ones_initializer", "Ones"),
        ("constant_initializer", "Constant"),
        ("random_normal_initializer", "RandomNormal"),
        ("random_uniform_initializer", "RandomUniform"),
    ],
)
def test_initializers_of_tf(name, cls):
    made = getattr(tf, name)()
    assert type(made) is getattr(diptych.initializers, cls)
    weight = tf.Variable(initial_value=made(shape=(2, 3), dtype="float32"), trainable=True)
    assert weight.shape == (2, 3)
