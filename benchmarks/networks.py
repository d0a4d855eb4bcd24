"""The networks that training.py times: made data, the same for every framework, and each network
once with the Keras API and once in plain PyTorch.
"""

import numpy as np

NETWORKS = {
    "and": "2-2-1, relu and sigmoid, SGD with momentum, batches of 32 of 100 rows",
    "gender": "3-4-2, relu and softmax, RMSprop, batches of 8 of 1,000 rows",
    "dense100": "100-64-10, relu and softmax, SGD, batches of 10 of 1,000 rows",
    "mlp": "784-500-500-10, sigmoid and softmax, Adam, batches of 100 of 10,000 rows",
    "conv1d": "two Conv1D of 64 filters, pooling, Adam, batches of 64 of 1,024 rows of 128 x 32",
    "mnistcnn": "Conv2D of 32 and 64 filters, pooling, dropout, 128-10, Adadelta, batches of 128 "
    "of 1,280 images of 28 x 28",
    "vgg": "two Conv2D of 32 and two of 64 filters, pooling, dropout, 256-10, SGD with Nesterov "
    "momentum, batches of 32 of 96 images of 100 x 100 x 3",
    "lstm": "three LSTM of 32 units, RMSprop, batches of 64 of 1,024 rows of 8 x 16",
    "imdblstm": "Embedding of 20,000 x 128, LSTM of 128 units, Adam, batches of 32 of 640 rows of "
    "80 numbers",
    "gru": "GRU of 256 units, Adam, batches of 32 of 256 rows of 100 x 64",
    "attention": "a transformer block of 4 heads and width 128, Adam, batches of 32 of 256 rows of "
    "128 x 128",
}

IMAGES = ("mnistcnn", "vgg")


def one_hot(rng, rows):
    return np.eye(10)[rng.integers(0, 10, rows)]


def data(network):
    """Return x, y and the batch size; images and sequences with their channels last."""
    rng = np.random.default_rng(0)
    if network == "and":
        x = rng.integers(0, 2, (100, 2))
        y, batch = (x[:, 0] & x[:, 1])[:, None], 32
    elif network == "gender":
        x, batch = rng.normal(size=(1000, 3)), 8
        x[:500] += [1, 1, -1]
        y = np.eye(2)[(np.arange(1000) < 500).astype(int)]
    elif network == "dense100":
        x, y, batch = rng.random((1000, 100)), rng.random((1000, 10)), 10
    elif network == "mlp":
        x, y, batch = rng.random((10000, 784)), one_hot(rng, 10000), 100
    elif network == "conv1d":
        x, y, batch = rng.random((1024, 128, 32)), one_hot(rng, 1024), 64
    elif network == "mnistcnn":
        x, y, batch = rng.random((1280, 28, 28, 1)), one_hot(rng, 1280), 128
    elif network == "vgg":
        x, y, batch = rng.random((96, 100, 100, 3)), one_hot(rng, 96), 32
    elif network == "lstm":
        x, y, batch = rng.random((1024, 8, 16)), one_hot(rng, 1024), 64
    elif network == "imdblstm":
        x, y, batch = rng.integers(0, 20000, (640, 80)), rng.integers(0, 2, (640, 1)), 32
    elif network == "gru":
        x, y, batch = rng.random((256, 100, 64)), one_hot(rng, 256), 32
    else:
        x, y, batch = rng.random((256, 128, 128)), one_hot(rng, 256), 32
    return x.astype("int32" if network == "imdblstm" else "float32"), y.astype("float32"), batch


