"""Old Keras tutorials, their code as it was printed (slips of the text mended), on both engines."""

import numpy as np
import pytest

import diptych
import diptych as keras
from diptych.layers import LSTM, Activation, Dense
from diptych.models import Sequential
from diptych.optimizers import SGD

pytestmark = pytest.mark.filterwarnings("ignore::diptych.legacy.LegacySpelling")


@pytest.fixture(params=["reference", "fast"])
def engine(request):
    with diptych.engine(request.param):
        diptych.utils.set_random_seed(3)
        yield request.param


def test_and_gate(engine):
    model = Sequential()
    model.add(Dense(2, activation="relu", batch_input_shape=(None, 2)))
    model.add(Dense(1, activation="sigmoid"))
    sgd = SGD(lr=0.01, decay=0.0000001, momentum=0.9)
    loss = "binary_crossentropy"
    measure = "accuracy"
    model.compile(optimizer=sgd, loss=loss, metrics=[measure])

    lbda = lambda x: x[0] & x[1]  # noqa: E731
    data = np.random.randint(2, size=(100, 2))
    labels = np.array(list(map(lbda, data)))
    epochs = 1000 if engine == "fast" else 20
    history = model.fit(data, labels, epochs=epochs, batch_size=32, validation_split=0.1, verbose=0)

    assert int(sgd.iterations) == 3 * epochs
    assert model.count_params() == 9
    assert len(history.history["val_loss"]) == epochs
    test_data, test_labels = data, labels
    score = model.evaluate(test_data, test_labels, batch_size=32, verbose=0)
    assert model.metrics_names == ["loss", "accuracy"]
    assert [type(s) for s in score] == [float, float]
    printed = "%s : %s" % (model.metrics_names[0], score[0])  # noqa: UP031
    assert printed.startswith("loss : 0.")
    if engine == "fast":
        assert score[0] < 0.6


def test_gender(engine):
    n = 1000
    tizhong = np.random.normal(size=n)
    shengao = np.random.normal(size=n)
    nianling = np.random.normal(size=n)
    gender = np.zeros(n)
    gender[:500] = 1
    tizhong[:500] += 1
    shengao[:500] += 1
    nianling[:500] -= 1

    model = Sequential()
    model.add(Dense(4, input_dim=3, kernel_initializer="random_normal", name="Dense1"))
    model.add(Activation("relu", name="hidden"))
    model.add(Dense(2, input_dim=4, kernel_initializer="random_normal", name="Dense2"))
    model.add(Activation("softmax", name="output"))
    model.compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"])

    from diptych import utils

    gender_one_hot = utils.to_categorical(gender, num_classes=2)
    data = np.array([tizhong, shengao, nianling]).T
    history = model.fit(data, gender_one_hot, epochs=10, batch_size=8, verbose=0)

    assert 0.38 < history.history["loss"][-1] < 0.50
    assert 0.77 < history.history["accuracy"][-1] < 0.84
    test_data = np.array([[0, 0, 0]])
    probability = model.predict(test_data, verbose=0)
    assert probability.shape == (1, 2)
    assert probability[0, 0] > 0.5


