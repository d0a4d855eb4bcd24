"""Elementwise operations and reductions on arrays of floats, integers and booleans, and on pairs of
them: the dtypes of the results are Keras's.
"""

import json
from pathlib import Path

import numpy as np
import pytest

import diptych
from tests.golden.make_ops_dtypes import NAMES, every

KERAS = json.loads(
    Path(__file__).with_name("golden").joinpath("ops_dtypes.json").read_text(encoding="utf-8")
)
del KERAS["keras"]
# Keras on JAX refuses these for some integers or booleans; here they are computed as floats.
MORE_THAN_KERAS = set("erf log_sigmoid log_softmax rsqrt sigmoid silu softmax".split())
# The engines compute activations of floats, where Keras leaves integers what they are.
FLOATS = {"hard_tanh", "relu"}


@pytest.mark.parametrize("name", NAMES)
def test_the_dtype_of_a_result_is_that_of_keras(name):
    with np.errstate(all="ignore"):
        ours = every(diptych, name)
    others = {given: dtype for given, dtype in ours.items() if dtype != KERAS[name][given]}
    if name in MORE_THAN_KERAS | FLOATS:
        assert others
        assert set(others.values()) == {"float32"}
        assert ({KERAS[name][given] for given in others} == {"refused"}) == (name not in FLOATS)
    elif name == "round":  # of booleans
        assert others == {"bool": "bool"}
    else:
        assert not others, [(given, KERAS[name][given], ours[given]) for given in others]
