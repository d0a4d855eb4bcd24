"""The functional interface of Keras 1: Model(input=, output=), merge(mode=), two losses."""

import numpy as np

np.random.seed(5)
from keras.layers import LSTM, Dense, Embedding, Input, merge
from keras.models import Model

headlines = np.random.randint(1, 50, size=(120, 10))
extra = np.random.rand(120, 3)
labels = (headlines[:, -1] > 25).astype(int).reshape(-1, 1)

main_input = Input(shape=(10,), dtype="int32", name="main_input")
x = Embedding(output_dim=8, input_dim=50, input_length=10)(main_input)
lstm_out = LSTM(8, inner_activation="sigmoid")(x)
auxiliary_loss = Dense(1, activation="sigmoid", name="aux_output")(lstm_out)

auxiliary_input = Input(shape=(3,), name="aux_input")
x = merge([lstm_out, auxiliary_input], mode="concat")
x = Dense(16, activation="relu")(x)
main_loss = Dense(1, activation="sigmoid", name="main_output")(x)

model = Model(input=[main_input, auxiliary_input], output=[main_loss, auxiliary_loss])
model.compile(
    optimizer="rmsprop",
    loss={"main_output": "binary_crossentropy", "aux_output": "binary_crossentropy"},
    loss_weights={"main_output": 1.0, "aux_output": 0.2},
)
model.fit(
    {"main_input": headlines, "aux_input": extra},
    {"main_output": labels, "aux_output": labels},
    nb_epoch=12,
    batch_size=10,
    verbose=2,
)
main, aux = model.predict([headlines, extra], verbose=0)
print(main.shape, aux.shape)
print("accuracy:", np.mean((main > 0.5) == labels))
