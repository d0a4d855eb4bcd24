'''A variational autoencoder of layers that add their loss in call (tf.keras).'''
import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers


class Sampling(layers.Layer):
    """Uses (z_mean, z_log_var) to sample z."""

    def call(self, inputs):
        z_mean, z_log_var = inputs
        batch = tf.shape(z_mean)[0]
        dim = tf.shape(z_mean)[1]
        epsilon = tf.keras.backend.random_normal(shape=(batch, dim))
        return z_mean + tf.exp(0.5 * z_log_var) * epsilon


class Encoder(layers.Layer):
    def __init__(self, latent_dim=2, intermediate_dim=24, name="encoder", **kwargs):
        super(Encoder, self).__init__(name=name, **kwargs)
        self.dense_proj = layers.Dense(intermediate_dim, activation="relu")
        self.dense_mean = layers.Dense(latent_dim)
        self.dense_log_var = layers.Dense(latent_dim)
        self.sampling = Sampling()

    def call(self, inputs):
        x = self.dense_proj(inputs)
        z_mean = self.dense_mean(x)
        z_log_var = self.dense_log_var(x)
        return z_mean, z_log_var, self.sampling((z_mean, z_log_var))


class VariationalAutoEncoder(keras.Model):
    def __init__(self, original_dim, **kwargs):
        super(VariationalAutoEncoder, self).__init__(**kwargs)
        self.original_dim = original_dim
        self.encoder = Encoder()
        self.decoder = keras.Sequential([layers.Dense(24, activation="relu"),
                                         layers.Dense(original_dim, activation="sigmoid")])

    def call(self, inputs):
        z_mean, z_log_var, z = self.encoder(inputs)
        reconstructed = self.decoder(z)
        kl_loss = -0.5 * tf.reduce_mean(z_log_var - tf.square(z_mean) - tf.exp(z_log_var) + 1)
        self.add_loss(0.05 * kl_loss)
        return reconstructed


tf.random.set_seed(0)
np.random.seed(0)
corner = np.random.rand(200, 1) > 0.5
x_train = np.where(corner, np.arange(16) < 8, np.arange(16) >= 8).astype("float32")
vae = VariationalAutoEncoder(16)
vae.compile(keras.optimizers.Adam(learning_rate=5e-3), loss=keras.losses.MeanSquaredError())
history = vae.fit(x_train, x_train, epochs=20, batch_size=20, verbose=0)
print('first loss: %.4f' % history.history['loss'][0])
print('last loss: %.4f' % history.history['loss'][-1])
