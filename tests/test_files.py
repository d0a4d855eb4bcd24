"""Models in files: what was written comes back, to and from Keras, and training goes on to the
same bits.
"""

import json
import weakref
import zipfile
from pathlib import Path

import numpy as np
import pytest

import diptych as keras
from diptych import layers, ops
from diptych.files.hdf5 import Damaged
from diptych.files.tree import parts_of
from diptych.models import clone_model, load_model, model_from_json
from tests import file_models
from tests.golden import make_files
from tests.golden.make_files import fill, inputs_of, losses, outputs

h5py = pytest.importorskip("h5py")
GOLDEN = Path(__file__).parent / "golden" / "files"
EXPECTED = dict(np.load(GOLDEN / "expected.npz"))
CASES = make_files.cases(keras)
FILES = [(name, ".keras") for name in CASES]
FILES += [(name, ".h5") for name in CASES if name not in file_models.WITH_VOCABULARY]
ENGINES = ["reference", "fast"]
pytestmark = pytest.mark.filterwarnings("ignore:.*does not support masking", "ignore:.*one unit")


def same(found, expected):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


# --------------------------------------------------------------------------------------------------
# There and back


@pytest.mark.parametrize(("name", "ending"), FILES)
def test_a_model_comes_back(name, ending, tmp_path):
    model = CASES[name]()
    if name not in file_models.LEARNT:
        fill(model)
    x = inputs_of(name, model)
    expected = outputs(model, x)
    model.save(tmp_path / f"m{ending}")
    copy = load_model(tmp_path / f"m{ending}")
    same(outputs(copy, x), expected)
    assert [w.path.split("/")[-1] for w in copy.weights] == [
        w.path.split("/")[-1] for w in model.weights
    ]


def test_lists_that_properties_make_are_told_apart():
    """A list that was freed on the way would give its id to the next, which then seemed known."""

    made, alive = [], []

    class Made(list):
        pass

    class Inner(keras.Sequential):
        @property
        def layers(self):
            found = Made(super().layers)
            alive[:] = [one() is not None for one in made]
            made.append(weakref.ref(found))
            return found

    x = inputs = keras.Input((2,))
    for _ in range(3):
        x = Inner([layers.Dense(2)])(x)
    model = keras.Model(inputs, x)
    made.clear()
    parts_of(model)
    assert alive[1::2] == [True, True]  # each is asked for twice, first whether it has any


