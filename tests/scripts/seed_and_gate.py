# An old tutorial; its missing imports and test data added.
import numpy as np
from keras.layers import Dense
from keras.optimizers import SGD
from keras.models import Sequential

model = Sequential()
# 一个全连接层， 有两个神经元，使用relu函数激活，定义的输入参数是一个长度为2的一维向量
model.add(Dense(2, activation="relu", batch_input_shape=(None, 2)))

# 一个全连接输出层，有一个输出神经元，使用sigmoid函数激活，定义输出为一个标量
model.add(Dense(1, activation="sigmoid"))
# 使用SGD（随机梯度下降法）作为优化器（Optimizer），用来反向反馈怼模型权重参数进行调整
sgd = SGD(lr=0.01, decay=0.0000001, momentum=0.9)
# 使用（binary_crossentropy) 作为损失（loss）函数，计算模型预测值与真实值之间的差距
loss = "binary_crossentropy"
# 使用准确率（accuracy）作为评估模型好坏的量度
measure = "accuracy"
# 编译模型
model.compile(optimizer=sgd, loss=loss, metrics=[measure])
# lambda表达式计算与门正确输出
lbda = lambda x:x[0]&x[1]
# 输入数据是一组长度为2的向量，向量值只能取0或1
data = np.random.randint(2, size=(100, 2))
# 使用lambda表达式根据输入计算输出
labels = np.array(list(map(lbda, data)))
model.fit(data, labels, epochs=1000, batch_size=32, validation_split=0.1)
test_data, test_labels = data, labels
score = model.evaluate(test_data, test_labels, batch_size=32)
print("%s : %s" % (model.metrics_names[0], score[0]))
print("%s : %s" % (model.metrics_names[1], score[1]))
