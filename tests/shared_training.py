"""Trainings that `test_distribution` lets several processes share: prints what each ended with.

python -m tests.shared_training FOLDER NAME...
"""

import hashlib
import json
import sys
import warnings
from pathlib import Path

import numpy as np

import diptych
from diptych import callbacks, layers, losses, metrics, ops, optimizers

RNG = np.random.default_rng(7)
ROWS = RNG.normal(size=(90, 6)).astype("float32")
CLASSES = RNG.integers(0, 3, 90)
IMAGES = RNG.normal(size=(40, 8, 8, 2)).astype("float32")
WORDS = RNG.integers(0, 20, size=(50, 7))
WEIGHTS = RNG.uniform(0.1, 2, 90).astype("float32")


def dense(**kwargs):
    return diptych.Sequential(
        [
            diptych.Input((6,)),
            layers.Dense(16, activation="relu", kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(8, activation="tanh", activity_regularizer="l1"),
            layers.Dense(3, activation="softmax"),
        ],
        **kwargs,
    )


def dropout_and_batch_normalization(folder, **kwargs):
    model = dense(**kwargs)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        ROWS,
        CLASSES,
        epochs=3,
        validation_split=0.2,
        class_weight={0: 1.0, 1: 2.0, 2: 0.5},
        verbose=0,
    )
    return model, history, model.evaluate(ROWS, CLASSES, verbose=0), model.predict(ROWS, verbose=0)


def reference_engine(folder):
    return dropout_and_batch_normalization(folder, engine="reference")


