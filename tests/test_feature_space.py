"""FeatureSpace and HashedCrossing, with the results of Keras 3.15 on TensorFlow 2.21."""

import copy
import json
import zipfile

import numpy as np
import pytest

import diptych
from diptych import layers
from diptych.utils import Dataset, FeatureSpace

from .guard import Guard

TABLE = {
    "number": [0.0, 0.1, 0.2, 0.3],
    "word": ["zero", "one", "two", "three"],
    "count": [0, 1, 2, 3],
}
KINDS = {"number": "float_normalized", "word": "string_categorical", "count": "integer_categorical"}


def adapted(data=TABLE, **options):
    space = FeatureSpace(**{"features": KINDS, "crosses": [("word", "count")], **options})
    space.adapt(data)
    return space


# ---------------------------------------------------------------- HashedCrossing

WORDS, NUMBERS = np.array(["A", "B", "A", "B", "A"]), np.array([101, 101, 101, 102, 102])


def test_crosses_are_tensorflows():
    np.testing.assert_array_equal(layers.HashedCrossing(5)((WORDS, NUMBERS)), [1, 4, 1, 1, 3])
    many = (["A", "B", "A", "zz", "é"], [101, 101, -5, 0, 2**40])
    np.testing.assert_array_equal(layers.HashedCrossing(97)(many), [87, 83, 45, 68, 92])
    three = (np.array(many[0]), np.array(many[1]), np.array(many[0]))
    assert layers.HashedCrossing(2**40)(three).tolist() == [
        335152223659, 1034849884044, 220457571163, 919533911015, 1024014132490
    ]  # fmt: skip


@pytest.mark.parametrize("shape", [(5,), (5, 1)])
def test_shapes_and_modes_of_crosses(shape):
    inputs = (WORDS.reshape(shape), NUMBERS.reshape(shape))
    whole = layers.HashedCrossing(5, dtype="int32")(inputs)
    assert (whole.shape, whole.dtype) == (shape, np.int32)
    one_hot = layers.HashedCrossing(5, output_mode="one_hot")
    columns = one_hot(inputs)
    np.testing.assert_array_equal(columns, np.eye(5)[[1, 4, 1, 1, 3]])
    symbols = [layers.Input(shape[1:], dtype=kind) for kind in ("string", "int64")]
    assert one_hot(symbols).shape == (None, 5)
    assert layers.HashedCrossing.from_config(one_hot.get_config()).num_bins == 5


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (WORDS, "at least two inputs"),
        ((WORDS,), "at least two inputs"),
        ((WORDS, NUMBERS[:2]), r"of one shape, .* got \(5,\), \(2,\)"),
        ((np.ones((2, 3), int), np.ones((2, 3), int)), r"\(N, 1\) or \(\)"),
        ((WORDS, NUMBERS * 1.0), "dtype float64"),
    ],
)
def test_errors_of_crosses(inputs, message):
    with pytest.raises(ValueError, match=message):
        layers.HashedCrossing(5)(inputs)


# ---------------------------------------------------------------- FeatureSpace


def test_a_table_becomes_a_vector_for_each_row():
    space = adapted()
    x = space(TABLE)
    assert (x.shape, x.dtype) == ((4, 43), np.float32)
    # In the order of their names: "count" (one-hot of 5), "number", "word"; then the cross.
    np.testing.assert_array_equal(x[:, :5].numpy().argmax(1), [4, 3, 2, 1])
    np.testing.assert_allclose(x[:, 5], [-1.3416, -0.4472, 0.4472, 1.3416], atol=1e-4)
    np.testing.assert_array_equal(x[:, 6:11].numpy().argmax(1), [1, 4, 2, 3])
    np.testing.assert_array_equal(x[:, 11:].numpy().sum(1), 1)
    parts = adapted(output_mode="dict")(TABLE)
    assert list(parts) == ["count", "number", "word", "word_X_count"]
    np.testing.assert_array_equal(np.concatenate(list(parts.values()), axis=1), x)


@pytest.mark.parametrize(
    "data", [Dataset.from_tensor_slices(TABLE), Dataset.from_tensor_slices(TABLE).batch(3)]
)
def test_data_sets_and_single_rows(data):
    x = adapted()(TABLE)
    space = adapted(data)
    np.testing.assert_allclose(space(TABLE), x, rtol=1e-6)
    row = {name: column[1] for name, column in TABLE.items()}
    np.testing.assert_allclose(space(row), x[1], rtol=1e-6)
    batches = Dataset.from_tensor_slices(TABLE).batch(2).map(space)
    np.testing.assert_allclose(np.concatenate(list(batches)), x, rtol=1e-6)


def test_every_kind_of_column():
    features = {
        "a": FeatureSpace.float_rescaled(2.0, 1.0),
        "b": FeatureSpace.float_discretized(2, bin_boundaries=[0.15]),
        "c": "float",
        "d": FeatureSpace.string_hashed(3),
        "e": FeatureSpace.integer_hashed(4, output_mode="int"),
        "f": FeatureSpace.string_categorical(max_tokens=3, output_mode="int"),
    }
    table = dict(
        zip(
            features,
            [TABLE["number"]] * 3 + [TABLE["word"], TABLE["count"], TABLE["word"]],
            strict=True,
        )
    )
    crosses = [FeatureSpace.cross(("e", "f"), crossing_dim=7, output_mode="int")]
    space = FeatureSpace(features, crosses=crosses, output_mode="dict")
    space.adapt(table)
    parts = space(table)
    np.testing.assert_allclose(parts["a"][:, 0], [1, 1.2, 1.4, 1.6], rtol=1e-6)
    np.testing.assert_array_equal(parts["b"], np.eye(2)[[0, 0, 1, 1]])
    np.testing.assert_allclose(parts["c"][:, 0], TABLE["number"], rtol=1e-6)
    hashed = layers.Hashing(3, output_mode="one_hot")(TABLE["word"])
    np.testing.assert_array_equal(parts["d"], hashed)
    assert {str(parts[name].dtype) for name in ("e", "f", "e_X_f")} == {"int64"}
    assert parts["f"].numpy().max() == 2


