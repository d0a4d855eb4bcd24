'''A first classifier with tf.keras: logits, a softmax added afterwards (TensorFlow 2).'''
import numpy as np
import tensorflow as tf

print("TensorFlow version:", tf.__version__)
tf.random.set_seed(0)
rng = np.random.RandomState(0)
y_train = rng.randint(0, 3, size=300)
x_train = rng.randint(0, 80, size=(300, 6, 6)).astype("uint8")
x_train[np.arange(300), y_train * 2] = 255
x_train = x_train / 255.0
x_train, x_test, y_train, y_test = x_train[:240], x_train[240:], y_train[:240], y_train[240:]

model = tf.keras.models.Sequential([
    tf.keras.layers.Flatten(input_shape=(6, 6)),
    tf.keras.layers.Dense(32, activation='relu'),
    tf.keras.layers.Dropout(0.2),
    tf.keras.layers.Dense(3)
])
predictions = model(x_train[:1]).numpy()
print(predictions.shape, tf.nn.softmax(predictions).numpy().sum().round(4))
loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
print('untrained loss: %.2f' % loss_fn(y_train[:1], predictions).numpy())
model.compile(optimizer='adam', loss=loss_fn, metrics=['accuracy'])
model.fit(x_train, y_train, epochs=12, verbose=2)
loss, acc = model.evaluate(x_test, y_test, verbose=0)
print('Test accuracy: {:.3f}'.format(acc))
probability_model = tf.keras.Sequential([model, tf.keras.layers.Softmax()])
print(np.allclose(probability_model(x_test[:5]).numpy().sum(axis=1), 1))
