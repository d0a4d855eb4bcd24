"""What layers, models, metrics and optimizers are besides their results: configs, states, rules."""

import copy
import pickle

import numpy as np
import pytest

import diptych
from diptych import Input, layers, ops, saving

X = np.arange(8, dtype="float32").reshape(2, 4)


class Plain(layers.Layer):
    """A layer without a get_config of its own."""

    def __init__(self, units, act="relu", **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def call(self, inputs):
        return inputs


def doubled(x):
    return ops.multiply(x, 2.0)


@pytest.fixture
def registered():
    return saving.register_keras_serializable("own", "doubled")(doubled)


def small():
    model = diptych.Sequential(
        [Input((4,)), layers.Dense(2, name="d"), layers.Dropout(0.5)], name="m"
    )
    model.compile("adam", "mse", metrics=["mae"])
    return model


# --------------------------------------------------------------------------------------------------
# Configs


def test_arguments_are_the_config_of_a_class_without_one():
    layer = Plain(3, name="foo")
    config = layer.get_config()
    assert config["units"] == 3
    assert config["act"] == "relu"
    again = Plain.from_config(config)
    assert (again.units, again.name) == (3, "foo")

    class Model(diptych.Model):
        def __init__(self, units=2):
            super().__init__()
            self.dense = layers.Dense(units)

        def call(self, inputs):
            return self.dense(inputs)

    model = Model(3)
    model(X)
    assert model.get_config() == {"units": 3}
    assert diptych.models.clone_model(model).dense.units == 3


@pytest.mark.parametrize("argument", [layers.Dense(2), object(), [layers.Dense(2)]], ids=str)
def test_objects_among_the_arguments_need_a_config(argument):
    with pytest.raises(NotImplementedError, match=r"get_config.*units"):
        Plain(argument).get_config()


def test_the_config_of_input_spec():
    spec = diptych.InputSpec(shape=(None, 3), axes={-1: 3}, dtype="float32")
    again = diptych.InputSpec.from_config(spec.get_config())
    assert again.get_config() == spec.get_config()
    assert repr(diptych.InputSpec(ndim=3, axes={-1: 3})) == "InputSpec(ndim=3, axes={-1: 3})"


def test_values_in_plain_words_and_back():
    write, read = saving.serialize_keras_object, saving.deserialize_keras_object
    assert write([1, (2, None, np.float64(0.5))]) == [1, (2, None, 0.5)]
    assert type(write((np.float64(1.0),))[0]) is float
    symbolic = read(write({"x": diptych.KerasTensor((None, 3), "int32")}))["x"]
    assert (symbolic.shape, symbolic.dtype) == ((None, 3), "int32")
    assert read(write(slice(1, 3))) == slice(1, 3)
    with pytest.warns(UserWarning, match="written as its code"):
        assert write([lambda x: x])[0]["class_name"] == "__lambda__"


def test_ones_own_store_has_a_place_for_every_weight():
    layer, built = layers.Dense(3), layers.Dense(3)
    built.build((None, 4))
    with pytest.raises(ValueError, match=r"has 2 weights of its own.*was given 1: \['0'\]"):
        built.load_own_variables({"0": np.ones((4, 3))})
    with pytest.raises(ValueError, match="was not built"):
        layer.load_own_variables({"0": np.ones((4, 3)), "1": np.ones(3)})


@pytest.mark.filterwarnings("ignore:A lambda is written")
def test_a_lambda_of_a_file_is_made_only_where_it_is_allowed():
    config = layers.Lambda(lambda x: x * 2).get_config()
    config["function"] = diptych.utils.serialize_keras_object(config["function"])
    with pytest.raises(ValueError, match="safe_mode"):
        layers.Lambda.from_config(config)
    layer = layers.Lambda.from_config(config, safe_mode=False)
    np.testing.assert_array_equal(layer(X), X * 2)


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.Dense(2, activation=doubled),
        lambda: layers.Activation(doubled),
        lambda: layers.Conv1D(2, 1, activation=doubled),
        lambda: layers.SimpleRNN(2, activation=doubled),
        lambda: layers.EinsumDense("ab,bc->ac", (2,), activation=doubled),
    ],
)
@pytest.mark.usefixtures("registered")
def test_an_activation_of_ones_own_is_written_under_its_registered_name(make):
    layer = make()
    written = layer.get_config()["activation"]
    assert written == {
        "module": "builtins",
        "class_name": "function",
        "config": "own>doubled",
        "registered_name": "function",
    }
    assert type(layer).from_config(layer.get_config()).activation is doubled
    assert diptych.activations.deserialize(written) is doubled
    # As it was written before.
    assert (
        saving.deserialize_keras_object(
            {**written, "config": "doubled", "registered_name": "own>doubled"}
        )
        is doubled
    )


