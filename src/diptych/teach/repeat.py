"""The same training with many seeds: how often it succeeds, and how far the results are apart."""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import pickle
import random as python_random
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import config, generators
from ..callbacks.directions import is_better_smaller
from ..pictures.files import Picture
from ..pictures.spread import spread
from ..utils.seeds import set_random_seed
from .table import html_table, text_table

WORTH_A_PROCESS = 2.0  # seconds of work from which other processes are started
CHUNKS = 8  # of seeds for each process, so that none waits long for the others


@dataclass
class Run:
    """One training of ``repeat_fit``.

    Attributes:
        seed: the seed that it began with.
        score: the result that counts, after the training.
        results: all results after the training, by name.
        history: {name: (epochs,) array}, as ``fit`` reports it.
        succeeded: whether the score is a success; None if nobody said what is.
    """

    seed: int
    score: float
    results: dict[str, float]
    history: dict[str, np.ndarray]
    succeeded: bool | None


@dataclass
class Runs:
    """The result of ``repeat_fit``. Printing shows a table, a notebook a picture as well.

    Attributes:
        runs: a ``Run`` for each seed, in the order of the seeds.
        monitor: the name of the result that counts, the score.
        goal: the score from which on, or up to which, a run is a success; None where a function
            decides, or nothing does.
        seconds: what all of it took.
        processes: how many worked on it.
    """

    runs: list[Run]
    monitor: str
    goal: float | None
    smaller_is_better: bool
    seconds: float
    processes: int
    _remake: Callable[[str], Any] = field(repr=False)

    @property
    def scores(self) -> np.ndarray:
        """The score of each run, (n,)."""
        return np.array([run.score for run in self.runs])

    @property
    def histories(self) -> list[dict[str, np.ndarray]]:
        """The history of each run."""
        return [run.history for run in self.runs]

    @property
    def successes(self) -> int | None:
        """How many runs succeeded; None if nobody said what success is."""
        judged = [run.succeeded for run in self.runs]
        return None if None in judged else sum(map(bool, judged))

    @property
    def rate(self) -> float | None:
        """The share of the runs that succeeded."""
        return None if self.successes is None else self.successes / len(self.runs)

    @property
    def interval(self) -> tuple[float, float] | None:
        """Where the true rate lies with 95 % confidence (Wilson's interval)."""
        return None if self.successes is None else wilson(self.successes, len(self.runs))

    @property
    def failed_seeds(self) -> list[int]:
        """The seeds of the runs that did not succeed, to look at them one by one."""
        return [run.seed for run in self.runs if run.succeeded is False]

    @property
    def mean(self) -> float:
        """The mean of the scores."""
        return float(self.scores.mean())

    @property
    def std(self) -> float:
        """The standard deviation of the scores; 0 of a single run."""
        return float(self.scores.std(ddof=1)) if len(self.runs) > 1 else 0.0

    @property
    def best_run(self) -> Run:
        """The run with the best score; of equal ones that with the smaller loss."""
        return min(self.runs, key=self._place)

    @property
    def worst_run(self) -> Run:
        """The run with the worst score; of equal ones that with the larger loss."""
        return max(self.runs, key=self._place)

    @property
    def best(self) -> Any:
        """The trained model of the best run."""
        return self._remake("best")

    @property
    def worst(self) -> Any:
        """The trained model of the worst run."""
        return self._remake("worst")

    def _place(self, run: Run) -> tuple:
        return _place(run, self.smaller_is_better)

    def plot(self, to_file: Any = None, dpi: float = 200) -> Picture:
        """Draw the loss of the runs over the epochs, and how often each score came out.

        Args:
            to_file: a file to write as well, whose ending is its format: svg or html, or with
                matplotlib png, pdf, ...
            dpi: dots per inch, for PNG and the like.
        """
        losses = [run.history.get("loss", np.zeros(0)) for run in self.runs]
        failed = [run.succeeded is False for run in self.runs]
        picture = Picture(spread(losses, self.scores, failed, self.monitor, self._title()))
        if to_file is not None:
            picture.save(to_file, dpi)
        return picture

    def _title(self) -> str:
        if self.rate is None or self.interval is None:
            return f"{len(self.runs)} runs: {self.monitor} {self.mean:.4g} ± {self.std:.2g}"
        low, high = self.interval
        return (
            f"{self.successes} of {len(self.runs)} runs succeeded: {self.rate:.0%}, "
            f"95 % interval {low:.0%} to {high:.0%}"
        )

    def _rows(self) -> list[list[str]]:
        rows = [["", self.monitor, "loss", "seed"]]
        for what, run in (("best", self.best_run), ("worst", self.worst_run)):
            loss = run.results.get("loss", math.nan)
            rows.append([what, f"{run.score:.4g}", f"{loss:.4g}", str(run.seed)])
        median = f"{float(np.median(self.scores)):.4g}"
        rows.append(["median", median, f"{np.median(self._losses()):.4g}", ""])
        rows.append(["mean", f"{self.mean:.4g}", f"{self._losses().mean():.4g}", ""])
        rows.append(["standard deviation", f"{self.std:.2g}", f"{self._losses().std():.2g}", ""])
        return rows

    def _losses(self) -> np.ndarray:
        return np.array([run.results.get("loss", math.nan) for run in self.runs])

    def _note(self) -> str:
        if self.goal is not None:
            sign = "<=" if self.smaller_is_better else ">="
            note = f"success: {self.monitor} {sign} {self.goal:g}; "
        elif self.rate is None:
            note = "no rate: success=... says what a success is; "
        else:
            note = ""
        many = "1 process" if self.processes == 1 else f"{self.processes} processes"
        return f"{note}{self.seconds:.1f} s by {many}"

    def __str__(self) -> str:
        return f"{self._title()}\n\n{text_table(self._rows())}\n{self._note()}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"{self.plot()._repr_html_()}\n{html_table(self._rows(), self._note())}"


