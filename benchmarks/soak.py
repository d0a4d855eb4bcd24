"""A long training by plans: the memory of the process at intervals, which has to stay what it is,
and models that are made and trained one after the other, whose plans are freed with them.

python benchmarks/soak.py                               a million steps, and a thousand models
python benchmarks/soak.py --steps 10000 --models 20     a short one
"""

import argparse
import gc
import time
import weakref
from pathlib import Path

import numpy as np

import diptych
from diptych import Input, Model, Sequential, layers, optimizers
from diptych.models.plans import PredictionPlan, StepPlan

ROWS, BATCH = 8000, 8
STEPS_OF_A_PASS = ROWS // BATCH


def megabytes():
    """Return the memory of this process that is in use; 0 where the system does not say it."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return 0.0
    return int(statm.read_text().split()[1]) * 4096 / 1e6


def dense():
    """A network whose steps Python does not see."""
    stack = [layers.Dense(4, "relu"), layers.Dropout(0.1), layers.Dense(2, "softmax")]
    model = Sequential([Input((3,)), *stack])
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


def branched():
    """One with branches, of whose steps Python makes a part: the rate, a metric, a mask."""
    numbers = Input((6,), dtype="int32")
    h = layers.GRU(6)(layers.Embedding(20, 3, mask_zero=True)(numbers))
    h = layers.Add()([h, layers.BatchNormalization()(layers.Dense(6, "relu")(h))])
    model = Model(numbers, layers.Dense(2, "softmax")(layers.Dropout(0.2)(h)))
    rate = optimizers.schedules.ExponentialDecay(0.1, 1000, 0.99)
    model.compile(optimizers.SGD(rate), "categorical_crossentropy", metrics=["accuracy", "mse"])
    return model


def rows_for(model, rows=ROWS):
    """Return x and y for one of the two networks."""
    rng = np.random.default_rng(0)
    y = np.eye(2, dtype="float32")[rng.integers(0, 2, rows)]
    if model.inputs[0].dtype == "int32":
        return rng.integers(0, 20, (rows, 6)).astype("int32"), y
    return rng.random((rows, 3), dtype=np.float32), y


def soak(build, steps, parts=8):
    """Train for so many steps, with evaluations and predictions in between; return the plan's
    report, the megabytes after the first pass and after each part, and the seconds.
    """
    diptych.utils.set_random_seed(0)
    model = build()
    x, y = rows_for(model)
    options = {"batch_size": BATCH, "verbose": 0}

    def train(epochs):
        model.fit(x, y, epochs=epochs, **options)
        model.evaluate(x, y, **options)
        model.predict(x, **options)

    train(1)
    found, start = [megabytes()], time.perf_counter()
    for _ in range(parts):
        train(max(1, steps // (parts * STEPS_OF_A_PASS)))
        found.append(megabytes())
    return model.plan_report(), found, time.perf_counter() - start


def plans_of(model):
    """Return weak references to all plans of a model."""
    replays = [replay for replay in model._replays.values() if replay is not None]
    plans = [replay.plan for replay in replays]
    plans += [plan for replay in replays for plan in replay.plans.values()]
    return [weakref.ref(plan) for plan in plans if isinstance(plan, StepPlan | PredictionPlan)]


def one_after_the_other(build, models, parts=8):
    """Make models, train each and let go of it; return how many plans there were, how many are
    left, and the megabytes after each part.
    """
    plans, found = [], []
    for _ in range(parts):
        for _ in range(max(1, models // parts)):
            model = build()
            x, y = rows_for(model, 64)
            model.fit(x, y, batch_size=BATCH, epochs=2, verbose=0)
            model.evaluate(x, y, batch_size=BATCH, verbose=0)
            model.predict(x, batch_size=BATCH, verbose=0)
            plans += plans_of(model)
        del model
        gc.collect()
        found.append(megabytes())
    return len(plans), sum(plan() is not None for plan in plans), found


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--models", type=int, default=1000)
    options = parser.parse_args()
    for build, steps in ((dense, options.steps), (branched, options.steps // 10)):
        report, memory, seconds = soak(build, steps)
        told = ", ".join(f"{each:.1f}" for each in memory)
        print(f"{build.__name__}: {steps:,} steps in {seconds:.0f} s. {report}")
        print(f"    MB after the first pass and at intervals: {told}")
    for build in (dense, branched):
        made, left, memory = one_after_the_other(build, options.models)
        told = ", ".join(f"{each:.1f}" for each in memory)
        print(f"{build.__name__}: {options.models:,} models had {made:,} plans; left: {left}")
        print(f"    MB at intervals: {told}")


if __name__ == "__main__":
    main()
