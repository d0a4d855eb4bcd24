'''An encoder and a decoder of LSTMs with shared states; inference step by step (Keras 2).'''
from __future__ import print_function
from keras.models import Model
from keras.layers import Input, LSTM, Dense
import numpy as np

np.random.seed(1)
batch_size, epochs, latent_dim, num_samples = 16, 30, 24, 160
num_tokens, length = 6, 4
START, STOP = 0, 1
# the answer is the question in reverse
questions = np.random.randint(2, num_tokens, size=(num_samples, length))
answers = questions[:, ::-1]

encoder_input_data = np.eye(num_tokens)[questions]
decoder_in = np.hstack([np.full((num_samples, 1), START), answers])
decoder_out = np.hstack([answers, np.full((num_samples, 1), STOP)])
decoder_input_data, decoder_target_data = np.eye(num_tokens)[decoder_in], np.eye(num_tokens)[decoder_out]

encoder_inputs = Input(shape=(None, num_tokens))
encoder = LSTM(latent_dim, return_state=True)
encoder_outputs, state_h, state_c = encoder(encoder_inputs)
encoder_states = [state_h, state_c]
decoder_inputs = Input(shape=(None, num_tokens))
decoder_lstm = LSTM(latent_dim, return_sequences=True, return_state=True)
decoder_outputs, _, _ = decoder_lstm(decoder_inputs, initial_state=encoder_states)
decoder_dense = Dense(num_tokens, activation='softmax')
decoder_outputs = decoder_dense(decoder_outputs)
model = Model([encoder_inputs, decoder_inputs], decoder_outputs)
model.compile(optimizer='adam', loss='categorical_crossentropy', metrics=['accuracy'])
history = model.fit([encoder_input_data, decoder_input_data], decoder_target_data,
                    batch_size=batch_size, epochs=epochs, validation_split=0.2, verbose=0)
print('accuracy: %.3f' % history.history['acc'][-1])

encoder_model = Model(encoder_inputs, encoder_states)
decoder_state_input_h = Input(shape=(latent_dim,))
decoder_state_input_c = Input(shape=(latent_dim,))
decoder_states_inputs = [decoder_state_input_h, decoder_state_input_c]
decoder_outputs, state_h, state_c = decoder_lstm(decoder_inputs, initial_state=decoder_states_inputs)
decoder_states = [state_h, state_c]
decoder_outputs = decoder_dense(decoder_outputs)
decoder_model = Model([decoder_inputs] + decoder_states_inputs, [decoder_outputs] + decoder_states)


def decode_sequence(input_seq):
    states_value = encoder_model.predict(input_seq, verbose=0)
    target_seq = np.zeros((1, 1, num_tokens))
    target_seq[0, 0, START] = 1.
    decoded = []
    while len(decoded) < length + 1:
        output_tokens, h, c = decoder_model.predict([target_seq] + states_value, verbose=0)
        sampled = np.argmax(output_tokens[0, -1, :])
        if sampled == STOP:
            break
        decoded.append(int(sampled))
        target_seq = np.zeros((1, 1, num_tokens))
        target_seq[0, 0, sampled] = 1.
        states_value = [h, c]
    return decoded


print('Question:', questions[0].tolist())
print('Answer:', decode_sequence(encoder_input_data[:1]))
