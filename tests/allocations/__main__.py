"""Lets every allocation of a small fit, a save, a load and a convolution fail in turn.

    python -m tests.allocations [--callers engine] [--program fit] [--every 10] [--threads 2]

The N-th allocation fails, for N = 1, 2, ... until the program gets through without a failure.
Whatever fails: there is a MemoryError (or the SystemError that NumPy makes of some), or the program
has found another way and its result has the same bits. Afterwards the same objects give the same
bits as before (a fit in which nothing fails, the file that was there), and nothing that the engine
or NumPy has asked for is left over. Prints a line for each program and caller, and ends with 1 if
anything was wrong.

Linux with glibc and a C compiler: a library in front of malloc (fail.c) does it, and tells callers
apart by their address: `engine` (the compiled modules of diptych.fastcore), `numpy`, `python` (the
interpreter: all objects that programs make).
"""

import argparse
import ctypes
import gc
import hashlib
import os
import re
import subprocess
import sys
import tempfile
from array import array
from pathlib import Path

import numpy as np
from diptych.fastcore import convolution
from diptych.fastcore.kernels import threads

import diptych
from diptych import Input, Sequential, layers

CALLERS = {
    "engine": r"/fastcore/.*\.so$",
    "numpy": r"/numpy/.*\.so",
    "python": r"python3?[\d.]*$|libpython",
}


class Fit:
    """Convolutions, a recurrent layer, attention and a dropout mask; several batches, so that the
    second is replayed and later ones are a plan.
    """

    def __init__(self, folder):
        diptych.utils.set_random_seed(3)
        self.model = Sequential(
            [
                Input((8, 8, 2)),
                layers.Conv2D(8, 3, padding="same", activation="relu"),
                layers.DepthwiseConv2D(3, activation="tanh"),
                layers.BatchNormalization(),
                layers.MaxPooling2D(2),
                layers.Reshape((9, 8)),
                layers.LSTM(6, return_sequences=True),
                layers.Dropout(0.2),
                layers.Flatten(),
                layers.Dense(3, "softmax"),
            ]
        )
        self.model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        self.model.optimizer.build(self.model.trainable_variables)
        rng = np.random.default_rng(0)
        self.x = rng.normal(size=(40, 8, 8, 2)).astype(np.float32)
        self.y = rng.integers(0, 3, 40)
        self.before = [
            (v, np.array(v)) for v in [*self.model.variables, *self.model.optimizer.variables]
        ]

    def run(self):
        return self.model.fit(self.x, self.y, batch_size=8, epochs=2, verbose=0).history

    def restore(self):
        diptych.utils.set_random_seed(4)
        for variable, value in self.before:
            variable.assign(value)

    def result(self, history):
        return digest([*self.model.get_weights(), *map(np.array, history.values())])


class Save(Fit):
    """A compiled model to a .keras file, over one that is there."""

    def __init__(self, folder):
        super().__init__(folder)
        self.model.fit(self.x, self.y, verbose=0)  # the optimizer has something to keep
        self.file = Path(folder, "model.keras")
        self.model.save(self.file)
        self.old = self.file.read_bytes()

    def run(self):
        self.model.save(self.file)

    def restore(self):
        """Whole files only: what was there, or what was to come; and nothing beside it."""
        assert os.listdir(self.file.parent) == [self.file.name], os.listdir(self.file.parent)
        if self.file.read_bytes() != self.old:
            assert self.result(None) == digest(self.model.get_weights())
        self.file.write_bytes(self.old)

    def result(self, _):
        return digest(diptych.models.load_model(self.file).get_weights())


class Load(Save):
    """The model from its file."""

    def run(self):
        return diptych.models.load_model(self.file)

    def restore(self):
        assert self.file.read_bytes() == self.old

    def result(self, model):
        return digest([*model.get_weights(), *map(np.array, model.optimizer.variables)])


