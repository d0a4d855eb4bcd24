'''A model as an estimator, and TensorFlow 1's session settings before it (Keras 2).'''
import numpy as np
import tensorflow as tf
from keras import backend as K
from keras.layers import Dense
from keras.models import Sequential
from keras.wrappers.scikit_learn import KerasClassifier, KerasRegressor

np.random.seed(7)
tf.set_random_seed(7)
session_conf = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
session_conf.gpu_options.allow_growth = True
sess = tf.Session(graph=tf.get_default_graph(), config=session_conf)
K.set_session(sess)


def create_model(units=6, optimizer='adam'):
    model = Sequential()
    model.add(Dense(units, input_dim=4, kernel_initializer='uniform', activation='relu'))
    model.add(Dense(1, kernel_initializer='uniform', activation='sigmoid'))
    model.compile(loss='binary_crossentropy', optimizer=optimizer, metrics=['accuracy'])
    return model


def regression_model():
    model = Sequential([Dense(1, input_dim=4)])
    model.compile(loss='mean_squared_error', optimizer='sgd')
    return model


X = np.random.randn(150, 4)
Y = np.where(X[:, 0] > 0, 'yes', 'no')
model = KerasClassifier(build_fn=create_model, epochs=40, batch_size=10, verbose=0)
model.fit(X, Y)
print('accuracy: %.3f' % model.score(X, Y))
print(sorted(set(model.predict(X))), model.predict_proba(X).shape)
print(model.get_params()['batch_size'], model.set_params(units=3).sk_params['units'])
regressor = KerasRegressor(build_fn=regression_model, epochs=20, verbose=0)
regressor.fit(X, X.sum(axis=1))
print('score: %.4f' % regressor.score(X, X.sum(axis=1)))
