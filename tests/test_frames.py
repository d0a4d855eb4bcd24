"""Data frames and series of pandas as data; the library itself does not need pandas."""

import numpy as np
import pytest

from diptych import Input, Sequential, layers
from diptych.models.arrays import as_arrays

pd = pytest.importorskip("pandas")

ROWS = 12
rng = np.random.default_rng(0)
NUMBERS = rng.normal(size=(ROWS, 3)).astype("float32")
KINDS = np.array(["red", "green", "blue", "red"] * 3)
LABELS = rng.integers(0, 2, ROWS)


def mixed():
    """What get_dummies makes of a frame with a column of texts: floats, integers and booleans."""
    frame = pd.DataFrame(NUMBERS[:, :2], columns=["a", "b"], index=np.arange(ROWS)[::-1] + 100)
    return pd.get_dummies(frame.assign(c=LABELS + 5, kind=KINDS), columns=["kind"])


def plain():
    columns = [KINDS == kind for kind in ("blue", "green", "red")]
    return np.stack([NUMBERS[:, 0], NUMBERS[:, 1], LABELS + 5, *columns], axis=1)


def made(engine=None):
    ones = layers.Dense(1, activation="sigmoid", kernel_initializer="ones")
    model = Sequential([Input((6,)), ones], engine=engine)
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.parametrize("engine", ["reference", "fast"])
def test_frames_with_columns_of_several_dtypes_are_taken_everywhere(engine):
    x, y = mixed(), pd.Series(LABELS, index=mixed().index)
    weights = pd.Series(np.linspace(0, 1, ROWS), index=y.index)
    one, other = made(engine), made(engine)
    options = {"epochs": 2, "batch_size": 4, "shuffle": False, "verbose": 0}
    found = one.fit(
        x, y, sample_weight=weights, validation_data=(x, y.to_frame()), **options
    ).history
    right = other.fit(
        plain(),
        LABELS,
        sample_weight=weights.to_numpy(),
        validation_data=(plain(), LABELS),
        **options,
    ).history
    assert found == right
    split = made(engine).fit(x, y, validation_split=0.25, class_weight={1: 2.0}, **options).history
    assert split == (
        made(engine)
        .fit(plain(), LABELS, validation_split=0.25, class_weight={1: 2.0}, **options)
        .history
    )
    assert one.evaluate(x, y, verbose=0) == other.evaluate(plain(), LABELS, verbose=0)
    np.testing.assert_array_equal(one.predict(x, verbose=0), other.predict(plain(), verbose=0))
    np.testing.assert_array_equal(one.predict_on_batch(x), other.predict_on_batch(plain()))
    np.testing.assert_array_equal(one(x), other(plain()))
    assert one.train_on_batch(x, y) == other.train_on_batch(plain(), LABELS)
    assert one.test_on_batch(x, y) == other.test_on_batch(plain(), LABELS)
    batches = iter([(x, y)] * 2)
    assert one.evaluate(batches, verbose=0) == pytest.approx(
        other.evaluate(plain(), LABELS, verbose=0), rel=1e-5
    )


@pytest.mark.parametrize(
    ("values", "dtype", "kind"),
    [
        ([1, 2], "Int64", "i"),
        ([1.5, 2], "Float64", "f"),
        ([True, False], "boolean", "b"),
        ([1, 2.5], object, "f"),
        ([3, 4], "category", "i"),
    ],
)
def test_columns_of_nullable_dtypes_objects_and_categories_are_numbers(values, dtype, kind):
    series = pd.Series(values, dtype=dtype)
    beside = pd.DataFrame({"a": [0.5, 1.5], "b": series})
    for given in (series, series.to_frame()):
        array = as_arrays(given, "y")
        assert array.dtype.kind == kind
        np.testing.assert_array_equal(array.ravel(), np.array(values))
    np.testing.assert_array_equal(
        as_arrays(beside, "x"), np.array([[0.5, values[0]], [1.5, values[1]]], float)
    )


def test_columns_of_one_name_are_all_taken():
    frame = pd.DataFrame([[1.5, True], [2.5, False]], columns=["a", "a"])
    np.testing.assert_array_equal(as_arrays(frame, "x"), [[1.5, 1.0], [2.5, 0.0]])


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["u", "v"], r"column 'bad', holds text, such as 'u'.*get_dummies.*StringLookup"),
        (pd.Series(["u", "v"], dtype="category"), "column 'bad', holds text"),
        ([None, "v"], "column 'bad', has missing values, the first in row 0.*fillna"),
        (pd.to_datetime(["2020-01-01"] * 2), "column 'bad', has dtype datetime64"),
        ([[1], [2]], r"column 'bad', has dtype object, with values such as \[1\]"),
    ],
)
def test_a_column_that_holds_no_numbers_is_named(column, message):
    frame = pd.DataFrame({"a": [1.5, 2.5], "bad": column, "c": [True, False]})
    with pytest.raises(ValueError, match=f"x, {message}"):
        as_arrays(frame, "x")
    with pytest.raises(ValueError, match="^y (holds|has)"):
        as_arrays(frame["bad"], "y")


def test_a_frame_of_texts_is_taken_by_a_model_of_texts():
    frame = pd.DataFrame({"a": ["red", "blue"]})
    np.testing.assert_array_equal(as_arrays(frame, "x", lambda: True), [["red"], ["blue"]])


def test_a_missing_number_is_nan_and_warned_of():
    x = mixed()
    x.iloc[3, 0] = np.nan
    with pytest.warns(UserWarning, match="x has 1 NaN in 1 row, the first in row 3"):
        made().fit(x, LABELS, verbose=0)
    np.testing.assert_array_equal(
        np.isnan(made().predict(x, verbose=0)).ravel(), np.arange(ROWS) == 3
    )
