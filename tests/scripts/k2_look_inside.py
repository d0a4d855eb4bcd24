'''What layers see: K.function for activations, K.gradients for saliency (Keras 2).'''
import numpy as np
from keras import backend as K
from keras.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from keras.models import Sequential

np.random.seed(0)
model = Sequential([
    Conv2D(4, (3, 3), activation='relu', input_shape=(8, 8, 1), name='conv'),
    MaxPooling2D(),
    Flatten(),
    Dropout(0.5),
    Dense(3, activation='softmax', name='predictions'),
])
x = np.random.rand(5, 8, 8, 1)
layer_dict = dict([(layer.name, layer) for layer in model.layers])
get_activations = K.function([model.layers[0].input, K.learning_phase()],
                             [layer_dict['conv'].output, model.output])
activations, probabilities = get_activations([x, 0])
print(activations.shape, np.allclose(probabilities, model.predict(x)))
noisy = get_activations([x, 1])[1]
print('dropout at work:', not np.allclose(noisy, probabilities))

# gradient ascent on the input: what excites a filter?
layer_output = layer_dict['conv'].output
loss = K.mean(layer_output[:, :, :, 1])
grads = K.gradients(loss, model.input)[0]
grads /= (K.sqrt(K.mean(K.square(grads))) + 1e-5)
iterate = K.function([model.input], [loss, grads])
picture = np.random.random((1, 8, 8, 1)) * 0.2
first = iterate([picture])[0]
for i in range(10):
    loss_value, grads_value = iterate([picture])
    picture += grads_value * 0.5
print('filter is excited:', bool(loss_value > first))

# class activation: gradient of one class by the convolution's output
class_output = model.output[:, 2]
grads = K.gradients(class_output, layer_output)[0]
pooled_grads = K.mean(grads, axis=(0, 1, 2))
iterate = K.function([model.input], [pooled_grads, layer_output[0]])
pooled, conv_output = iterate([x[:1]])
print(pooled.shape, conv_output.shape)
