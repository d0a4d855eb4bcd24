"""Recipes for embeddings and masks: outputs, gradients, five updates, and where a mask goes."""

import numpy as np

from .recipes import numbers, recipe, weights_of, with_fixed_weights

TOKENS = np.array([[3, 1, 4, 0], [5, 0, 0, 0], [2, 6, 6, 6], [0, 0, 0, 0]])
STEPS = np.array([1, 0, 0, 1, 1, 0, 1, 1], bool).reshape(2, 4)


def trained(kit, model, x, y, loss="mse", metrics=(), **fit):
    """Outputs, the loss and the metrics, and the weights after five updates.

    By SGD: with TensorFlow, Keras's Adam squares the gradients of one row that occurs twice in a
    batch one by one, and JAX loses the mask on the way to the metrics.
    """
    with_fixed_weights(model, seed=60)
    before = np.concatenate([np.ravel(w) for w in model.get_weights()])
    model.compile(kit.optimizers.SGD(1.0), loss=loss)
    made = {"y": model.predict(x, verbose=0)}
    model.train_on_batch(x, y, **fit)
    after = np.concatenate([np.ravel(w) for w in model.get_weights()])
    made["by_weights"] = before - after
    with_fixed_weights(model, seed=60)
    model.compile(kit.optimizers.SGD(0.5), loss=loss, metrics=list(metrics))
    steps = [model.train_on_batch(x, y, **fit) for _ in range(5)]
    made["losses"] = np.array(steps)
    return made | weights_of(model)


def embedding(kit, args):
    (options,) = args
    inputs = kit.Input((4,), dtype="int32")
    outputs = kit.layers.Embedding(7, 3, **options)(inputs)
    return trained(kit, kit.Model(inputs, outputs), TOKENS, numbers(1, 4, 4, 3))


for _options in (
    {},
    {"mask_zero": True},
    {"embeddings_regularizer": "l2", "embeddings_constraint": "max_norm"},
):
    recipe("embedding", "_".join(["embedding", *_options]), _options)(embedding)


@recipe("embedding", "tokens_as_floats_and_given_weights")
def floats(kit):
    table = numbers(2, 7, 3)
    model = kit.Sequential([kit.Input((4,)), kit.layers.Embedding(7, 3, weights=[table])])
    return {"y": model.predict(TOKENS.astype("f4"), verbose=0)}


def after_a_mask(kit, args):
    """A layer between a masked embedding and a loss: does the mask arrive?"""
    make, loss, tokens = args
    inputs = kit.Input((4,), dtype="int32")
    x = kit.layers.Embedding(7, 3, mask_zero=True)(inputs)
    model = kit.Model(inputs, make(kit, x))
    shape = model.predict(tokens, verbose=0).shape
    y = np.abs(numbers(3, *shape)) % 1
    return trained(kit, model, tokens, y, loss, ["mae"])


THROUGH = {
    "dense": lambda kit, x: kit.layers.Dense(2)(x),
    "activation": lambda kit, x: kit.layers.Activation("tanh")(x),
    "relu": lambda kit, x: kit.layers.ReLU()(x),
    "leaky_relu": lambda kit, x: kit.layers.LeakyReLU()(x),
    "elu": lambda kit, x: kit.layers.ELU()(x),
    "prelu": lambda kit, x: kit.layers.PReLU()(x),
    "softmax": lambda kit, x: kit.layers.Activation("softmax")(x),
    "no_dropout": lambda kit, x: kit.layers.Dropout(0.0)(x),
    "identity": lambda kit, x: kit.layers.Identity()(x),
    "rescaling": lambda kit, x: kit.layers.Rescaling(2.0)(x),
    "time_distributed": lambda kit, x: kit.layers.TimeDistributed(kit.layers.Dense(2))(x),
    "lstm": lambda kit, x: kit.layers.LSTM(2, return_sequences=True)(x),
    "last_state": lambda kit, x: kit.layers.LSTM(2)(x),
    "bidirectional": lambda kit, x: kit.layers.Bidirectional(
        kit.layers.GRU(2, return_sequences=True)
    )(x),
    "average": lambda kit, x: kit.layers.GlobalAveragePooling1D()(x),
    "add_itself": lambda kit, x: kit.layers.Add()([x, kit.layers.Dense(3)(x)]),
    "add_without_mask": lambda kit, x: kit.layers.Add()([x, kit.layers.Reshape((4, 3))(x)]),
    "multiply": lambda kit, x: kit.layers.Multiply()([x, kit.layers.Dense(3)(x)]),
    "maximum": lambda kit, x: kit.layers.Maximum()([x, kit.layers.Dense(3)(x)]),
    "concatenate": lambda kit, x: kit.layers.Concatenate()([x, kit.layers.Dense(2)(x)]),
    "concatenate_steps": lambda kit, x: kit.layers.Concatenate(axis=1)([x, kit.layers.Dense(3)(x)]),
    "masked_again": lambda kit, x: kit.layers.Masking()(x),
}
for _name, _make in THROUGH.items():
    # The mean over no steps at all is 0 / 0.
    _tokens = TOKENS[:3] if _name == "average" else TOKENS
    recipe("embedding", f"mask_through_{_name}", _make, "mse", _tokens)(after_a_mask)


@recipe("embedding", "mask_into_other_losses")
def losses(kit):
    made = {}
    for loss in ("mae", "binary_crossentropy", "huber"):
        top = kit.layers.Dense(2, activation="sigmoid")
        for key, value in after_a_mask(kit, (lambda kit, x, top=top: top(x), loss, TOKENS)).items():
            made[f"{loss}/{key}"] = value
    return made


@recipe("embedding", "mask_and_sample_weight")
def weighted(kit):
    inputs = kit.Input((4,), dtype="int32")
    x = kit.layers.Embedding(7, 3, mask_zero=True)(inputs)
    model = kit.Model(inputs, kit.layers.Dense(2)(x))
    weight = np.abs(numbers(5, 4, 4))
    return trained(kit, model, TOKENS, numbers(4, 4, 4, 2), sample_weight=weight)


def masking(kit, args):
    (value,) = args
    x = numbers(6, 2, 4, 3)
    x[~STEPS] = value
    inputs = kit.Input((4, 3))
    masked = kit.layers.Masking(value)(inputs)
    model = kit.Model(inputs, kit.layers.GRU(2, return_sequences=True)(masked))
    made = {"masked": np.asarray(kit.layers.Masking(value)(x))}
    return made | trained(kit, model, x, numbers(7, 2, 4, 2))


for _value in (0.0, -1.0):
    recipe("embedding", f"masking_{_value}", _value)(masking)
