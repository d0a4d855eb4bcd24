"""Draw the pictures of docs/pictures.md: python docs/pictures/make.py"""

import sys
from pathlib import Path

import diptych
from diptych import Input, Model, Sequential, layers, ops
from diptych.utils import plot_model

FOLDER = Path(__file__).parent


def and_gate():
    return Sequential(
        [
            Input((2,)),
            layers.Dense(2, activation="relu", name="hidden"),
            layers.Dense(1, activation="sigmoid", name="output"),
        ]
    )


def inception():
    """Four branches, as in a block of GoogLeNet."""
    options = {"padding": "same", "activation": "relu"}
    image = Input((28, 28, 192), name="image")
    a = layers.Conv2D(64, 1, **options)(image)
    b = layers.Conv2D(128, 3, **options)(layers.Conv2D(96, 1, **options)(image))
    c = layers.Conv2D(32, 5, **options)(layers.Conv2D(16, 1, **options)(image))
    d = layers.Conv2D(32, 1, **options)(layers.MaxPooling2D(3, 1, padding="same")(image))
    return Model(image, layers.Concatenate()([a, b, c, d]))


def siamese():
    """One encoder for two images."""
    image = Input((28, 28, 1), name="image")
    code = layers.Dense(64, name="code")(layers.Flatten(name="pixels")(image))
    encoder = Model(image, code, name="encoder")
    left, right = Input((28, 28, 1), name="left"), Input((28, 28, 1), name="right")
    distance = ops.abs(encoder(left) - encoder(right))
    return Model([left, right], layers.Dense(1, activation="sigmoid", name="same")(distance))


def translator():
    """A sequence is read by one LSTM, whose last states begin another."""
    source = Input((None, 71), name="source")
    _, h, c = layers.LSTM(256, return_state=True, name="encoder")(source)
    target = Input((None, 93), name="target")
    decoded = layers.LSTM(256, return_sequences=True, name="decoder")(target, initial_state=[h, c])
    return Model([source, target], layers.Dense(93, activation="softmax", name="letters")(decoded))


def unet():
    """Every size of the image goes on to the same size on the way back."""
    options = {"padding": "same", "activation": "relu"}
    image = x = Input((64, 64, 1), name="image")
    skipped = []
    for filters in (16, 32):
        x = layers.Conv2D(filters, 3, **options)(x)
        skipped.append(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(64, 3, **options)(x)
    for filters in (32, 16):
        x = layers.Conv2DTranspose(filters, 2, strides=2)(x)
        x = layers.Conv2D(filters, 3, **options)(layers.Concatenate()([x, skipped.pop()]))
    return Model(image, layers.Conv2D(1, 1, activation="sigmoid", name="mask")(x))


ALL = {"show_shapes": True, "show_layer_names": True, "show_layer_activations": True}
MODELS = {
    "and_gate": (and_gate, ALL | {"rankdir": "LR"}),
    "inception": (inception, {"show_shapes": True}),
    "siamese": (siamese, {"show_shapes": True, "show_layer_names": True, "expand_nested": True}),
    "translator": (translator, ALL | {"show_trainable": True}),
    "unet": (unet, {"splines": "curved"}),
}


def draw_models(folder):
    for name, (make, options) in MODELS.items():
        diptych.utils.clear_session()
        plot_model(make(), folder / f"{name}.svg", **options)


def draw_training(folder):
    diptych.utils.set_random_seed(0)
    (x, y), (x_test, y_test) = diptych.datasets.digits.load_data()
    model = Sequential(
        [
            Input((8, 8)),
            layers.Rescaling(1 / 16),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, epochs=40, validation_split=0.2, verbose=0)
    history.plot(to_file=folder / "training.svg")
    diptych.teach.confusion_matrix(model, x_test, y_test).plot(folder / "confusion.svg")
    diptych.teach.worst_mistakes(model, x_test, y_test).plot(folder / "mistakes.svg")


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    draw_models(folder)
    draw_training(folder)
