"""Layers that make spectrograms of signals: against transforms written out, and what they refuse.

Golden values of Keras are in golden/further.py.
"""

import numpy as np
import pytest

import diptych
from diptych import Input, Model, layers, ops

ENGINES = ["reference", "fast"]


def signal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("expand_dims", [False, True])
def test_a_spectrogram_is_the_transform_of_windowed_frames(engine, data_format, expand_dims):
    x = signal(2, 40, 3)
    frames = np.stack([x[:, i : i + 16] for i in range(0, 25, 8)], axis=1)  # (N, T', 16, C)
    expected = np.abs(np.fft.rfft(frames * np.hamming(16)[:, None], 16, axis=2))
    layer = layers.STFTSpectrogram(
        "magnitude",
        16,
        window="hamming",
        scaling=None,
        expand_dims=expand_dims,
        data_format=data_format,
    )
    first = data_format == "channels_first"
    given = x.transpose(0, 2, 1) if first else x
    with diptych.engine(engine):
        y = layer(given).numpy()
    if expand_dims:
        expected = expected.transpose(0, 3, 1, 2) if first else expected
    else:
        expected = expected.transpose(0, 1, 3, 2).reshape(2, 4, 27)
        expected = expected.transpose(0, 2, 1) if first else expected
    np.testing.assert_allclose(y, expected, rtol=1e-3, atol=2e-3)
    symbolic = layer(Input((3, None) if first else (None, 3)))
    known = [n if n != 4 else None for n in y.shape[1:]]
    assert symbolic.shape == (None, *known)
    assert layer.compute_output_shape(given.shape) == y.shape


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("mode", ["log", "magnitude", "psd", "real", "imag", "angle", "stft"])
def test_gradients_agree_with_differences(mode, engine):
    layer = layers.STFTSpectrogram(mode, 8, 3, window=np.arange(1.0, 9.0), dtype="float64")
    report = diptych.gradcheck(layer, signal(2, 20, 2), engine=engine)
    assert report, f"\n{report}"
    assert len(layer.trainable_weights) == (1 if mode in ("real", "imag") else 2)


def test_kernels_are_trained_unless_they_are_frozen():
    x, y = signal(16, 64, 1), np.random.default_rng(1).integers(0, 2, 16)
    for trainable in (True, False):
        layer = layers.STFTSpectrogram(frame_length=16, trainable=trainable)
        body = [layers.GlobalAveragePooling1D(), layers.Dense(2, "softmax")]
        model = diptych.Sequential([Input((64, 1)), layer, *body])
        model.compile("sgd", "sparse_categorical_crossentropy")
        before = layer.get_weights()
        model.fit(x, y, epochs=2, verbose=0)
        changed = [
            not np.array_equal(a, b) for a, b in zip(before, layer.get_weights(), strict=True)
        ]
        assert changed == [trainable] * 2


def test_a_tone_is_loudest_in_its_band():
    """A tone of 1000 Hz among bands whose middles are known."""
    time = np.arange(4000) / 8000
    x = np.sin(2 * np.pi * 1000 * time).astype("float32")
    layer = layers.MelSpectrogram(512, 200, num_mel_bins=20, sampling_rate=8000)
    y = layer(x).numpy()
    assert y.shape == layer.compute_output_shape((4000,)) == (20, 21)
    mel = np.linspace(*1127 * np.log1p(np.array([20, 4000]) / 700), 22)[1:-1]
    nearest = np.abs(700 * np.expm1(mel / 1127) - 1000).argmin()
    assert (y[:, 2:-2].argmax(0) == nearest).all()
    assert y.max() - y.min() <= 80 + 1e-4
    many = layer(np.stack([x, 0.5 * x]))
    np.testing.assert_allclose(many[0], y, atol=1e-4)
    louder = many[0].numpy()[nearest] - many[1].numpy()[nearest]
    np.testing.assert_allclose(louder, 20 * np.log10(2), atol=1e-3)
    assert layer(Input((None,))).shape == (None, 20, None)
    assert layer(np.arange(4000)).dtype == np.float32
    assert layers.MelSpectrogram(dtype="float64")(x).dtype == np.float64


def test_triangles_of_the_mel_scale():
    weights = layers.MelSpectrogram().linear_to_mel_weight_matrix(10, 257, 16000, 100.0, 7000.0)
    weights = weights.numpy()
    hertz = np.linspace(0, 8000, 257)
    assert (weights[(hertz <= 100) | (hertz >= 7000)] == 0).all()
    middles = 700 * np.expm1(np.linspace(*1127 * np.log1p(np.array([100, 7000]) / 700), 12) / 1127)
    inside = (hertz > middles[1]) & (hertz < middles[-2])  # where two triangles overlap
    np.testing.assert_allclose(weights[inside].sum(1), 1, atol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_gradients_of_a_mel_spectrogram(engine):
    layer = layers.MelSpectrogram(
        32, 10, num_mel_bins=4, sampling_rate=200, min_freq=1.0, top_db=200.0, dtype="float64"
    )
    report = diptych.gradcheck(layer, signal(2, 80), engine=engine)
    assert report, f"\n{report}"


@pytest.mark.parametrize(
    "layer",
    [
        lambda: layers.STFTSpectrogram("psd", 16, 5, 32, np.hanning(16), expand_dims=True),
        lambda: layers.STFTSpectrogram("stft", 16, window=None, scaling=None, padding="same"),
    ],
)
def test_files(layer, tmp_path):
    start = Input((40, 2))
    model = Model(start, layer()(start))
    model.save(tmp_path / "model.keras")
    copy = diptych.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(copy(signal(2, 40, 2)), model(signal(2, 40, 2)))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: layers.STFTSpectrogram("power"), ValueError, "mode as one of.*got 'power'"),
        (lambda: layers.STFTSpectrogram(frame_length=1), ValueError, "at least 2; got 1"),
        (lambda: layers.STFTSpectrogram(frame_step=300), ValueError, "frame_step from 1 up to"),
        (lambda: layers.STFTSpectrogram(fft_length=8), ValueError, "fft_length of at least"),
        (lambda: layers.STFTSpectrogram(scaling="no"), ValueError, "scaling as one of"),
        (lambda: layers.STFTSpectrogram(padding="causal"), ValueError, "'valid', 'same'"),
        (lambda: layers.STFTSpectrogram(window="square"), ValueError, "window='square'"),
        (lambda: layers.STFTSpectrogram()(signal(2, 400)), ValueError, "3 axes|ndim|rank"),
        (lambda: layers.STFTSpectrogram()(signal(2, 40, 1)), ValueError, "window of 256"),
        (lambda: layers.STFTSpectrogram()(Input((400, None))), ValueError, "number of channels"),
        (lambda: layers.STFTSpectrogram()(np.zeros((2, 400, 1), int)), TypeError, "floats; got"),
        (lambda: layers.MelSpectrogram(64, sequence_length=65), ValueError, "of at least"),
    ],
)
def test_errors_teach(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_a_length_that_is_no_power_of_two_is_not_recommended():
    with pytest.warns(UserWarning, match="power of two is recommended"):
        layer = layers.STFTSpectrogram(frame_length=8, fft_length=12)
    assert layer(signal(1, 20, 1)).shape == (1, 4, 7)
    assert float(ops.max(layer(signal(1, 20, 1)))) < 5


def test_no_signals_have_no_spectrograms():
    x = signal(0, 40)
    assert layers.MelSpectrogram(16, num_mel_bins=5, sequence_stride=8)(x).shape == (0, 5, 6)
    assert layers.STFTSpectrogram(frame_length=16)(x[..., None]).shape == (0, 4, 9)