def in_keras(keras, network):
    """The compiled model, in Keras or in a package with its API."""
    layers, optimizers = keras.layers, keras.optimizers
    dense, activation = layers.Dense, layers.Activation
    if network == "and":
        stack = [dense(2, activation="relu"), dense(1, activation="sigmoid")]
        how = (optimizers.SGD(0.01, momentum=0.9), "binary_crossentropy")
    elif network == "gender":
        stack = [dense(4), activation("relu"), dense(2), activation("softmax")]
        how = ("rmsprop", "categorical_crossentropy")
    elif network == "dense100":
        stack = [dense(64, activation="relu"), dense(10, activation="softmax")]
        how = ("sgd", "categorical_crossentropy")
    elif network == "mlp":
        stack = [dense(500), activation("sigmoid"), dense(500), activation("sigmoid")]
        stack += [dense(10), activation("softmax")]
        how = ("adam", "categorical_crossentropy")
    elif network == "conv1d":
        stack = [layers.Conv1D(64, 3, activation="relu") for _ in range(2)]
        stack += [layers.MaxPooling1D(2), layers.GlobalAveragePooling1D()]
        stack += [dense(10, activation="softmax")]
        how = ("adam", "categorical_crossentropy")
    elif network == "lstm":
        stack = [layers.LSTM(32, return_sequences=True) for _ in range(2)]
        stack += [layers.LSTM(32), dense(10, activation="softmax")]
        how = ("rmsprop", "categorical_crossentropy")
    elif network == "imdblstm":
        stack = [layers.Embedding(20000, 128), layers.LSTM(128), dense(1, activation="sigmoid")]
        how = ("adam", "binary_crossentropy")
    elif network == "gru":
        stack = [layers.GRU(256), dense(10, activation="softmax")]
        how = ("adam", "categorical_crossentropy")
    elif network == "attention":
        model = _transformer(keras)
        model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
        return model
    else:
        stack = []
        for block in ([32, 64],) if network == "mnistcnn" else ([32, 32], [64, 64]):
            stack += [layers.Conv2D(filters, 3, activation="relu") for filters in block]
            stack += [layers.MaxPooling2D(2), layers.Dropout(0.25)]
        stack += [layers.Flatten(), dense(128 if network == "mnistcnn" else 256, activation="relu")]
        stack += [layers.Dropout(0.5), dense(10, activation="softmax")]
        how = "adadelta"
        if network == "vgg":
            how = optimizers.SGD(0.01, momentum=0.9, nesterov=True)
        how = (how, "categorical_crossentropy")
    x, _, _ = data(network)
    model = keras.Sequential([keras.Input(x.shape[1:], dtype=str(x.dtype)), *stack])
    model.compile(*how, metrics=["accuracy"])
    return model


def _transformer(keras):
    layers = keras.layers
    x = keras.Input((128, 128))
    attended = layers.Add()([x, layers.MultiHeadAttention(4, 32)(x, x)])
    attended = layers.LayerNormalization(epsilon=1e-5)(attended)
    hidden = layers.Dense(256, activation="relu")(attended)
    y = layers.Add()([attended, layers.Dense(128)(hidden)])
    y = layers.GlobalAveragePooling1D()(layers.LayerNormalization(epsilon=1e-5)(y))
    return keras.Model(x, layers.Dense(10, activation="softmax")(y))


def in_torch(network, channels_last=False):
    """Return (train, predict) for a plain PyTorch loop; what is convolved with its channels first
    or, in memory, last.
    """
    import torch
    from torch import nn

    x, y, batch = data(network)
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    if network == "conv1d" or network in IMAGES:
        x = x.movedim(-1, 1).contiguous()
    model, optimizer = _torch_model(network)
    if channels_last and x.ndim == 4:
        x = x.contiguous(memory_format=torch.channels_last)
        model = model.to(memory_format=torch.channels_last)
    one_output = network in ("and", "imdblstm")
    loss_of = nn.BCEWithLogitsLoss() if one_output else nn.CrossEntropyLoss()

    def train():
        model.train()
        order = torch.randperm(len(x))
        for start in range(0, len(x), batch):
            rows = order[start : start + batch]
            optimizer.zero_grad(set_to_none=True)
            output = model(x[rows])
            loss_of(output, y[rows]).backward()
            optimizer.step()
            (output.argmax(-1) == y[rows].argmax(-1)).float().mean().item()

    def predict():
        model.eval()
        with torch.no_grad():
            for start in range(0, len(x), batch):
                model(x[start : start + batch])

    return train, predict


