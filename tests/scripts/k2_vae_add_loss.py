"""A variational autoencoder whose loss is added to the model as a symbolic tensor (Keras 2)."""

import numpy as np
from keras import backend as K
from keras.layers import Dense, Input, Lambda
from keras.losses import binary_crossentropy
from keras.models import Model

np.random.seed(0)


def sampling(args):
    z_mean, z_log_var = args
    batch = K.shape(z_mean)[0]
    dim = K.int_shape(z_mean)[1]
    epsilon = K.random_normal(shape=(batch, dim))
    return z_mean + K.exp(0.5 * z_log_var) * epsilon


corner = np.random.rand(200, 1) > 0.5
x_train = np.where(corner, np.arange(16) < 8, np.arange(16) >= 8).astype("float32")
original_dim = 16
input_shape = (original_dim,)
latent_dim = 2

inputs = Input(shape=input_shape, name="encoder_input")
x = Dense(24, activation="relu")(inputs)
z_mean = Dense(latent_dim, name="z_mean")(x)
z_log_var = Dense(latent_dim, name="z_log_var")(x)
z = Lambda(sampling, output_shape=(latent_dim,), name="z")([z_mean, z_log_var])
encoder = Model(inputs, [z_mean, z_log_var, z], name="encoder")
encoder.summary()

latent_inputs = Input(shape=(latent_dim,), name="z_sampling")
x = Dense(24, activation="relu")(latent_inputs)
outputs = Dense(original_dim, activation="sigmoid")(x)
decoder = Model(latent_inputs, outputs, name="decoder")

outputs = decoder(encoder(inputs)[2])
vae = Model(inputs, outputs, name="vae_mlp")

reconstruction_loss = binary_crossentropy(inputs, outputs)
reconstruction_loss *= original_dim
kl_loss = 1 + z_log_var - K.square(z_mean) - K.exp(z_log_var)
kl_loss = K.sum(kl_loss, axis=-1)
kl_loss *= -0.5
vae_loss = K.mean(reconstruction_loss + kl_loss)
vae.add_loss(vae_loss)
vae.compile(optimizer="adam")
history = vae.fit(x_train, epochs=25, batch_size=20, verbose=0, validation_data=(x_train, None))
print("first loss %.3f" % history.history["loss"][0])
print("last loss %.3f" % history.history["loss"][-1])
print(encoder.predict(x_train)[0].shape)
