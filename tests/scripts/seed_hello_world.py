# An old tutorial: its comments begin with # now, ouput_dim and a lost quote are mended, and the
# imports and the data, which it did not have, are added.
import numpy as np
from keras.models import Sequential
from keras.layers import Dense, Activation

y_train = np.eye(10)[np.arange(1000) % 10]
x_train = np.repeat(y_train, 78, axis=1)
x_train = np.hstack([x_train, np.zeros((1000, 4))]) + 0.1 * np.random.rand(1000, 784)
x_test, y_test = x_train[:50], y_train[:50]
model = Sequential()
#对于第一层隐藏层来说
model.add( Dense( input_dim=28*28,output_dim=500 ))#Dense表示全连接层，可以选用其他的。28*28和500表示输入输出的维度信息dimension。
model.add( Activation('sigmoid') ) #设置activation function


#对于第二层隐藏层来说
model.add( Dense( output_dim=500 ) ) #这里不需要有input,因为第二层的input就是第一层的output
model.add( Activation( 'sigmoid' ) )
#对于输出层
model.add( Dense(output_dim=10 ))#output 的dimension 是10维的
model.add( Activation('softmax')) #这里选择softmax
model.compile(loss='categorical_crossentropy',optimizer='adam',metrics=['accuracy'])

#categorical_crossentropy就是交叉熵
#optimizer选择adam
#其他的优化方法例如 SGD,RMSprop,Adagrad,Adadelta,Adam,Adamax,Nadam

model.fit(x_train,y_train,batch_size=100,nb_epoch=20)
#这个函数里面有4个参数，分别为：训练集，\hat{y},每次训练（每次更新参数）随机选择的样本数（样本全部选择完毕算一轮），训练轮数
score=model.evaluate(x_test,y_test)    #有两个参数
print('Total loss on Testing Set:', score[0])
print('Accuray of Testing Set:', score[1])
result=model.predict(x_test)
print(result.shape, int(model.optimizer.iterations))