@pytest.mark.usefixtures("registered")
def test_models_with_activations_of_ones_own_come_back_from_files(tmp_path):
    model = diptych.Sequential([Input((4,)), layers.Dense(2, activation=doubled)])
    model.save(tmp_path / "m.keras")
    again = diptych.models.load_model(tmp_path / "m.keras")
    assert again.layers[0].activation is doubled
    np.testing.assert_array_equal(again(X), model(X))
    assert diptych.models.model_from_json(model.to_json()).layers[0].activation is doubled


@pytest.mark.filterwarnings("ignore:A lambda is written")
def test_a_lambda_as_an_activation_is_cloned_but_read_only_where_it_is_allowed(tmp_path):
    model = diptych.Sequential([Input((4,)), layers.Dense(2, activation=lambda x: x * 3)])
    copy_ = diptych.models.clone_model(model)
    assert copy_.layers[0].activation is model.layers[0].activation
    model.save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match="safe_mode"):
        diptych.models.load_model(tmp_path / "m.keras")
    again = diptych.models.load_model(tmp_path / "m.keras", safe_mode=False)
    np.testing.assert_array_equal(again(X), model(X))


def test_lambda_layers_write_what_they_were_given():
    assert {"mask", "output_shape"}.isdisjoint(layers.Lambda(doubled).get_config())
    config = layers.Lambda(doubled, output_shape=(4,)).get_config()
    assert config["output_shape"] == (4,)


# --------------------------------------------------------------------------------------------------
# Rules of symbolic tensors


@pytest.mark.parametrize("shape", [(-1, 2), (2.0,), None, 3, "a", ("a", 2)], ids=str)
def test_what_is_no_shape_is_refused(shape):
    with pytest.raises(ValueError, match="A shape is a tuple of whole numbers"):
        diptych.KerasTensor(shape)
    if isinstance(shape, tuple):
        with pytest.raises(ValueError, match="A shape is a tuple of whole numbers"):
            Input(shape)


def test_the_sizes_of_a_shape_are_python_numbers():
    shape = diptych.KerasTensor((np.int64(2), None)).shape
    assert shape == (2, None)
    assert type(shape[0]) is int
    with pytest.raises(ValueError, match=r"`tensor` as a symbolic tensor.*got ndarray"):
        Input(tensor=X)


def test_a_symbolic_tensor_is_no_number_and_no_list():
    x = diptych.KerasTensor(())
    for kind in (float, int, complex):
        with pytest.raises(ValueError, match="no number can be made of it"):
            kind(x)
    with pytest.raises(NotImplementedError, match="cannot be iterated over"):
        list(diptych.KerasTensor((2, 3)))
    assert round(diptych.KerasTensor((2, 3))).shape == (2, 3)
    np.testing.assert_allclose(round(ops.convert_to_tensor([1.26, -0.5]), 1), [1.3, -0.5])


# --------------------------------------------------------------------------------------------------
# States


def test_the_seed_of_a_dropout_is_among_its_variables():
    layer = layers.Dropout(0.5, seed=3)
    (state,) = layer.variables
    assert state.path == "seed_generator/seed_generator_state"
    assert (layer.weights, layer.non_trainable_variables) == ([], [state])
    values = state.numpy()
    first = layer(X, training=True).numpy()
    assert not np.array_equal(state.numpy(), values)
    state.assign(values)
    np.testing.assert_array_equal(layer(X, training=True), first)
    assert layer.count_params() == 0


