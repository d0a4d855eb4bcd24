"""Shows sequences of symbols to recurrent networks, asks them for the first one, and prints how
often each gets it right on 1,000 sequences that it has not seen.

    python benchmarks/recall.py
    python benchmarks/recall.py --steps 100 --epochs 30
    python benchmarks/recall.py --engine reference --steps 20 --epochs 8

All that comes after the first symbol is noise, so a network has to keep it over all steps. An LSTM
whose forget gates begin near open can: as in Tallec & Ollivier 2018, Can Recurrent Neural Networks
Warp Time?, their biases are such that its units remember for 1 to `steps` steps. With Keras's bias
of 1 a unit keeps 0.73 of its state at each step, 1e-8 over 60, and learning may never start; that
model is shown too.
"""

import argparse
import os
import time

import numpy as np

import diptych
from diptych import layers
from diptych.info import cpu_name

SYMBOLS = 12


def sequences(rows, steps, seed):
    """x: one-hot symbols, (rows, steps, SYMBOLS), and y: the first of each row."""
    symbols = np.random.default_rng(seed).integers(0, SYMBOLS, (rows, steps))
    return diptych.utils.to_categorical(symbols, SYMBOLS), symbols[:, 0]


def remember(steps):
    """An initializer for the bias of an LSTM, (4 units,) with the gates in the order i f c o: the
    unit that shall remember for n steps begins with log(n) for f.
    """

    def initializer(shape, dtype=None):
        bias = np.zeros(shape)
        _, f, _, _ = np.split(bias, 4)
        f[:] = np.log(diptych.random.uniform(f.shape, 1, steps))
        return bias

    return initializer


def recurrent(kind, steps, units=32):
    if kind == "LSTM, long memory":
        return layers.LSTM(units, bias_initializer=remember(steps), unit_forget_bias=False)
    return layers.LSTM(units) if kind == "LSTM" else layers.SimpleRNN(units)


def build(kind, steps, engine):
    model = diptych.Sequential(
        [
            diptych.Input((steps, SYMBOLS)),
            recurrent(kind, steps),
            layers.Dense(SYMBOLS, activation="softmax"),
        ],
        engine=engine,
    )
    adam = diptych.optimizers.Adam(0.003, clipnorm=1.0)
    model.compile(adam, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--engine", default="fast", choices=["fast", "reference"])
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=3, help="how often each network is trained")
    chosen = parser.parse_args()
    x, y = sequences(6000, chosen.steps, seed=0)
    unseen = sequences(1000, chosen.steps, seed=1)
    print(
        f"{cpu_name()}, {os.cpu_count()} processors; engine {chosen.engine}; {len(x)} sequences of "
        f"{chosen.steps} symbols; guessing gives {1 / SYMBOLS:.3f}"
    )
    for kind in ("LSTM, long memory", "LSTM", "SimpleRNN"):
        right = []
        start = time.perf_counter()
        for seed in range(chosen.seeds):
            diptych.utils.set_random_seed(seed)
            model = build(kind, chosen.steps, chosen.engine)
            model.fit(x, y, batch_size=64, epochs=chosen.epochs, verbose=0)
            right.append(model.evaluate(*unseen, verbose=0)[1])
        seconds = (time.perf_counter() - start) / chosen.seeds
        each = " ".join(f"{accuracy:.3f}" for accuracy in right)
        print(
            f"{kind:18} {seconds:5.1f} s each, unseen sequences {np.mean(right):.3f} ({each})",
            flush=True,
        )


if __name__ == "__main__":
    main()
