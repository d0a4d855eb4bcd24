'''Saving and loading in the way of Keras 1: .h5 files of models and of weights, and JSON.'''
from __future__ import print_function
import os
import numpy as np
np.random.seed(7)
from keras.models import Sequential, load_model, model_from_json
from keras.layers.core import Dense, Activation, Dropout
from keras.callbacks import ModelCheckpoint
from keras.utils import np_utils

X = np.random.rand(120, 6)
y = (X[:, 0] + X[:, 1] > X[:, 2] + X[:, 3]).astype('int')
Y = np_utils.to_categorical(y, 2)


def build():
    model = Sequential()
    model.add(Dense(output_dim=12, input_dim=6, init='uniform', name='hidden'))
    model.add(Activation('relu'))
    model.add(Dropout(0.1))
    model.add(Dense(output_dim=2, name='classes'))
    model.add(Activation('softmax'))
    return model


model = build()
model.compile(loss='categorical_crossentropy', optimizer='adam', metrics=['accuracy'])
checkpointer = ModelCheckpoint(filepath='best.h5', monitor='loss', verbose=0, save_best_only=True)
model.fit(X, Y, nb_epoch=30, batch_size=10, verbose=0, callbacks=[checkpointer])
score = model.evaluate(X, Y, verbose=0)
print('accuracy: %.3f' % score[1])

# the whole model, with its optimizer
model.save('my_model.h5')
again = load_model('my_model.h5')
print('same predictions:', np.allclose(model.predict(X), again.predict(X), atol=1e-6))
print('same score:', np.allclose(score, again.evaluate(X, Y, verbose=0), atol=1e-5))
print('steps: %d' % int(again.optimizer.iterations))
again.fit(X, Y, nb_epoch=1, batch_size=10, verbose=0)
print('steps: %d' % int(again.optimizer.iterations))
del again

# architecture and weights apart
open('architecture.json', 'w').write(model.to_json())
model.save_weights('weights.h5', overwrite=True)
rebuilt = model_from_json(open('architecture.json').read())
rebuilt.load_weights('weights.h5')
print('rebuilt:', np.allclose(model.predict(X), rebuilt.predict(X), atol=1e-6))

# the layers with the same names
other = Sequential()
other.add(Dense(12, input_dim=6, name='hidden'))
other.add(Dense(1, name='regression'))
other.load_weights('weights.h5', by_name=True)
print('by name:', np.array_equal(other.layers[0].get_weights()[0],
                                 model.layers[0].get_weights()[0]))
best = load_model('best.h5')
print('best:', best.predict(X).shape, os.path.exists('best.h5'))
