"""Bidirectional layers, masks, states, TimeDistributed."""
import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(5)
sequences = [rng.integers(1, 15, size=rng.integers(3, 9)).tolist() for _ in range(60)]
padded = keras.utils.pad_sequences(sequences, padding="post", maxlen=8)
y = np.array([[len(s) / 8] for s in sequences], "float32")
model = keras.Sequential(
    [
        keras.Input((8,), dtype="int32"),
        layers.Embedding(15, 6, mask_zero=True),
        layers.Bidirectional(layers.LSTM(5, return_sequences=True)),
        layers.TimeDistributed(layers.Dense(4, activation="relu")),
        layers.GRU(4),
        layers.Dense(1),
    ]
)
model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse", metrics=["mae"])
history = model.fit(padded, y, batch_size=12, epochs=4)
print("loss", [round(float(v), 4) for v in history.history["loss"]])
encoder = layers.LSTM(4, return_state=True)
sequence = keras.Input((None, 3))
output, h, c = encoder(sequence)
decoded = layers.SimpleRNN(4, return_sequences=True)(sequence, initial_state=h)
both = keras.Model(sequence, [output, c, decoded])
results = both.predict(rng.random((2, 5, 3)))
print([tuple(r.shape) for r in results])
print("first", np.round(results[0][0], 4).tolist())
