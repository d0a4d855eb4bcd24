'''tf.data: augmentation in map, cache, prefetch, generators, zip; fit, evaluate, predict with it.'''
import numpy as np
import tensorflow as tf

AUTOTUNE = tf.data.AUTOTUNE
tf.random.set_seed(5)
rng = np.random.RandomState(5)
images = rng.randint(0, 255, size=(96, 10, 10, 3)).astype("uint8")
labels = (images[..., 0].mean(axis=(1, 2)) > images[..., 2].mean(axis=(1, 2))).astype("int64")


def prepare(image, label):
    image = tf.image.convert_image_dtype(image, tf.float32)
    image = tf.image.resize(image, [8, 8])
    return image, tf.one_hot(label, 2)


def augment(image, label):
    image = tf.image.random_flip_left_right(image)
    image = tf.image.random_brightness(image, max_delta=0.05)
    return tf.clip_by_value(image, 0.0, 1.0), label


ds = tf.data.Dataset.from_tensor_slices((images, labels))
train = (ds.take(80).cache().map(prepare, num_parallel_calls=AUTOTUNE).map(augment)
         .shuffle(80, seed=1).batch(16).prefetch(AUTOTUNE))
val = ds.skip(80).map(prepare).batch(8)
print(len(train), tf.data.experimental.cardinality(val).numpy())
for image_batch, labels_batch in train.take(1):
    print(image_batch.shape, labels_batch.shape, image_batch.dtype == tf.float32)

model = tf.keras.Sequential([
    tf.keras.layers.InputLayer(input_shape=(8, 8, 3)),
    tf.keras.layers.Conv2D(4, 3, activation='relu'),
    tf.keras.layers.GlobalAveragePooling2D(),
    tf.keras.layers.Dense(2, activation='softmax')])
model.compile('adam', 'categorical_crossentropy', metrics=['accuracy'])
history = model.fit(train, validation_data=val, epochs=3, verbose=0)
print(len(history.history['val_loss']), len(model.evaluate(val, verbose=0)))
print(model.predict(val, verbose=0).shape)
history = model.fit(train.repeat(), epochs=2, steps_per_epoch=4, verbose=0)
print(len(history.epoch))


def gen():
    for i in range(6):
        yield np.full((2,), i, "float32"), i


made = tf.data.Dataset.from_generator(gen, output_types=(tf.float32, tf.int32),
                                      output_shapes=((2,), ())).batch(4)
print([tuple(x.shape) for x, _ in made])
pairs = tf.data.Dataset.zip((tf.data.Dataset.range(3), tf.data.Dataset.range(10, 13)))
print([(int(a), int(b)) for a, b in pairs.as_numpy_iterator()])
print([int(x) for x in tf.data.Dataset.range(10).filter(lambda x: x % 3 == 0)])
total = tf.data.Dataset.range(5).reduce(np.int64(0), lambda s, x: s + x)
print(int(total))
windows = tf.data.Dataset.range(6).window(3, shift=1, drop_remainder=True)
windows = windows.flat_map(lambda w: w.batch(3)).map(lambda w: (w[:-1], w[-1:]))
print([(x.numpy().tolist(), y.numpy().tolist()) for x, y in windows][:2])
