'''Several inputs and outputs, by name (Keras 2).'''
import numpy as np
import keras
from keras.layers import Input, Embedding, LSTM, Dense, concatenate
from keras.models import Model

np.random.seed(0)
text_input = Input(shape=(None,), dtype='int32', name='text')
embedded_text = Embedding(30, 8)(text_input)
encoded_text = LSTM(8)(embedded_text)
question_input = Input(shape=(4,), name='question')
encoded_question = Dense(8, activation='relu')(question_input)
concatenated = concatenate([encoded_text, encoded_question], axis=-1)
answer = Dense(3, activation='softmax', name='answer')(concatenated)
age = Dense(1, name='age')(concatenated)
model = Model(inputs=[text_input, question_input], outputs=[answer, age])
model.compile(optimizer='rmsprop',
              loss={'answer': 'categorical_crossentropy', 'age': 'mse'},
              loss_weights={'answer': 1., 'age': 0.25},
              metrics={'answer': 'acc'})
text = np.random.randint(1, 30, size=(60, 7))
question = np.random.random((60, 4))
answers = keras.utils.to_categorical(text[:, -1] % 3, 3)
ages = question.sum(axis=1, keepdims=True)
history = model.fit({'text': text, 'question': question}, {'answer': answers, 'age': ages},
                    epochs=8, batch_size=12, verbose=0, validation_split=0.1)
print(sorted(k for k in history.history if not k.startswith('val_')))
results = model.evaluate([text, question], [answers, ages], verbose=0)
print(len(results) == len(model.metrics_names))
a, b = model.predict({'text': text, 'question': question}, verbose=0)
print(a.shape, b.shape)
print('went down:', history.history['loss'][-1] < history.history['loss'][0])
