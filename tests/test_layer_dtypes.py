"""Every layer on float32, float64, integers and booleans, and on symbolic inputs of unknown sizes,
beside Keras.
"""

import json
from pathlib import Path

import pytest

import diptych
from diptych import layers
from tests.golden.make_layer_dtypes import INPUTS, every

KERAS = json.loads(
    Path(__file__).with_name("golden").joinpath("layer_dtypes.json").read_text(encoding="utf-8")
)
del KERAS["keras"]
INTEGERS = ("int32", "uint8", "bool")

# Where arrays of integers give floats, as Keras itself says of symbolic inputs; its arrays stay
# integers, which cuts off the fractions of a norm or of a brightness.
ANNOUNCED = set(
    """
    Activation GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D Masking MaxPooling1D
    MaxPooling2D MaxPooling3D RMSNormalization RandomBrightness ReLU SpectralNormalization
    """.split()
)
# Layers that Keras on JAX refuses to apply to arrays of integers, or of booleans alone.
MORE_THAN_KERAS = set(
    """
    AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D Attention
    AveragePooling1D AveragePooling2D AveragePooling3D Conv1DTranspose Conv2DTranspose
    Conv3DTranspose DepthwiseConv1D DepthwiseConv2D PReLU SeparableConv1D SeparableConv2D Softmax
    UnitNormalization
    """.split()
)
# A size that Keras leaves open is known here.
CLOSER = {"EinsumDense"}
# No layers on one array of numbers, or tested elsewhere.
ELSEWHERE = {
    "test_recurrent.py": "GRUCell LSTMCell SimpleRNNCell StackedRNNCells",
    "test_attention_layers.py": "MultiHeadAttention GroupQueryAttention",
    "test_preprocessing_layers.py": """
        HashedCrossing Hashing IntegerLookup StringLookup TextVectorization MelSpectrogram
        STFTSpectrogram
    """,
    "test_embedding.py": "ReversibleEmbedding",
    "to be subclassed, or of no use alone": "InputLayer Lambda Layer Pipeline Wrapper",
}


@pytest.fixture(scope="module")
def ours():
    """What each layer gives here, made when it is asked for."""
    known = {}

    def of(name):
        if name not in known:
            known[name] = every(diptych, name)
        return known[name]

    return of


@pytest.mark.parametrize("name", INPUTS)
def test_symbolic_inputs_give_the_shapes_and_dtypes_of_keras(name, ours):
    for kind in ("symbolic", "unknown"):
        if name not in CLOSER or kind == "unknown":
            assert ours(name)[kind] == KERAS[name][kind], kind


@pytest.mark.parametrize("name", INPUTS)
def test_arrays_give_the_dtypes_of_keras(name, ours):
    given, wanted = ours(name)["array"], KERAS[name]["array"]
    alike = {dtype for dtype in given if given[dtype] == wanted[dtype]}
    if name in ANNOUNCED:
        assert alike == {"float32", "float64"}
        announced = ours(name)["symbolic"]
        for dtype in INTEGERS:
            assert [y[1] for y in given[dtype]] == [y[1] for y in announced[dtype]]
    elif name in MORE_THAN_KERAS:
        others = given.keys() - alike
        assert others
        assert others <= set(INTEGERS)
        assert {wanted[dtype] for dtype in others} == {"refused"}
        assert "refused" not in given.values()
    else:
        assert given == wanted


def test_every_layer_is_here_or_elsewhere():
    classes = {
        thing.__name__
        for thing in map(layers.__dict__.get, layers.__all__)
        if isinstance(thing, type) and issubclass(thing, layers.Layer)
    }
    elsewhere = {name for names in ELSEWHERE.values() for name in names.split()}
    # What changes images at random is held against Keras's results: test_image_changes.py.
    images = {n for n in classes if ".layers.image." in getattr(layers, n).__module__}
    old = {n for n in classes if n.startswith(("Convolution", "Atrous", "Deconv"))}
    old |= {"SeparableConvolution1D", "SeparableConvolution2D", "TimeDistributedDense"}
    assert classes - images - old == (INPUTS.keys() | elsewhere) - images
