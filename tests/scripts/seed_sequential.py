# An old tutorial: 'softmax' in a layer, data and labels that fit the model.
from __future__ import print_function
from keras.models import Sequential
from keras.layers import Dense, Activation
## step1 : 建模
model = Sequential()
# input_shape = 模型输入尺寸的元组(784维向量)
# 如果你同时将 batch_size=32 和 input_shape=(6, 8) 传递给一个层，那么每一批输入的尺寸就为 (32，6，8)
model.add(Dense(32, input_shape=(784,)))
model.add(Activation('relu'))
model.add(Dense(1))
model.add(Activation('sigmoid'))

## step2 : compile 编译
## 编译小三人：optimizer，loss，metrics

#==================
# 多分类问题
model.compile(optimizer='rmsprop',
              loss='mse',
              metrics=['accuracy'])

# 二分类问题
model.compile(optimizer='rmsprop',
              loss='binary_crossentropy',
              metrics=['accuracy'])

# 均方误差回归问题
model.compile(optimizer='rmsprop',
              loss='mse')

# 自定义评估标准函数
import keras.backend as K

def mean_pred(y_true, y_pred):
    return K.mean(y_pred)

model.compile(optimizer='rmsprop',
              loss='binary_crossentropy',
              metrics=['accuracy', mean_pred])
# ===============================================

## step3 fit 训练
import numpy as np
data = np.random.random((1000, 784))
labels = np.random.randint(2, size=(1000, 1))
# 训练模型，以 32 个样本为一个 batch 进行迭代
model.fit(data, labels, epochs=10, batch_size=32)

import keras
from keras.datasets import mnist
from keras.models import Sequential
from keras.layers import Dense, Dropout, Flatten,Activation
from keras.layers import Conv2D, MaxPooling2D
from keras import backend as K
import numpy as np

# 对于具有10个类的单输入模型（多分类分类）：

model = Sequential()
model.add(Dense(32, activation='relu', input_shape=(100,)))
model.add(Dense(10, activation='softmax'))
model.compile(optimizer='rmsprop',
              loss='categorical_crossentropy',
              metrics=['accuracy'])

# 生成虚拟数据
import numpy as np
data = np.random.random((1000, 100))
## 生成0-9 随机数 (1000,1) 1000维列向量
labels = np.random.randint(10, size=(1000, 1))

# 将标签转换为分类的 one-hot 编码
one_hot_labels = keras.utils.to_categorical(labels, num_classes=10)

# 训练模型，以 32 个样本为一个 batch 进行迭代
model.fit(data, one_hot_labels, epochs=10, batch_size=32)
