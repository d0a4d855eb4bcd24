'''Images in folders, as in the tutorial on image classification: batches from a directory, a split,
cache and prefetch, layers of augmentation, one new image.'''
import pathlib

import numpy as np
import tensorflow as tf

from tensorflow import keras
from tensorflow.keras import layers
from tensorflow.keras.models import Sequential

keras.utils.set_random_seed(3)
data_dir = pathlib.Path('photos')
rng = np.random.RandomState(0)
for number, name in enumerate(['daisy', 'rose']):
    (data_dir / name).mkdir(parents=True, exist_ok=True)
    for i in range(20):
        picture = rng.randint(0, 80, size=(rng.randint(18, 30), 24, 3))
        picture[..., number] += 150
        keras.utils.save_img(data_dir / name / f'{i}.jpg', picture, scale=False)
image_count = len(list(data_dir.glob('*/*.jpg')))
print(image_count)

batch_size, img_height, img_width = 8, 20, 20
train_ds = tf.keras.utils.image_dataset_from_directory(
    data_dir, validation_split=0.2, subset="training", seed=123,
    image_size=(img_height, img_width), batch_size=batch_size)
val_ds = tf.keras.utils.image_dataset_from_directory(
    data_dir, validation_split=0.2, subset="validation", seed=123,
    image_size=(img_height, img_width), batch_size=batch_size)
class_names = train_ds.class_names
print(class_names)

for images, labels in train_ds.take(1):
    shown = images[0].numpy().astype("uint8")
    title = class_names[labels[0]]
    print('looks like its title:', shown[..., 0].mean() > shown[..., 1].mean(), title == 'daisy')
for image_batch, labels_batch in train_ds:
    print(image_batch.shape, labels_batch.shape)
    break

AUTOTUNE = tf.data.AUTOTUNE
val_batches = tf.data.experimental.cardinality(val_ds)
print('batches:', tf.data.experimental.cardinality(train_ds).numpy(), val_batches.numpy())
train_ds = train_ds.cache().shuffle(1000).prefetch(buffer_size=AUTOTUNE)
val_ds = val_ds.cache().prefetch(buffer_size=AUTOTUNE)

normalization_layer = layers.Rescaling(1. / 255)
normalized_ds = train_ds.map(lambda x, y: (normalization_layer(x), y))
image_batch, labels_batch = next(iter(normalized_ds))
print('scaled:', bool(np.max(image_batch[0]) <= 1))

data_augmentation = keras.Sequential([
    layers.RandomFlip("horizontal", input_shape=(img_height, img_width, 3)),
    layers.RandomRotation(0.1)])
model = Sequential([
    data_augmentation,
    layers.Rescaling(1. / 255),
    layers.Conv2D(4, 3, padding='same', activation='relu'),
    layers.MaxPooling2D(),
    layers.Flatten(),
    layers.Dense(8, activation='relu'),
    layers.Dense(len(class_names), name="outputs")])
model.compile(optimizer=keras.optimizers.Adam(0.01),
              loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
              metrics=['accuracy'])
history = model.fit(train_ds, validation_data=val_ds, epochs=8, verbose=0)
print(len(history.history['val_accuracy']))
print('val_accuracy:', history.history['val_accuracy'][-1])

img = tf.keras.utils.load_img(data_dir / 'rose' / '3.jpg', target_size=(img_height, img_width))
img_array = tf.expand_dims(tf.keras.utils.img_to_array(img), 0)
score = tf.nn.softmax(model.predict(img_array, verbose=0)[0])
print("This image most likely belongs to {} with a {:.2f} percent confidence.".format(
    class_names[np.argmax(score)], 100 * np.max(score)))
