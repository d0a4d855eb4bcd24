'''Regression with an adapted Normalization layer, gradients of plain functions (tf.keras).'''
import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers
from tensorflow.keras.layers.experimental import preprocessing

np.random.seed(0)
print(tf.config.list_physical_devices('GPU'), tf.executing_eagerly())
features = np.random.rand(200, 3) * [1, 50, 1000]
target = features @ [2.0, 0.1, -0.002] + 1

normalizer = preprocessing.Normalization(axis=-1)
normalizer.adapt(np.array(features))
print(np.allclose(normalizer(features).numpy().mean(axis=0), 0, atol=1e-5))
model = tf.keras.Sequential([normalizer, layers.Dense(units=1)])
model.compile(optimizer=tf.optimizers.Adam(learning_rate=0.1), loss='mean_absolute_error')
with tf.device('/CPU:0'):
    history = model.fit(features, target, epochs=40, verbose=0, validation_split=0.2)
print('val_loss: %.3f' % history.history['val_loss'][-1])

x = tf.Variable(3.0)
with tf.GradientTape(persistent=True) as tape:
    y = x ** 2 + 2 * tf.sin(x)
    z = y * y
print('dy/dx = %.4f' % tape.gradient(y, x).numpy(), 'dz/dx = %.4f' % tape.gradient(z, x).numpy())
w = tf.Variable(tf.random.normal((3, 2)), name='w')
b = tf.Variable(tf.zeros(2, dtype=tf.float32), name='b')
data = tf.constant([[1., 2., 3.]])
with tf.GradientTape() as tape:
    out = data @ w + b
    loss = tf.reduce_mean(out ** 2)
[dl_dw, dl_db] = tape.gradient(loss, [w, b])
print(w.shape == dl_dw.shape, dl_db.shape)
for step in range(60):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(w))
    w.assign_sub(0.1 * tape.gradient(loss, w))
print(bool(tf.reduce_max(tf.abs(w)) < 1e-3))
print(tf.math.reduce_sum([[1, 2], [3, 4]], axis=1).numpy().tolist(),
      tf.concat([[1], [2, 3]], axis=0).numpy().tolist(), tf.argmax([1, 5, 2]).numpy())