def test_copies_of_a_seed_generator_have_a_state_of_their_own():
    generator = diptych.random.SeedGenerator(5)
    for duplicate in (copy.deepcopy, lambda state: pickle.loads(pickle.dumps(state))):
        again = duplicate(generator.state)
        np.testing.assert_array_equal(again, generator.state)
        generator.next()
        assert not np.array_equal(again, generator.state)
    with pytest.raises(ValueError, match="shape"):
        generator.state.assign([1, 2])


def test_metrics_of_a_layer():
    class Counting(layers.Layer):
        def __init__(self):
            super().__init__()
            self.sums = [diptych.metrics.Sum(name="a")]
            self.dense = layers.Dense(2)

        def call(self, inputs):
            self.sums[0].update_state(inputs)
            return self.dense(inputs)

    layer = Counting()
    layer(X)
    assert [metric.name for metric in layer.metrics] == ["a"]
    assert [v.path for v in layer.metrics_variables] == ["a/total"]
    assert len(layer.variables) == 2
    with pytest.raises(NotImplementedError, match="update_state"):
        layer.add_metric(3.0)


def test_stateless_call():
    layer = layers.BatchNormalization()
    layer.build((2, 4))
    ours = layer.get_weights()
    values = [v.numpy() + 1 for v in layer.non_trainable_variables]
    y, new = layer.stateless_call(layer.trainable_variables, values, X, training=True)
    assert y.shape == (2, 4)
    np.testing.assert_allclose(new[0], 0.99 * values[0] + 0.01 * X.mean(axis=0), rtol=1e-6)
    for mine, before in zip(layer.get_weights(), ours, strict=True):
        np.testing.assert_array_equal(mine, before)


def test_stateless_calls_of_a_dropout_repeat_themselves_and_leave_it():
    layer = layers.Dropout(0.5, seed=1)
    states = [v.numpy() for v in layer.variables]
    x = np.ones((4, 50), "float32")
    one, (after,) = layer.stateless_call([], states, x, training=True)
    two, _ = layer.stateless_call([], states, x, training=True)
    three, _ = layer.stateless_call([], [after], x, training=True)
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, three)
    np.testing.assert_array_equal(layer.variables[0], states[0])


def test_stateless_call_returns_losses():
    layer = layers.Dense(1, kernel_regularizer="l2", use_bias=False)
    layer.build((2, 4))
    _, _, (loss,) = layer.stateless_call([np.ones((4, 1))], [], X, return_losses=True)
    assert float(loss) == pytest.approx(0.04)


def test_stateless_calls_need_a_value_for_each_variable():
    layer = layers.Dense(1)
    with pytest.raises(ValueError, match="no variables yet"):
        layer.stateless_call([], [], X)
    layer.build((2, 4))
    with pytest.raises(ValueError, match=r"trainable_variables.*2 variables.*got 1"):
        layer.stateless_call([np.ones((4, 1))], [], X)
    metric = diptych.metrics.Mean()
    with pytest.raises(ValueError, match="metric_variables"):
        metric.stateless_result([1.0])
    optimizer = diptych.optimizers.SGD()
    with pytest.raises(ValueError, match="build"):
        optimizer.stateless_apply([], [], [])


def test_stateless_metrics():
    metric = diptych.metrics.Mean()
    metric.update_state([10.0])
    values = metric.stateless_update_state([0.0, 0.0], [1.0, 2.0, 3.0])
    assert [float(v) for v in values] == [6.0, 3.0]
    assert metric.stateless_result(values) == 2.0
    assert [float(v) for v in metric.stateless_reset_state()] == [0.0, 0.0]
    assert metric.result() == 10.0


def test_stateless_apply_makes_the_update_of_apply():
    start, gradient = np.ones((2, 1), "float32"), np.full((2, 1), 3.0, "float32")
    variable = diptych.Variable(start)
    optimizer = diptych.optimizers.Adam(0.1)
    optimizer.build([variable])
    own = [v.numpy() for v in optimizer.variables]
    (value,), after = optimizer.stateless_apply(own, [gradient], [start])
    np.testing.assert_array_equal(variable, start)
    assert int(optimizer.iterations) == 0
    optimizer.apply([gradient], [variable])
    np.testing.assert_array_equal(value, variable)
    for left, right in zip(after, optimizer.variables, strict=True):
        np.testing.assert_array_equal(left, right)


