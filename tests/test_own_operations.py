"""Operations of one's own, functions made of graphs, scopes, and settings that scripts make."""

import numpy as np
import pytest

import diptych
from diptych import Input, config, layers, ops

X = np.arange(6, dtype="float32").reshape(2, 3)


class Times(diptych.Operation):
    def __init__(self, factor=2.0, *, name=None):
        super().__init__(name=name)
        self.factor = factor

    def call(self, x):
        return x * self.factor


def test_an_operation_of_ones_own():
    times = Times(3.0, name="t")
    np.testing.assert_array_equal(times(X), X * 3)
    assert times.symbolic_call(diptych.KerasTensor((5, 3))).shape == (5, 3)
    with pytest.raises(AttributeError, match="not yet called"):
        times.output  # noqa: B018
    x = Input((3,))
    y = times(x)
    assert (times.input, times.output) == (x, y)
    assert Times.from_config(times.get_config()).factor == 3.0
    assert isinstance(layers.Dense(2), diptych.Operation)


@pytest.mark.parametrize("name", [3, "a/b"])
def test_the_name_of_an_operation(name):
    with pytest.raises(ValueError, match="without '/'"):
        Times(name=name)


def test_an_operation_needs_a_call():
    with pytest.raises(NotImplementedError, match="call"):
        diptych.Operation()(X)


def test_operations_of_ones_own_in_models(tmp_path):
    x = Input((3,), name="i")
    model = diptych.Model(x, Times(3.0, name="t")(layers.Dense(2, name="d")(x)) + 1.0)
    assert [operation.name for operation in model.operations] == ["i", "d", "t", "add"]
    assert [layer.name for layer in model.layers] == ["i", "d"]
    model.compile(diptych.optimizers.SGD(0.001), "mse")
    losses = model.fit(X, np.ones((2, 2)), epochs=3, verbose=0).history["loss"]
    assert losses[0] > losses[-1]
    model.save(tmp_path / "m.keras")
    again = diptych.models.load_model(tmp_path / "m.keras", custom_objects={"Times": Times})
    np.testing.assert_array_equal(again(X), model(X))


def test_a_function_of_a_graph():
    a, b = Input((3,), name="a"), Input((3,), name="b")
    function = diptych.Function([a, b], {"y": ops.add(a, b) * 2.0}, name="f")
    np.testing.assert_array_equal(function([X, X])["y"], 4 * X)
    assert [operation.name for operation in function.operations] == ["a", "b", "add", "multiply"]
    assert function.inputs == [a, b]
    assert function.compute_output_shape([(5, 3), (5, 3)]) == {"y": (5, 3)}
    assert function([a, b])["y"].shape == (None, 3)
    for wrong in ([X], [X, X[:, :2]]):
        with pytest.raises(ValueError, match="takes inputs of shapes"):
            function(wrong)
    with pytest.raises(ValueError, match="not among"):
        diptych.Function(a, ops.add(a, b))
    with pytest.raises(ValueError, match="symbolic"):
        diptych.Function(X, a)


def test_a_convolution_whose_kernel_is_changed():
    class Centred(layers.Conv2D):
        def convolution_op(self, inputs, kernel):
            return super().convolution_op(inputs, kernel - ops.mean(kernel))

    x = np.random.default_rng(1).random((2, 5, 5, 3), "float32")
    for data_format in ("channels_last", "channels_first"):
        images = x if data_format == "channels_last" else np.moveaxis(x, -1, 1)
        mine, plain = (
            cls(4, 3, activation="relu", bias_initializer="ones", data_format=data_format)
            for cls in (Centred, layers.Conv2D)
        )
        mine(images), plain(images)
        kernel, bias = mine.get_weights()
        plain.set_weights([kernel - kernel.mean(), bias])
        np.testing.assert_allclose(mine(images), plain(images), rtol=1e-5, atol=1e-5)