def repeat_fit(
    build: Callable[[], Any],
    x: Any,
    y: Any = None,
    n: int = 100,
    seeds: Sequence[int] | None = None,
    processes: int | None = None,
    success: float | Callable[[dict[str, float]], Any] | None = None,
    monitor: str | None = None,
    **fit_arguments: Any,
) -> Runs:
    """Train a fresh model with each of many seeds, and compare the results.

    Each run seeds everything with ``utils.set_random_seed``, calls ``build``, trains, and evaluates
    the model on ``validation_data`` if that is given, else on x and y. A run depends on its seed
    alone, so the results are the same for every number of processes. Random numbers of the caller
    go on as if nothing had been drawn.

    Args:
        build: a function without arguments that returns a compiled model.
        x, y: the data for ``fit``; not a generator, since it would be used up by the first run.
        n: the number of runs, with the seeds 0 to n - 1.
        seeds: the seeds instead.
        processes: how many work on it; by default one for each processor where the work takes a few
            seconds and processes are forked (Linux), else one. Where they are not forked, ``build``
            has to stand at the top of a module, and a script's calls below
            ``if __name__ == "__main__":``.
        success: the score that makes a run a success; or a function of the results that says
            whether it is one. By default an accuracy has to be 1.
        monitor: the name of the result that counts, the score; by default the first metric that is
            an accuracy, else the first metric, else the loss.
        **fit_arguments: arguments of ``fit``, such as epochs and batch_size.

    Returns:
        ``Runs``: the rate of success with its interval, scores and histories, and the best and the
        worst of the models.

    Raises:
        ValueError: there is nothing to run, or no result of that name.
        TypeError: ``build`` is no function, or does not return a compiled model; x is a generator.
    """
    seeds = range(n) if seeds is None else [int(seed) for seed in seeds]
    _check(build, x, len(seeds), processes)
    job = _Job(build, x, y, success, monitor, {"verbose": 0, **fit_arguments})
    start = time.perf_counter()
    first = job.run_all(seeds[:1])
    rest = list(seeds[1:])
    taken = time.perf_counter() - start
    count = _processes(processes, len(rest), taken * len(rest))
    parts = [first]
    if count > 1 and not _can_be_sent(job):
        count = 1
    if count > 1:
        size = max(1, math.ceil(len(rest) / (CHUNKS * count)))
        parts += _by_processes(job, [rest[i : i + size] for i in range(0, len(rest), size)], count)
    elif rest:
        parts.append(job.run_all(rest))
    name, smaller = first.monitor, first.smaller_is_better
    kept = first
    for part in parts[1:]:
        kept = kept.with_extremes_of(part)

    def remake(which: str) -> Any:
        run, values = kept.extremes[which == "worst"]
        return job.remade(run.seed, values)

    return Runs(
        [run for part in parts for run in part.runs],
        name,
        job.goal(name),
        smaller,
        time.perf_counter() - start,
        count,
        remake,
    )


