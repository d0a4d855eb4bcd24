'''A generative adversarial network: two models, one optimizer each, train_on_batch (Keras 2).'''
from __future__ import print_function, division
from keras.layers import Input, Dense, Reshape, Flatten, Dropout
from keras.layers import BatchNormalization, Activation
from keras.layers.advanced_activations import LeakyReLU
from keras.models import Sequential, Model
from keras.optimizers import Adam
import numpy as np

np.random.seed(0)


class GAN():
    def __init__(self):
        self.img_shape = (4, 4, 1)
        self.latent_dim = 5
        optimizer = Adam(0.002, 0.5)
        self.discriminator = self.build_discriminator()
        self.discriminator.compile(loss='binary_crossentropy', optimizer=optimizer,
                                   metrics=['accuracy'])
        self.generator = self.build_generator()
        z = Input(shape=(self.latent_dim,))
        img = self.generator(z)
        # For the combined model we will only train the generator
        self.discriminator.trainable = False
        validity = self.discriminator(img)
        self.combined = Model(z, validity)
        self.combined.compile(loss='binary_crossentropy', optimizer=Adam(0.002, 0.5))

    def build_generator(self):
        model = Sequential()
        model.add(Dense(16, input_dim=self.latent_dim))
        model.add(LeakyReLU(alpha=0.2))
        model.add(BatchNormalization(momentum=0.8))
        model.add(Dense(np.prod(self.img_shape), activation='tanh'))
        model.add(Reshape(self.img_shape))
        model.summary()
        noise = Input(shape=(self.latent_dim,))
        return Model(noise, model(noise))

    def build_discriminator(self):
        model = Sequential()
        model.add(Flatten(input_shape=self.img_shape))
        model.add(Dense(24))
        model.add(LeakyReLU(alpha=0.2))
        model.add(Dense(1, activation='sigmoid'))
        img = Input(shape=self.img_shape)
        return Model(img, model(img))

    def train(self, epochs, batch_size=16):
        X_train = np.tile(np.linspace(-0.9, 0.9, 4)[None, :, None, None], (64, 1, 4, 1))
        X_train += 0.02 * np.random.randn(*X_train.shape)
        valid = np.ones((batch_size, 1))
        fake = np.zeros((batch_size, 1))
        for epoch in range(epochs):
            idx = np.random.randint(0, X_train.shape[0], batch_size)
            imgs = X_train[idx]
            noise = np.random.normal(0, 1, (batch_size, self.latent_dim))
            gen_imgs = self.generator.predict(noise, verbose=0)
            frozen = [w.copy() for w in self.generator.get_weights()]
            d_loss_real = self.discriminator.train_on_batch(imgs, valid)
            d_loss_fake = self.discriminator.train_on_batch(gen_imgs, fake)
            d_loss = 0.5 * np.add(d_loss_real, d_loss_fake)
            assert all(np.array_equal(a, b) for a, b in zip(frozen, self.generator.get_weights()))
            judge = [w.copy() for w in self.discriminator.get_weights()]
            g_loss = self.combined.train_on_batch(noise, valid)
            assert all(np.array_equal(a, b) for a, b in zip(judge, self.discriminator.get_weights()))
            if epoch % 100 == 0:
                print("%d [D loss: %f, acc.: %.2f%%] [G loss: %f]"
                      % (epoch, d_loss[0], 100 * d_loss[1], g_loss))


gan = GAN()
gan.train(epochs=300)
made = gan.generator.predict(np.random.normal(0, 1, (50, 5)), verbose=0)
rows = made.mean(axis=(0, 2, 3))
print('rows from dark to light:', bool(rows[0] < rows[-1]))
print('difference: %.3f' % (rows[-1] - rows[0]))
