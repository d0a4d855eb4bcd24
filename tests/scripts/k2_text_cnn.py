'''Texts through a Tokenizer, Conv1D and global pooling; a generator of windows (Keras 2).'''
import numpy as np
from keras.preprocessing.text import Tokenizer, text_to_word_sequence
from keras.preprocessing.sequence import pad_sequences, TimeseriesGenerator
from keras.layers import Conv1D, Dense, Embedding, GlobalMaxPooling1D, SpatialDropout1D, CuDNNLSTM
from keras.models import Sequential

np.random.seed(2)
good, bad = ['fine', 'great', 'lovely'], ['awful', 'dull', 'poor']
other = ['the', 'film', 'was', 'and', 'plot', 'cast', 'rather']
texts, labels = [], []
for i in range(120):
    label = i % 2
    words = list(np.random.choice(other, 5)) + list(np.random.choice(good if label else bad, 2))
    np.random.shuffle(words)
    texts.append(' '.join(words) + '!')
    labels.append(label)
tokenizer = Tokenizer(num_words=50)
tokenizer.fit_on_texts(texts)
sequences = tokenizer.texts_to_sequences(texts)
print('Found %s unique tokens.' % len(tokenizer.word_index))
print(text_to_word_sequence(texts[0])[-1] in tokenizer.word_index)
data = pad_sequences(sequences, maxlen=8)
labels = np.asarray(labels)
model = Sequential()
model.add(Embedding(50, 8, input_length=8))
model.add(SpatialDropout1D(0.1))
model.add(Conv1D(8, 3, activation='relu', padding='same'))
model.add(GlobalMaxPooling1D())
model.add(Dense(1, activation='sigmoid'))
model.compile('adam', 'binary_crossentropy', metrics=['acc'])
history = model.fit(data, labels, epochs=20, batch_size=10, verbose=0)
print('accuracy: %.3f' % history.history['acc'][-1])

series = np.sin(np.arange(120) / 5.)[:, None]
windows = TimeseriesGenerator(series, series, length=10, batch_size=16)
model = Sequential([CuDNNLSTM(8, input_shape=(10, 1)), Dense(1)])
model.compile('adam', 'mse')
history = model.fit_generator(windows, epochs=20, verbose=0)
print('loss: %.4f' % history.history['loss'][-1])
