'''A layer of one's own, in the words of Keras 2, and a model rebuilt from its configuration.'''
import numpy as np
from keras import backend as K
from keras.engine.topology import Layer
from keras.layers import Dense, Input
from keras.models import Sequential, Model, model_from_json
from keras.initializers import RandomUniform, Ones


class RBFLayer(Layer):
    def __init__(self, output_dim, betas=1.0, **kwargs):
        self.output_dim = output_dim
        self.init_betas = betas
        super(RBFLayer, self).__init__(**kwargs)

    def build(self, input_shape):
        self.centers = self.add_weight(name='centers', shape=(self.output_dim, input_shape[1]),
                                       initializer=RandomUniform(-1.0, 1.0), trainable=True)
        self.betas = self.add_weight(name='betas', shape=(self.output_dim,),
                                     initializer='ones', trainable=True)
        super(RBFLayer, self).build(input_shape)

    def call(self, x):
        C = K.expand_dims(self.centers)
        H = K.transpose(C - K.transpose(x))
        return K.exp(-self.betas * K.sum(H ** 2, axis=1))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.output_dim)

    def get_config(self):
        config = {'output_dim': self.output_dim}
        base_config = super(RBFLayer, self).get_config()
        return dict(list(base_config.items()) + list(config.items()))


np.random.seed(0)
x = np.random.uniform(-1, 1, size=(200, 2))
y = (np.sum(x ** 2, axis=1) < 0.4).astype(float)
model = Sequential()
model.add(RBFLayer(12, input_shape=(2,)))
model.add(Dense(1, activation='sigmoid'))
model.compile(loss='binary_crossentropy', optimizer='rmsprop', metrics=['acc'])
model.fit(x, y, epochs=60, batch_size=10, verbose=0)
loss, acc = model.evaluate(x, y, verbose=0)
print('accuracy: %.3f' % acc)
again = model_from_json(model.to_json(), custom_objects={'RBFLayer': RBFLayer})
again.set_weights(model.get_weights())
print('same predictions:', np.allclose(again.predict(x), model.predict(x)))