def wilson(successes: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's interval of a share, by default that of 95 %: unlike p ± z sqrt(p (1 - p) / n) it
    stays within 0 and 1, and it has a width where all or none succeeded.
    """
    p = successes / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def _check(build: Any, x: Any, count: int, processes: Any) -> None:
    if not callable(build) or hasattr(build, "fit"):
        raise TypeError(
            f"build is {type(build).__name__}; expected a function without arguments that returns "
            "a new compiled model, so that each run starts with fresh weights."
        )
    if count < 1:
        raise ValueError("There is nothing to run: give n >= 1, or at least one seed.")
    if hasattr(x, "__next__"):
        raise TypeError(
            "x is a generator, which the first run would use up: pass arrays or a PyDataset."
        )
    if processes is not None and (not isinstance(processes, int) or processes < 1):
        raise ValueError(f"processes={processes!r}; expected a whole number of at least 1")


@dataclass
class _Part:
    """Some runs, and the best and the worst of them with the values of all their variables."""

    runs: list[Run]
    monitor: str
    smaller_is_better: bool
    extremes: tuple[tuple[Run, list], tuple[Run, list]]

    def with_extremes_of(self, other: _Part) -> _Part:
        def place(pair: tuple[Run, list]) -> tuple:
            return _place(pair[0], self.smaller_is_better)

        best = min(self.extremes[0], other.extremes[0], key=place)
        worst = max(self.extremes[1], other.extremes[1], key=place)
        return _Part(self.runs + other.runs, self.monitor, self.smaller_is_better, (best, worst))


def _place(run: Run, smaller_is_better: bool) -> tuple:
    """The order of the runs, the best first. What is not a number is worst."""
    score = run.score if smaller_is_better else -run.score
    loss = run.results.get("loss", 0.0)
    return math.isnan(score), score, math.isnan(loss), loss


@dataclass
class _Job:
    """What every run has in common."""

    build: Callable[[], Any]
    x: Any
    y: Any
    success: Any
    monitor: str | None
    fit_arguments: dict[str, Any]

    def run_all(self, seeds: Sequence[int]) -> _Part:
        parts = [self.run(seed) for seed in seeds[:1]]
        part = parts[0]
        for seed in seeds[1:]:
            part = part.with_extremes_of(self.run(seed))
        return part

    def run(self, seed: int) -> _Part:
        with _seeded(seed):
            model = self._built()
            history = model.fit(self.x, self.y, **self.fit_arguments).history
            data = self.fit_arguments.get("validation_data") or (self.x, self.y)
            size = self.fit_arguments.get("batch_size")
            results = model.evaluate(*data, batch_size=size, verbose=0, return_dict=True)
        name = self._monitored(results)
        score = float(results[name])
        smaller = is_better_smaller(name, model) is not False
        numbers = {key: float(value) for key, value in results.items() if np.ndim(value) == 0}
        curves = {key: np.array(values) for key, values in history.items()}
        run = Run(seed, score, numbers, curves, self._judged(name, score, smaller, numbers))
        pair = run, [np.array(variable) for variable in _variables(model)]
        return _Part([run], name, smaller, (pair, pair))

    def _built(self) -> Any:
        model = self.build()
        if not getattr(model, "compiled", False):
            raise TypeError(
                f"build returned {type(model).__name__}, which is not a compiled model: let it "
                "call model.compile(...) and return the model."
            )
        return model

    def _monitored(self, results: dict[str, Any]) -> str:
        if self.monitor is not None:
            if self.monitor not in results:
                raise ValueError(
                    f"There is no result {self.monitor!r} to monitor; there are {list(results)}."
                )
            return self.monitor
        metrics = [name for name in results if name != "loss"]
        accuracies = [name for name in metrics if "acc" in name.lower()]
        return next(iter(accuracies + metrics), "loss")

    def goal(self, name: str) -> float | None:
        """The score that a success has, if a number says what success is."""
        if self.success is None:
            return 1.0 if "acc" in name.lower() else None
        return None if callable(self.success) else float(self.success)

    def _judged(self, name: str, score: float, smaller: bool, results: dict) -> bool | None:
        if callable(self.success):
            return bool(self.success(results))
        goal = self.goal(name)
        if goal is None:
            return None
        return score <= goal if smaller else score >= goal

    def remade(self, seed: int, values: list[np.ndarray]) -> Any:
        """The model of a run once more: built with its seed, and given the values it ended with."""
        with _seeded(seed):
            model = self._built()
            if not model.built or len(_variables(model)) != len(values):
                # What is made by the first step is made by one step on the data's first batch.
                size = {**self.fit_arguments, "epochs": 1, "initial_epoch": 0, "callbacks": None}
                size["steps_per_epoch"] = 1
                model.fit(self.x, self.y, **size)
            for variable, value in zip(_variables(model), values, strict=True):
                variable.assign(value)
        return model


def _variables(model: Any) -> list:
    return [*model.variables, *model.optimizer.variables]


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """A block with this random seed, after which all generators go on from where they were."""
    before = python_random.getstate(), np.random.get_state(), generators._global_generator
    try:
        set_random_seed(seed)
        yield
    finally:
        python_random.setstate(before[0])
        np.random.set_state(before[1])
        generators._global_generator = before[2]


# --------------------------------------------------------------------------------------------------
# Processes


def _start_method() -> str:
    """How processes start: by a fork where that is safe, unless the user has chosen."""
    chosen = multiprocessing.get_start_method(allow_none=True)
    return chosen or ("fork" if sys.platform == "linux" else "spawn")


def _processes(asked: int | None, runs: int, seconds: float) -> int:
    if asked is not None:
        return max(1, min(asked, runs))
    if _start_method() != "fork" or seconds < WORTH_A_PROCESS:
        return 1
    if multiprocessing.parent_process() is not None:  # this is one of many already
        return 1
    return max(1, min(_processors(), runs))


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _can_be_sent(job: _Job) -> bool:
    """Whether other processes can get the job: where they are not forked it is pickled."""
    if _start_method() == "fork":
        return True
    try:
        pickle.dumps(job)
    except (pickle.PicklingError, AttributeError, TypeError):
        return False
    return True


_job: _Job | None = None  # of a process that works for another one


def _begin(job: _Job) -> None:
    global _job
    _job = job
    config.set_num_threads(1)  # the other processors have processes of their own


def _work(seeds: list[int]) -> _Part:
    if _job is None:
        raise RuntimeError("this process was given no job")
    return _job.run_all(seeds)


def _by_processes(job: _Job, chunks: list[list[int]], count: int) -> list[_Part]:
    from concurrent.futures import ProcessPoolExecutor  # late: it brings logging

    context: Any = multiprocessing.get_context(_start_method())
    with warnings.catch_warnings():
        # Sleeping threads of the fast engine are threads too; a forked process starts its own.
        warnings.filterwarnings("ignore", ".*fork.*", DeprecationWarning)
        with ProcessPoolExecutor(count, context, _begin, (job,)) as pool:
            return list(pool.map(_work, chunks))
