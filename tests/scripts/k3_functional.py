"""The functional API: several inputs and outputs, shared layers, dicts, losses with weights."""
import keras
import numpy as np
from keras import layers, ops

rng = np.random.default_rng(1)
title = rng.integers(1, 30, size=(96, 6))
body = rng.integers(1, 30, size=(96, 10))
tags = rng.integers(0, 2, size=(96, 4)).astype("float32")
priority = (tags.sum(axis=1, keepdims=True) / 4).astype("float32")
department = keras.utils.to_categorical(title[:, -1] % 3, 3)

title_input = keras.Input(shape=(None,), name="title", dtype="int32")
body_input = keras.Input(shape=(None,), name="body", dtype="int32")
tags_input = keras.Input(shape=(4,), name="tags")
embedding = layers.Embedding(30, 8)
title_features = layers.LSTM(8)(embedding(title_input))
body_features = layers.GRU(6)(embedding(body_input))
x = layers.concatenate([title_features, body_features, tags_input])
x = x * 2.0 + ops.tanh(x)
priority_pred = layers.Dense(1, activation="sigmoid", name="priority")(x)
department_pred = layers.Dense(3, name="department")(x)
model = keras.Model(
    inputs=[title_input, body_input, tags_input],
    outputs={"priority": priority_pred, "department": department_pred},
)
model.compile(
    optimizer=keras.optimizers.RMSprop(1e-2),
    loss={
        "priority": keras.losses.BinaryCrossentropy(),
        "department": keras.losses.CategoricalCrossentropy(from_logits=True),
    },
    loss_weights={"priority": 1.0, "department": 0.2},
)
history = model.fit(
    {"title": title, "body": body, "tags": tags},
    {"priority": priority, "department": department},
    epochs=4,
    batch_size=16,
)
print("loss", [round(float(v), 4) for v in history.history["loss"]])
found = model.predict({"title": title[:2], "body": body[:2], "tags": tags[:2]})
print("priority", np.round(found["priority"].ravel(), 3).tolist())
print("department", np.round(found["department"], 3).ravel().tolist())
