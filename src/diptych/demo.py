"""The demo: two networks learn handwritten digits, each on both engines from the same seed."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from . import engine as _engine
from . import utils
from .callbacks import Callback
from .datasets import digits
from .language import said
from .layers import Conv2D, Dense, Dropout, Flatten, Input, MaxPooling2D
from .models import Sequential

BARS = " ▁▂▃▄▅▆▇█"
PLAIN_BARS = " .:-=+*#@"


@dataclass
class Run:
    """One engine's training of one network, epoch by epoch."""

    model: Any
    losses: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    accuracy: float = 0.0
    predictions: Any = None


class Stopwatch(Callback):
    """Appends the time of each epoch, without what ``fit`` does before it, to a list."""

    def __init__(self, seconds: list[float]) -> None:
        super().__init__()
        self.seconds = seconds

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.seconds.append(time.perf_counter() - self.start)


def dense_layers() -> list:
    """The pixels in a row, 64-128-64-10."""
    return [
        Flatten(),
        Dense(128, activation="relu", name="hidden_1"),
        Dense(64, activation="relu", name="hidden_2"),
        Dense(10, activation="softmax", name="digit"),
    ]


def convolutional_layers() -> list:
    """A small convnet: 16 and 32 filters, a pooling, and a decision."""
    return [
        Conv2D(16, 3, padding="same", activation="relu", name="strokes"),
        Conv2D(32, 3, padding="same", activation="relu", name="corners"),
        MaxPooling2D(2),
        Dropout(0.25),
        Flatten(),
        Dense(10, activation="softmax", name="digit"),
    ]


NETWORKS = {
    "dense, 64-128-64-10": dense_layers,
    "convolutional, 16 and 32 filters of 3 x 3": convolutional_layers,
}


def build(network: str, engine: str) -> Sequential:
    """Return one of the networks, compiled."""
    model = Sequential([Input(shape=(8, 8, 1)), *NETWORKS[network]()], engine=engine)
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def run(epochs: int = 12, seed: int = 0, picture: Path | None = None) -> int:
    """Train both networks on both engines, print the results and draw a picture; return 0 if the
    engines agree.
    """
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    x_train, x_test = (x.reshape(len(x), 8, 8, 1).astype("float32") / 16 for x in (x_train, x_test))
    engines = _engine.installed()
    both = "on both engines, which take turns," if len(engines) > 1 else "on the reference engine"
    _say(
        f"{len(x_train)} handwritten digits of 8 x 8 pixels to learn from, {len(x_test)} to be "
        f"tested on.\nTwo networks learn them, each {both} from seed {seed}, {epochs} epochs:"
    )
    if "fast" not in engines:
        _say("diptych was installed without its fast engine: there is nothing to compare.")
    trained: dict[str, dict[str, Run]] = {}
    agree = True
    for network in NETWORKS:
        runs = _start(network, engines, seed, x_test)
        parameters = runs["reference"].model.count_params()
        _say(f"\n{network} ({parameters:,} parameters)")
        _train(runs, seed, epochs, x_train, y_train)
        for one in runs.values():
            _test(one, x_test, y_test)
        _print_curves(runs)
        agree = (len(runs) == 1 or _print_agreement(runs)) and agree
        trained[network] = runs
    if picture is not None:
        _say(_draw(trained, x_test, y_test, picture))
    return 0 if agree else 1


def _say(text: str) -> None:
    """Print a text in the reader's language, where the output's encoding has its letters."""
    known = said(text)
    print(known if _can_print(known) else text, flush=True)