class Sparse:
    """The gradients of a convolution of whose dz few numbers are not 0. All numbers are small and
    whole, so sums in another order have the same bits.
    """

    def __init__(self, folder):
        rng = np.random.default_rng(0)
        x = rng.integers(-2, 3, (2, 200, 20)).astype(np.float32)
        kernel = rng.integers(-2, 3, (5, 20, 150)).astype(np.float32)
        options = (1,), ((2, 2),), (1,), 1
        y, self.cache = convolution.conv_forward(x, kernel, kernel[0, 0], *options)
        self.dy = (rng.random(y.shape) < 0.01).astype(np.float32)

    def run(self):
        return convolution.conv_backward(self.dy, self.cache)

    def restore(self):
        pass

    def result(self, gradients):
        return digest(gradients)


PROGRAMS = {"fit": Fit, "save": Save, "load": Load, "sparse": Sparse}


def digest(arrays):
    return hashlib.md5(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()


class Trial:
    """One program under one kind of failure."""

    def __init__(self, hook, caller, program, folder):
        self.hook, self.caller, self.program = hook, caller, PROGRAMS[program](folder)
        self.expected = [self.undisturbed() for _ in range(4)][-1]
        hook.arm(0)
        self.program.run()
        self.allocations = hook.disarm()
        self.program.restore()
        gc.collect()
        gc.freeze()

    def undisturbed(self):
        self.program.restore()
        return self.program.result(self.program.run())

    def attempt(self, number):
        """Let it fail; return "refused", "another way", or what was wrong. NumPy refuses some of
        its reductions without an exception, of which Python makes a SystemError.
        """
        self.program.restore()
        self.hook.arm(number)
        try:
            found = self.program.run()
        except MemoryError:
            self.hook.disarm()
            outcome = "refused"
        except SystemError as error:
            self.hook.disarm()
            outcome = "without words" if "without exception set" in str(error) else str(error)
        except BaseException as error:
            self.hook.disarm()
            outcome = f"{type(error).__name__} instead of MemoryError: {str(error)[:200]}"
        else:
            self.hook.disarm()
            outcome = "another way"
            if self.program.result(found) != self.expected:
                outcome = "no error, and other bits"
        try:
            self.program.restore()
        except BaseException as error:
            outcome = f"left behind: {type(error).__name__}: {str(error)[:200]} ({outcome})"
        return outcome

    def afterwards(self):
        """What is wrong with the program when nothing fails any more; nothing, if all is well."""
        try:
            wrong = "" if self.undisturbed() == self.expected else "other bits afterwards"
        except BaseException as error:
            wrong = f"afterwards {type(error).__name__}: {str(error)[:200]}"
        gc.collect()
        return wrong

    def check(self, number):
        held = array("q", [0] * 7)  # which takes no more memory when it is filled
        held[0] = self.hook.blocks_held()
        for i in range(1, len(held)):
            outcome = self.attempt(number)
            wrong = self.afterwards()
            if wrong:
                return f"{wrong} ({outcome})"
            held[i] = self.hook.blocks_held()
            # Caches fill up once, leaks every time; CPython leaks a few objects where it cannot
            # make another.
            if held[i] <= held[i - 1] or self.caller == "python":
                return outcome
        return f"leaks: {held[0]} blocks, after each failure {held[1:].tolist()} ({outcome})"

    def check_all(self, numbers):
        """(number, outcome) of each; the last outcome of a number is the one that counts."""
        if self.caller != "python":
            yield from ((number, self.check(number)) for number in numbers)
            return
        # Many thousands: what comes afterwards is looked at after some of them together.
        for start in range(0, len(numbers), 16):
            some = numbers[start : start + 16]
            yield from ((number, self.attempt(number)) for number in some)
            together = self.afterwards()
            if together:
                yield some[0], f"{together} (of {len(some)} together)"
                yield from ((number, self.check(number)) for number in some[1:])


def in_children(hook, caller, program, every):
    """{number: outcome} of all, checked in forked processes: one that dies is an outcome."""
    found, left = {}, None
    while left is None or left:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            with tempfile.TemporaryDirectory() as folder, os.fdopen(writing, "w") as out:
                trial = Trial(hook, caller, program, folder)
                if left is None:
                    left = list(range(1, trial.allocations + 1))[::every]
                print(trial.allocations, *left, file=out, flush=True)
                for number, outcome in trial.check_all(left):
                    print(number, outcome.replace("\n", " "), file=out, flush=True)
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as lines:
            allocations, *left = map(int, lines.readline().split() or [0])
            for line in lines:
                number, outcome = line.rstrip("\n").split(" ", 1)
                found[int(number)] = outcome
        status = os.waitpid(child, 0)[1]
        left = [number for number in left if number not in found]
        if status and not left:
            found[0] = f"the process ended with {status} before or after all checks"
        elif left:
            found[left.pop(0)] = f"the process died: {os.waitstatus_to_exitcode(status)}"
    return allocations, found


def report(program, caller, allocations, found):
    good = ("refused", "another way", "without words")
    wrong = {n: outcome for n, outcome in found.items() if outcome not in good}
    counts = [sum(outcome == kind for outcome in found.values()) for kind in good]
    print(
        f"{program:5} {caller:7} {allocations:6} allocations, {len(found):6} made to fail: "
        f"{counts[0]} MemoryError, {counts[2]} NumPy's SystemError, {counts[1]} done another way, "
        f"{len(wrong)} wrong",
        flush=True,
    )
    for number, outcome in list(wrong.items())[:10]:
        print(f"    {number}: {outcome}")
    return len(wrong)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--callers", choices=CALLERS, nargs="*", default=list(CALLERS))
    parser.add_argument("--program", choices=PROGRAMS, nargs="*", default=list(PROGRAMS))
    parser.add_argument("--every", type=int, default=1, help="only every so many-th")
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    if "fail" not in os.environ.get("LD_PRELOAD", ""):
        with tempfile.TemporaryDirectory() as folder:
            hook, source = Path(folder, "fail.so"), Path(__file__).with_name("fail.c")
            compiler = os.environ.get("CC", "cc")
            subprocess.run(
                [compiler, "-O2", "-g", "-fPIC", "-shared", "-o", hook, source], check=True
            )
            environment = {**os.environ, "LD_PRELOAD": str(hook), "PYTHONMALLOC": "malloc"}
            command = [sys.executable, "-m", "tests.allocations", *sys.argv[1:]]
            sys.exit(subprocess.run(command, env=environment).returncode)
    wrong = 0
    for caller in chosen.callers:
        for program in chosen.program:
            child = os.fork()  # each with watched callers of its own
            if child == 0:
                # Objects of h5py that die without memory say so; what counts is what comes of it.
                sys.unraisablehook = lambda unraisable: None
                hook = ctypes.CDLL(None)
                hook.arm.argtypes = [ctypes.c_long]
                hook.disarm.restype = hook.blocks_held.restype = ctypes.c_long
                hook.watch_callers.argtypes = [ctypes.c_size_t] * 2
                diptych.config.set_num_threads(chosen.threads)
                if chosen.threads > 1:
                    threads.set_least_work(0)
                with tempfile.TemporaryDirectory() as folder:
                    Trial(hook, caller, program, folder)  # loads all that it needs
                    gc.unfreeze()
                for line in Path("/proc/self/maps").read_text().splitlines():
                    place, rights, *_, path = line.split(None, 5)
                    if "x" in rights and re.search(CALLERS[caller], path):
                        hook.watch_callers(*(int(end, 16) for end in place.split("-")))
                bad = report(program, caller, *in_children(hook, caller, program, chosen.every))
                sys.stdout.flush()
                os._exit(min(bad, 1))
            wrong += os.waitpid(child, 0)[1] != 0
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
