"""Pipeline: layers one after the other as one layer."""

import numpy as np
import pytest

import diptych
from diptych import Input, Model, Sequential, layers

IMAGES = np.random.default_rng(0).random((4, 8, 9, 3)).astype("float32")


def changes():
    return layers.Pipeline(
        [layers.Rescaling(2.0), layers.RandomFlip("horizontal", seed=1), layers.Resizing(4, 5)]
    )


def test_it_is_its_layers_one_after_the_other():
    y = IMAGES
    for layer in changes().layers:
        y = layer(y, training=True) if layer.takes_training else layer(y)
    np.testing.assert_array_equal(changes()(IMAGES), y)
    still = layers.Resizing(4, 5)(2 * IMAGES)
    np.testing.assert_array_equal(changes()(IMAGES, training=False), still)


def test_its_layers_are_its_own():
    pipeline = layers.Pipeline([layers.Dense(4), layers.BatchNormalization(), layers.Dense(2)])
    x = np.random.default_rng(0).normal(size=(3, 5)).astype("float32")
    model = Sequential([Input((5,)), pipeline])
    assert model.output_shape == (None, 2)
    assert len(pipeline.trainable_weights) == 6
    assert len(pipeline.weights) == 8
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.fit(x, np.zeros((3, 2)), verbose=0)
    after = model.get_weights()
    changed = [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
    assert sum(changed) >= 7  # the bias before the normalisation has no gradient


def test_a_dictionary_goes_through():
    pipeline = layers.Pipeline([layers.RandomRotation(0.1, seed=0), layers.MixUp(seed=1)])
    y = pipeline({"images": IMAGES, "labels": np.eye(4), "segmentation_masks": IMAGES[..., :1]})
    assert [y[key].shape for key in y] == [(4, 8, 9, 3), (4, 4), (4, 8, 9, 1)]
    assert not np.array_equal(y["images"], IMAGES)


def test_symbolic_inputs_of_unknown_size():
    assert changes()(Input((None, None, 3))).shape == (None, 4, 5, 3)
    assert changes().compute_output_shape((2, None, 7, 3)) == (2, 4, 5, 3)
    ends = changes().layers[1]({"images": Input((8, 9, 3)), "labels": Input(())})
    assert ends["labels"].shape == (None,)


def test_texts_go_into_it():
    pipeline = layers.Pipeline([layers.StringLookup(vocabulary=["a", "b"]), layers.Embedding(3, 2)])
    words = np.array([["a", "c"]], dtype=object)
    assert pipeline(words).shape == (1, 2, 2)
    start = Input((2,), dtype="string")
    assert Model(start, pipeline(start)).predict(words, verbose=0).shape == (1, 2, 2)


@pytest.mark.filterwarnings("ignore:Layer .* does not support masking")
def test_masks_go_through_it():
    words = np.array([[1, 2, 0]])
    stack = [layers.Embedding(3, 2, mask_zero=True), layers.Dense(2)]
    y = layers.Pipeline([*stack, layers.GlobalAveragePooling1D()])(words)
    np.testing.assert_allclose(y[0], stack[1](stack[0](words))[0, :2].numpy().mean(0), rtol=1e-5)
    average = layers.Pipeline([layers.GlobalAveragePooling1D()])
    steps, mask = np.arange(6.0).reshape(1, 3, 2), np.array([[True, False, True]])
    np.testing.assert_allclose(average(steps, mask=mask), [[2, 3]])


@pytest.mark.parametrize("trained", [False, True])
def test_files(trained, tmp_path):
    pipeline = layers.Pipeline([*changes().layers, layers.Conv2D(2, 3)], name="changes")
    model = Sequential([Input((8, 9, 3)), pipeline, layers.Flatten(), layers.Dense(1)])
    if trained:
        model.compile("adam", "mse")
        model.fit(IMAGES, np.zeros(4), verbose=0)
    model.save(tmp_path / "model.keras")
    copy = diptych.saving.load_model(tmp_path / "model.keras")
    assert copy.layers[0].name == "changes"
    for training in (False, True):
        y = model(IMAGES, training=training)
        np.testing.assert_array_equal(copy(IMAGES, training=training), y)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: layers.Pipeline(layers.Dense(2)), "a list of layers; got"),
        (lambda: layers.Pipeline([layers.Dense]), "the class Dense: call it"),
        (lambda: layers.Pipeline.from_config({"name": "a"}), "a list of layers under 'layers'"),
    ],
)
def test_errors_teach(call, words):
    with pytest.raises(ValueError, match=words):
        call()