def convolution(folder):
    model = diptych.Sequential(
        [
            diptych.Input((8, 8, 2)),
            layers.Conv2D(6, 3, activation="relu"),
            layers.BatchNormalization(momentum=0.8),
            layers.SpatialDropout2D(0.2),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = optimizers.SGD(0.05, momentum=0.9, nesterov=True, global_clipnorm=1.0)
    model.compile(optimizer, loss, weighted_metrics=["accuracy"])
    history = model.fit(
        IMAGES,
        CLASSES[:40],
        sample_weight=WEIGHTS[:40],
        batch_size=16,
        epochs=2,
        validation_data=(IMAGES[:10], CLASSES[:10], WEIGHTS[:10]),
        verbose=0,
    )
    return model, history, model.predict(IMAGES, batch_size=7, verbose=0)


def masked_lstm(folder):
    inputs = diptych.Input((7,), dtype="int32")
    x = layers.Embedding(20, 5, mask_zero=True)(inputs)
    x = layers.LSTM(6, return_sequences=True, dropout=0.2, recurrent_dropout=0.1)(x)
    model = diptych.Model(inputs, layers.Dense(2, activation="softmax")(x))
    schedule = optimizers.schedules.ExponentialDecay(0.01, 4, 0.9)
    model.compile(
        optimizers.RMSprop(schedule), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    labels = (WORDS > 9).astype("int32")
    history = model.fit(WORDS, labels, batch_size=20, epochs=2, verbose=0)
    return model, history, model.evaluate(WORDS, labels, verbose=0), model.predict(WORDS, verbose=0)


def two_outputs(folder):
    one, other = diptych.Input((6,), name="one"), diptych.Input((2,), name="other")
    x = layers.Concatenate()([layers.Dense(8, activation="gelu")(one), other])
    x = layers.GaussianNoise(0.1)(layers.LayerNormalization()(x))
    kind = layers.Dense(1, activation="sigmoid", name="kind")(x)
    size = layers.Dense(2, name="size")(x)
    model = diptych.Model([one, other], {"kind": kind, "size": size})
    model.compile(
        optimizers.AdamW(0.01, use_ema=True, ema_momentum=0.9, gradient_accumulation_steps=2),
        {"kind": "binary_crossentropy", "size": "mse"},
        loss_weights={"kind": 1.0, "size": 0.3},
        metrics={"kind": ["AUC", "accuracy"], "size": metrics.RootMeanSquaredError()},
    )
    x = {"one": ROWS, "other": ROWS[:, :2]}
    y = {"kind": (CLASSES > 1).astype("float32")[:, None], "size": ROWS[:, 2:4]}
    history = model.fit(x, y, batch_size=32, epochs=2, validation_data=(x, y), verbose=0)
    return model, history, model.predict(x, verbose=0)


class Made(diptych.utils.PyDataset):
    """Batches of 11, 12, 13... rows."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        rows = slice(index, 2 * index + 11)
        return ROWS[rows], ROWS[rows, :1], WEIGHTS[rows]


def made_batches(folder):
    model = diptych.Sequential([layers.Dense(4, activation="selu"), layers.Dense(1)])
    loss = losses.Huber(reduction="mean_with_sample_weight")
    model.compile("nadam", loss, metrics=["mae"])
    history = model.fit(Made(), epochs=2, validation_data=Made(), verbose=0)
    more = model.fit(((ROWS[i : i + 9], ROWS[i : i + 9, :1]) for i in range(0, 90, 9)), verbose=0)
    return model, history, more, model.evaluate(Made(), verbose=0)


def fewer_rows_than_slices(folder):
    model = diptych.Sequential(
        [diptych.Input((6,)), layers.Dense(4), layers.BatchNormalization(), layers.Dense(1)]
    )
    model.compile("sgd", "mse", metrics=["mae"])
    history = model.fit(ROWS[:34], ROWS[:34, :1], epochs=2, verbose=0)  # 32 rows, then 2
    return model, history, model.predict(ROWS[:1], verbose=0)


def sums_before_any_weight(folder):
    """Slices of 1 and 2 rows, whose steps are recorded at different times; the first layer sums
    over them, on what has no way back.
    """
    inputs = diptych.Input((7, 4))
    x = layers.BatchNormalization(center=False, scale=False)(layers.Masking()(inputs))
    model = diptych.Model(inputs, layers.TimeDistributed(layers.Dense(2))(x))
    loss = losses.MeanSquaredError(reduction="mean_with_sample_weight")
    model.compile("sgd", loss, metrics=["mae"])
    x = (WORDS > 5)[..., None] * ROWS[:50, None, :4]
    history = model.fit(
        x, x[..., :2], batch_size=13, epochs=3, sample_weight=WEIGHTS[:50], verbose=0
    )
    model.compile("sgd", "mse")
    more = model.fit(x, x[..., :2], batch_size=13, epochs=3, verbose=0)
    return model, history, more


def callbacks_and_files(folder):
    best = folder / "best.weights.h5"
    model = dense()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        ROWS,
        CLASSES,
        epochs=6,
        validation_split=0.3,
        callbacks=[
            callbacks.ModelCheckpoint(best, save_best_only=True, save_weights_only=True),
            callbacks.EarlyStopping(patience=2, restore_best_weights=True),
            callbacks.ReduceLROnPlateau(patience=1),
            callbacks.CSVLogger(folder / "log.csv"),
            callbacks.BackupAndRestore(folder / "backup"),
        ],
        verbose=2,
    )
    model.load_weights(best)
    model.save(folder / "model.keras")
    loaded = diptych.models.load_model(folder / "model.keras")
    return loaded, history, loaded.predict(ROWS, verbose=0)


def batches_by_hand(folder):
    model = dense()
    model.compile("adagrad", "sparse_categorical_crossentropy", metrics=["accuracy"])
    results = [model.train_on_batch(ROWS[i : i + 20], CLASSES[i : i + 20]) for i in (0, 20, 40)]
    results.append(model.test_on_batch(ROWS, CLASSES))
    return model, results, model.predict_on_batch(ROWS)


class Stacked(diptych.Model):
    """A model with a call of its own, which also drops in predictions."""

    def __init__(self):
        super().__init__()
        self.first, self.last = layers.Dense(5, activation="relu"), layers.Dense(1)
        self.drop = layers.Dropout(0.5)

    def call(self, inputs):
        return self.last(self.drop(ops.tanh(self.first(inputs)), training=True))


def own_call(folder):
    model = Stacked()
    model.compile("adamax", "mae", metrics=[lambda y, p: ops.max(ops.abs(y - p))])
    history = model.fit(ROWS, ROWS[:, :1], batch_size=18, epochs=2, verbose=0)
    results = [model.evaluate(ROWS, ROWS[:, :1]), model.predict(ROWS, verbose=0)]
    for _ in range(2):  # batches of which one process has all
        results.append(model.evaluate(ROWS, ROWS[:, :1], batch_size=len(ROWS), verbose=0))
        results.append(model.predict(ROWS, batch_size=len(ROWS), verbose=0))
    results.append(diptych.random.uniform((3,)).numpy())
    return model, history, results


def scaled_loss(folder):
    inputs = diptych.Input((6,), dtype="float64")
    x = layers.Dense(8, activation="relu", kernel_regularizer="l1", dtype="float64")(inputs)
    x = layers.BatchNormalization(dtype="float64")(x)
    model = diptych.Model(inputs, layers.Dense(1, dtype="float64")(x))
    model.compile(optimizers.LossScaleOptimizer(optimizers.Adam()), "mse")
    history = model.fit(ROWS, ROWS[:, :1], epochs=2, verbose=0)
    return model, history, model.predict(ROWS, verbose=0)


TRAININGS = {
    function.__name__: function
    for function in (
        dropout_and_batch_normalization,
        reference_engine,
        convolution,
        masked_lstm,
        two_outputs,
        made_batches,
        fewer_rows_than_slices,
        sums_before_any_weight,
        callbacks_and_files,
        batches_by_hand,
        own_call,
        scaled_loss,
    )
}


def digest(thing):
    """A checksum of all numbers in models, histories, arrays and nested lists, and their sum."""
    if isinstance(thing, diptych.Model):
        thing = thing.get_weights() + [v.numpy() for v in thing.optimizer.variables]
    if isinstance(thing, callbacks.History):
        thing = thing.history
    if isinstance(thing, dict):
        thing = [part for key in sorted(thing) for part in (key, thing[key])]
    if isinstance(thing, (list, tuple)):
        return hashlib.sha256("".join(map(digest, thing)).encode()).hexdigest()[:16]
    if isinstance(thing, str):
        return thing
    array = np.asarray(thing)
    return hashlib.sha256(repr((array.shape, array.dtype)).encode() + array.tobytes()).hexdigest()


def main(folder, names):
    warnings.simplefilter("error")
    share = diptych.distribution.DataParallel()
    diptych.distribution.set_distribution(share)
    for name in names:
        diptych.utils.set_random_seed(3)
        own = Path(folder) / name
        if not share.data_shard_id:
            own.mkdir()
        found = TRAININGS[name](own)
        line = json.dumps([name, share.data_shard_id, [digest(part) for part in found]])
        (Path(folder) / f"{name}.{share.data_shard_id}.json").write_text(line)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
