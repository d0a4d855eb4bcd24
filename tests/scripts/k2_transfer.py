'''Fine-tuning: a base without its top, frozen, a new head, then the last block (Keras 2).'''
import numpy as np
from keras.applications.vgg16 import VGG16, preprocess_input
from keras.layers import Dense, GlobalAveragePooling2D
from keras.models import Model
from keras.optimizers import SGD

np.random.seed(0)
base_model = VGG16(weights=None, include_top=False, input_shape=(32, 32, 3))
x = base_model.output
x = GlobalAveragePooling2D()(x)
x = Dense(16, activation='relu')(x)
predictions = Dense(2, activation='softmax')(x)
model = Model(inputs=base_model.input, outputs=predictions)

for layer in base_model.layers:
    layer.trainable = False
model.compile(optimizer='rmsprop', loss='sparse_categorical_crossentropy')
images = preprocess_input(np.random.randint(0, 256, size=(6, 32, 32, 3)).astype('float32'))
labels = np.arange(6) % 2
print('trainable weights with a frozen base:', len(model.trainable_weights))
before = base_model.get_weights()
model.fit(images, labels, epochs=1, batch_size=3, verbose=0)
print('base unchanged:', all(np.array_equal(a, b) for a, b in zip(before, base_model.get_weights())))

for layer in model.layers[:15]:
    layer.trainable = False
for layer in model.layers[15:]:
    layer.trainable = True
model.compile(optimizer=SGD(lr=0.0001, momentum=0.9), loss='sparse_categorical_crossentropy')
print('trainable weights with the last block:', len(model.trainable_weights))
model.fit(images, labels, epochs=1, batch_size=3, verbose=0)
after = base_model.get_weights()
print('last block trained:', not np.array_equal(before[-2], after[-2]),
      np.array_equal(before[0], after[0]))