def _torch_model(network):
    from torch import nn, optim

    if network == "and":
        model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
        return model, optim.SGD(model.parameters(), 0.01, 0.9)
    if network == "gender":
        model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
        return model, optim.RMSprop(model.parameters())
    if network == "dense100":
        model = nn.Sequential(nn.Linear(100, 64), nn.ReLU(), nn.Linear(64, 10))
        return model, optim.SGD(model.parameters(), 0.01)
    if network == "mlp":
        sizes = [nn.Linear(784, 500), nn.Sigmoid(), nn.Linear(500, 500), nn.Sigmoid()]
        model = nn.Sequential(*sizes, nn.Linear(500, 10))
        return model, optim.Adam(model.parameters())
    if network == "conv1d":
        convolutions = [nn.Conv1d(32, 64, 3), nn.ReLU(), nn.Conv1d(64, 64, 3), nn.ReLU()]
        pooling = [nn.MaxPool1d(2), nn.AdaptiveAvgPool1d(1), nn.Flatten()]
        model = nn.Sequential(*convolutions, *pooling, nn.Linear(64, 10))
        return model, optim.Adam(model.parameters())
    if network in ("lstm", "imdblstm", "gru", "attention"):
        return _torch_sequence_model(network)
    widths = [(1, 32, 64)] if network == "mnistcnn" else [(3, 32, 32), (32, 64, 64)]
    stack = []
    for a, b, c in widths:
        stack += [nn.Conv2d(a, b, 3), nn.ReLU(), nn.Conv2d(b, c, 3), nn.ReLU()]
        stack += [nn.MaxPool2d(2), nn.Dropout(0.25)]
    inner, units = (64 * 12 * 12, 128) if network == "mnistcnn" else (64 * 22 * 22, 256)
    stack += [nn.Flatten(), nn.Linear(inner, units), nn.ReLU(), nn.Dropout(0.5)]
    model = nn.Sequential(*stack, nn.Linear(units, 10))
    if network == "mnistcnn":
        return model, optim.Adadelta(model.parameters())
    return model, optim.SGD(model.parameters(), 0.01, 0.9, nesterov=True)


def _torch_sequence_model(network):
    from torch import nn, optim

    class Steps(nn.Module):
        """What a recurrent module gives at all of its steps, or at the last."""

        def __init__(self, recurrent, all_steps=False):
            super().__init__()
            self.recurrent, self.all_steps = recurrent, all_steps

        def forward(self, x):
            y, _ = self.recurrent(x)
            return y if self.all_steps else y[:, -1]

    class Mean(nn.Module):
        def forward(self, x):
            return x.mean(1)

    if network == "lstm":
        first = Steps(nn.LSTM(16, 32, batch_first=True), all_steps=True)
        second = Steps(nn.LSTM(32, 32, batch_first=True), all_steps=True)
        last = Steps(nn.LSTM(32, 32, batch_first=True))
        model = nn.Sequential(first, second, last, nn.Linear(32, 10))
        return model, optim.RMSprop(model.parameters())
    if network == "imdblstm":
        lstm = Steps(nn.LSTM(128, 128, batch_first=True))
        model = nn.Sequential(nn.Embedding(20000, 128), lstm, nn.Linear(128, 1))
    elif network == "gru":
        model = nn.Sequential(Steps(nn.GRU(64, 256, batch_first=True)), nn.Linear(256, 10))
    else:
        block = nn.TransformerEncoderLayer(128, 4, 256, dropout=0.0, batch_first=True)
        model = nn.Sequential(block, Mean(), nn.Linear(128, 10))
    return model, optim.Adam(model.parameters())
