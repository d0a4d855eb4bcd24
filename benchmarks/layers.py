"""Layers one by one beside PyTorch, over a grid of shapes: the forward pass alone, and forward and
backward together.

    python benchmarks/layers.py                                 everything, two threads and one
    python benchmarks/layers.py --only conv2d --threads 2       some of it
    python benchmarks/layers.py --peers-python /path/to/python  PyTorch lives elsewhere

The frameworks run in processes of their own and take turns; the best of the rounds counts. The
table shows microseconds and the ratio ours / PyTorch's: below 1 the fast engine is faster. Images
and sequences have their channels where each framework wants them. Convolutions of one or three
channels are first layers: no gradient by their input is asked for.
"""

import argparse
import json
import math
import subprocess
import sys
import time

import numpy as np

# Layer, rows and shape of one row, arguments of the layer.
CASES = [
    ("dense", (1, 784), 512),
    ("dense", (8, 100), 64),
    ("dense", (32, 128), 128),
    ("dense", (100, 784), 500),
    ("dense", (128, 512), 512),
    ("dense", (300, 300), 300),
    ("dense", (500, 64), 64),
    ("dense", (500, 1000), 10),
    ("dense", (1000, 30), 256),
    ("dense", (100_000, 20), 1),
    ("dense", (100_000, 1), 20),
    ("dense", (10_000, 100), 100),
    ("dense", (4, 4096), 4096),
    ("conv1d", (32, 400, 50), (250, 3, 1, 1)),
    ("conv1d", (64, 128, 32), (64, 3, 1, 1)),
    ("conv1d", (32, 1000, 1), (16, 25, 4, 1)),
    ("conv1d", (8, 2000, 16), (16, 9, 1, 1)),
    ("conv2d", (32, 28, 28, 1), (32, 3, 1, 1)),
    ("conv2d", (32, 26, 26, 32), (64, 3, 1, 1)),
    ("conv2d", (64, 32, 32, 3), (16, 3, 1, 1)),
    ("conv2d", (64, 32, 32, 16), (16, 3, 1, 1)),
    ("conv2d", (64, 32, 32, 16), (32, 3, 2, 1)),
    ("conv2d", (64, 32, 32, 16), (32, 1, 2, 1)),
    ("conv2d", (32, 32, 32, 64), (64, 1, 1, 1)),
    ("conv2d", (32, 16, 16, 64), (64, 3, 1, 4)),
    ("conv2d", (8, 56, 56, 64), (64, 3, 1, 1)),
    ("conv2d", (1, 224, 224, 3), (64, 7, 2, 1)),
    ("conv2d", (32, 14, 14, 32), (32, 5, 1, 1)),
    ("conv2d", (16, 7, 7, 256), (256, 3, 1, 1)),
    ("conv2d", (1, 28, 28, 1), (8, 3, 1, 1)),
    ("depthwise", (32, 32, 32, 64), (3, 1)),
    ("depthwise", (32, 32, 32, 64), (3, 2)),
    ("depthwise", (8, 14, 14, 256), (5, 1)),
    ("transposed", (64, 7, 7, 32), (16, 3, 2)),
    ("transposed", (64, 14, 14, 16), (1, 3, 2)),
    ("maxpool", (128, 24, 24, 64), 2),
    ("maxpool", (32, 55, 55, 32), 3),
    ("avgpool", (128, 24, 24, 64), 2),
    ("batchnorm", (256, 256), None),
    ("batchnorm", (64, 32, 32, 16), None),
    ("layernorm", (32, 10), None),
    ("layernorm", (4096, 128), None),
    ("softmax", (4096, 10), None),
    ("softmax", (1000, 1000), None),
    ("relu", (128, 4096), None),
    ("gelu", (128, 4096), None),
    ("sigmoid", (128, 4096), None),
    ("tanh", (128, 4096), None),
    ("silu", (128, 4096), None),
    ("embedding", (32, 80), (20_000, 128)),
    ("lstm", (1, 100, 32), 64),
    ("lstm", (8, 10, 8), 16),
    ("lstm", (64, 8, 16), 32),
    ("lstm", (32, 80, 128), 128),
    ("lstm", (256, 20, 16), 16),
    ("gru", (8, 50, 10), 20),
    ("gru", (32, 100, 64), 256),
    ("rnn", (32, 40, 16), 32),
    ("attention", (32, 128, 128), 4),
    ("attention", (4, 512, 64), 2),
    ("attention", (1, 2048, 64), 1),
    ("attention", (64, 16, 64), 8),
]


