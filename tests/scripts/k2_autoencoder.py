'''A convolutional autoencoder that takes noise away, and locally connected layers (Keras 2).'''
from keras.layers import Input, Conv2D, MaxPooling2D, UpSampling2D, LocallyConnected2D, Conv2DTranspose
from keras.models import Model, Sequential
import numpy as np

np.random.seed(0)
x_train = np.zeros((120, 8, 8, 1))
for i in range(120):
    r, c = np.random.randint(0, 5, size=2)
    x_train[i, r:r + 3, c:c + 3] = 1
noise = np.random.normal(loc=0.0, scale=0.3, size=x_train.shape)
x_noisy = np.clip(x_train + noise, 0., 1.)

input_img = Input(shape=(8, 8, 1))
x = Conv2D(8, (3, 3), activation='relu', padding='same')(input_img)
x = MaxPooling2D((2, 2), padding='same')(x)
x = Conv2D(8, (3, 3), activation='relu', padding='same')(x)
encoded = MaxPooling2D((2, 2), padding='same')(x)
x = Conv2D(8, (3, 3), activation='relu', padding='same')(encoded)
x = UpSampling2D((2, 2))(x)
x = Conv2DTranspose(8, (3, 3), strides=2, activation='relu', padding='same')(x)
decoded = Conv2D(1, (3, 3), activation='sigmoid', padding='same')(x)
autoencoder = Model(input_img, decoded)
autoencoder.compile(optimizer='adam', loss='binary_crossentropy')
history = autoencoder.fit(x_noisy, x_train, epochs=15, batch_size=10, verbose=0)
print('encoded:', encoded.shape[1:])
print('first loss: %.3f' % history.history['loss'][0])
print('last loss: %.3f' % history.history['loss'][-1])

model = Sequential([LocallyConnected2D(2, (3, 3), input_shape=(8, 8, 1), activation='relu')])
model.compile('sgd', 'mse')
print('local weights:', model.count_params(), model.output_shape)
