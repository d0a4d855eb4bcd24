"""What it costs several processes to share a training, and what that means on a network.

    python benchmarks/distribution.py mlp mnistcnn

measures the processor time of a step in one process with one thread, so that other programs do not
disturb, and prints a model of the time of a step on N machines:

    T(N) = slices / N + rest + log2(N) (gradients / bandwidth + messages latency)
           + outputs (N - 1) / N / bandwidth

slices: the time of all slices, forward and back; rest: what every process does, the update and the
metrics; gradients, outputs: their bytes. Nothing is overlapped in the model: it is an upper bound.

    mpiexec -n 2 python benchmarks/distribution.py mlp

measures steps of the processes, with the sums of gradients sent during the way back and after it,
and the bytes that a process sends.
"""

import argparse
import time

from networks import NETWORKS, data, in_keras

import diptych
from diptych.distribution import job, step, work

# Gbit a second, and seconds for a message: Ethernet with TCP, and what is usual in clusters.
LINKS = {1: 50e-6, 10: 20e-6, 100: 3e-6}
MACHINES = (1, 2, 4, 8)


class Clock:
    """Measures how long each call of a method takes: ``seconds``.

    Args:
        cls, name: the method.
    """

    def __init__(self, cls, name):
        self.seconds = []
        self._place = cls, name, vars(cls)[name]

    def __enter__(self):
        cls, name, method = self._place

        def timed(*arguments):
            start = time.process_time()
            try:
                return method(*arguments)
            finally:
                self.seconds.append(time.process_time() - start)

        setattr(cls, name, timed)
        return self

    def __exit__(self, *_):
        setattr(*self._place)


def trained(network, epochs, share=True):
    """A compiled network and a function that trains it for some epochs; returns both and the number
    of steps of that.
    """
    x, y, batch = data(network)
    x, y = x[: 12 * batch], y[: 12 * batch]
    diptych.utils.set_random_seed(0)
    model = in_keras(diptych, network)
    distribution = diptych.distribution.DataParallel() if share else None
    diptych.distribution.set_distribution(distribution)

    def fit():
        model.fit(x, y, batch_size=batch, epochs=epochs, verbose=0)

    fit()  # records the steps
    return model, fit, epochs * -(-len(x) // batch)


def seconds_a_step(fit, steps, repeat=5, clock=time.perf_counter):
    """The least of several trainings."""
    found = []
    for _ in range(repeat):
        start = clock()
        fit()
        found.append(clock() - start)
    return min(found) / steps


def alone(network, epochs):
    """Measure one process, and print the model."""
    diptych.config.set_num_threads(1)
    _, fit, steps = trained(network, epochs, share=False)
    ordinary = seconds_a_step(fit, steps, clock=time.process_time)
    model, fit, _ = trained(network, epochs)
    with Clock(step.SharedStep, "run") as run, Clock(work.SharedWork, "train") as train:
        fit()
        fit()
    whole, slices = min(zip(train.seconds, run.seconds, strict=True))  # the fastest step
    rest = whole - slices
    buckets = step.Buckets(model.trainable_variables)
    gradients = sum(n * d.itemsize for n, d in zip(buckets.sizes, buckets.dtypes, strict=True))
    batch = data(network)[2]
    outputs = 4 * batch * model.output_shape[-1]
    print(f"\n{network}: {NETWORKS[network]}")
    print(
        f"a step {1e3 * ordinary:.2f} ms, in {diptych.distribution.distribution().slices} slices "
        f"{1e3 * whole:.2f} ms: slices {1e3 * slices:.2f}, rest {1e3 * rest:.2f}; gradients "
        f"{gradients:,} bytes in {len(buckets.sizes)} messages, outputs {outputs:,} bytes"
    )
    print("| machines | " + " | ".join(f"{link} Gbit/s" for link in LINKS) + " |")
    print("|---|" + "---|" * len(LINKS))
    for count in MACHINES:
        row = []
        for link, latency in LINKS.items():
            seconds = step_on(count, link, latency, slices, rest, gradients, buckets, outputs)
            row.append(f"{1e3 * seconds:.2f} ms")
        print(f"| {count} | " + " | ".join(row) + " |")


def step_on(count, link, latency, slices, rest, gradients, buckets, outputs):
    """Seconds of a step by the model."""
    speed = link * 1e9 / 8
    rounds = count.bit_length() - 1
    messages = len(buckets.sizes) + 1  # the losses travel too
    sums = rounds * (gradients / speed + messages * latency)
    gathered = outputs * (count - 1) / count / speed + (latency if count > 1 else 0)
    return slices / count + rest + sums + gathered


def together(network, epochs):
    """Measure the processes that mpiexec started."""
    group = job.joined()
    model, fit, steps = trained(network, epochs)
    x, y, batch = data(network)
    model.train_on_batch(x[:batch], y[:batch])
    sent = group.sent
    model.train_on_batch(x[:batch], y[:batch])
    sent = group.sent - sent
    early, found = step.SharedStep._watched, {}
    for _ in range(3):  # in turns
        for name, watched in (("during", early), ("after", lambda self, _, pairs, __: pairs)):
            step.SharedStep._watched = watched
            seconds = seconds_a_step(fit, steps, 2)
            found[name] = min(found.get(name, seconds), seconds)
    step.SharedStep._watched = early
    if group.rank == 0:
        print(
            f"{network}, {group.size} processes: {1e3 * found['during']:.2f} ms a step, "
            f"{1e3 * found['after']:.2f} ms with sums after the way back; a process sends "
            f"{sent:,.0f} bytes a step",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", default=["mlp", "mnistcnn"], choices=[*NETWORKS])
    parser.add_argument("--epochs", type=int, default=2, help="of 12 batches, for each timing")
    chosen = parser.parse_args()
    for network in chosen.networks:
        (alone if job.joined().size == 1 else together)(network, chosen.epochs)


if __name__ == "__main__":
    main()
