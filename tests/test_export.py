"""Models in ONNX files: ONNX Runtime computes what diptych does."""

import sys

import numpy as np
import pytest

import diptych
from diptych import Input, InputSpec, Model, Sequential, layers, ops
from diptych.nested import flatten
from tests import file_models
from tests.export_models import CASES, Own, around

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")

# What the exporter refuses: texts are split and hashed in ways that ONNX does not know.
REFUSED = {"Hashing", "HashedCrossing", "TextVectorization"}
UNKNOWN = {"ContrastLimitedAdaptiveHistogramEqualization", "MelSpectrogram"}
OLD = ("Atrous", "Convolution", "Deconvolution", "SeparableConvolution", "TimeDistributedDense")
LAYERS = sorted(
    {value.__name__ for value in vars(layers).values() if isinstance(value, type)}
    - {*file_models.NO_LAYERS_OF_A_MODEL, *REFUSED, *UNKNOWN}
)
LAYERS = [name for name in LAYERS if name in layers.__all__ and not name.startswith(OLD)]


def values_for(model, rows):
    """Arrays for the inputs of a model, in their structure; sizes that may vary depend on rows."""
    rng = np.random.default_rng(rows)

    def values(tensor):
        shape = (rows, *[6 + rows if n is None else n for n in tensor.shape[1:]])
        if tensor.dtype == "string":
            return np.array(["a", "b", "c", "zz"], dtype=object)[rng.integers(0, 4, shape)]
        if tensor.dtype == "bool":
            return rng.random(shape) > 0.4
        if "int" in tensor.dtype:
            return rng.integers(0, 4, shape).astype(tensor.dtype)
        return rng.random(shape).astype(tensor.dtype)

    found = [values(tensor) for tensor in model.inputs]
    if isinstance(model._inputs_structure, dict):
        return dict(zip(model._inputs_structure, found, strict=True))
    return found[0] if len(found) == 1 else found


