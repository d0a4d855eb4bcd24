"""A variational autoencoder of Keras 1: sampling in a Lambda layer, a loss that is a closure."""

import numpy as np

np.random.seed(4)
from keras import backend as K
from keras import objectives
from keras.layers import Dense, Input, Lambda
from keras.models import Model

batch_size = 20
original_dim = 16
latent_dim = 2
intermediate_dim = 24

x = Input(batch_shape=(batch_size, original_dim))
h = Dense(intermediate_dim, activation="relu")(x)
z_mean = Dense(latent_dim)(h)
z_log_var = Dense(latent_dim)(h)


def sampling(args):
    z_mean, z_log_var = args
    epsilon = K.random_normal(shape=(batch_size, latent_dim), mean=0.0, std=0.1)
    return z_mean + K.exp(z_log_var / 2) * epsilon


z = Lambda(sampling, output_shape=(latent_dim,))([z_mean, z_log_var])
decoder_h = Dense(intermediate_dim, activation="relu")
decoder_mean = Dense(original_dim, activation="sigmoid")
x_decoded_mean = decoder_mean(decoder_h(z))


def vae_loss(x, x_decoded_mean):
    xent_loss = original_dim * objectives.binary_crossentropy(x, x_decoded_mean)
    return xent_loss


vae = Model(x, x_decoded_mean)
vae.compile(optimizer="rmsprop", loss=vae_loss)

corner = np.random.rand(200, 1) > 0.5
x_train = np.where(corner, np.arange(16) < 8, np.arange(16) >= 8).astype("float32")
history = vae.fit(x_train, x_train, shuffle=True, nb_epoch=20, batch_size=batch_size, verbose=0)
print("first loss %.3f" % history.history["loss"][0])
print("last loss %.3f" % history.history["loss"][-1])

encoder = Model(x, z_mean)
x_test_encoded = encoder.predict(x_train, batch_size=batch_size)
print(x_test_encoded.shape)
decoder_input = Input(shape=(latent_dim,))
generator = Model(decoder_input, decoder_mean(decoder_h(decoder_input)))
print(generator.predict(np.array([[0.5, -0.5]])).shape)
