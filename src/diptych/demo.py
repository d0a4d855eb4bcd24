"""The main job: a network learns real handwritten digits on both engines, from the same seed, side
by side.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import engine as _engine
from . import utils
from .datasets import digits
from .layers import Dense, Input
from .models import Sequential

ENGINES = ("reference", "fast")
BARS = " ▁▂▃▄▅▆▇█"
PLAIN_BARS = " .:-=+*#@"


@dataclass
class Run:
    """One engine's training."""

    model: Any
    history: dict[str, list[float]]
    seconds: float
    accuracy: float
    predictions: np.ndarray


def build(engine: str) -> Sequential:
    """Return the network 64-128-64-10, compiled."""
    model = Sequential(
        [
            Input(shape=(64,)),
            Dense(128, activation="relu", name="hidden_1"),
            Dense(64, activation="relu", name="hidden_2"),
            Dense(10, activation="softmax", name="digit"),
        ],
        engine=engine,
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def run(epochs: int = 20, seed: int = 0, picture: Path | None = None) -> int:
    """Train on both engines, print what came of it, draw a picture; return 0 where the engines
    agree.
    """
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    x_train, x_test = (x.reshape(len(x), 64).astype("float32") / 16 for x in (x_train, x_test))
    print(
        f"{len(x_train)} handwritten digits of 8 x 8 pixels to learn from, {len(x_test)} to be "
        "tested on.\n"
        f"A network 64-128-64-10 learns them twice from seed {seed}, {epochs} epochs each:\n"
    )
    runs = {name: _train(name, seed, epochs, x_train, y_train, x_test, y_test) for name in ENGINES}
    _print_curves(runs)
    agree = _print_agreement(runs)
    if picture is not None:
        print(_draw(runs, x_test, y_test, picture))
    return 0 if agree else 1


def _train(
    name: str, seed: int, epochs: int, x_train: Any, y_train: Any, x_test: Any, y_test: Any
) -> Run:
    _engine.get(name).function(
        "dense", "dense_forward"
    )  # imports the engine before the clock starts
    utils.set_random_seed(seed)
    model = build(name)
    start = time.perf_counter()
    history = model.fit(x_train, y_train, batch_size=32, epochs=epochs, verbose=0).history
    seconds = time.perf_counter() - start
    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    return Run(model, history, seconds, accuracy, model.predict(x_test, verbose=0))


def _print_curves(runs: dict[str, Run]) -> None:
    # On a scale of logarithms, as in the picture: on a plain one all but the first epochs look
    # alike.
    logs = [np.log(run.history["loss"]) for run in runs.values()]
    low, high = np.min(logs), np.max(logs)
    bars = _bars()
    print(f"{'engine':<11}{'seconds':>8}{'test accuracy':>15}   loss, epoch by epoch (logarithmic)")
    for name, run in runs.items():
        losses = run.history["loss"]
        heights = (np.log(losses) - low) / max(high - low, 1e-9)
        curve = "".join(bars[1 + round(7 * height)] for height in heights)
        print(
            f"{name:<11}{run.seconds:>8.2f}{run.accuracy:>15.4f}   {losses[0]:.3f} {curve} "
            f"{losses[-1]:.3f}"
        )


def _bars() -> str:
    """Block characters where the output's encoding has them."""
    try:
        BARS.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return PLAIN_BARS
    return BARS


def _print_agreement(runs: dict[str, Run]) -> bool:
    reference, fast = (runs[name] for name in ENGINES)
    losses = np.max(np.abs(np.subtract(reference.history["loss"], fast.history["loss"])))
    outputs = np.max(np.abs(reference.predictions - fast.predictions))
    same = np.mean(reference.predictions.argmax(1) == fast.predictions.argmax(1))
    print(
        f"\nThe largest difference between the two loss curves is {losses:.1e}, between the "
        "outputs for the test digits "
        f"{outputs:.1e};\n{same:.1%} of the answers are the same. "
        f"The fast engine was {reference.seconds / fast.seconds:.1f} times as fast as the "
        "reference."
    )
    return bool(losses < 1e-2 and same > 0.98)


def _draw(runs: dict[str, Run], x_test: np.ndarray, y_test: np.ndarray, path: Path) -> str:
    """Draw both curves and the worst mistakes into a PNG; return a line that says where, or why
    not.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return "\nWith matplotlib installed this would also draw the curves and the worst mistakes."
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=[1, 1.1])[0]
    axes = left.subplots()
    styles: tuple[dict[str, Any], ...] = ({"lw": 4, "alpha": 0.4}, {"lw": 1.2, "ls": "--"})
    for (name, run), style in zip(runs.items(), styles, strict=True):
        axes.semilogy(
            range(1, len(run.history["loss"]) + 1), run.history["loss"], label=name, **style
        )
    axes.set(xlabel="epoch", ylabel="loss", title="The two engines, one curve")
    axes.legend()
    probabilities = runs["fast"].predictions
    worst = np.argsort(probabilities[np.arange(len(y_test)), y_test])[:8]
    right.suptitle("What it finds hardest")
    for i, cell in zip(worst, right.subplots(2, 4).flat, strict=True):
        guess = int(probabilities[i].argmax())
        cell.imshow(x_test[i].reshape(8, 8), cmap="gray_r")
        cell.set_title(
            f"{y_test[i]}, read as {guess}\n({probabilities[i, guess]:.0%} sure)", fontsize=8
        )
        cell.set_axis_off()
    try:
        figure.savefig(path, dpi=120)
    except OSError as error:
        return f"\nThe picture could not be written to {path}: {error}"
    return f"\nThe curves and the worst mistakes are drawn in {path}"