def test_stateless_scope():
    variable, other = diptych.Variable(np.ones(2)), diptych.Variable(np.ones(2))
    with diptych.StatelessScope([(variable, np.zeros(2))], collect_losses=True) as scope:
        np.testing.assert_array_equal(variable.value, [0, 0])
        variable.assign([5, 5])
        scope.add_update((other, [7, 7]))
        scope.add_loss(3.0)
    for one, inside in ((variable, [5, 5]), (other, [7, 7])):
        np.testing.assert_array_equal(one, [1, 1])
        np.testing.assert_array_equal(scope.get_current_value(one), inside)
    assert scope.get_current_value(diptych.Variable(1.0)) is None
    assert scope.losses == [3.0]
    for wrong in ([(3, 4)], [(variable, np.zeros(3))]):
        with pytest.raises(ValueError, match="state_mapping"):
            diptych.StatelessScope(wrong)


def test_the_loss_of_other_values():
    model = small()
    y = np.zeros((2, 2), "float32")
    given = [np.ones((4, 2)), np.zeros(2)], [v.numpy() for v in model.non_trainable_variables], []
    weights = model.get_weights()
    with pytest.raises(ValueError, match="metrics_variables"):
        model.stateless_compute_loss(*given, x=X, y=y, y_pred=y)
    given = (*given[:2], [v.numpy() for v in model.metrics_variables])
    scaled, (loss, y_pred, *_) = model.compute_loss_and_updates(*given, X, y, None)
    np.testing.assert_array_equal(y_pred, X @ np.ones((4, 2)))
    assert float(loss) == float(scaled) == pytest.approx(np.mean(np.square(y_pred)))
    again, _ = model.stateless_compute_loss(*given, x=X, y=y, y_pred=y_pred)
    assert float(again) == float(loss)
    np.testing.assert_array_equal(model.get_weights()[0], weights[0])


def test_state_trees():
    model = small()
    model.fit(X, np.ones((2, 2)), verbose=0)
    tree = model.get_state_tree("numpy_array")
    (optimizer,) = tree["optimizer_variables"].values()
    assert set(optimizer) >= {"iteration", "learning_rate"}
    other = small()
    other.optimizer.build(other.trainable_variables)
    with pytest.raises(ValueError, match="has no"):
        other.set_state_tree({"trainable_variables": {"e": {"kernel": 1}}})
    with pytest.raises(ValueError, match="parts"):
        other.set_state_tree({"weights": {}})
    other.set_state_tree({"trainable_variables": tree["trainable_variables"]})
    np.testing.assert_array_equal(other(X), model(X))


def test_step_functions_take_an_iterator():
    model, twin = small(), small()
    twin.set_weights(model.get_weights())
    data = [(X, np.ones((2, 2), "float32"))] * 3
    model.layers[1].rate = twin.layers[1].rate = 0
    step = model.make_train_function()
    assert step is model.train_function
    iterator = iter(data)
    logs = [step(iterator) for _ in data]
    for x, y in data:
        twin.train_on_batch(x, y)
    np.testing.assert_array_equal(model.get_weights()[0], twin.get_weights()[0])
    assert set(logs[0]) == {"loss", "mae"}
    assert set(model.make_test_function()(iter(data))) == {"loss", "mae"}
    np.testing.assert_array_equal(model.make_predict_function()(iter(data)), model.predict(X))


# --------------------------------------------------------------------------------------------------
# Rules


def test_weights_and_layers_come_before_the_end_of_build():
    layer = layers.Dense(2)
    layer.build((None, 4))
    with pytest.raises(ValueError, match=r"is built.*'q'.*too late"):
        layer.add_weight((2,), name="q")
    for late in (
        diptych.Variable(1.0),
        layers.Dense(2),
        [layers.Dense(2)],
        diptych.metrics.Mean(),
        diptych.random.SeedGenerator(1),
    ):
        with pytest.raises(ValueError, match="too late"):
            layer.late = late
        assert not hasattr(layer, "late")
    layer.late = {"a": 3}

    class Late(layers.Layer):
        def call(self, inputs):
            self.dense = layers.Dense(3)
            return self.dense(inputs)

    with pytest.raises(ValueError, match="too late"):
        Late()(X)