def test_name_scopes_are_in_paths():
    with diptych.name_scope("a"), diptych.name_scope("b"):
        variable = diptych.Variable(1.0, name="v")
        layer = layers.Dense(2, name="d")
        layer.build((None, 3))
    assert (variable.path, layer.kernel.path) == ("a/b/v", "a/b/d/kernel")
    for wrong in ("a/b", 3):
        with pytest.raises(ValueError, match="name scope"):
            diptych.name_scope(wrong)


def test_devices_and_rematerialisation():
    with diptych.device("cpu:0"), diptych.SymbolicScope(), diptych.RematScope("full") as scope:
        np.testing.assert_array_equal(diptych.remat(lambda x: x * 2)(X), X * 2)
    assert (scope.mode, scope.output_size_threshold, scope.layer_names) == ("full", 1024, [])
    with pytest.raises(RuntimeError, match="CPU"):
        diptych.device("gpu:0")
    for wrong in (lambda: diptych.device(3), lambda: diptych.RematScope("foo")):
        with pytest.raises(ValueError, match=r"text|mode"):
            wrong()


@pytest.fixture
def limits():
    yield
    config.set_max_epochs(None)
    config.set_max_steps_per_epoch(None)


def test_limits_of_every_training(limits):
    model = diptych.Sequential([Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    config.set_max_epochs(2)
    config.set_max_steps_per_epoch(2)
    x, y = np.ones((10, 3)), np.ones((10, 1))
    with pytest.warns(UserWarning, match=r"epochs is limited to 2|steps_per_epoch is limited to 2"):
        history = model.fit(x, y, batch_size=2, epochs=5, verbose=0).history
    assert len(history["loss"]) == 2
    assert int(model.optimizer.iterations) == 4
    with pytest.warns(UserWarning, match="limited"):
        assert model.predict(x, batch_size=2, verbose=0).shape == (4, 1)
    for wrong in (0, "a", 2.5):
        with pytest.raises(ValueError, match="max_epochs"):
            config.set_max_epochs(wrong)
    assert config.max_epochs() == 2
    assert config.max_steps_per_epoch() == 2


def test_settings_of_other_backends():
    config.set_backend("diptych")
    with pytest.raises(ValueError, match="engines"):
        config.set_backend("jax")
    config.enable_flash_attention()
    config.disable_flash_attention()
    assert not config.is_flash_attention_enabled()
    assert not config.is_nnx_enabled()
    config.disable_traceback_filtering()
    assert not config.is_traceback_filtering_enabled()
    config.enable_traceback_filtering()
    assert config.is_traceback_filtering_enabled()


def test_lambdas_may_be_allowed_for_good(monkeypatch):
    monkeypatch.setattr(config, "_unsafe_deserialization", False)
    with pytest.warns(UserWarning, match="written as its code"):
        described = diptych.utils.serialize_keras_object(layers.Lambda(lambda x: x * 2))
    with pytest.raises(ValueError, match="safe_mode"):
        layers.Lambda.from_config(described["config"])
    config.enable_unsafe_deserialization()
    np.testing.assert_array_equal(layers.Lambda.from_config(described["config"])(X), X * 2)
    with pytest.raises(ValueError, match="safe_mode"):
        layers.Lambda.from_config(described["config"], safe_mode=True)


def test_callbacks_ask_and_answer():
    callback = diptych.callbacks.LambdaCallback(any_name=lambda: 5)
    assert callback.any_name() == 5
    assert diptych.callbacks.EarlyStopping().get_monitor_value({"val_loss": 3.0}) == 3.0
    plateau = diptych.callbacks.ReduceLROnPlateau()
    assert not plateau.in_cooldown()
    plateau.cooldown_counter = 2
    assert plateau.in_cooldown()
    model = diptych.Sequential([Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="mode='max'"):
        model.fit(X, X[:, :1], callbacks=[diptych.callbacks.EarlyStopping("foo")], verbose=0)


def test_the_legacy_optimizers():
    with diptych.legacy.quiet():
        optimizer = diptych.optimizers.legacy.Adam(lr=0.5)
    assert isinstance(optimizer, diptych.optimizers.Adam)
    assert float(optimizer.learning_rate) == 0.5