def test_weights_of_hundreds_of_layers_whose_names_are_texts_of_any_length_are_read(tmp_path):
    """So Keras 3 writes the old layout: the names lie in heaps, beside a large rest of the file."""
    model = keras.Sequential([keras.Input((1,)), *(layers.Dense(1) for _ in range(300))])
    with h5py.File(tmp_path / "m.h5", "w") as file:
        names = [layer.name for layer in model.layers]
        file.attrs.create("layer_names", np.array(names, object), dtype=h5py.string_dtype())
        for layer in model.layers:
            group = file.create_group(layer.name)
            paths = [f"{layer.name}/{weight.name}" for weight in layer.weights]
            kind = h5py.string_dtype()
            group.attrs.create("weight_names", np.array(paths, object), dtype=kind)
            for path in paths:
                group[path] = np.ones((1, 1) if path.endswith("kernel") else (1,), "float32")
    model.load_weights(tmp_path / "m.h5")
    assert all((weight == 1).all() for weight in model.get_weights())


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", make_files.KEPT)
@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_files_of_keras_are_read(name, ending, engine):
    with keras.engine(engine):
        model = load_model(GOLDEN / f"{name}{ending}")
        for i, array in enumerate(outputs(model, inputs_of(name, model))):
            np.testing.assert_allclose(array, EXPECTED[f"{name}/{i}"], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", make_files.KEPT)
def test_weights_of_keras_are_read(name):
    model = file_models.WHOLE[name](keras)
    model.load_weights(GOLDEN / f"{name}.weights.h5")
    for i, array in enumerate(outputs(model, inputs_of(name, model))):
        np.testing.assert_allclose(array, EXPECTED[f"{name}/{i}"], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", make_files.TRAINED)
@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_training_that_keras_began_goes_on(name, ending, engine):
    with keras.engine(engine):
        model = load_model(GOLDEN / f"trained_{name}{ending}")
        np.testing.assert_allclose(losses(model), EXPECTED[f"trained_{name}"], rtol=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", file_models.OPTIMIZERS)
@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_training_goes_on_to_the_same_bits(name, ending, engine, tmp_path):
    with keras.engine(engine):
        model = file_models.trained(keras, name)
        model.save(tmp_path / f"m{ending}")
        copy = load_model(tmp_path / f"m{ending}")
        same([losses(copy)], [losses(model)])
        same(copy.get_weights(), model.get_weights())
        same(copy.optimizer.get_weights(), model.optimizer.get_weights())


def test_dropout_goes_on_where_it_was(tmp_path):
    model = keras.Sequential([keras.Input((6,)), layers.Dropout(0.5), layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((8, 6), "float32"), np.ones((8, 1), "float32")
    model.train_on_batch(x, y)
    model.save(tmp_path / "m.keras")
    copy = load_model(tmp_path / "m.keras")
    for _ in range(3):
        assert copy.train_on_batch(x, y) == model.train_on_batch(x, y)


@pytest.mark.parametrize("ending", [".weights.h5", ".safetensors", ".weights.json", ".h5"])
def test_weights_come_back(ending, tmp_path):
    model = file_models.masked(keras)
    fill(model)
    most = {"max_shard_size": 1e-6} if ending == ".weights.json" else {}
    model.save_weights(tmp_path / f"w{ending}", **most)
    if most:
        assert len(list(tmp_path.glob("*.weights.h5"))) > 1
    copy = file_models.masked(keras)
    copy.load_weights(tmp_path / f"w{ending}")
    same(copy.get_weights(), model.get_weights())


def test_weights_are_taken_from_a_whole_model(tmp_path):
    model = file_models.convolutional(keras)
    fill(model)
    for ending in (".keras", ".h5"):
        model.save(tmp_path / f"m{ending}")
        copy = clone_model(model)
        copy.load_weights(tmp_path / f"m{ending}")
        same(copy.get_weights(), model.get_weights())


def test_how_a_model_was_compiled_comes_back(tmp_path):
    model = file_models.shared(keras)
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    model.compile(
        keras.optimizers.Adam(schedule),
        loss={"sum": "mse", "same": keras.losses.Huber(delta=0.5)},
        loss_weights={"sum": 1.0, "same": 0.25},
        metrics={"sum": ["mae", keras.metrics.RootMeanSquaredError(name="rms")]},
    )
    x = {"left": np.ones((4, 3), "float32"), "right": np.zeros((4, 3), "float32")}
    y = {"sum": np.ones((4, 1), "float32"), "same": np.ones((4, 2), "float32")}
    model.fit(x, y, verbose=0)
    for ending in (".keras", ".h5"):
        model.save(tmp_path / f"m{ending}")
        copy = load_model(tmp_path / f"m{ending}")
        assert copy.evaluate(x, y, verbose=0, return_dict=True) == model.evaluate(
            x, y, verbose=0, return_dict=True
        )
        assert float(copy.optimizer.learning_rate) == float(model.optimizer.learning_rate)
        assert not load_model(tmp_path / f"m{ending}", compile=False).compiled


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_a_model_that_was_compiled_and_not_trained_comes_back(ending, tmp_path):
    """Its optimizer has a counter and a learning rate, and no momentum yet."""
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.25), "mse")
    model.save(tmp_path / f"m{ending}")
    copy = load_model(tmp_path / f"m{ending}")
    assert float(copy.optimizer.learning_rate) == 0.25
    x, y = file_models.batch(0)
    assert [copy.train_on_batch(x, y) for _ in range(3)] == [
        model.train_on_batch(x, y) for _ in range(3)
    ]


@pytest.mark.parametrize("ending", [".keras", ".weights.h5"])
def test_an_optimizer_keeps_its_state_where_the_file_has_another(ending, tmp_path):
    """A file from before the first step, or of SGD, has a counter and a learning rate alone."""

    def made(optimizer):
        model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
        model.compile(optimizer, "mse")
        return model

    def written(model):
        (model.save if ending == ".keras" else model.save_weights)(tmp_path / f"m{ending}")

    model, untrained, sgd = made("adam"), made("adam"), made("sgd")
    for step in range(3):
        model.train_on_batch(*file_models.batch(step))
        sgd.train_on_batch(*file_models.batch(step))
    before = model.optimizer.get_weights()
    for other in (untrained, sgd):
        written(other)
        with pytest.warns(UserWarning, match="2 arrays of an optimizer, but 'adam.* has 6"):
            model.load_weights(tmp_path / f"m{ending}")
        same(model.get_weights(), other.get_weights())
        same(model.optimizer.get_weights(), before)


# --------------------------------------------------------------------------------------------------
# A user's own things


@keras.saving.register_keras_serializable(package="files")
class KeptLayer(layers.Layer):
    """A layer with a weight, and a layer in it."""

    def __init__(self, units=2, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.inner = layers.Dense(units)
        self.more = [layers.Dense(units), {"last": layers.Dense(1)}]

    def build(self, input_shape):
        self.scale = self.add_weight((input_shape[-1],), "ones", name="scale")

    def call(self, x):
        return self.more[1]["last"](self.more[0](self.inner(x * self.scale)))

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable(package="files")
class KeptNet(keras.Model):
    """A subclassed model."""

    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.first = KeptLayer(units)
        self.second = layers.Dense(1)

    def call(self, x, training=None):
        return self.second(self.first(x))

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def doubled(x):
    return 2 * x


def test_layers_and_models_of_ones_own_come_back(tmp_path):
    x = np.ones((4, 3), "float32")
    net = KeptNet()
    net(x)
    start = keras.Input((3,))
    for model in (net, keras.Model(start, KeptLayer()(start))):
        fill(model)
        model.save(tmp_path / "m.keras")
        same(outputs(load_model(tmp_path / "m.keras"), x), outputs(model, x))


def test_an_unknown_class_says_what_to_do(tmp_path):
    class Unknown(layers.Layer):
        def call(self, x):
            return x

    start = keras.Input((3,))
    keras.Model(start, Unknown()(start)).save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match=r"Unknown.*custom_objects.*register_keras_serializable"):
        load_model(tmp_path / "m.keras")
    copy = load_model(tmp_path / "m.keras", custom_objects={"Unknown": Unknown})
    same(outputs(copy, np.ones((2, 3), "float32")), [np.ones((2, 3), "float32")])


def test_a_named_function_in_a_lambda(tmp_path):
    start = keras.Input((3,))
    keras.Model(start, layers.Lambda(doubled)(start)).save(tmp_path / "m.keras")
    copy = load_model(tmp_path / "m.keras", custom_objects={"doubled": doubled})
    same(outputs(copy, np.ones((2, 3), "float32")), [np.full((2, 3), 2, "float32")])


def test_a_python_lambda_is_loaded_only_if_it_is_allowed(tmp_path):
    factor = 3.0
    start = keras.Input((3,))
    keras.Model(start, layers.Lambda(lambda x: x * factor)(start)).save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match="safe_mode=False"):
        load_model(tmp_path / "m.keras")
    copy = load_model(tmp_path / "m.keras", safe_mode=False)
    same(outputs(copy, np.ones((2, 3), "float32")), [np.full((2, 3), 3, "float32")])


def test_a_learnt_vocabulary_comes_back(tmp_path):
    layer = layers.TextVectorization()
    layer.adapt(["the cat sat on the mat", "a dog"])
    counts = layers.TextVectorization(output_mode="tf_idf")
    counts.adapt(["the cat sat on the mat", "a dog"])
    start = keras.Input((1,), dtype="string")
    model = keras.Model(start, [layer(start), counts(start)])
    model.save(tmp_path / "m.keras")
    copy = load_model(tmp_path / "m.keras")
    text = np.array([["the dog sat"], ["unknown words"]], dtype=object)
    same(outputs(copy, text), outputs(model, text))


def test_a_config_of_keras_says_the_same_after_a_copy():
    for name in make_files.KEPT:
        with zipfile.ZipFile(GOLDEN / f"{name}.keras") as archive:
            config = json.loads(archive.read("config.json"))
        model = model_from_json(json.dumps(config))
        copy = model_from_json(model.to_json())
        assert json.loads(copy.to_json()) == json.loads(model.to_json())


# --------------------------------------------------------------------------------------------------
# What does not fit


def test_weights_of_another_model_are_refused_and_nothing_changes(tmp_path):
    small = keras.Sequential([keras.Input((3,)), layers.Dense(4), layers.Dense(1)])
    large = keras.Sequential([keras.Input((3,)), layers.Dense(4), layers.Dense(2)])
    before = small.get_weights()
    for ending in (".weights.h5", ".safetensors", ".h5"):
        large.save_weights(tmp_path / f"w{ending}")
        with pytest.raises(Damaged, match=r"\(4, 2\)"):
            small.load_weights(tmp_path / f"w{ending}")
        same(small.get_weights(), before)
        with pytest.warns(UserWarning, match="keeps its"):
            small.load_weights(tmp_path / f"w{ending}", skip_mismatch=True)
        same(small.get_weights()[2:], before[2:])
        same(small.get_weights()[:2], large.get_weights()[:2])
        small.set_weights(before)


def test_layers_are_matched_by_name(tmp_path):
    first = keras.Sequential([keras.Input((3,)), layers.Dense(4, name="a"), layers.Dense(2)])
    second = keras.Sequential(
        [keras.Input((3,)), layers.Dense(5, name="x"), layers.Dense(3), layers.Dense(4, name="a")]
    )
    first.save_weights(tmp_path / "w.h5")
    before = second.get_weights()
    with pytest.raises(Damaged, match="2 layers"):
        second.load_weights(tmp_path / "w.h5")
    second.load_weights(tmp_path / "w.h5", by_name=True)
    same(second.get_weights()[:4], before[:4])
    same(second.get_weights()[4:], first.get_weights()[:2])


def test_senseless_paths_are_refused(tmp_path):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    with pytest.raises(ValueError, match=r"\.keras"):
        model.save(tmp_path / "model")
    with pytest.raises(ValueError, match=r"\.weights\.h5"):
        model.save_weights(tmp_path / "weights.txt")
    with pytest.raises(FileNotFoundError, match="no file"):
        load_model(tmp_path / "nothing.keras")
    with pytest.raises(FileNotFoundError, match="does not exist: make it"):
        model.save(tmp_path / "missing" / "m.keras")
    model.save(tmp_path / "m.keras")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        model.save(tmp_path / "m.keras", overwrite=False)
    model.save_weights(tmp_path / "w.h5")
    with pytest.raises(Damaged, match="weights alone"):
        load_model(tmp_path / "w.h5")
    with pytest.raises(ValueError, match="has no weights"):
        keras.Sequential([layers.Dense(1)]).load_weights(tmp_path / "w.h5")
    assert not list(tmp_path.glob(".*")), "a temporary file is left"


def test_a_weight_without_a_place_is_not_left_out(tmp_path):
    class Hidden(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self._track(layers.Dense(2))

        def call(self, x):
            return self._sublayers[0](x)

    start = keras.Input((3,))
    model = keras.Model(start, Hidden()(start))
    with pytest.raises(ValueError, match="no place in a file"):
        model.save(tmp_path / "m.keras")


# --------------------------------------------------------------------------------------------------
# Files of Keras 1 and 2, written here as those wrote them


def write_old(path, config, groups, version):
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config).encode()
        file.attrs["keras_version"] = version
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = [name.encode() for name in groups]
        for name, arrays in groups.items():
            group = weights.create_group(name)
            group.attrs["weight_names"] = [key.encode() for key in arrays]
            for key, array in arrays.items():
                group.create_dataset(key, data=array)


def test_a_sequential_of_keras_1_is_read(tmp_path):
    rng = np.random.default_rng(0)
    gates = [rng.random((n, 4)).astype("float32") for n in (3, 4)]
    kernels = {f"lstm_1_{w}_{g}": rng.random(s).astype("float32")
               for g in "icfo" for w, s in (("W", (3, 4)), ("U", (4, 4)), ("b", (4,)))}  # fmt: skip
    dense = {"dense_1_W": gates[1][:, :2], "dense_1_b": np.zeros(2, "float32")}
    config = {
        "class_name": "Sequential",
        "config": [
            {
                "class_name": "LSTM",
                "config": {
                    "name": "lstm_1",
                    "trainable": True,
                    "batch_input_shape": [None, 5, 3],
                    "output_dim": 4,
                    "init": "glorot_uniform",
                    "inner_init": "orthogonal",
                    "activation": "tanh",
                    "inner_activation": "sigmoid",
                    "return_sequences": False,
                },
            },
            {
                "class_name": "Dense",
                "config": {
                    "name": "dense_1",
                    "trainable": True,
                    "output_dim": 2,
                    "init": "glorot_uniform",
                    "activation": "linear",
                    "bias": True,
                    "input_dim": None,
                },
            },
        ],
    }
    write_old(tmp_path / "m.h5", config, {"lstm_1": kernels, "dense_1": dense}, "1.2.2")
    model = load_model(tmp_path / "m.h5")
    new = keras.Sequential([keras.Input((5, 3)), layers.LSTM(4), layers.Dense(2)])
    order = "ifco"
    new.set_weights(
        [np.concatenate([kernels[f"lstm_1_{w}_{g}"] for g in order], axis=-1) for w in "WUb"]
        + list(dense.values())
    )
    x = rng.random((2, 5, 3)).astype("float32")
    same(outputs(model, x), outputs(new, x))


def test_a_convolution_of_keras_1_on_theano_is_read(tmp_path):
    """Its kernels are (filters, channels, rows, columns), and it convolved: they were turned."""
    kernel = np.arange(2 * 3 * 2 * 2, dtype="float32").reshape(2, 3, 2, 2)
    config = {
        "class_name": "Sequential",
        "config": [
            {
                "class_name": "Convolution2D",
                "config": {
                    "name": "convolution2d_1",
                    "trainable": True,
                    "batch_input_shape": [None, 4, 4, 3],
                    "nb_filter": 2,
                    "nb_row": 2,
                    "nb_col": 2,
                    "border_mode": "valid",
                    "subsample": [1, 1],
                    "dim_ordering": "tf",
                    "bias": True,
                },
            }
        ],
    }
    arrays = {"convolution2d_1_W": kernel, "convolution2d_1_b": np.zeros(2, "float32")}
    write_old(tmp_path / "m.h5", config, {"convolution2d_1": arrays}, "1.2.2")
    model = load_model(tmp_path / "m.h5")
    np.testing.assert_array_equal(model.get_weights()[0], kernel.transpose(2, 3, 1, 0)[::-1, ::-1])


def test_a_functional_model_of_keras_2_is_read(tmp_path):
    rng = np.random.default_rng(0)

    def dense(name, units, before):
        return {
            "name": name,
            "class_name": "Dense",
            "config": {
                "name": name,
                "trainable": True,
                "units": units,
                "activation": "relu",
                "use_bias": True,
                "kernel_initializer": {
                    "class_name": "VarianceScaling",
                    "config": {
                        "scale": 1.0,
                        "mode": "fan_avg",
                        "distribution": "uniform",
                        "seed": None,
                    },
                },
                "bias_initializer": {"class_name": "Zeros", "config": {}},
                "kernel_regularizer": None,
                "bias_regularizer": None,
                "activity_regularizer": None,
                "kernel_constraint": None,
                "bias_constraint": None,
            },
            "inbound_nodes": [[[name, 0, 0, {}] for name in before]],
        }

    start = {
        "name": "input_1",
        "class_name": "InputLayer",
        "config": {
            "batch_input_shape": [None, 3],
            "dtype": "float32",
            "sparse": False,
            "name": "input_1",
        },
        "inbound_nodes": [],
    }
    add = {
        "name": "add_1",
        "class_name": "Add",
        "config": {"name": "add_1", "trainable": True},
        "inbound_nodes": [[["dense_1", 0, 0, {}], ["dense_2", 0, 0, {}]]],
    }
    config = {
        "class_name": "Model",
        "config": {
            "name": "model_1",
            "layers": [
                start,
                dense("dense_1", 4, ["input_1"]),
                dense("dense_2", 4, ["input_1"]),
                add,
            ],
            "input_layers": [["input_1", 0, 0]],
            "output_layers": [["add_1", 0, 0]],
        },
    }
    groups = {"input_1": {}}
    for name in ("dense_1", "dense_2"):
        groups[name] = {
            f"{name}/kernel:0": rng.random((3, 4)).astype("float32"),
            f"{name}/bias:0": rng.random(4).astype("float32"),
        }
    write_old(tmp_path / "m.h5", config, {**groups, "add_1": {}}, "2.2.4")
    model = load_model(tmp_path / "m.h5")
    x = rng.random((2, 3)).astype("float32")
    expected = sum(
        np.maximum(x @ kernel + bias, 0)
        for kernel, bias in (groups[name].values() for name in ("dense_1", "dense_2"))
    )
    np.testing.assert_allclose(outputs(model, x)[0], expected, rtol=1e-6)


def test_operations_that_keras_has_not_come_back(tmp_path):
    start = keras.Input((4,))
    keras.Model(start, ops.normalize(ops.mish(start))).save(tmp_path / "m.keras")
    model = load_model(tmp_path / "m.keras")
    x = np.random.default_rng(0).random((2, 4)).astype("float32")
    same(outputs(model, x), [np.asarray(ops.normalize(ops.mish(x)))])