def numbers(kind, shape, how):
    rng = np.random.default_rng(0)
    if kind == "embedding":
        return rng.integers(0, how[0], shape).astype(np.int32)
    return rng.standard_normal(shape).astype(np.float32)


def is_first(kind, shape):
    """Whether it is the first layer of a network, whose input needs no gradient."""
    return kind == "embedding" or (kind in ("conv1d", "conv2d") and shape[-1] <= 3)


def ours(threads):
    """Return a function of a case: (forward, forward and backward)."""
    import diptych
    from diptych import layers

    diptych.config.set_num_threads(threads)

    def layer(kind, shape, how):
        if kind == "dense":
            return layers.Dense(how)
        if kind in ("conv1d", "conv2d"):
            filters, size, strides, groups = how
            new = layers.Conv1D if kind == "conv1d" else layers.Conv2D
            return new(filters, size, strides, "same" if strides == 1 else "valid", groups=groups)
        if kind == "depthwise":
            return layers.DepthwiseConv2D(*how, padding="same" if how[1] == 1 else "valid")
        if kind == "transposed":
            return layers.Conv2DTranspose(*how, padding="same")
        if kind == "attention":
            return layers.MultiHeadAttention(how, shape[-1] // how)
        if kind == "embedding":
            return layers.Embedding(*how)
        if kind in ("lstm", "gru", "rnn"):
            new = {"lstm": layers.LSTM, "gru": layers.GRU, "rnn": layers.SimpleRNN}[kind]
            return new(how, return_sequences=True)
        if kind in ("relu", "gelu", "sigmoid", "tanh", "silu", "softmax"):
            return layers.Activation(kind)
        if kind in ("maxpool", "avgpool"):
            return (layers.MaxPooling2D if kind == "maxpool" else layers.AveragePooling2D)(how)
        return layers.BatchNormalization() if kind == "batchnorm" else layers.LayerNormalization()

    def prepare(kind, shape, how):
        x = diptych.ops.convert_to_tensor(numbers(kind, shape, how))
        one = layer(kind, shape, how)
        arguments = (x, x) if kind == "attention" else (x,)
        y = one(*arguments)
        dy = numbers("", y.shape, None)
        wanted = one.trainable_variables
        first = is_first(kind, shape)
        learn = {"training": True} if kind == "batchnorm" else {}

        def both():
            with diptych.GradientTape() as tape:
                if not first:
                    tape.watch(x)
                y = one(*arguments, **learn)
            tape.gradient(y, wanted if first else [x, *wanted], output_gradients=dy)

        return lambda: one(*arguments), both

    return prepare


def torchs(threads):
    import torch
    from torch import nn

    torch.set_num_threads(threads)

    def layer(kind, shape, how):
        last = shape[-1]
        if kind == "dense":
            return nn.Linear(last, how)
        if kind in ("conv1d", "conv2d"):
            filters, size, strides, groups = how
            new = nn.Conv1d if kind == "conv1d" else nn.Conv2d
            padding = size // 2 if strides == 1 else 0
            return new(last, filters, size, strides, padding, groups=groups)
        if kind == "depthwise":
            size, strides = how
            padding = size // 2 if strides == 1 else 0
            return nn.Conv2d(last, last, size, strides, padding, groups=last)
        if kind == "transposed":
            return nn.ConvTranspose2d(last, *how, padding=1, output_padding=1)
        if kind == "attention":
            return nn.MultiheadAttention(last, how, batch_first=True)
        if kind == "embedding":
            return nn.Embedding(*how)
        if kind in ("lstm", "gru", "rnn"):
            new = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[kind]
            return new(last, how, batch_first=True)
        if kind in ("maxpool", "avgpool"):
            return (nn.MaxPool2d if kind == "maxpool" else nn.AvgPool2d)(how)
        if kind == "batchnorm":
            return nn.BatchNorm1d(last) if len(shape) == 2 else nn.BatchNorm2d(last)
        if kind == "layernorm":
            return nn.LayerNorm(last)
        kinds = {"relu": nn.ReLU, "gelu": nn.GELU, "sigmoid": nn.Sigmoid}
        kinds |= {"tanh": nn.Tanh, "silu": nn.SiLU}
        return nn.Softmax(-1) if kind == "softmax" else kinds[kind]()

    def prepare(kind, shape, how):
        x = numbers(kind, shape, how)
        if kind not in ("lstm", "gru", "rnn", "attention", "layernorm") and x.ndim > 2:
            x = np.moveaxis(x, -1, 1).copy()
        x = torch.from_numpy(x)
        one = layer(kind, shape, how)
        arguments = (x, x, x) if kind == "attention" else (x,)
        words = {"need_weights": False} if kind == "attention" else {}
        several = kind in ("lstm", "gru", "rnn", "attention")

        def forward():
            y = one(*arguments, **words)
            return y[0] if several else y

        dy = torch.randn(forward().shape)
        differentiable = not is_first(kind, shape)
        wanted = [*one.parameters(), *([x] if differentiable else [])]

        def inference():
            one.eval()
            with torch.no_grad():
                forward()

        def training():
            one.train()
            x.requires_grad_(differentiable)
            torch.autograd.grad(forward(), wanted, dy)

        return inference, training

    return prepare


def best(function, seconds):
    """The shortest time of a call, in microseconds, within about so many seconds."""
    function()
    end, calls, shortest = time.perf_counter() + seconds, 1, math.inf
    while time.perf_counter() < end:
        start = time.perf_counter()
        for _ in range(calls):
            function()
        took = (time.perf_counter() - start) / calls
        calls = max(1, min(1000, int(2e-3 / took)))
        shortest = min(shortest, took)
    return 1e6 * shortest


def child(framework, threads, only, seconds):
    prepare = (ours if framework == "diptych" else torchs)(threads)
    for number, case in enumerate(CASES):
        if only and case[0] not in only:
            continue
        forward, both = prepare(*case)
        print(json.dumps([number, best(forward, seconds), best(both, seconds)]), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="kinds of layers, with commas between them")
    parser.add_argument("--threads", default="2,1")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.2, help="for each measurement")
    parser.add_argument("--peers-python", default=sys.executable)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    args = parser.parse_args()
    only = [kind for kind in args.only.split(",") if kind]
    if args.child:
        child(args.child, int(args.threads), only, args.seconds)
        return
    slower = 0
    for threads in args.threads.split(","):
        found = {}
        for _ in range(args.rounds):
            for name, python in (("diptych", sys.executable), ("torch", args.peers_python)):
                command = [python, __file__, "--child", name, "--threads", threads]
                command += ["--only", args.only, "--seconds", str(args.seconds)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                for line in done.stdout.splitlines():
                    number, *times = json.loads(line)
                    before = found.get((number, name), [math.inf] * 2)
                    found[number, name] = [min(two) for two in zip(before, times, strict=True)]
        print(
            f"threads: {threads}, microseconds\n{'':50}  forward      PyTorch         "
            "both      PyTorch"
        )
        for number, (kind, shape, how) in enumerate(CASES):
            if (number, "diptych") not in found:
                continue
            words = f"{kind} {' x '.join(map(str, shape))}" + ("" if how is None else f", {how}")
            line = f"{words:46}"
            for mine, other in zip(found[number, "diptych"], found[number, "torch"], strict=True):
                ratio = mine / other
                slower += ratio > 1.1
                line += f"{mine:10.1f}{other:10.1f} {ratio:5.2f}{'*' if ratio > 1.1 else ' '}"
            print(line, flush=True)
    print(f"{slower} measurements are above 1.1 of PyTorch (*)")


if __name__ == "__main__":
    main()
