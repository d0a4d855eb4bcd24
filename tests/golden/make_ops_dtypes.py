"""Write ops_dtypes.json with Keras: python -m tests.golden.make_ops_dtypes

Of elementwise operations and reductions: the dtype of the result for arrays of each dtype, or of
each pair of dtypes; "refused" where Keras raises an error.
"""

import json
import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

from tests.golden.make_shapes import BINARY, REDUCTIONS, UNARY

DTYPES = ("float32", "int32", "uint8", "bool")
PAIRS = [(a, b) for i, a in enumerate(DTYPES) for b in DTYPES[i:]]
FURTHER = "cumsum cumprod diff sort argsort flip roll ravel tril trace diagonal".split()


def result(keras, name, dtypes):
    """The dtype of what an operation gives for arrays of ones, or "refused"."""
    import numpy as np

    given = [np.ones((2, 3), dtype) for dtype in dtypes]
    try:
        return keras.backend.standardize_dtype(getattr(keras.ops, name)(*given).dtype)
    except Exception:
        return "refused"


def every(keras, name):
    """{the dtypes: that of the result}"""
    if name in BINARY:
        return {f"{a} {b}": result(keras, name, (a, b)) for a, b in PAIRS}
    return {dtype: result(keras, name, (dtype,)) for dtype in DTYPES}


NAMES = sorted({*UNARY, *BINARY, *REDUCTIONS, *FURTHER})


def main():
    import keras

    entries = {"keras": keras.__version__, **{name: every(keras, name) for name in NAMES}}
    lines = [f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in entries.items()]
    path = Path(__file__).with_name("ops_dtypes.json")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{path.name}: {len(entries)} operations")


if __name__ == "__main__":
    main()