def randomize(model):
    """Weights that hide nothing: no zeros, no ones."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if weight.dtype.kind == "f":
            change = 0.2 * rng.normal(size=weight.shape)
            weight.assign(
                weight.numpy() + (np.abs(change) if "variance" in weight.path else change)
            )


def session_of(path):
    onnx.checker.check_model(str(path), full_check=True)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run(session, inputs):
    names = [one.name for one in session.get_inputs()]
    return session.run(None, dict(zip(names, flatten(inputs), strict=True)))


def check(model, session, inputs):
    wanted = [np.asarray(y) for y in flatten(model(inputs, training=False))]
    for y, want in zip(run(session, inputs), wanted, strict=True):
        assert y.shape == want.shape
        if want.dtype == object:
            assert (y == want).all()
        else:
            assert y.dtype == want.dtype
            np.testing.assert_allclose(y, want, rtol=1e-5, atol=1e-5)


def export_and_check(model, path, inputs_for=values_for):
    randomize(model)
    model.export(path, format="onnx", verbose=False)
    session = session_of(path)
    for rows in (1, 3):
        check(model, session, inputs_for(model, rows))


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer(name, tmp_path):
    export_and_check(file_models.layer_model(diptych, name), tmp_path / "model.onnx")


@pytest.mark.parametrize("name", file_models.operations(diptych))
def test_operations(name, tmp_path):
    export_and_check(file_models.operation_model(diptych, name), tmp_path / "model.onnx")


@pytest.mark.parametrize("name", [name for name in file_models.WHOLE if name != "learnt"])
def test_whole_models(name, tmp_path):
    export_and_check(file_models.WHOLE[name](diptych), tmp_path / "model.onnx")


def test_a_whole_model_that_begins_with_texts_is_refused(tmp_path):
    model = file_models.WHOLE["learnt"](diptych)
    with pytest.raises(ValueError, match=r"\(TextVectorization\) works on texts or hashes"):
        model.export(tmp_path / "model.onnx")


@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_cases(name, tmp_path):
    export_and_check(CASES[name](), tmp_path / "model.onnx")


@pytest.mark.parametrize("name", sorted(REFUSED - {"HashedCrossing"}))
def test_what_works_on_texts_is_refused(name, tmp_path):
    model = file_models.layer_model(diptych, name)
    with pytest.raises(ValueError, match=rf"\({name}\) works on texts or hashes"):
        model.export(tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", sorted(UNKNOWN))
def test_what_onnx_cannot_compute_is_refused(name, tmp_path):
    model = file_models.layer_model(diptych, name)
    with pytest.raises(ValueError, match=rf"\({name}\) .* leave it out of the exported model"):
        model.export(tmp_path / "model.onnx")


def test_an_embedding_that_goes_both_ways(tmp_path):
    words = Input((5,), dtype="int32")
    both = layers.ReversibleEmbedding(6, 3, tie_weights=False, logit_soft_cap=2.0)
    tied = layers.ReversibleEmbedding(6, 3)
    ends = [layer(layer(words), reverse=True) for layer in (both, tied)]
    export_and_check(Model(words, ends), tmp_path / "model.onnx")


def test_pooling_to_a_size_is_exported_for_fixed_sizes(tmp_path):
    model = around((None, None, 3), layers.AdaptiveMaxPooling2D((3, 2)))
    with pytest.raises(ValueError, match=r"\(AdaptiveMaxPooling2D\) .*input_signature=\[InputSpec"):
        model.export(tmp_path / "model.onnx", verbose=False)
    fixed = [InputSpec(shape=(None, 7, 5, 3))]
    model.export(tmp_path / "model.onnx", verbose=False, input_signature=fixed)
    x = np.random.default_rng(0).random((2, 7, 5, 3)).astype("float32")
    check(model, session_of(tmp_path / "model.onnx"), x)


# --------------------------------------------------------------------------------------------------
# The file


def small():
    diptych.utils.clear_session()
    return around((4,), layers.Dense(3, name="dense"))


def test_names_sizes_and_metadata(tmp_path):
    model = CASES["several"]()
    model.export(tmp_path / "model.onnx", verbose=False)
    proto = onnx.load(tmp_path / "model.onnx")
    assert [x.name for x in proto.graph.input] == ["left", "right"]
    assert [x.name for x in proto.graph.output] == ["one", "two", "same"]
    dims = proto.graph.input[0].type.tensor_type.shape.dim
    assert (dims[0].dim_param, dims[1].dim_value) == ("batch", 4)
    assert (proto.producer_name, proto.producer_version) == ("diptych", diptych.__version__)
    assert [(s.domain, s.version) for s in proto.opset_import] == [("", 18)]
    names = {one.name for one in proto.graph.initializer}
    assert {weight.path for weight in model.weights} <= names


def test_names_of_layers_and_nodes_do_not_collide(tmp_path):
    start = Input((4,), name="add")
    x = layers.Dense(4, name="matmul")(start)
    model = Model(start, layers.Add(name="identity")([x, start]))
    model.export(tmp_path / "model.onnx", verbose=False)
    session = session_of(tmp_path / "model.onnx")
    assert [x.name for x in session.get_inputs()] == ["add"]
    assert [x.name for x in session.get_outputs()] == ["identity"]
    check(model, session, values_for(model, 2))


def test_a_shared_weight_is_stored_once(tmp_path):
    CASES["several"]().export(tmp_path / "model.onnx", verbose=False)
    kernels = [
        one for one in onnx.load(tmp_path / "model.onnx").graph.initializer if len(one.dims) == 2
    ]
    assert len(kernels) == 3


def test_transpositions_between_convolutions_vanish(tmp_path):
    model = around(
        (8, 8, 3),
        layers.Conv2D(4, 3),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.MaxPooling2D(),
        layers.Conv2D(2, 1, activation="relu"),
    )
    export_and_check(model, tmp_path / "model.onnx")
    kinds = [node.op_type for node in onnx.load(tmp_path / "model.onnx").graph.node]
    assert kinds.count("Transpose") == 2  # at the beginning and at the end


def test_exporting_leaves_the_model_as_it_was(tmp_path):
    model = CASES["nested_with_mask"]()
    before = [len(layer._nodes) for layer in model._flatten_layers()], model.get_weights()
    x = values_for(model, 2)
    y = model.predict(x, verbose=0)
    model.export(tmp_path / "model.onnx", verbose=False)
    assert [len(layer._nodes) for layer in model._flatten_layers()] == before[0]
    np.testing.assert_array_equal(model.predict(x, verbose=0), y)
    for weight, old in zip(model.get_weights(), before[1], strict=True):
        np.testing.assert_array_equal(weight, old)


def test_the_old_file_stays_if_the_export_fails(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")
    with pytest.raises(ValueError, match="works on texts"):
        file_models.layer_model(diptych, "Hashing").export(path)
    assert path.read_bytes() == b"old"


def test_both_engines_write_the_same_file(tmp_path):
    model = small()
    model.export(tmp_path / "fast.onnx", verbose=False)
    with diptych.engine.use("reference"):
        model.export(tmp_path / "reference.onnx", verbose=False)
    assert (tmp_path / "fast.onnx").read_bytes() == (tmp_path / "reference.onnx").read_bytes()


def test_it_says_where_the_file_is(tmp_path, capsys):
    model = small()
    model.export(tmp_path / "model.onnx")
    assert "model.onnx" in capsys.readouterr().out
    model.export(tmp_path / "model.onnx", verbose=False)
    assert capsys.readouterr().out == ""


# --------------------------------------------------------------------------------------------------
# Arguments


def test_the_ending_implies_the_format(tmp_path):
    small().export(tmp_path / "model.onnx", verbose=False)
    small().export(tmp_path / "model", format="onnx", verbose=False)
    session_of(tmp_path / "model.onnx")
    session_of(tmp_path / "model")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "tf_saved_model', Keras's default, needs TensorFlow.*format='onnx'"),
        ({"format": "openvino"}, "needs OpenVINO.*diptych writes ONNX"),
        ({"format": "litert"}, "needs LiteRT"),
        ({"format": "torch"}, "needs PyTorch"),
        ({"format": "onx"}, "did you mean 'onnx'"),
    ],
)
def test_other_formats_are_refused_with_what_to_do(options, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        small().export(tmp_path / "model", **options)


def test_the_operator_set_is_fixed(tmp_path):
    small().export(tmp_path / "model.onnx", verbose=False, opset_version=18)
    with pytest.raises(ValueError, match="operator set 18, not 9"):
        small().export(tmp_path / "model.onnx", opset_version=9)


@pytest.mark.parametrize(
    "signature",
    [[InputSpec(shape=(2, 6), dtype="int32")], [np.zeros((2, 6), "int32")]],
)
def test_a_signature_fixes_sizes(signature, tmp_path):
    model = CASES["masked_lstm"]()
    model.export(tmp_path / "model.onnx", verbose=False, input_signature=signature)
    session = session_of(tmp_path / "model.onnx")
    assert session.get_inputs()[0].shape == [2, 6]
    check(model, session, np.array([[1, 2, 0, 0, 3, 0]] * 2, "int32"))


def test_a_signature_has_to_fit(tmp_path):
    with pytest.raises(ValueError, match="has 1 inputs.*describes 2"):
        small().export(tmp_path / "model.onnx", input_signature=[InputSpec(shape=(1, 4))] * 2)
    with pytest.raises(ValueError, match=r"\(None, 4\).*\(1, 5\)"):
        small().export(tmp_path / "model.onnx", input_signature=[InputSpec(shape=(1, 5))])
    with pytest.raises(ValueError, match="needs a shape"):
        small().export(tmp_path / "model.onnx", input_signature=[4])


def test_without_the_package_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"pip install diptych\[onnx\]"):
        small().export(tmp_path / "model.onnx")


def test_the_archive_of_tensorflow_is_missing_with_a_word():
    with pytest.raises(AttributeError, match="SavedModel.*format='onnx'"):
        _ = diptych.export.ExportArchive


# --------------------------------------------------------------------------------------------------
# Subclassed models


def test_a_subclassed_model_after_its_first_call(tmp_path):
    model = Own()
    tokens = np.array([[1, 2, 0], [3, 0, 0]], "int32")
    inputs = [tokens, np.ones((2, 4), "float32")]
    model(inputs)
    signature = [
        [InputSpec(shape=(None, None), dtype="int32", name="tokens"), InputSpec(shape=(None, 4))]
    ]
    model.export(tmp_path / "model.onnx", verbose=False, input_signature=signature)
    session = session_of(tmp_path / "model.onnx")
    assert [x.name for x in session.get_inputs()] == ["tokens", "inputs_1"]
    assert [x.name for x in session.get_outputs()] == ["y", "x"]
    check(model, session, inputs)


class Plain(Model):
    def __init__(self, function=lambda x: x):
        super().__init__()
        self.dense = layers.Dense(3)
        self.function = function

    def call(self, inputs):
        return self.function(self.dense(inputs))


def test_the_shapes_are_those_of_the_first_call(tmp_path):
    model = Plain()
    with pytest.raises(ValueError, match="has not been called yet"):
        model.export(tmp_path / "model.onnx")
    x = np.ones((2, 5), "float32")
    model(x)
    model.export(tmp_path / "model.onnx", verbose=False)
    session = session_of(tmp_path / "model.onnx")
    assert session.get_inputs()[0].shape == ["batch", 5]
    check(model, session, x)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x: x if x.numpy().sum() else -x, "has no attribute 'numpy'"),
        (lambda x: ops.reshape(x, (x.shape[0] * 3,)), "NoneType"),
        (lambda x: -x if ops.max(x) > 0 else x, "symbolic"),
    ],
)
def test_a_call_that_needs_values_is_refused_with_its_name(function, words, tmp_path):
    model = Plain(function)
    model(np.ones((2, 5), "float32"))
    with pytest.raises(
        ValueError, match=rf"(?s)'plain.*\(Plain\) cannot be exported.*{words}.*input_signature"
    ):
        model.export(tmp_path / "model.onnx")


def test_fixed_sizes_export_what_needs_them(tmp_path):
    model = Plain(lambda x: ops.reshape(x, (x.shape[0] * 3,)))
    x = np.ones((2, 5), "float32")
    model(x)
    model.export(tmp_path / "model.onnx", verbose=False, input_signature=[InputSpec(shape=(2, 5))])
    check(model, session_of(tmp_path / "model.onnx"), x)


class Inverse(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(3)

    def call(self, inputs):
        return self.dense(ops.inv(inputs))

    def compute_output_shape(self, input_shape):
        return input_shape


def test_an_operation_without_counterpart_is_named(tmp_path):
    start = Input((3, 3))
    for model, words in (
        (Model(start, ops.inv(start)), ".Model.: ops.inv has no counterpart"),
        (Model(start, Inverse(name="turned")(start)), "'turned' .Inverse.: ops.inv has no"),
    ):
        with pytest.raises(ValueError, match=words):
            model.export(tmp_path / "model.onnx")


def test_states_that_stay_are_refused(tmp_path):
    start = Input(batch_shape=(2, 3, 4))
    model = Model(start, layers.LSTM(3, stateful=True, name="memory")(start))
    with pytest.raises(ValueError, match="'memory' .LSTM. is stateful.*return_state=True"):
        model.export(tmp_path / "model.onnx")


def test_dropout_that_is_always_active_is_refused(tmp_path):
    start = Input((4,))
    model = Model(start, layers.Dropout(0.5, name="always")(start, training=True))
    with pytest.raises(ValueError, match="'always' .Dropout.: ops.dropout.*random numbers"):
        model.export(tmp_path / "model.onnx")


def test_sequential_that_is_not_built(tmp_path):
    with pytest.raises(ValueError, match="has not been called yet"):
        Sequential([layers.Dense(3)]).export(tmp_path / "model.onnx")


def test_a_network_of_applications(tmp_path):
    model = diptych.applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3))
    model = Model(model.input, model.layers[5].output)
    model.export(tmp_path / "model.onnx", verbose=False)
    check(model, session_of(tmp_path / "model.onnx"), values_for(model, 2))