def _can_print(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _start(network: str, engines: list[str], seed: int, x_test: Any) -> dict[str, Run]:
    """One model for each engine, with the same weights."""
    runs = {}
    for engine in engines:
        utils.set_random_seed(seed)
        runs[engine] = Run(build(network, engine))
        runs[engine].model(x_test[:1], training=False)  # imports what the clock should not measure
    return runs


def _train(runs: dict[str, Run], seed: int, epochs: int, x_train: Any, y_train: Any) -> None:
    """Train all models, an epoch each in turn: what slows the machine down slows them all."""
    progress = utils.Progbar(epochs, unit_name="epoch", stateless_metrics=())
    for epoch in range(epochs):
        for run in list(runs.values())[:: 1 if epoch % 2 else -1]:
            utils.set_random_seed(seed + epoch)  # the same order of the digits for both
            history = run.model.fit(
                x_train,
                y_train,
                batch_size=32,
                initial_epoch=epoch,
                epochs=epoch + 1,
                callbacks=[Stopwatch(run.seconds)],
                verbose=0,
            ).history
            run.losses += history["loss"]
        progress.update(epoch + 1, {f"{name} loss": run.losses[-1] for name, run in runs.items()})


def _test(run: Run, x_test: Any, y_test: Any) -> None:
    _, run.accuracy = run.model.evaluate(x_test, y_test, verbose=0)
    run.predictions = run.model.predict(x_test, verbose=0)


def _print_curves(runs: dict[str, Run]) -> None:
    # On a logarithmic scale, as in the picture: on a linear one, all but the first epochs look
    # alike.
    logs = [np.log(run.losses) for run in runs.values()]
    low, high = np.min(logs), np.max(logs)
    bars = _bars()
    _say("engine      seconds  test accuracy   loss, epoch by epoch (logarithmic)")
    for name, run in runs.items():
        losses = run.losses
        heights = (np.log(losses) - low) / max(high - low, 1e-9)
        curve = "".join(bars[1 + round(7 * height)] for height in heights)
        print(
            f"{name:<11}{sum(run.seconds):>8.2f}{run.accuracy:>15.4f}   {losses[0]:.3f} {curve} "
            f"{losses[-1]:.3f}"
        )


def _bars() -> str:
    """Block characters where the output's encoding has them."""
    return BARS if _can_print(BARS) else PLAIN_BARS


def _print_agreement(runs: dict[str, Run]) -> bool:
    reference, fast = runs["reference"], runs["fast"]
    losses = np.max(np.abs(np.subtract(reference.losses, fast.losses)))
    outputs = np.max(np.abs(reference.predictions - fast.predictions))
    same = np.mean(reference.predictions.argmax(1) == fast.predictions.argmax(1))
    _say(
        f"Largest difference of the loss curves {losses:.1e}, of the outputs for the test digits "
        f"{outputs:.1e};\n{same:.1%} of the answers are the same. The fast engine was "
        f"{_speed(reference, fast):.1f} times as fast as the reference."
    )
    return bool(losses < 1e-2 and same > 0.98)


def _speed(reference: Run, fast: Run) -> float:
    """How many times as fast an epoch was: of the pairs of epochs, the median."""
    return float(np.median(np.divide(reference.seconds, fast.seconds)))


def _draw(
    trained: dict[str, dict[str, Run]], x_test: np.ndarray, y_test: np.ndarray, path: Path
) -> str:
    """Draw the curves and the convnet's worst mistakes into a PNG; return a line that names the
    file or the reason for failing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return "\nWith matplotlib installed this would also draw the curves and the worst mistakes."
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=[1, 1.1])[0]
    axes = left.subplots()
    styles: dict[str, dict[str, Any]] = {
        "reference": {"lw": 4, "alpha": 0.4},
        "fast": {"lw": 1.2, "ls": "--"},
    }
    for colour, (network, runs) in zip(("C0", "C1"), trained.items(), strict=True):
        for name, run in runs.items():
            losses = run.losses
            label = f"{network.partition(',')[0]}, {name}"
            axes.semilogy(
                range(1, len(losses) + 1), losses, color=colour, label=label, **styles[name]
            )
    *_, convolutional = trained.values()
    *_, last = convolutional.values()
    probabilities = last.predictions
    title = "Two engines, one curve for each network" if len(convolutional) > 1 else "One engine"
    axes.set(xlabel="epoch", ylabel="loss", title=title)
    axes.legend()
    worst = np.argsort(probabilities[np.arange(len(y_test)), y_test])[:8]
    right.suptitle("What the convnet finds hardest")
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