def test_a_build_that_calls_that_of_its_base_may_add_weights():
    class More(layers.Dense):
        def build(self, input_shape):
            super().build(input_shape)
            self.scale = self.add_weight((), "ones", name="scale")

    layer = More(2)
    layer(X)
    assert len(layer.weights) == 3


def test_graphs_and_stacks_may_grow():
    model = diptych.Sequential([Input((4,)), layers.Dense(2)])
    model.build()
    model.add(layers.Dense(1))
    assert model(X).shape == (2, 1)
    x = Input((4,))
    model = diptych.Model(x, layers.Dense(2)(x))
    model.head = layers.Dense(3)


def test_a_deleted_weight_is_gone():
    layer = layers.Dense(2)
    layer.build((None, 4))
    del layer.bias
    assert [v.name for v in layer.weights] == ["kernel"]


@pytest.mark.parametrize("trainable", ["yes", 1, None])
def test_trainable_is_true_or_false(trainable):
    with pytest.raises(ValueError, match="True or False"):
        layers.Dense(2, trainable=trainable)


def test_the_name_of_a_weight_goes_by_keyword():
    with pytest.raises(ValueError, match="name='w'"):
        layers.Layer().add_weight("w")
    variable = layers.Layer(name="q").add_variable((2,), "zeros", name="s")
    assert variable.path == "q/s"


def test_a_build_of_several_shapes_names_the_arguments_of_call():
    class Two(layers.Layer):
        def build(self, a_shape, b_shape):
            self.shapes = (a_shape, b_shape)

        def call(self, a, b):
            return a

    layer = Two()
    layer(X, X[:, :3])
    assert layer.shapes == ((2, 4), (2, 3))

    class Odd(Two):
        def build(self, foo, bar):
            pass

    with pytest.raises(ValueError, match=r"build\(foo, bar\).*'foo'"):
        Odd()(X, X)


def test_a_layer_of_ones_own_has_no_rule_for_its_shape():
    class Twice(layers.Layer):
        def call(self, inputs):
            return inputs, inputs * 2

    with pytest.raises(NotImplementedError, match="compute_output_spec"):
        Twice().compute_output_shape((2, 3))
    outputs = Twice().symbolic_call(diptych.KerasTensor((2, 3)))
    assert [y.shape for y in outputs] == [(2, 3), (2, 3)]
    assert isinstance(outputs, tuple)
    assert layers.TimeDistributed(Plain(3)).compute_output_shape((2, 3, 4)) == (2, 3, 4)


@pytest.mark.parametrize("kind", [tuple, list])
def test_structures_of_shapes_keep_their_kind(kind):
    class Both(layers.Layer):
        def call(self, inputs):
            return kind((inputs, inputs))

        def compute_output_shape(self, input_shape):
            return kind((input_shape, input_shape))

    assert type(Both()(Input((3,)))) is kind
    assert type(Both().compute_output_spec(diptych.KerasTensor((2, 3)))) is kind


@pytest.mark.parametrize("noise_shape", [3, (0, 1), "ab", (-1, 1), (2.5, 1)])
def test_a_noise_shape_is_a_shape(noise_shape):
    with pytest.raises(ValueError, match="noise_shape"):
        layers.Dropout(0.5, noise_shape=noise_shape)


def test_a_noise_shape_fits_the_input():
    with pytest.raises(ValueError, match=r"noise_shape \(2, 3\)"):
        layers.Dropout(0.5, noise_shape=(2, 3))(X, training=True)


@pytest.mark.parametrize("n", [0, -1])
def test_repeat_vector_repeats(n):
    with pytest.raises(ValueError, match="n > 0"):
        layers.RepeatVector(n)


def test_an_activation_may_become_none():
    for layer, x in (
        (layers.Dense(2, activation="softmax"), X),
        (layers.Conv1D(2, 1, activation="relu"), X[..., None]),
        (layers.EinsumDense("ab,bc->ac", 2, activation="relu"), X),
    ):
        layer(x)
        layer.activation = None
        assert layer(x).numpy().min() < 0 or not np.allclose(layer(x).numpy().sum(-1), 1)
        assert layer.compute_output_shape(x.shape)[-1] == 2
        assert layer.get_config()["activation"] == "linear"


