"""Trains an LSTM to write Shakespeare, one character after the other, and prints how well it
foretells scenes that it has not read, epoch by epoch, beside a bigram model's figure.

    python benchmarks/shakespeare.py
    python benchmarks/shakespeare.py --units 256 --epochs 10
    python benchmarks/shakespeare.py --engine reference --characters 200000 --epochs 2
"""

import argparse
import math
import os
import time

import numpy as np

import diptych
from diptych import layers
from diptych.datasets import shakespeare
from diptych.info import cpu_name

CHARACTERS = len(shakespeare.get_vocabulary())
LENGTH = 64


def rows_of(text, length=LENGTH):
    """x: rows of `length` characters, and y: the one that follows each of them."""
    rows = (len(text) - 1) // length
    x, y = text[: rows * length], text[1 : rows * length + 1]
    return x.reshape(rows, length), y.reshape(rows, length)


def bigram_entropy(train, test):
    """The bits a character of `test` by a model that looks at the one before it: how often each
    pair stands in `train`, and one more, for the pairs that do not.
    """
    pairs = np.ones((CHARACTERS, CHARACTERS))
    np.add.at(pairs, (train[:-1], train[1:]), 1)
    probability = pairs / pairs.sum(axis=1, keepdims=True)
    return -np.log2(probability[test[:-1], test[1:]]).mean()


def build(units, engine, batch=None, length=None, stateful=False):
    """From characters to scores for the character that follows each of them."""
    return diptych.Sequential(
        [
            diptych.Input(batch_shape=(batch, length), dtype="int32"),
            layers.Embedding(CHARACTERS, 32),
            layers.LSTM(units, return_sequences=True, stateful=stateful),
            layers.Dense(CHARACTERS),
        ],
        engine=engine,
    )


def write(model, length, temperature=0.7, start="\n", seed=None):
    """Return `length` characters drawn one by one from what the model expects after `start`.

    The lower the temperature, the more it keeps to the likeliest character.
    """
    units = model.layers[1].units
    # The same network for one text: it remembers all that it has read, and is fed what it wrote.
    writer = build(units, model.engine, batch=1, length=1, stateful=True)
    writer.set_weights(model.get_weights())
    rng = np.random.default_rng(seed)
    for character in shakespeare.encode(start):
        scores = writer.predict_on_batch(np.array([[character]]))
    written = []
    for _ in range(length):
        scaled = scores[0, 0].astype(np.float64) / temperature
        probability = np.exp(scaled - scaled.max())
        written.append(rng.choice(CHARACTERS, p=probability / probability.sum()))
        scores = writer.predict_on_batch(np.array([[written[-1]]]))
    return shakespeare.decode(written)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--engine", default="fast", choices=["fast", "reference"])
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--units", type=int, default=192)
    parser.add_argument("--characters", type=int, help="how many to read; by default all")
    parser.add_argument("--temperature", type=float, default=0.7, help="of the text written")
    chosen = parser.parse_args()
    train, test = shakespeare.load_data()
    train = train[: chosen.characters]
    (x, y), unseen = rows_of(train), rows_of(test)
    diptych.utils.set_random_seed(0)
    model = build(chosen.units, chosen.engine)
    model.compile(
        diptych.optimizers.Adam(0.004),
        diptych.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    print(
        f"{cpu_name()}, {os.cpu_count()} processors; engine {chosen.engine}; "
        f"{len(train)} characters to learn from, {len(test)} unseen"
    )
    print(f"bigrams:           unseen text {bigram_entropy(train, test):.3f} bits a character")
    start = time.perf_counter()
    for epoch in range(chosen.epochs):
        model.fit(x, y, batch_size=32, verbose=0)
        bits = model.evaluate(*unseen, batch_size=32, verbose=0) / math.log(2)
        seconds = time.perf_counter() - start
        print(
            f"epoch {epoch + 1}: {seconds:6.1f} s, unseen text {bits:.3f} bits a character",
            flush=True,
        )
    start = time.perf_counter()
    text = write(model, 500, chosen.temperature, seed=0)
    print(f"500 characters of its own, in {time.perf_counter() - start:.1f} s:\n\n{text}")


if __name__ == "__main__":
    main()
