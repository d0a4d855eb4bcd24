'''Attention by hand with tf functions, inside a layer and a functional model (tf.keras).'''
import numpy as np
import tensorflow as tf
from tensorflow.keras import layers


def scaled_dot_product_attention(q, k, v, mask):
    matmul_qk = tf.matmul(q, k, transpose_b=True)
    dk = tf.cast(tf.shape(k)[-1], tf.float32)
    scaled_attention_logits = matmul_qk / tf.math.sqrt(dk)
    if mask is not None:
        scaled_attention_logits += (mask * -1e9)
    attention_weights = tf.nn.softmax(scaled_attention_logits, axis=-1)
    return tf.matmul(attention_weights, v), attention_weights


class MultiHeadAttention(tf.keras.layers.Layer):
    def __init__(self, d_model, num_heads):
        super(MultiHeadAttention, self).__init__()
        self.num_heads = num_heads
        self.d_model = d_model
        self.depth = d_model // self.num_heads
        self.wq = tf.keras.layers.Dense(d_model)
        self.wk = tf.keras.layers.Dense(d_model)
        self.wv = tf.keras.layers.Dense(d_model)
        self.dense = tf.keras.layers.Dense(d_model)

    def split_heads(self, x, batch_size):
        x = tf.reshape(x, (batch_size, -1, self.num_heads, self.depth))
        return tf.transpose(x, perm=[0, 2, 1, 3])

    def call(self, x):
        batch_size = tf.shape(x)[0]
        q = self.split_heads(self.wq(x), batch_size)
        k = self.split_heads(self.wk(x), batch_size)
        v = self.split_heads(self.wv(x), batch_size)
        attention, weights = scaled_dot_product_attention(q, k, v, None)
        attention = tf.transpose(attention, perm=[0, 2, 1, 3])
        return self.dense(tf.reshape(attention, (batch_size, -1, self.d_model)))


def positional_encoding(position, d_model):
    pos = np.arange(position)[:, np.newaxis]
    i = np.arange(d_model)[np.newaxis, :]
    angles = pos / np.power(10000, (2 * (i // 2)) / np.float32(d_model))
    angles[:, 0::2] = np.sin(angles[:, 0::2])
    angles[:, 1::2] = np.cos(angles[:, 1::2])
    return tf.cast(angles[np.newaxis, ...], dtype=tf.float32)


tf.random.set_seed(0)
np.random.seed(0)
x = np.random.randint(1, 20, size=(200, 8))
y = (x == 7).any(axis=1).astype('float32')
y[:60], x[:60, 3] = 1, 7
inputs = layers.Input(shape=(8,), dtype='int32')
h = layers.Embedding(20, 8)(inputs)
h = h * tf.math.sqrt(tf.cast(8, tf.float32)) + positional_encoding(8, 8)
h = layers.LayerNormalization(epsilon=1e-6)(h + MultiHeadAttention(8, 2)(h))
h = tf.reduce_max(h, axis=1)
outputs = layers.Dense(1, activation='sigmoid')(h)
model = tf.keras.Model(inputs, outputs)
model.compile(optimizer=tf.keras.optimizers.Adam(0.01), loss='binary_crossentropy', metrics=['accuracy'])
history = model.fit(x, y, epochs=15, batch_size=20, verbose=0)
print('accuracy: %.3f' % history.history['accuracy'][-1])
