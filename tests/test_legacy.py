"""Old spellings: what they mean today, their notes, and the error about an unknown name."""

import inspect
import re
import warnings

import numpy as np
import pytest

from diptych import callbacks, constraints, layers, legacy, optimizers
from diptych.legacy import (
    AcceptsOldNames,
    LegacySpelling,
    Logs,
    accepts_old,
    current_name,
    tables,
    translate_arguments,
)


@pytest.fixture(autouse=True)
def _fresh_notes():
    legacy.forget_notes()
    yield
    legacy.forget_notes()


# Small classes of today's signatures; their names are what the tables go by.


class Layer(metaclass=AcceptsOldNames):
    def __init__(self, *, name=None, dtype=None):
        self.name = name


Layer.__module__ = "diptych.layers.layer"


class Dense(Layer):
    def __init__(
        self,
        units,
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        kernel_regularizer=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.units = units
        self.use_bias = use_bias
        self.kernel_initializer = kernel_initializer
        self.kernel_regularizer = kernel_regularizer


Dense.__module__ = "diptych.layers.core"


class Embedding(Layer):
    def __init__(self, input_dim, output_dim, embeddings_initializer="uniform", **kwargs):
        super().__init__(**kwargs)
        self.input_dim, self.output_dim = input_dim, output_dim
        self.embeddings_initializer = embeddings_initializer


Embedding.__module__ = "diptych.layers.core"


class Conv2D(Layer):
    def __init__(
        self, filters, kernel_size, strides=(1, 1), padding="valid", data_format=None, **kwargs
    ):
        super().__init__(**kwargs)
        self.filters, self.kernel_size, self.strides = filters, kernel_size, strides
        self.padding, self.data_format = padding, data_format


Conv2D.__module__ = "diptych.layers.convolution"


class Convolution2D(Conv2D):
    pass


class LSTM(Layer):
    def __init__(self, units, unit_forget_bias=True, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        self.units, self.unit_forget_bias, self.dropout = units, unit_forget_bias, dropout


LSTM.__module__ = "diptych.layers.recurrent"


class Optimizer(metaclass=AcceptsOldNames):
    def __init__(self, learning_rate=0.001, clipnorm=None):
        self.learning_rate = learning_rate


class SGD(Optimizer):
    def __init__(self, learning_rate=0.01, momentum=0.0):
        super().__init__(learning_rate)
        self.momentum = momentum


def test_keras_3_arguments_pass_untouched_and_without_a_note():
    layer = Dense(3, use_bias=False, name="d")
    assert (layer.units, layer.use_bias, layer.name) == (3, False, "d")
    assert not hasattr(layer, "_batch_input_shape")


def test_old_names_reach_keras_3_arguments_with_a_note_that_names_them():
    with pytest.warns(LegacySpelling) as notes:
        layer = Dense(output_dim=5, init="he_normal", W_regularizer="l2", bias=False)
    assert (layer.units, layer.kernel_initializer) == (5, "he_normal")
    assert (layer.kernel_regularizer, layer.use_bias) == ("l2", False)
    assert [str(n.message) for n in notes] == [
        "Dense: `output_dim` is now `units`",
        "Dense: `init` is now `kernel_initializer`",
        "Dense: `W_regularizer` is now `kernel_regularizer`",
        "Dense: `bias` is now `use_bias`",
    ]


def test_a_note_is_printed_once_per_spelling_and_shows_the_callers_line():
    with pytest.warns(LegacySpelling) as notes:
        lines = [inspect.currentframe().f_lineno for _ in (5, 6) if Dense(output_dim=_)]
    assert len(notes) == 1
    assert (notes[0].filename, notes[0].lineno) == (__file__, lines[0])


def test_notes_can_be_switched_off_and_come_back():
    with legacy.quiet():
        assert Dense(output_dim=5).units == 5
    with pytest.warns(LegacySpelling):
        Dense(output_dim=5)


def test_where_warnings_are_errors_every_note_is_one():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            with pytest.raises(LegacySpelling):
                Dense(output_dim=5)


def test_the_typo_of_the_tutorial_gets_the_right_suggestion():
    with pytest.raises(TypeError) as error:
        Dense(ouput_dim=10)
    assert str(error.value) == (
        "Dense() has no argument 'ouput_dim': did you mean 'output_dim' (now 'units')?"
    )


@pytest.mark.parametrize(
    ("keyword", "expected"),
    [
        ("unit", "did you mean 'units'?"),
        ("kernel_initialiser", "did you mean 'kernel_initializer'?"),
        ("input_shpe", "did you mean 'input_shape'?"),
        ("nmae", "did you mean 'name'?"),
        ("xyzzy", "it takes units, activation, use_bias, kernel_initializer"),
    ],
)
def test_an_unknown_keyword_is_refused_with_help(keyword, expected):
    with pytest.raises(TypeError, match=r"Dense\(\) has no argument") as error:
        Dense(3, **{keyword: 1})
    assert expected in str(error.value)


def test_old_and_new_name_together_are_refused():
    with pytest.raises(TypeError, match="'output_dim' and 'units'"):
        Dense(units=3, output_dim=4)
    with pytest.raises(TypeError, match="'output_dim' and 'units'"):
        Dense(3, output_dim=4)


@pytest.mark.parametrize(
    ("words", "shape"),
    [
        ({"input_dim": 3}, (None, 3)),
        ({"input_shape": (28, 28)}, (None, 28, 28)),
        ({"input_shape": [4]}, (None, 4)),
        ({"input_shape": 4}, (None, 4)),
        ({"input_shape": ()}, (None,)),
        ({"input_shape": (6, 8), "batch_size": 32}, (32, 6, 8)),
        ({"batch_input_shape": (None, 2)}, (None, 2)),
        ({"batch_input_shape": (16, None, 2)}, (16, None, 2)),
        ({"input_dim": 5, "input_length": 7}, (None, 7, 5)),
        ({"input_dim": 5, "input_length": None}, (None, None, 5)),
    ],
)
def test_input_words_become_the_shape_that_sequential_reads(words, shape):
    with pytest.warns(LegacySpelling) as notes:
        layer = Dense(2, **words)
    assert layer._batch_input_shape == shape
    assert not hasattr(layer, "_input_dtype")
    assert {str(n.message).split("`")[1] for n in notes} == set(words)


def test_input_dtype_is_kept_beside_the_shape():
    with legacy.quiet():
        layer = Dense(2, input_dim=3, input_dtype="float64")
    assert (layer._batch_input_shape, layer._input_dtype) == ((None, 3), "float64")


def test_a_shape_of_something_else_than_integers_is_refused():
    with legacy.quiet(), pytest.raises(TypeError, match=r"input_shape='abc'.*expected integers"):
        Dense(2, input_shape="abc")


def test_embedding_keeps_its_own_input_dim_and_output_dim():
    with pytest.warns(LegacySpelling, match="input_length"):
        layer = Embedding(input_dim=100, output_dim=8, input_length=12)
    assert (layer.input_dim, layer.output_dim) == (100, 8)
    assert layer._batch_input_shape == (None, 12)
    assert not hasattr(Embedding(100, output_dim=8), "_batch_input_shape")


def test_embedding_dropout_is_taken_out_with_the_replacement_in_the_note():
    with pytest.warns(LegacySpelling, match="SpatialDropout1D"):
        layer = Embedding(100, 8, dropout=0.2)
    assert layer.output_dim == 8


@pytest.mark.parametrize(
    "call",
    [
        lambda: Convolution2D(32, 3, 5),
        lambda: Conv2D(nb_filter=32, nb_row=3, nb_col=5),
        lambda: Conv2D(32, nb_col=5, nb_row=3),
    ],
)
def test_rows_and_columns_become_one_kernel_size(call):
    with legacy.quiet():
        layer = call()
    assert (layer.filters, layer.kernel_size, layer.strides) == (32, (3, 5), (1, 1))


def test_rows_without_columns_are_refused():
    with legacy.quiet(), pytest.raises(TypeError, match="'nb_row' needs 'nb_col' too"):
        Conv2D(32, nb_row=3)


def test_the_current_positional_form_keeps_its_meaning():
    layer = Conv2D(32, 3, 2)
    assert (layer.kernel_size, layer.strides) == (3, 2)
    with pytest.warns(LegacySpelling) as notes:
        layer = Conv2D(32, 3, 5)
    assert (layer.kernel_size, layer.strides) == (3, 5)
    assert str(notes[0].message) == (
        "`Conv2D(filters, 3, 5)` is read as in Keras 3: kernel_size=3 and strides=5; the "
        "window of 3 by 5 that it meant in Keras 1 is `Conv2D(filters, (3, 5))`"
    )


def test_the_positional_form_is_old_where_an_old_name_stands_beside_it():
    with legacy.quiet():
        layer = Conv2D(32, 3, 5, border_mode="same")
    assert (layer.kernel_size, layer.strides, layer.padding) == ((3, 5), (1, 1), "same")


def test_values_are_translated_too():
    with legacy.quiet():
        layer = Conv2D(8, (3, 3), border_mode="same", dim_ordering="tf", subsample=(2, 2), name="c")
        assert (layer.padding, layer.data_format, layer.strides) == (
            "same", "channels_last", (2, 2),
        )  # fmt: skip
        assert Conv2D(8, 3, dim_ordering="th").data_format == "channels_first"
        assert LSTM(4, forget_bias_init="one").unit_forget_bias is True
        assert LSTM(output_dim=4, forget_bias_init="zero", dropout_W=0.5).dropout == 0.5
        assert LSTM(4, consume_less="gpu", input_dim=3, input_length=9)._batch_input_shape == (
            None, 9, 3,
        )  # fmt: skip


def test_lr_is_the_learning_rate():
    with pytest.warns(LegacySpelling, match="`lr` is now `learning_rate`"):
        sgd = SGD(lr=0.1, momentum=0.9)
    assert (sgd.learning_rate, sgd.momentum) == (0.1, 0.9)


@pytest.mark.parametrize(
    ("make", "start"),
    [
        (lambda: SGD(lr=0.1, decay=1e-6), 0.1),
        (lambda: SGD(decay=1e-6, lr=0.1), 0.1),
        (lambda: SGD(0.1, decay=1e-6), 0.1),
        (lambda: SGD(learning_rate=0.1, decay=1e-6), 0.1),
        (lambda: SGD(decay=1e-6), 0.01),
    ],
)
def test_decay_becomes_a_schedule(make, start):
    with legacy.quiet():
        rate = make().learning_rate
    schedule = optimizers.schedules.deserialize(rate)  # as Optimizer reads it
    assert isinstance(schedule, optimizers.schedules.InverseTimeDecay)
    assert schedule(1_000_000) == pytest.approx(start / 2)


def test_a_real_optimizer_reads_that_schedule():
    with legacy.quiet():
        real = optimizers.SGD(0.1, decay=0.5)
    assert isinstance(real._learning_rate, optimizers.schedules.InverseTimeDecay)
    assert float(real.learning_rate) == pytest.approx(0.1)


def test_another_value_is_the_same_spelling():
    with pytest.warns(LegacySpelling, match="InverseTimeDecay") as notes:
        assert SGD(0.1, decay=1e-6).learning_rate != SGD(0.1, decay=1e-7).learning_rate
    assert len(notes) == 1


def test_a_decay_of_zero_leaves_the_rate_alone():
    with legacy.quiet():
        assert SGD(lr=0.1, decay=0.0).learning_rate == 0.1
        assert SGD(decay=0.0).learning_rate == 0.01


@pytest.mark.parametrize(
    "make",
    [
        lambda: optimizers.SGD(0.1, decay=0.0),
        lambda: optimizers.Adam(decay=0),
        lambda: optimizers.RMSprop(learning_rate=optimizers.schedules.CosineDecay(0.1, 9), decay=0),
        lambda: layers.Embedding(5, 2, dropout=0.0),
    ],
)
def test_an_argument_that_asks_for_nothing_is_only_to_be_left_out(make):
    with pytest.warns(LegacySpelling) as notes:
        made = make()
    assert [str(note.message).partition("`")[0] for note in notes] == [f"{type(made).__name__}: "]
    assert re.search("is no longer an argument, and 0(.0)? asks for nothing", str(notes[0].message))
    for advice in ("InverseTimeDecay", "SpatialDropout1D"):
        assert advice not in str(notes[0].message)


def test_the_period_of_a_checkpoint_counts_epochs():
    with legacy.quiet():
        assert callbacks.ModelCheckpoint("m.keras", period=1).save_freq == "epoch"
        with pytest.raises(ValueError, match=r"'period=5' counts epochs, but 'save_freq' counts b"):
            callbacks.ModelCheckpoint("m.keras", period=5)


def test_old_arguments_of_tensorboard_are_left_out(tmp_path):
    with pytest.warns(LegacySpelling) as notes:
        board = callbacks.TensorBoard(tmp_path, batch_size=32, write_grads=True, histogram_freq=2)
    assert board.histogram_freq == 2
    told = "".join(str(note.message) for note in notes)
    assert "`batch_size` is no longer an argument" in told
    assert "`write_grads` is no longer an argument: gradients" in told


def test_decay_of_a_schedule_is_refused():
    with legacy.quiet(), pytest.raises(TypeError, match="leave out 'decay'"):
        SGD(learning_rate=lambda step: 0.1, decay=1e-6)


def test_a_users_layer_keeps_arguments_that_are_old_spellings_elsewhere():
    class Projection(Layer):
        def __init__(self, output_dim, init="uniform", **kwargs):
            super().__init__(**kwargs)
            self.output_dim, self.init = output_dim, init

    layer = Projection(output_dim=3, init="zeros", name="p")
    assert (layer.output_dim, layer.init, layer.name) == (3, "zeros", "p")
    with legacy.quiet():
        assert Projection(3, input_shape=(4,))._batch_input_shape == (None, 4)


def test_a_users_subclass_may_hand_old_spellings_on():
    class Wide(Dense):
        def __init__(self, **kwargs):
            super().__init__(100, **kwargs)

    with legacy.quiet():
        assert Wide(init="zeros").kernel_initializer == "zeros"
    with pytest.raises(TypeError, match=r"Wide\(\) has no argument 'kernel_initialiser': did you"):
        Wide(kernel_initialiser="zeros")


def test_a_users_constructor_may_use_its_keywords_itself():
    class Options(Layer):
        def __init__(self, **options):
            super().__init__()
            self.options = options

    assert Options(colour="red").options == {"colour": "red"}


def test_a_users_embedding_is_still_an_embedding():
    class Words(Embedding):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)

    assert Words(input_dim=10, output_dim=2).output_dim == 2


def test_a_type_error_inside_the_constructor_is_not_rewritten():
    class Broken(Layer):
        def __init__(self, units=1, **kwargs):
            super().__init__(**kwargs)
            dict.fromkeys(units, colour="red")

    with pytest.raises(TypeError, match="fromkeys"):
        Broken(units=3)


def test_a_class_without_a_closed_signature_takes_any_keyword():
    class Model(Layer):
        def __init__(self, *args, **kwargs):
            self.given = (args, kwargs)

    Model.__module__ = "diptych.models.model"
    assert Model(inputs=1, outputs=2).given == ((), {"inputs": 1, "outputs": 2})
    with legacy.quiet():
        assert Model(input=1, output=2).given == ((), {"inputs": 1, "outputs": 2})


def test_translate_arguments_does_not_touch_the_callers_dict():
    given = {"output_dim": 3, "input_dim": 2}
    with legacy.quiet():
        assert translate_arguments(Dense, (), given) == (
            (),
            {"units": 3},
            {"_batch_input_shape": (None, 2)},
        )
    assert given == {"output_dim": 3, "input_dim": 2}


# Functions and methods


class Trainer:
    @accepts_old("fit")
    def fit(self, x=None, y=None, batch_size=None, epochs=1, steps_per_epoch=None):
        """Fit."""
        return x, y, batch_size, epochs, steps_per_epoch


def test_a_method_takes_old_keywords_and_keeps_its_signature():
    trainer = Trainer()
    assert trainer.fit(1, 2, epochs=3) == (1, 2, None, 3, None)
    with pytest.warns(LegacySpelling, match="fit: `nb_epoch` is now `epochs`"):
        assert trainer.fit(1, 2, nb_epoch=3) == (1, 2, None, 3, None)
    assert list(inspect.signature(trainer.fit).parameters) == [
        "x", "y", "batch_size", "epochs", "steps_per_epoch",
    ]  # fmt: skip
    assert trainer.fit.__doc__ == "Fit."


def test_a_methods_unknown_keyword_gets_a_suggestion():
    with pytest.raises(TypeError) as error:
        Trainer().fit(1, nb_epochs=3)
    assert str(error.value) == (
        "fit() has no argument 'nb_epochs': did you mean 'nb_epoch' (now 'epochs')?"
    )
    with pytest.raises(TypeError, match="did you mean 'batch_size'"):
        Trainer().fit(1, batchsize=3)


@pytest.mark.parametrize("packed", [lambda x: x, lambda x: [x, x], lambda x: {"a": x}])
def test_samples_per_epoch_of_a_generator_is_divided_by_the_rows_of_its_first_batch(packed):
    batches = [(packed(np.full((8, 2), n)), np.zeros(8)) for n in range(3)]
    with pytest.warns(LegacySpelling, match="steps_per_epoch=3.*batches, not samples"):
        data, *_, steps = Trainer().fit(iter(batches), samples_per_epoch=20)[:5]
    assert steps == 3
    assert list(data) == batches  # the first is still there
    with pytest.raises(ValueError, match="batch size is not known here"):
        Trainer().fit(iter([]), samples_per_epoch=20)


class Weighted(layers.Layer):
    """A layer that makes its weight as it is told."""

    def __init__(self, make):
        super().__init__()
        self.make = make

    def build(self, input_shape):
        self.made = self.make(self.add_weight)


@pytest.mark.parametrize(
    "make",
    [
        lambda add: add("W", shape=(3, 2), initializer="ones"),
        lambda add: add("W", (3, 2), initializer="ones"),
        lambda add: add("W", (3, 2), "float32", "ones"),
        lambda add: add("W", (3, 2), "float32", "ones", None, True),
        lambda add: add((3, 2), "ones", "W"),
        lambda add: add((3, 2), "one", "b"),  # also the short name of a dtype
    ],
)
def test_add_weight_takes_the_name_where_it_once_stood(make):
    legacy.forget_notes()
    layer = Weighted(make)
    with pytest.warns(LegacySpelling, match="name by keyword"):
        layer.build(None)
    assert layer.made.name in ("W", "b")
    assert layer.made.dtype == np.float32
    np.testing.assert_array_equal(layer.made, np.ones((3, 2)))


def test_add_weight_in_the_current_order_is_left_alone():
    layer = Weighted(lambda add: add((2,), "zeros", "float64", False, name="n"))
    layer.build(None)
    assert (layer.made.name, layer.made.dtype, layer.made.trainable) == ("n", np.float64, False)


def test_samples_per_epoch_is_divided_by_the_batch_size():
    with legacy.quiet():
        assert Trainer().fit(1, batch_size=32, samples_per_epoch=100)[4] == 4
    with legacy.quiet(), pytest.raises(ValueError, match="counts samples, but 'steps_per_epoch'"):
        Trainer().fit(1, samples_per_epoch=100)


def test_arguments_that_are_gone_leave_with_a_note():
    with pytest.warns(LegacySpelling, match="`workers` is no longer an argument here"):
        assert Trainer().fit(1, workers=4)[0] == 1


def test_a_function_with_its_own_table():
    @accepts_old(nb_classes="num_classes")
    def to_categorical(x, num_classes=None):
        return x, num_classes

    with legacy.quiet():
        assert to_categorical([1], nb_classes=3) == ([1], 3)
    with pytest.raises(TypeError, match=r"'nb_class': did you mean 'nb_classes' \(now 'num_class"):
        to_categorical([1], nb_class=3)


# Names


def test_old_names_of_functions():
    with pytest.warns(LegacySpelling, match="loss: `kullback_leibler_divergence` is now `kl_div"):
        assert current_name("loss", "kullback_leibler_divergence") == "kl_divergence"
    assert current_name("loss", "mse") == "mse"
    assert current_name("loss", None) is None
    assert current_name("metric", max) is max


def test_logs_answer_to_the_old_key_of_accuracy():
    history = Logs(accuracy=[0.5], val_accuracy=[0.25], loss=[1.0])
    with pytest.warns(LegacySpelling, match="`acc` is now `accuracy`"):
        assert history["acc"] == [0.5]
    with legacy.quiet():
        assert history["val_acc"] == [0.25]
    assert list(history) == ["accuracy", "val_accuracy", "loss"]
    assert Logs(acc=[1.0])["acc"] == [1.0]
    with legacy.quiet():
        assert history.get("acc") == [0.5]
        assert history.get("val_acc", 3) == [0.25]
        assert history.copy().pop("acc") == [0.5]
        assert "val_acc" in history
        assert Logs(main_accuracy=1.0, val_main_accuracy=2.0)["val_main_acc"] == 2.0
        assert Logs(learning_rate=0.1).get("lr") == 0.1
        assert "{val_acc}".format_map(history) == "[0.25]"
    assert "acc" not in Logs(loss=[1.0])
    assert Logs(loss=[1.0]).get("acc") is None
    assert Logs(loss=[1.0]).get("lr", 7) == 7
    assert str(history) == "{'accuracy': [0.5], 'val_accuracy': [0.25], 'loss': [1.0]}"
    assert dict(history).keys() == {"accuracy", "val_accuracy", "loss"}
    with pytest.raises(KeyError):
        history["colour"]
    with pytest.raises(KeyError):
        Logs(loss=[1.0])["acc"]


def _classes():
    """Every class of the package that has a table of its own, today's layers among them."""
    for module in (callbacks, constraints, layers, optimizers):
        for name in tables.CLASSES:
            if hasattr(module, name):
                yield getattr(module, name)


@pytest.mark.parametrize("cls", list(_classes()), ids=lambda cls: cls.__name__)
def test_every_old_name_leads_to_an_argument_that_the_class_has(cls):
    parameters = inspect.signature(cls.__init__).parameters
    for old, rule in tables.CLASSES[cls.__name__].items():
        assert old not in parameters
        assert callable(rule) or rule in parameters


@pytest.mark.parametrize("table", [*tables.CLASSES.values(), *tables.FUNCTIONS.values()])
def test_every_rule_is_a_name_or_a_function_and_leads_somewhere_new(table):
    for old, rule in table.items():
        assert callable(rule) or (isinstance(rule, str) and rule != old and rule.isidentifier())


@pytest.mark.parametrize(
    ("call", "attribute", "modern"),
    [
        (
            lambda: layers.ZeroPadding2D({"top_pad": 1, "left_pad": 2, "right_pad": 3}),
            "padding",
            ((1, 0), (2, 3)),
        ),
        (lambda: layers.ZeroPadding1D({"left_pad": 2}), "padding", (2, 0)),
        (lambda: layers.UpSampling1D(length=3), "size", 3),
        (
            lambda: layers.ZeroPadding2D(dim_ordering="th"),
            "data_format",
            "channels_first",
        ),
    ],
)
def test_old_forms_of_padding_and_up_sampling(call, attribute, modern):
    with pytest.warns(LegacySpelling):
        assert getattr(call(), attribute) == modern


def test_an_unknown_key_of_the_old_padding_is_refused():
    with pytest.raises(ValueError, match="bottom_pad, left_pad, right_pad, top_pad"):
        layers.ZeroPadding2D({"top": 1})
