'''Callbacks and class weights on rare events (Keras 2).'''
import numpy as np
import keras
from keras.callbacks import (Callback, EarlyStopping, LambdaCallback, LearningRateScheduler,
                             ReduceLROnPlateau, TerminateOnNaN)
from keras.layers import Dense
from keras.models import Sequential
from keras import regularizers

np.random.seed(0)


class LossHistory(Callback):
    def on_train_begin(self, logs={}):
        self.losses = []

    def on_batch_end(self, batch, logs={}):
        self.losses.append(logs.get('loss'))


def schedule(epoch):
    return 0.05 if epoch < 5 else 0.01


x = np.random.randn(300, 3)
y = (x[:, 0] + 0.3 * np.random.randn(300) > 1.3).astype(int)
print('share of events: %.3f' % y.mean())
weights = {0: 1., 1: (1 - y.mean()) / y.mean()}
model = Sequential()
model.add(Dense(8, activation='relu', input_dim=3,
                kernel_regularizer=regularizers.l2(0.001), bias_regularizer='l2'))
model.add(Dense(1, activation='sigmoid'))
model.compile(optimizer=keras.optimizers.SGD(lr=0.05, momentum=0.9), loss='binary_crossentropy',
              metrics=['accuracy'])
history = LossHistory()
epochs_seen = []
hist = model.fit(x, y, epochs=40, batch_size=30, validation_split=0.2, class_weight=weights, verbose=0,
                 callbacks=[history,
                            LearningRateScheduler(schedule),
                            TerminateOnNaN(),
                            LambdaCallback(on_epoch_end=lambda epoch, logs: epochs_seen.append(epoch)),
                            EarlyStopping(monitor='val_loss', patience=5, restore_best_weights=True)])
print('batches per epoch:', len(history.losses) / len(epochs_seen))
print('stopped early:', len(epochs_seen) < 40, len(hist.epoch) == len(epochs_seen))
p = model.predict(x, verbose=0).ravel()
print('recall: %.3f' % np.mean(p[y == 1] > 0.5))
model.compile(optimizer='adam', loss='binary_crossentropy')
model.fit(x, y, epochs=8, verbose=0,
          callbacks=[ReduceLROnPlateau(monitor='loss', factor=0.5, patience=1, min_delta=10)])
print('learning rate: %.6f' % float(keras.backend.get_value(model.optimizer.lr)))
