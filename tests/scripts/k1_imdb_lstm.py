"""Reviews as lists of word numbers, padded, through Embedding and LSTM (Keras 1)."""

import numpy as np

np.random.seed(11)
from keras.layers import LSTM, Activation, Dense, Embedding
from keras.models import Sequential
from keras.preprocessing import sequence

max_features = 40
maxlen = 12
batch_size = 16

# a review is good if it has more of the words 1 to 9 than of the words 10 to 18
texts, y = [], []
for _ in range(200):
    good = np.random.randint(2)
    length = np.random.randint(6, 20)
    words = np.random.randint(19, max_features, size=length)
    marked = np.random.choice(length, 4, replace=False)
    words[marked] = np.random.randint(1, 10, size=4) if good else np.random.randint(10, 19, size=4)
    texts.append(list(words))
    y.append(good)
X = sequence.pad_sequences(texts, maxlen=maxlen)
y = np.array(y)
print("X shape:", X.shape)

model = Sequential()
model.add(Embedding(max_features, 8, input_length=maxlen, dropout=0.1))
model.add(LSTM(12, dropout_W=0.1, dropout_U=0.1, consume_less="cpu", forget_bias_init="one"))
model.add(Dense(1))
model.add(Activation("sigmoid"))
model.compile(
    loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"], class_mode="binary"
)
model.fit(
    X[:160],
    y[:160],
    batch_size=batch_size,
    nb_epoch=15,
    validation_data=(X[160:], y[160:]),
    verbose=2,
    show_accuracy=True,
)
score, acc = model.evaluate(X[:160], y[:160], batch_size=batch_size, verbose=0)
print("Train accuracy:", acc)