def test_digits_by_keras_1(engine):
    (x_train, labels), (x_test, test_labels) = diptych.datasets.digits.load_data()
    x_train, x_test = (x.reshape(len(x), -1) / 16.0 for x in (x_train, x_test))
    y_train, y_test = (keras.utils.to_categorical(y, nb_classes=10) for y in (labels, test_labels))

    model = Sequential()
    model.add(Dense(input_dim=8 * 8, output_dim=50))
    model.add(Activation("sigmoid"))
    model.add(Dense(output_dim=50))
    model.add(Activation("sigmoid"))
    model.add(Dense(output_dim=10))
    model.add(Activation("softmax"))
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    model.fit(x_train, y_train, batch_size=10, nb_epoch=10, verbose=0)

    assert int(model.optimizer.iterations) == 10 * -(-len(x_train) // 10)
    score = model.evaluate(x_test, y_test, verbose=0)
    assert score[1] > 0.85
    result = model.predict(x_test, verbose=0)
    assert result.shape == (len(x_test), 10)
    assert np.mean(result.argmax(1) == test_labels) == pytest.approx(score[1])


def test_a_mistyped_keyword_is_recognised(engine):
    with pytest.raises(TypeError, match="ouput_dim.*output_dim.*units"):
        Dense(ouput_dim=10)


def test_random_labels(engine):
    model = keras.Sequential()
    model.add(Dense(units=64, activation="relu", input_dim=100))
    model.add(Dense(units=10, activation="softmax"))
    model.compile(loss="categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])
    model.summary(print_fn=lambda text: text)
    assert model.count_params() == 7114

    data = np.random.random((1000, 100))
    labels = np.random.random((1000, 10))
    history = model.fit(data, labels, epochs=5, batch_size=10, verbose=0)
    assert (
        11.3 < history.history["loss"][-1] < 11.8
    )  # the best that can be said is ln 10 for each of about 5 labels

    data_test = np.random.random((10, 100))
    labels_test = np.random.random((10, 10))
    loss_and_metrics = model.evaluate(data_test, labels_test, batch_size=100, verbose=0)
    assert len(loss_and_metrics) == 2
    classes = model.predict(data_test, batch_size=20, verbose=0)
    assert classes.shape == (10, 10)


def test_64_outputs_and_10_labels_are_refused_before_training(engine):
    model = keras.Sequential()
    model.add(keras.layers.Dense(64, input_dim=100))
    model.add(keras.layers.Activation("relu"))
    model.compile(loss="categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])
    data = np.random.random((1000, 100))
    labels = np.random.random((1000, 10))
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"64.*1000, 10.*Dense\(10"):
        model.fit(data, labels, epochs=5, batch_size=10)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_activation_added_by_name_is_explained(engine):
    model = Sequential()
    model.add(Dense(32, input_shape=(784,)))
    model.add(Activation("relu"))
    model.add(Dense(10))
    with pytest.raises(ValueError, match=r"Did you mean Activation\('softmax'\)"):
        model.add("softmax")
    model.add(Activation("softmax"))
    assert model.count_params() == 25450


def test_one_hot_and_functions_as_metrics(engine):
    model = Sequential()
    model.add(Dense(32, activation="relu", input_shape=(100,)))
    model.add(Dense(10, activation="softmax"))

    def mean_pred(y_true, y_pred):
        return diptych.ops.mean(y_pred)

    model.compile(
        optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy", mean_pred]
    )
    data = np.random.random((1000, 100))
    labels = np.random.randint(10, size=(1000, 1))
    one_hot_labels = keras.utils.to_categorical(labels, num_classes=10)
    history = model.fit(data, one_hot_labels, epochs=2, batch_size=32, verbose=0)
    assert model.count_params() == 3562
    assert history.history["mean_pred"][-1] == pytest.approx(0.1, abs=1e-6)
    model.compile(optimizer="rmsprop", loss="mse")
    assert isinstance(model.evaluate(data, one_hot_labels, verbose=0), float)


def test_a_first_conv1d(engine):
    """A sequence is (batch, steps, channels): the dimensions that the text stops at."""
    from diptych.layers import Conv1D, Dense, Dropout, Input, Lambda, concatenate

    model = keras.Sequential()
    model.add(Conv1D(64, 3, activation="relu", input_shape=(100, 4)))
    model.add(Conv1D(filters=32, kernel_size=3, strides=2, padding="same"))
    model.add(Conv1D(nb_filter=16, filter_length=5, border_mode="valid", activation="relu"))
    model.add(keras.layers.GlobalMaxPooling1D())
    model.add(Dropout(0.5))
    model.add(Dense(10, activation="softmax"))
    shapes = [layer.output_shape for layer in model.layers]
    assert shapes[:4] == [(None, 98, 64), (None, 49, 32), (None, 45, 16), (None, 16)]
    assert [layer.count_params() for layer in model.layers[:3]] == [
        (3 * 4 + 1) * 64, (3 * 64 + 1) * 32, (5 * 32 + 1) * 16,
    ]  # fmt: skip
    model.compile(loss="categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])
    data = np.random.random((100, 100, 4))
    labels = keras.utils.to_categorical(np.random.randint(10, size=100), num_classes=10)
    history = model.fit(data, labels, epochs=2, batch_size=10, verbose=0)
    assert 2.0 < history.history["loss"][-1] < 2.7
    assert model.predict(data[:7], verbose=0).shape == (7, 10)

    x = Input((100, 4))
    seen = [Conv1D(8, size, padding="causal")(x) for size in (2, 3)]
    y = Lambda(lambda t: t[:, -1])(concatenate(seen))
    last = keras.Model(x, Dense(1)(y))
    assert last.predict(data[:3], verbose=0).shape == (3, 1)
    with pytest.raises(ValueError, match="each sample should have 2 axes but has 1"):
        model.predict(data[..., 0], verbose=0)


def vgg_like(size, keras_1=False):
    from diptych.layers import Conv2D, Convolution2D, Dropout, Flatten, MaxPooling2D

    model = Sequential()
    if keras_1:
        model.add(Convolution2D(32, 3, 3, activation="relu", input_shape=(size, size, 3)))
        model.add(Convolution2D(32, 3, 3, activation="relu", border_mode="valid"))
    else:
        model.add(Conv2D(32, (3, 3), activation="relu", input_shape=(size, size, 3)))
        model.add(Conv2D(32, (3, 3), activation="relu"))
    model.add(MaxPooling2D(pool_size=(2, 2)))
    model.add(Dropout(0.25))

    model.add(Conv2D(64, (3, 3), activation="relu"))
    if keras_1:
        model.add(Convolution2D(nb_filter=64, nb_row=3, nb_col=3, subsample=(1, 1)))
        model.add(Activation("relu"))
    else:
        model.add(Conv2D(64, (3, 3), activation="relu"))
    model.add(MaxPooling2D(pool_size=(2, 2)))
    model.add(Dropout(0.25))

    model.add(Flatten())
    model.add(Dense(256, activation="relu"))
    model.add(Dropout(0.5))
    model.add(Dense(10, activation="softmax"))
    sgd = SGD(lr=0.01, decay=1e-6, momentum=0.9, nesterov=True)
    model.compile(loss="categorical_crossentropy", optimizer=sgd)
    return model


def test_the_vgg_like_network_has_the_shapes_it_should():
    model = vgg_like(100)
    assert model.count_params() == 7_998_250
    names = ("conv", "max_pooling", "flatten")
    shapes = [layer.output_shape for layer in model.layers if layer.name.startswith(names)]
    assert [shape[1] for shape in shapes] == [98, 96, 48, 46, 44, 22, 30976]


@pytest.mark.parametrize("keras_1", [False, True])
def test_the_vgg_like_network(engine, keras_1):
    """Whole on the fast engine; the reference gets smaller images and fewer of them."""
    size, rows = (100, 36) if engine == "fast" and not keras_1 else (24, 20)
    x_train = np.random.random((rows, size, size, 3))
    y_train = keras.utils.to_categorical(np.random.randint(10, size=(rows, 1)), num_classes=10)
    x_test = np.random.random((10, size, size, 3))
    y_test = keras.utils.to_categorical(np.random.randint(10, size=(10, 1)), num_classes=10)

    model = vgg_like(size, keras_1)
    before = model.get_weights()
    history = model.fit(x_train, y_train, batch_size=32, epochs=1, verbose=0)
    score = model.evaluate(x_test, y_test, batch_size=32, verbose=0)
    assert 2.0 < history.history["loss"][0] < 3.0
    assert isinstance(score, float)
    assert 2.0 < score < 3.0
    for a, b in zip(before, model.get_weights(), strict=True):
        assert not np.array_equal(a, b)


def test_old_and_new_spelling_of_the_network_predict_the_same(engine):
    x = np.random.random((2, 20, 20, 3))
    modern, old = vgg_like(20), vgg_like(20, keras_1=True)
    old.set_weights(modern.get_weights())
    np.testing.assert_allclose(
        old.predict(x, verbose=0), modern.predict(x, verbose=0), rtol=1e-5, atol=1e-7
    )


# ------------------------------------------------------------------------- stacked LSTMs


def stacked_lstm():
    data_dim = 16
    timesteps = 8
    num_classes = 10

    model = Sequential()
    model.add(LSTM(32, return_sequences=True, input_shape=(timesteps, data_dim)))
    model.add(LSTM(32, return_sequences=True))
    model.add(LSTM(32))
    model.add(Dense(num_classes, activation="softmax"))
    model.compile(loss="categorical_crossentropy", optimizer="rmsprop", metrics=["accuracy"])
    return model, data_dim, timesteps, num_classes


def test_a_stack_of_lstms(engine):
    model, data_dim, timesteps, num_classes = stacked_lstm()
    rows, epochs = (1000, 5) if engine == "fast" else (192, 2)
    x_train = np.random.random((rows, timesteps, data_dim))
    y_train = np.random.random((rows, num_classes))
    x_val = np.random.random((100, timesteps, data_dim))
    y_val = np.random.random((100, num_classes))
    history = model.fit(
        x_train,
        y_train,
        batch_size=64,
        epochs=epochs,
        validation_data=(x_val, y_val),
        verbose=0,
    )
    assert model.count_params() == 6272 + 2 * 8320 + 330
    assert [layer.output_shape for layer in model.layers[:3]] == [
        (None, 8, 32),
        (None, 8, 32),
        (None, 32),
    ]
    losses = history.history["loss"]
    assert losses[-1] < losses[0]
    # the best that can be said is ln 10 for each of about 5 labels
    assert 11.2 < losses[-1] < 11.9
    assert 11.2 < history.history["val_loss"][-1] < 11.9


def test_a_stateful_stack_of_lstms(engine):
    data_dim = 16
    timesteps = 8
    num_classes = 10
    batch_size = 32

    # Sample i of a batch goes on where sample i of the batch before it stopped.
    model = Sequential()
    model.add(
        LSTM(
            32,
            return_sequences=True,
            stateful=True,
            batch_input_shape=(batch_size, timesteps, data_dim),
        )
    )
    model.add(LSTM(32, return_sequences=True, stateful=True))
    model.add(LSTM(32, stateful=True))
    model.add(Dense(10, activation="softmax"))
    model.compile(loss="categorical_crossentropy", optimizer="rmsprop", metrics=["accuracy"])

    batches = 10 if engine == "fast" else 3
    x_train = np.random.random((batch_size * batches, timesteps, data_dim))
    y_train = np.random.random((batch_size * batches, num_classes))
    x_val = np.random.random((batch_size * 3, timesteps, data_dim))
    y_val = np.random.random((batch_size * 3, num_classes))
    history = model.fit(
        x_train,
        y_train,
        batch_size=batch_size,
        epochs=2,
        shuffle=False,
        validation_data=(x_val, y_val),
        verbose=0,
    )
    assert 11.2 < history.history["loss"][-1] < 12.1
    first = model.predict(x_val, batch_size=batch_size, verbose=0)
    again = model.predict(x_val, batch_size=batch_size, verbose=0)
    assert not np.array_equal(first, again)  # it went on from where it was
    model.reset_states()
    fresh = model.predict(x_val, batch_size=batch_size, verbose=0)
    model.reset_states()
    np.testing.assert_array_equal(model.predict(x_val, batch_size=batch_size, verbose=0), fresh)
    with pytest.raises(
        ValueError, match="states of 32 rows.*20 rows in batches of 32, have a batch of 20"
    ):
        model.predict(x_val[:20], batch_size=batch_size, verbose=0)