def test_a_layer_of_ones_own():
    words = layers.TextVectorization(output_mode="count", vocabulary=["red", "blue"])
    space = FeatureSpace({"text": FeatureSpace.feature("string", words, "float")})
    np.testing.assert_array_equal(space({"text": ["red red", "blue sky"]}), [[0, 2, 0], [1, 0, 1]])


def test_a_model_of_a_table():
    space = adapted()
    outputs = layers.Dense(1)(space.get_encoded_features())
    model = diptych.Model(space.get_inputs(), outputs)
    assert outputs.shape == (None, 1)
    columns = {name: np.array(column).reshape(-1, 1) for name, column in TABLE.items()}
    expected = model.layers[-1](space(TABLE))
    np.testing.assert_allclose(model(columns), expected, rtol=1e-5)


def test_a_configuration():
    space = adapted(output_mode="dict", crossing_dim=7)
    again = FeatureSpace.from_config(space.get_config())
    again.adapt(TABLE)
    for name, part in space(TABLE).items():
        np.testing.assert_array_equal(again(TABLE)[name], part)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: FeatureSpace({}), "at least one column"),
        (lambda: FeatureSpace({"a": "flaot"}), "did you mean 'float'"),
        (lambda: FeatureSpace(KINDS, crosses=[("word", "cuont")]), "did you mean 'count'"),
        (lambda: FeatureSpace(KINDS, output_mode="list"), "'concat', 'dict'"),
        (lambda: FeatureSpace(KINDS)(TABLE), r"Call FeatureSpace.adapt\(data\)"),
        (lambda: FeatureSpace(KINDS).adapt([1]), "a dict of columns, or a Dataset"),
        (lambda: adapted()([1]), "takes a dict of columns"),
        (lambda: FeatureSpace.cross(("a", "b"), 3, output_mode="float"), "'int', 'one_hot'"),
        (
            lambda: adapted(
                features={"word": FeatureSpace.string_categorical(output_mode="int")}, crosses=None
            ),
            "give output_mode='dict'",
        ),
        (
            lambda: FeatureSpace(
                {"number": FeatureSpace.feature("float32", layers.Rescaling(1.0), "one_hot")}
            )(TABLE),
            "needs integers from its layer",
        ),
    ],
)
def test_errors_of_a_feature_space(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# ------------------------------------------------------------------------------------------------
# Files


def space_of_columns():
    space = FeatureSpace(
        {
            "age": "float_normalized",
            "size": FeatureSpace.float_discretized(3),
            "job": "string_categorical",
            "count": "integer_categorical",
            "city": "string_hashed",
        },
        crosses=[("job", "city")],
        crossing_dim=8,
        hashing_dim=4,
        name="space",
    )
    space.adapt(COLUMNS)
    return space


COLUMNS = {
    "age": np.array([1.0, 2.0, 3.0, 6.0], "float32"),
    "size": np.array([0.1, 0.2, 0.3, 0.9], "float32"),
    "job": np.array(["cook", "smith", "cook", "tailor"]),
    "count": np.array([5, 6, 5, 7]),
    "city": np.array(["Ulm", "Bonn", "Ulm", "Jena"]),
}


def test_a_space_in_a_file_of_its_own(tmp_path):
    space = space_of_columns()
    space.save(tmp_path / "space.keras")
    again = diptych.models.load_model(tmp_path / "space.keras")
    assert type(again) is FeatureSpace
    assert again.name == "space"
    np.testing.assert_array_equal(again(COLUMNS), space(COLUMNS))
    inputs = again.get_inputs()
    outputs = layers.Dense(1)(again.get_encoded_features())
    assert diptych.Model(inputs, outputs).predict(COLUMNS, verbose=0).shape == (4, 1)


def test_a_space_that_was_not_adapted_is_not_adapted_in_its_file(tmp_path):
    space = FeatureSpace({"age": "float_normalized"})
    space.save(tmp_path / "space.keras")
    again = diptych.models.load_model(tmp_path / "space.keras")
    with pytest.raises(ValueError, match="adapt"):
        again({"age": COLUMNS["age"]})
    again.adapt({"age": COLUMNS["age"]})
    assert again({"age": COLUMNS["age"]}).shape == (4, 1)


def test_a_file_of_a_space_is_checked_as_that_of_a_model(tmp_path):
    with pytest.raises(ValueError, match="ends in .keras"):
        space_of_columns().save(tmp_path / "space.h5")
    space_of_columns().save(tmp_path / "space.keras")
    with zipfile.ZipFile(tmp_path / "space.keras") as good:
        contents = {name: good.read(name) for name in good.namelist()}
    config = json.loads(contents["config.json"])
    for change in (
        lambda c: c["config"].update(features={"age": "unheard of"}),
        lambda c: c["config"]["features"]["age"].update(config=[]),
        lambda c: c["build_config"].update(age=7),
        lambda c: c.update(config=None),
    ):
        wrong = copy.deepcopy(config)
        change(wrong)
        path = tmp_path / "wrong.keras"
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in contents.items():
                text = json.dumps(wrong) if name == "config.json" else content
                archive.writestr(name, text)
        with Guard(path), pytest.raises(ValueError, match="wrong.keras"):
            diptych.models.load_model(path)
