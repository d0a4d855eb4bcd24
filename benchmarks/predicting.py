"""Times prediction beside the run-times that do nothing else: onnxruntime and OpenVINO.

    python benchmarks/predicting.py                              all networks
    python benchmarks/predicting.py --networks and,lstm          some of them
    python benchmarks/predicting.py --peers-python /path/to/python   the run-times live elsewhere

Each network is exported to an ONNX file once (this needs the package onnx); each run-time reads it
in a process of its own, on as many threads as diptych has, and goes over the same rows in the same
batches. onnxruntime's threads wait awake between calls unless they are told not to: it is timed
both ways. The frameworks take turns, and the median of the repeats counts: milliseconds a batch,
and the ratio ours / theirs. What the networks are stands in networks.py.
"""

import argparse
import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
from networks import NETWORKS, data, in_keras
from training import available, print_machine

RUNTIMES = ["onnxruntime", "onnxruntime:asleep", "openvino"]
PASSES = 15  # over the rows, at least
SECONDS = 0.5


def runner(runtime, path, threads):
    """Return a function from a batch to its outputs."""
    if runtime == "openvino":
        openvino = importlib.import_module("openvino")
        core = openvino.Core()
        limits = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
        compiled = core.compile_model(core.read_model(path), "CPU", limits)
        return lambda x: compiled([x])[0]
    onnxruntime = importlib.import_module("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    if runtime.endswith(":asleep"):
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})[0]


def timed(function, batches):
    """Milliseconds a batch."""
    function()
    times = []
    while len(times) < PASSES or sum(times) * batches < SECONDS * 1e3:
        start = time.perf_counter()
        function()
        times.append((time.perf_counter() - start) / batches * 1e3)
    return statistics.median(times)


def measure(runtime, network, path, threads):
    """Milliseconds a batch, and the outputs of the first one."""
    x, _, batch = data(network)
    starts = range(0, len(x), batch)
    if runtime == "diptych":
        import diptych

        model = diptych.models.load_model(path)
        took = timed(lambda: model.predict(x, batch_size=batch, verbose=0), len(starts))
        first = model.predict(x[:batch], verbose=0)
    else:
        run = runner(runtime, path, threads)
        took = timed(lambda: [run(x[i : i + batch]) for i in starts], len(starts))
        first = run(x[:batch])
    return {"ms": took, "first": np.asarray(first).tolist()}


def in_own_process(python, *arguments):
    command = [python, os.path.abspath(__file__), "--one", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, arguments))}: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--peers-python", default=sys.executable)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        runtime, network, path, threads = chosen.one
        print(json.dumps(measure(runtime, network, path, int(threads))))
        return
    import diptych

    runtimes = [r for r in RUNTIMES if available(chosen.peers_python, r.partition(":")[0])]
    print_machine()
    print(f"{'':12}{'diptych':>9}" + "".join(f"{r:>20} ratio" for r in runtimes))
    with tempfile.TemporaryDirectory() as folder:
        for network in chosen.networks.split(","):
            saved, exported = (os.path.join(folder, network + end) for end in (".keras", ".onnx"))
            x, _, batch = data(network)
            model = in_keras(diptych, network)
            model.predict(x[:batch], verbose=0)
            model.save(saved)
            model.export(exported, format="onnx", verbose=False)
            found = {}
            for _ in range(chosen.repeat):
                for runtime in ["diptych", *runtimes]:
                    own = runtime == "diptych"
                    python, path = (
                        (sys.executable, saved) if own else (chosen.peers_python, exported)
                    )
                    threads = diptych.config.num_threads()
                    result = in_own_process(python, runtime, network, path, threads)
                    found.setdefault(runtime, []).append(result)
            ours = statistics.median(result["ms"] for result in found["diptych"])
            line = f"{network:12}{ours:9.3f}"
            for runtime in runtimes:
                theirs = statistics.median(result["ms"] for result in found[runtime])
                line += f"{theirs:20.3f} {ours / theirs:5.2f}"
                np.testing.assert_allclose(
                    found[runtime][0]["first"], found["diptych"][0]["first"], rtol=1e-3, atol=1e-4
                )
            print(line, flush=True)


if __name__ == "__main__":
    main()
