"""Times training and prediction of small and middling networks in diptych and in whatever peers
are installed.

    python benchmarks/training.py                                  all networks, all frameworks
    python benchmarks/training.py --networks and,vgg --repeat 5    some of them, more often
    python benchmarks/training.py --peers-python /path/to/python   peers live elsewhere
    python benchmarks/training.py --json benchmarks/measured.json  for the page on speed as well

Each pair of network and framework runs in a process of its own, the frameworks take turns, and the
median of the repeats counts. Times are per training step (one batch), in milliseconds, without
callbacks or output. What the networks are stands in networks.py.
"""

import argparse
import datetime
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time

from networks import IMAGES, NETWORKS, data, in_keras, in_torch

FRAMEWORKS = [
    "diptych:fast",
    "diptych:reference",
    "torch",
    "torch:channels-last",
    "keras:tensorflow",
    "keras:jax",
    "keras:torch",
]


def keras_like(name, network):
    """Return (train, predict) for a package with the Keras API."""
    package, _, detail = name.partition(":")
    if package == "keras":
        os.environ["KERAS_BACKEND"] = detail
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    keras = importlib.import_module(package)
    if package == "diptych":
        keras.config.set_engine(detail)
    x, y, batch = data(network)
    model = in_keras(keras, network)
    return (
        lambda: model.fit(x, y, batch_size=batch, epochs=1, verbose=0),
        lambda: model.predict(x, batch_size=batch, verbose=0),
    )


def measure(framework, network):
    """Return milliseconds per step for training and prediction, and the peak memory in MB."""
    if framework.startswith("torch"):
        train, predict = in_torch(network, channels_last=framework.endswith(":channels-last"))
    else:
        train, predict = keras_like(framework, network)
    x, _, batch = data(network)
    steps = -(-len(x) // batch)
    passes = 20 if network == "and" else 5

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
    parser.add_argument("--json", help="a file for the results; keeps those of other networks")
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
                if framework.endswith(":channels-last") and network not in IMAGES:
                    continue
                result = in_own_process(python, framework, network)
                if result:
                    found.setdefault(framework, []).append(result)
        rows = medians(found)
        print_table(network, rows)
        if chosen.json:
            keep(chosen.json, network, rows, pythons)


def machine():
    from diptych import config, fastcore
    from diptych.info import cpu_name

    built = fastcore.build_info()["features"]
    vectors = [name for key, name in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if key in built]
    processors = f"{os.cpu_count()} processors" + "".join(f" ({name})" for name in vectors[:1])
    return f"{cpu_name()}, {processors}, diptych on {config.num_threads()} threads"


def print_machine():
    print(machine())


def medians(found):
    """{framework: {what: the median of its repeats}}"""
    return {
        framework: {
            what: statistics.median(result[what] for result in results) for what in results[0]
        }
        for framework, results in found.items()
    }


def keep(path, network, rows, pythons):
    """Write the rows of one network into the file of all, with the machine and the versions."""
    measured = {"networks": {}}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            measured = json.load(file)
    measured["networks"][network] = {
        "what": NETWORKS[network],
        "machine": machine(),
        "date": datetime.date.today().isoformat(),
        "versions": {f: version_of(python, f) for f, python in pythons.items() if f in rows},
        "rows": {f: {w: float(f"{n:.3g}") for w, n in row.items()} for f, row in rows.items()},
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(measured, file, indent=1)
        file.write("\n")


def version_of(python, framework):
    """The versions of a framework and its backend."""
    package, _, detail = framework.partition(":")
    names = [package, detail] if package == "keras" else [package]
    code = (  # a package may be called otherwise than what it holds: tensorflow-cpu
        "import sys, importlib.metadata as m; of = m.packages_distributions(); "
        "print(*(m.version(of[name][0]) for name in sys.argv[1:]))"
    )
    if package == "diptych":
        code = "import diptych; print(diptych.__version__)"
    done = subprocess.run([python, "-c", code, *names], capture_output=True, text=True)
    return " on ".join(done.stdout.split())


def print_table(network, rows):
    print(f"\n{network}: {NETWORKS[network]}")
    print(
        f"{'':<19}{'training ms':>12}{'prediction ms':>15}{'memory MB':>11}   training against "
        "diptych:fast"
    )
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