def test_masks_of_rows_broadcast():
    x = np.arange(24, dtype="float32").reshape(2, 3, 4)
    for mask in ([[True, True, False]], [[True], [False]]):
        one, two = layers.BatchNormalization(), layers.BatchNormalization()
        one(x, training=True, mask=np.array(mask))
        two(x, training=True, mask=np.broadcast_to(mask, (2, 3)))
        np.testing.assert_array_equal(one.moving_mean, two.moving_mean)
    with pytest.raises(ValueError, match="one axis less"):
        layers.BatchNormalization()(x, training=True, mask=np.ones((2, 2), bool))


def test_merging_takes_shapes_in_tuples_and_masks_in_lists():
    assert layers.Add().compute_output_shape(((2, 3), (2, 3))) == (2, 3)
    assert layers.Concatenate().compute_output_shape(((2, 3), (2, 4))) == (2, 7)
    assert layers.Dot(axes=1).compute_output_shape(((2, 3), (2, 3))) == (2, 1)
    with pytest.raises(ValueError, match="one tensor"):
        layers.Add().compute_output_shape((2, 3))
    for layer in (layers.Add(), layers.Concatenate()):
        assert layer.compute_mask([X, X]) is None
        for inputs, mask in (([X, X], np.ones(2)), (X, [None]), ([X, X], [None])):
            with pytest.raises(ValueError, match="a list"):
                layer.compute_mask(inputs, mask)
    mask = np.array([[True, False]])
    assert layers.Attention().compute_mask([X, X], mask=[mask, None]) is mask


# --------------------------------------------------------------------------------------------------
# Copies


def graph():
    x = Input((4,), name="i")
    y = layers.Dense(3, name="d")(x) + 1.0
    return diptych.Model(x, ops.concatenate([2.0 * y - y / 3.0, y[:, :2]], axis=1), name="g")


def test_operators_of_a_graph_are_copied():
    model = graph()
    for other in (
        diptych.models.clone_model(model),
        diptych.models.clone_model(model, input_tensors=Input((4,), name="j")),
        diptych.Model.from_config(model.get_config()),
    ):
        other.set_weights(model.get_weights())
        np.testing.assert_array_equal(other(X), model(X))


def test_copies_begin_with_given_inputs():
    start = Input((4,), name="j")
    assert diptych.models.clone_model(graph(), input_tensors=start).inputs == [start]
    later = layers.Dense(4)(start)
    assert diptych.models.clone_model(graph(), input_tensors=later).inputs[0] is not later
    stack = diptych.Sequential([Input((4,)), layers.Dense(3)])
    assert diptych.models.clone_model(stack, input_tensors=start).input_names == ["j"]
    for wrong in (X, [start, start]):
        with pytest.raises(ValueError, match="input_tensors"):
            diptych.models.clone_model(graph(), input_tensors=wrong)


@pytest.mark.parametrize("recursive", [False, True])
def test_a_function_makes_the_layers_of_a_copy(recursive):
    inner = diptych.Sequential([Input((4,)), layers.Dense(4)], name="inner")
    x = Input((4,))
    model = diptych.Model(x, layers.Dense(2, name="last")(inner(x)))
    seen = []

    def make(layer):
        seen.append(type(layer).__name__)
        return layer.from_config({**layer.get_config(), "name": f"new_{layer.name}"})

    clone = diptych.models.clone_model(model, clone_function=make, recursive=recursive)
    assert seen == ["Dense" if recursive else "Sequential", "Dense"]
    assert clone.layers[-1].name == "new_last"
    with pytest.raises(TypeError, match="expected a layer"):
        diptych.models.clone_model(model, clone_function=lambda layer: 3)
    with pytest.raises(TypeError, match="is a function"):
        diptych.models.clone_model(model, clone_function=3)


def test_a_function_makes_the_calls_of_a_copy():
    x = Input((4,))
    model = diptych.Model(x, layers.Dense(4, name="a")(layers.Dense(4, name="b")(x)))

    def call(layer, *args, **kwargs):
        return layers.ReLU()(layer(*args, **kwargs))

    clone = diptych.models.clone_model(model, call_function=call)
    kinds = [type(layer).__name__ for layer in clone.layers]
    assert kinds == ["InputLayer", "Dense", "ReLU", "Dense", "ReLU"]
    with pytest.raises(ValueError, match="Sequential"):
        diptych.models.clone_model(diptych.Sequential([x]), call_function=call)


