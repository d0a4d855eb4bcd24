'''A subclassed model, a training loop with GradientTape, metrics and tf.data (TensorFlow 2).'''
import numpy as np
import tensorflow as tf
from tensorflow.keras.layers import Dense, Flatten, Conv2D
from tensorflow.keras import Model

tf.random.set_seed(1)
rng = np.random.RandomState(1)
y_all = rng.randint(0, 2, 160)
x_all = rng.rand(160, 8, 8).astype("float32") * 0.3
for i, label in enumerate(y_all):
    if label:
        x_all[i, 3] += 0.7
    else:
        x_all[i, :, 3] += 0.7
x_all = x_all[..., tf.newaxis]
train_ds = tf.data.Dataset.from_tensor_slices((x_all[:128], y_all[:128])).shuffle(128).batch(16)
test_ds = tf.data.Dataset.from_tensor_slices((x_all[128:], y_all[128:])).batch(16)


class MyModel(Model):
    def __init__(self):
        super().__init__()
        self.conv1 = Conv2D(4, 3, activation='relu')
        self.flatten = Flatten()
        self.d1 = Dense(16, activation='relu')
        self.d2 = Dense(2)

    def call(self, x):
        x = self.conv1(x)
        x = self.flatten(x)
        x = self.d1(x)
        return self.d2(x)


model = MyModel()
loss_object = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
optimizer = tf.keras.optimizers.Adam()
train_loss = tf.keras.metrics.Mean(name='train_loss')
train_accuracy = tf.keras.metrics.SparseCategoricalAccuracy(name='train_accuracy')
test_accuracy = tf.keras.metrics.SparseCategoricalAccuracy(name='test_accuracy')


@tf.function
def train_step(images, labels):
    with tf.GradientTape() as tape:
        predictions = model(images, training=True)
        loss = loss_object(labels, predictions)
    gradients = tape.gradient(loss, model.trainable_variables)
    gradients, norm = tf.clip_by_global_norm(gradients, 5.0)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    train_loss(loss)
    train_accuracy(labels, predictions)


@tf.function
def test_step(images, labels):
    predictions = model(images, training=False)
    test_accuracy(labels, predictions)


for epoch in range(8):
    train_loss.reset_states()
    train_accuracy.reset_states()
    test_accuracy.reset_states()
    for images, labels in train_ds:
        train_step(images, labels)
    for test_images, test_labels in test_ds:
        test_step(test_images, test_labels)
    print(f'Epoch {epoch + 1}, Loss: {train_loss.result():0.3f}, '
          f'Accuracy: {train_accuracy.result() * 100:0.1f}, '
          f'Test Accuracy: {test_accuracy.result() * 100:0.1f}')
print('Test accuracy: %.3f' % test_accuracy.result().numpy())
