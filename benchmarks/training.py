"""Times training and prediction of small dense networks in diptych and in whatever peers are
installed.

    python benchmarks/training.py                                   all networks, all frameworks
    found python benchmarks/training.py --networks and,mlp --repeat 5 python benchmarks/training.py
    --peers-python /path/to/python     peers live in another environment

Each pair of network and framework runs in a process of its own, the frameworks take turns, and the
median of the repeats counts. Times are per training step (one batch), in milliseconds, without
callbacks or output.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time

NETWORKS = {
    "and": "2-2-1, relu and sigmoid, SGD with momentum, batches of 32 of 100 rows",
    "gender": "3-4-2, relu and softmax, RMSprop, batches of 8 of 1,000 rows",
    "dense100": "100-64-10, relu and softmax, SGD, batches of 10 of 1,000 rows",
    "mlp": "784-500-500-10, sigmoid and softmax, Adam, batches of 100 of 10,000 rows",
}
FRAMEWORKS = [
    "diptych:fast",
    "diptych:reference",
    "torch",
    "keras:tensorflow",
    "keras:jax",
    "keras:torch",
]


def data(network):
    """Return x, y and the batch size: made rows, the same for every framework."""
    import numpy as np

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
    else:
        x, y, batch = rng.random((10000, 784)), np.eye(10)[rng.integers(0, 10, 10000)], 100
    return x.astype("float32"), y.astype("float32"), batch


def keras_like(name, network):
    """Return (train, predict) for a package with the Keras API."""
    package, _, detail = name.partition(":")
    if package == "keras":
        os.environ["KERAS_BACKEND"] = detail
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    keras = importlib.import_module(package)
    if package == "diptych":
        keras.config.set_engine(detail)
    dense, activation, x, y, batch = keras.layers.Dense, keras.layers.Activation, *data(network)
    if network == "and":
        layers = [dense(2, activation="relu"), dense(1, activation="sigmoid")]
        how = (keras.optimizers.SGD(0.01, momentum=0.9), "binary_crossentropy")
    elif network == "gender":
        layers = [dense(4), activation("relu"), dense(2), activation("softmax")]
        how = ("rmsprop", "categorical_crossentropy")
    elif network == "dense100":
        layers = [dense(64, activation="relu"), dense(10, activation="softmax")]
        how = ("sgd", "categorical_crossentropy")
    else:
        layers = [
            dense(500),
            activation("sigmoid"),
            dense(500),
            activation("sigmoid"),
            dense(10),
            activation("softmax"),
        ]
        how = ("adam", "categorical_crossentropy")
    model = keras.Sequential([keras.Input(x.shape[1:]), *layers])
    model.compile(*how, metrics=["accuracy"])
    return (
        lambda: model.fit(x, y, batch_size=batch, epochs=1, verbose=0),
        lambda: model.predict(x, batch_size=batch, verbose=0),
    )


def in_torch(network):
    """Return (train, predict) for a plain PyTorch loop."""
    import torch
    from torch import nn

    x, y, batch = data(network)
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    loss_of = nn.CrossEntropyLoss()
    if network == "and":
        model, loss_of = (
            nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1)),
            nn.BCEWithLogitsLoss(),
        )
        optimizer = torch.optim.SGD(model.parameters(), 0.01, 0.9)
    elif network == "gender":
        model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
        optimizer = torch.optim.RMSprop(model.parameters())
    elif network == "dense100":
        model = nn.Sequential(nn.Linear(100, 64), nn.ReLU(), nn.Linear(64, 10))
        optimizer = torch.optim.SGD(model.parameters(), 0.01)
    else:
        model = nn.Sequential(
            nn.Linear(784, 500), nn.Sigmoid(), nn.Linear(500, 500), nn.Sigmoid(), nn.Linear(500, 10)
        )
        optimizer = torch.optim.Adam(model.parameters())

    def train():
        order = torch.randperm(len(x))
        for start in range(0, len(x), batch):
            rows = order[start : start + batch]
            optimizer.zero_grad(set_to_none=True)
            output = model(x[rows])
            loss_of(output, y[rows]).backward()
            optimizer.step()
            (output.argmax(-1) == y[rows].argmax(-1)).float().mean().item()

    def predict():
        with torch.no_grad():
            for start in range(0, len(x), batch):
                model(x[start : start + batch])

    return train, predict


def measure(framework, network):
    """Return milliseconds per step for training and prediction, and the peak memory in MB."""
    train, predict = in_torch(network) if framework == "torch" else keras_like(framework, network)
    x, _, batch = data(network)
    steps = -(-len(x) // batch)
    passes = 20 if steps < 10 else 5

    def timed(function):
        function()
        times = []
        for _ in range(passes):
            start = time.perf_counter()
            function()
            times.append((time.perf_counter() - start) / steps * 1e3)
        return statistics.median(times)

    result = {"train": timed(train), "predict": timed(predict)}
    try:
        import resource

        result["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    except ImportError:
        result["memory"] = float("nan")
    return result


def in_own_process(python, framework, network):
    command = [python, os.path.abspath(__file__), "--one", framework, network]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    if done.returncode:
        print(
            f"  {framework}, {network}: {done.stderr.strip().splitlines()[-1][:120]}",
            file=sys.stderr,
        )
        return None
    return json.loads(done.stdout.strip().splitlines()[-1])


def available(python, framework):
    """Whether the framework and its backend can be imported there."""
    package, _, detail = framework.partition(":")
    modules = [package] + ([detail] if package == "keras" else [])
    if python == sys.executable:
        return all(importlib.util.find_spec(module) for module in modules)
    test = "import importlib.util,sys;sys.exit(not all(map(importlib.util.find_spec,sys.argv[1:])))"
    return subprocess.run([python, "-c", test, *modules], capture_output=True).returncode == 0


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--frameworks", default=",".join(FRAMEWORKS))
    parser.add_argument("--peers-python", default=sys.executable)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--one", nargs=2, metavar=("FRAMEWORK", "NETWORK"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(measure(*chosen.one)))
        return
    pythons = {
        f: sys.executable if f.startswith("diptych") else chosen.peers_python
        for f in chosen.frameworks.split(",")
    }
    pythons = {f: python for f, python in pythons.items() if available(python, f)}
    print_machine()
    for network in chosen.networks.split(","):
        found = {}
        for _ in range(chosen.repeat):
            for framework, python in pythons.items():
                result = in_own_process(python, framework, network)
                if result:
                    found.setdefault(framework, []).append(result)
        print_table(network, found)


def print_machine():
    from diptych import config
    from diptych.info import cpu_name

    print(f"{cpu_name()}, {os.cpu_count()} processors, diptych on {config.num_threads()} threads")


def print_table(network, found):
    print(f"\n{network}: {NETWORKS[network]}")
    print(
        f"{'':<19}{'training ms':>12}{'prediction ms':>15}{'memory MB':>11}   training against "
        "diptych:fast"
    )
    rows = {
        framework: {
            what: statistics.median(result[what] for result in results) for what in results[0]
        }
        for framework, results in found.items()
    }
    own = rows.get("diptych:fast", {}).get("train")
    for framework, row in rows.items():
        times = f"{row['train'] / own:.1f}" if own else ""
        print(
            f"{framework:<19}{row['train']:>12.3f}{row['predict']:>15.3f}{row['memory']:>11.0f}   "
            f"{times}",
            flush=True,
        )


if __name__ == "__main__":
    main()