def test_a_copy_of_a_compiled_model_is_compiled():
    def own_loss(y_true, y_pred):
        return ops.mean(ops.abs(y_true - y_pred))

    model = graph()
    metric = diptych.metrics.MeanAbsoluteError(name="e")
    model.compile(diptych.optimizers.SGD(0.5), own_loss, metrics=[metric])
    clone = diptych.models.clone_model(model)
    assert clone.compiled
    assert clone.optimizer is not model.optimizer
    assert float(clone.optimizer.learning_rate) == 0.5
    clone.fit(X, np.ones((2, 5)), verbose=0)
    assert metric.result() == 0


@saving.register_keras_serializable("Objects")
class Holder(layers.Layer):
    """A layer whose config holds objects as they are, as Keras's guide to saving has it."""

    def __init__(self, first, things=(), **kwargs):
        super().__init__(**kwargs)
        self.first, self.things = first, things

    def get_config(self):
        return {**super().get_config(), "first": self.first, "things": self.things}

    @classmethod
    def from_config(cls, config):
        config["first"] = layers.deserialize(config["first"])
        return cls(**config)

    def call(self, inputs):
        return self.first(inputs)


@pytest.mark.parametrize("kind", ["functional", "sequential", "layer"])
def test_objects_in_a_config_are_described(kind):
    things = [diptych.regularizers.L2(0.1), (diptych.initializers.Zeros(), 2), {"f": ops.relu}]
    holder = Holder(layers.Dense(3, name="d"), things, name="h")
    x = Input((4,))
    if kind == "functional":
        model = diptych.Model(x, holder(x))
    else:
        model = diptych.Sequential([x, holder] if kind == "sequential" else [holder])
    config = layers.serialize(holder) if kind == "layer" else model.get_config()
    entry = config if kind == "layer" else config["layers"][1]
    inner = entry["config"]
    assert inner["first"]["class_name"] == "Dense"
    assert inner["first"]["config"]["units"] == 3
    assert [type(part) for part in inner["things"]] == [dict, tuple, dict]
    assert inner["things"][0]["config"] == {"l2": 0.1}
    assert inner["things"][1][0]["module"] == "keras.initializers"
    assert inner["things"][2]["f"]["class_name"] == "function"
    assert isinstance(holder.get_config()["first"], layers.Dense)
    read = layers.deserialize if kind == "layer" else type(model).from_config
    again = read(config)
    found = again if kind == "layer" else again.layers[-1]
    assert isinstance(found, Holder)
    assert found.first.units == 3


def test_how_models_were_built():
    x = Input((4,))
    functional = diptych.Model(x, layers.Dense(2)(x))
    sequential = diptych.Sequential([x, layers.Dense(2)])
    assert functional.get_build_config() == {"input_shape": None}
    assert sequential.get_build_config() == {"input_shape": (None, 4)}
    assert diptych.Sequential([layers.Dense(2)]).get_build_config() is None
    described = saving.serialize_keras_object(functional)
    assert described["build_config"] == {"input_shape": None}
    assert described["compile_config"] == {}


def test_module_objects_of_keras_2_are_further_names():
    known = {"Dense": layers.Dense, "twice": twice, "Thing": dict}
    make = saving.deserialize_keras_object
    assert make("twice", module_objects=known, printable_module_name="thing") is twice
    assert make("Thing", module_objects=known) == {}
    assert make("unheard", module_objects=known) == "unheard"
    dense = make(saving.serialize_keras_object(layers.Dense(3)), module_objects=known)
    assert dense.units == 3
    assert make(["twice"], custom_objects={"twice": abs}) == ["twice"]
    with pytest.raises(TypeError, match="no argument 'objects'"):
        make("twice", objects=known)


def twice(x):
    return 2 * x


def test_a_function_is_no_loss():
    with pytest.raises(ValueError, match=r"add_loss\(\) takes a tensor or a number"):
        layers.Dense(2).add_loss(lambda: 3.0)
