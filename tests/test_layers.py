"""Every layer of the core families, through one table: shapes, configs, gradients on both engines,
masks, errors.
"""

import warnings

import numpy as np
import pytest

import diptych
from diptych import layers, ops
from diptych.graph import KerasTensor
from diptych.nested import flatten
from tests.test_configs import plain

ENGINES = ("reference", "fast")


@diptych.saving.register_keras_serializable("tests")
class SelfAttention(layers.Layer):
    """A layer of queries, values and keys as one of a single input."""

    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner

    def call(self, x):
        return self.inner(x, x)

    def get_config(self):
        return {**super().get_config(), "inner": layers.serialize(self.inner)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "inner": layers.deserialize(config["inner"])})


# label, a function that makes the layer, input shapes without the batch (a list where the layer
# merges)
TABLE = [
    ("dense", lambda: layers.Dense(3), (4,)),
    ("dense relu", lambda: layers.Dense(3, activation="relu"), (4,)),
    ("dense tanh, rank 3", lambda: layers.Dense(2, activation="tanh"), (5, 4)),
    ("dense sigmoid", lambda: layers.Dense(1, activation="sigmoid"), (4,)),
    ("dense softmax", lambda: layers.Dense(4, activation="softmax"), (3,)),
    ("dense without bias", lambda: layers.Dense(3, use_bias=False), (4,)),
    (
        "dense regularized",
        lambda: layers.Dense(3, kernel_regularizer="l2", bias_constraint="non_neg"),
        (4,),
    ),
    ("activation", lambda: layers.Activation("gelu"), (4,)),
    ("relu", lambda: layers.ReLU(max_value=1.0, negative_slope=0.1, threshold=0.2), (4,)),
    ("leaky relu", lambda: layers.LeakyReLU(), (4,)),
    ("prelu", lambda: layers.PReLU(alpha_initializer="uniform"), (4, 3)),
    ("prelu shared", lambda: layers.PReLU(alpha_initializer="ones", shared_axes=[1]), (4, 3)),
    ("elu", lambda: layers.ELU(alpha=0.5), (4,)),
    ("softmax", lambda: layers.Softmax(), (4,)),
    ("softmax, first axis", lambda: layers.Softmax(axis=1), (4, 3)),
    ("dropout", lambda: layers.Dropout(0.5), (4,)),
    ("gaussian noise", lambda: layers.GaussianNoise(0.1), (4,)),
    ("gaussian dropout", lambda: layers.GaussianDropout(0.1), (4,)),
    ("alpha dropout", lambda: layers.AlphaDropout(0.1), (4,)),
    ("activity regularization", lambda: layers.ActivityRegularization(l1=0.1, l2=0.2), (4,)),
    ("flatten", lambda: layers.Flatten(), (2, 3, 4)),
    ("flatten channels first", lambda: layers.Flatten("channels_first"), (2, 3, 4)),
    ("flatten of a scalar", lambda: layers.Flatten(), ()),
    ("reshape", lambda: layers.Reshape((3, -1)), (2, 6)),
    ("permute", lambda: layers.Permute((2, 1)), (2, 3)),
    ("repeat vector", lambda: layers.RepeatVector(3), (4,)),
    ("zero padding 1d", lambda: layers.ZeroPadding1D((1, 2)), (4, 3)),
    ("zero padding 2d", lambda: layers.ZeroPadding2D(((1, 2), (0, 3))), (4, 3, 2)),
    (
        "zero padding 2d, channels first",
        lambda: layers.ZeroPadding2D((1, 2), data_format="channels_first"),
        (4, 3, 2),
    ),
    ("zero padding 3d", lambda: layers.ZeroPadding3D(), (2, 1, 3, 2)),
    ("cropping 1d", lambda: layers.Cropping1D(1), (4, 3)),
    ("cropping 2d", lambda: layers.Cropping2D(((1, 2), (0, 3))), (4, 5, 2)),
    (
        "cropping 2d, channels first",
        lambda: layers.Cropping2D((1, 0), data_format="channels_first"),
        (2, 4, 3),
    ),
    ("cropping 3d", lambda: layers.Cropping3D((1, (0, 2), 0)), (3, 4, 2, 2)),
    ("up-sampling 1d", lambda: layers.UpSampling1D(3), (4, 2)),
    ("up-sampling 2d", lambda: layers.UpSampling2D((2, 3)), (4, 3, 2)),
    (
        "up-sampling 2d, channels first",
        lambda: layers.UpSampling2D(data_format="channels_first"),
        (4, 3, 2),
    ),
    ("up-sampling 2d, bilinear", lambda: layers.UpSampling2D(interpolation="bilinear"), (4, 3, 2)),
    (
        "up-sampling 2d, bicubic, channels first",
        lambda: layers.UpSampling2D((2, 3), "channels_first", "bicubic"),
        (2, 4, 3),
    ),
    ("rescaling", lambda: layers.Rescaling(0.5, [1.0, 2.0, 3.0]), (4, 3)),
    (
        "normalization",
        lambda: layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0, 4.0, 0.5]),
        (4, 3),
    ),
    ("normalization, inverted", lambda: layers.Normalization((1, -1), 0.5, 2.0, True), (4, 3)),
    ("normalization, not adapted", lambda: layers.Normalization(axis=None), (4, 3)),
    ("resizing", lambda: layers.Resizing(3, 5), (4, 6, 2)),
    (
        "resizing, options",
        lambda: layers.Resizing(
            3, 5, "bicubic", pad_to_aspect_ratio=True, fill_value=0.5, antialias=True
        ),
        (4, 9, 2),
    ),
    (
        "resizing, channels first",
        lambda: layers.Resizing(3, 5, crop_to_aspect_ratio=True, data_format="channels_first"),
        (2, 4, 9),
    ),
    ("center crop", lambda: layers.CenterCrop(3, 2), (4, 5, 2)),
    ("center crop of small images", lambda: layers.CenterCrop(6, 4), (4, 5, 2)),
    ("random flip", lambda: layers.RandomFlip("vertical", seed=3), (4, 5, 2)),
    ("random rotation", lambda: layers.RandomRotation((0.1, 0.2), "wrap"), (4, 5, 2)),
    ("random zoom", lambda: layers.RandomZoom(0.1, (0.2, 0.3), "nearest", "nearest"), (4, 5, 2)),
    (
        "random translation",
        lambda: layers.RandomTranslation(0.1, 0.2, "constant", fill_value=2.0),
        (4, 5, 2),
    ),
    ("random crop", lambda: layers.RandomCrop(3, 2, data_format="channels_first"), (2, 4, 5)),
    ("random contrast", lambda: layers.RandomContrast((0.1, 0.2), (-9, 9)), (4, 5, 2)),
    ("random brightness", lambda: layers.RandomBrightness(0.1, (-9, 9), seed=2), (4, 5, 2)),
    ("up-sampling 3d", lambda: layers.UpSampling3D((1, 2, 3)), (3, 2, 2, 2)),
    ("identity", lambda: layers.Identity(), (4,)),
    ("conv 1d", lambda: layers.Conv1D(3, 2), (5, 4)),
    ("conv 1d causal", lambda: layers.Conv1D(3, 3, padding="causal", dilation_rate=2), (5, 2)),
    ("conv 1d, same", lambda: layers.Conv1D(3, 4, strides=3, padding="same"), (8, 2)),
    ("conv 2d", lambda: layers.Conv2D(3, (2, 3)), (4, 5, 2)),
    ("conv 2d tanh", lambda: layers.Conv2D(3, 2, strides=(2, 1), activation="tanh"), (5, 4, 2)),
    (
        "conv 2d, same, no bias",
        lambda: layers.Conv2D(3, 3, padding="same", use_bias=False, strides=2),
        (4, 5, 2),
    ),
    ("conv 2d, groups", lambda: layers.Conv2D(4, 2, groups=2, activation="softmax"), (3, 4, 6)),
    ("conv 2d, dilation", lambda: layers.Conv2D(2, 2, dilation_rate=(1, 2)), (3, 5, 2)),
    (
        "conv 2d, channels first",
        lambda: layers.Conv2D(3, (2, 3), strides=(1, 2), data_format="channels_first"),
        (2, 4, 7),
    ),
    (
        "conv 2d regularized",
        lambda: layers.Conv2D(2, 2, kernel_regularizer="l2", kernel_constraint="max_norm"),
        (3, 3, 2),
    ),
    ("conv 3d", lambda: layers.Conv3D(2, (1, 2, 2), activation="sigmoid"), (2, 3, 3, 2)),
    ("conv 1d transpose", lambda: layers.Conv1DTranspose(3, 2, strides=3), (4, 2)),
    (
        "conv 2d transpose",
        lambda: layers.Conv2DTranspose(3, 3, strides=2, padding="same", activation="tanh"),
        (3, 2, 4),
    ),
    (
        "conv 2d transpose, output padding",
        lambda: layers.Conv2DTranspose(2, (3, 2), strides=(2, 3), output_padding=(1, 2)),
        (2, 3, 2),
    ),
    (
        "conv 2d transpose, channels first",
        lambda: layers.Conv2DTranspose(
            2, 4, strides=2, padding="same", output_padding=1, data_format="channels_first"
        ),
        (3, 2, 3),
    ),
    ("conv 3d transpose", lambda: layers.Conv3DTranspose(2, 2, dilation_rate=2), (1, 2, 2, 3)),
    ("depthwise conv 1d", lambda: layers.DepthwiseConv1D(3, depth_multiplier=2), (5, 3)),
    (
        "depthwise conv 2d",
        lambda: layers.DepthwiseConv2D((2, 3), strides=2, padding="same", activation="tanh"),
        (4, 5, 3),
    ),
    (
        "depthwise conv 2d, channels first",
        lambda: layers.DepthwiseConv2D(2, depth_multiplier=2, data_format="channels_first"),
        (3, 3, 4),
    ),
    ("separable conv 1d", lambda: layers.SeparableConv1D(4, 3, padding="same"), (5, 3)),
    (
        "separable conv 2d",
        lambda: layers.SeparableConv2D(4, 2, depth_multiplier=2, activation="tanh"),
        (3, 4, 3),
    ),
    (
        "separable conv 2d, channels first",
        lambda: layers.SeparableConv2D(4, 2, data_format="channels_first", use_bias=False),
        (3, 3, 4),
    ),
    ("convolution 2d", lambda: layers.Convolution2D(3, (2, 3)), (4, 4, 2)),
    ("atrous convolution 2d", lambda: layers.AtrousConvolution2D(3, (2, 2)), (4, 4, 2)),
    ("deconvolution 2d", lambda: layers.Deconvolution2D(3, (2, 3)), (2, 2, 2)),
    ("separable convolution 2d", lambda: layers.SeparableConvolution2D(3, (2, 3)), (4, 4, 2)),
    ("add", lambda: layers.Add(), [(4,), (4,), (4,)]),
    ("add, broadcast", lambda: layers.Add(), [(2, 4), (1, 4)]),
    ("subtract", lambda: layers.Subtract(), [(4,), (4,)]),
    ("multiply", lambda: layers.Multiply(), [(4,), (4,), (4,)]),
    ("average", lambda: layers.Average(), [(4,), (4,)]),
    ("maximum", lambda: layers.Maximum(), [(4,), (4,)]),
    ("minimum", lambda: layers.Minimum(), [(4,), (4,)]),
    ("concatenate", lambda: layers.Concatenate(), [(2, 4), (2, 3)]),
    ("concatenate, axis 1", lambda: layers.Concatenate(axis=1), [(2, 4), (3, 4)]),
    ("dot", lambda: layers.Dot(axes=1), [(4,), (4,)]),
    ("dot of matrices", lambda: layers.Dot(axes=(2, 1)), [(3, 4), (4, 2)]),
    ("cosine", lambda: layers.Dot(axes=-1, normalize=True), [(4,), (4,)]),
    ("batch normalization", lambda: layers.BatchNormalization(), (4,)),
    ("batch normalization, axis 1", lambda: layers.BatchNormalization(axis=1), (3, 4, 2)),
    (
        "batch normalization, regularized",
        lambda: layers.BatchNormalization(
            scale=False, momentum=0.5, beta_regularizer="l2", moving_mean_initializer="uniform"
        ),
        (5, 4),
    ),
    (
        "batch renormalization",
        lambda: layers.BatchNormalization(renorm=True, renorm_clipping={"rmax": 2.0}),
        (4,),
    ),
    ("layer normalization", lambda: layers.LayerNormalization(), (4,)),
    ("layer normalization, axes", lambda: layers.LayerNormalization([-1, 1]), (3, 2, 4)),
    (
        "layer normalization, constrained",
        lambda: layers.LayerNormalization(1, center=False, gamma_constraint="non_neg"),
        (3, 4),
    ),
    ("group normalization", lambda: layers.GroupNormalization(2), (3, 3, 4)),
    ("group normalization, rank 2", lambda: layers.GroupNormalization(3, scale=False), (6,)),
    ("instance normalization", lambda: layers.GroupNormalization(-1, axis=1), (2, 5, 3)),
    ("rms normalization", lambda: layers.RMSNormalization(), (5, 4)),
    ("rms normalization, axes", lambda: layers.RMSNormalization([1, 2], epsilon=0.1), (5, 4)),
    ("unit normalization", lambda: layers.UnitNormalization(), (4,)),
    ("unit normalization, axes", lambda: layers.UnitNormalization([1, 2]), (3, 4)),
    ("spectral normalization", lambda: layers.SpectralNormalization(layers.Dense(3)), (4,)),
    (
        "spectral normalization of a convolution",
        lambda: layers.SpectralNormalization(layers.Conv1D(2, 3), power_iterations=2),
        (5, 3),
    ),
    ("spatial dropout 1d", lambda: layers.SpatialDropout1D(0.5), (4, 3)),
    ("spatial dropout 2d", lambda: layers.SpatialDropout2D(0.5, "channels_first"), (3, 4, 4)),
    ("spatial dropout 3d", lambda: layers.SpatialDropout3D(0.5), (2, 2, 3, 2)),
    ("max pooling 1d", lambda: layers.MaxPooling1D(), (7, 3)),
    ("max pooling 2d", lambda: layers.MaxPooling2D(), (4, 5, 3)),
    ("max pooling 2d, same", lambda: layers.MaxPooling2D(3, 2, "same"), (4, 5, 3)),
    (
        "max pooling 2d, channels first",
        lambda: layers.MaxPooling2D((2, 3), strides=1, data_format="channels_first"),
        (3, 4, 5),
    ),
    ("max pooling 3d", lambda: layers.MaxPooling3D((1, 2, 2), padding="same"), (2, 3, 4, 2)),
    ("average pooling 1d", lambda: layers.AveragePooling1D(3, strides=2, padding="same"), (8, 2)),
    ("average pooling 2d", lambda: layers.AveragePooling2D((2, 3)), (5, 6, 2)),
    (
        "average pooling 2d, channels first",
        lambda: layers.AveragePooling2D(3, 2, "same", data_format="channels_first"),
        (2, 4, 5),
    ),
    ("average pooling 3d", lambda: layers.AveragePooling3D(2, 1), (3, 2, 4, 2)),
    ("global max pooling 1d", lambda: layers.GlobalMaxPooling1D(), (5, 3)),
    ("global max pooling 2d", lambda: layers.GlobalMaxPooling2D(keepdims=True), (3, 4, 2)),
    (
        "global max pooling 2d, channels first",
        lambda: layers.GlobalMaxPooling2D("channels_first", keepdims=True),
        (2, 3, 4),
    ),
    ("global max pooling 3d", lambda: layers.GlobalMaxPooling3D(), (2, 3, 2, 4)),
    ("global average pooling 1d", lambda: layers.GlobalAveragePooling1D(keepdims=True), (5, 3)),
    (
        "global average pooling 1d, channels first",
        lambda: layers.GlobalAveragePooling1D("channels_first"),
        (3, 5),
    ),
    ("global average pooling 2d", lambda: layers.GlobalAveragePooling2D(), (3, 4, 2)),
    ("global average pooling 3d", lambda: layers.GlobalAveragePooling3D(), (2, 3, 2, 4)),
    ("adaptive average pooling 1d", lambda: layers.AdaptiveAveragePooling1D(3), (5, 2)),
    (
        "adaptive average pooling 2d, channels first",
        lambda: layers.AdaptiveAveragePooling2D((2, 3), "channels_first"),
        (2, 3, 5),
    ),
    ("adaptive average pooling 3d", lambda: layers.AdaptiveAveragePooling3D(2), (3, 2, 4, 2)),
    ("adaptive max pooling 1d", lambda: layers.AdaptiveMaxPooling1D(7), (5, 2)),
    ("adaptive max pooling 2d", lambda: layers.AdaptiveMaxPooling2D((2, 3)), (4, 5, 2)),
    ("adaptive max pooling 3d", lambda: layers.AdaptiveMaxPooling3D(2), (3, 2, 3, 2)),
    ("stft spectrogram", lambda: layers.STFTSpectrogram("psd", 8, 3), (20, 2)),
    ("mel spectrogram", lambda: layers.MelSpectrogram(32, 10, num_mel_bins=3, mag_exp=1.0), (80,)),
    (
        "pipeline",
        lambda: layers.Pipeline([layers.Dense(3, "tanh"), layers.LayerNormalization()]),
        (4,),
    ),
    ("masking", lambda: layers.Masking(), (5, 4)),
    ("einsum dense", lambda: layers.EinsumDense("abc,cd->abd", (None, 2), bias_axes="d"), (4, 3)),
    (
        "einsum dense, any axes",
        lambda: layers.EinsumDense("...x,xy->...y", 2, "tanh", kernel_regularizer="l2"),
        (2, 4, 3),
    ),
    (
        "einsum dense, two axes from two",
        lambda: layers.EinsumDense("abcd,cdef->abef", (None, 3, 2), "softmax", "ef"),
        (2, 3, 4),
    ),
    (
        "einsum dense, kernel turned round",
        lambda: layers.EinsumDense("abc,dc->abd", (None, 2), "relu", "bd"),
        (4, 3),
    ),
    (
        "einsum dense, no matrix product",
        lambda: layers.EinsumDense("ab...,bc->ac...", 2, bias_axes="c"),
        (4, 3, 2),
    ),
    ("attention", lambda: layers.Attention(), [(4, 3), (5, 3)]),
    ("attention, keys", lambda: layers.Attention(True), [(4, 3), (5, 2), (5, 3)]),
    ("attention, concat", lambda: layers.Attention(True, "concat"), [(4, 3), (5, 2), (5, 3)]),
    ("attention on more axes", lambda: layers.Attention(dropout=0.5), [(2, 4, 3), (2, 5, 3)]),
    ("additive attention", lambda: layers.AdditiveAttention(), [(4, 3), (5, 3)]),
    ("additive attention, plain", lambda: layers.AdditiveAttention(False), [(4, 3), (5, 3)]),
    ("multi-head attention", lambda: SelfAttention(layers.MultiHeadAttention(2, 3)), (4, 5)),
    (
        "multi-head attention, options",
        lambda: SelfAttention(
            layers.MultiHeadAttention(
                2, 3, 2, use_bias=False, output_shape=(2, 3), sliding_window=2, use_gate=True
            )
        ),
        (4, 5),
    ),
    (
        "multi-head attention over pixels",
        lambda: SelfAttention(layers.MultiHeadAttention(2, 3, kernel_regularizer="l1")),
        (2, 3, 4),
    ),
    (
        "multi-head attention over rows",
        lambda: SelfAttention(layers.MultiHeadAttention(2, 3, attention_axes=-3)),
        (2, 3, 4),
    ),
    (
        "group query attention",
        lambda: SelfAttention(layers.GroupQueryAttention(3, 4, 2, use_gate=True)),
        (4, 5),
    ),
    ("simple rnn", lambda: layers.SimpleRNN(3), (5, 4)),
    (
        "simple rnn, sequences, hard sigmoid",
        lambda: layers.SimpleRNN(3, activation="hard_sigmoid", return_sequences=True),
        (5, 4),
    ),
    ("lstm", lambda: layers.LSTM(3), (5, 4)),
    ("lstm, sequences", lambda: layers.LSTM(3, return_sequences=True), (5, 4)),
    ("lstm, backwards", lambda: layers.LSTM(3, go_backwards=True, use_bias=False), (5, 4)),
    (
        "lstm of other activations",
        lambda: layers.LSTM(2, activation="softplus", recurrent_activation="softsign"),
        (3, 4),
    ),
    (
        "lstm regularized",
        lambda: layers.LSTM(3, recurrent_regularizer="l2", unit_forget_bias=False, unroll=True),
        (5, 4),
    ),
    ("gru", lambda: layers.GRU(3), (5, 4)),
    ("gru, sequences", lambda: layers.GRU(3, return_sequences=True), (5, 4)),
    ("gru, reset before", lambda: layers.GRU(3, reset_after=False), (5, 4)),
    ("rnn over a cell", lambda: layers.RNN(layers.SimpleRNNCell(3)), (4, 3)),
    (
        "rnn over cells",
        lambda: layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], return_sequences=True),
        (4, 3),
    ),
    ("bidirectional", lambda: layers.Bidirectional(layers.LSTM(3)), (5, 4)),
    (
        "bidirectional, multiplied",
        lambda: layers.Bidirectional(layers.GRU(3, return_sequences=True), merge_mode="mul"),
        (5, 4),
    ),
    ("time distributed", lambda: layers.TimeDistributed(layers.Dense(3)), (5, 4)),
    ("time distributed dense", lambda: layers.TimeDistributedDense(3), (5, 4)),
    ("conv lstm 1d", lambda: layers.ConvLSTM1D(2, 3, padding="same"), (3, 4, 2)),
    ("conv lstm 2d", lambda: layers.ConvLSTM2D(2, 2, return_sequences=True), (3, 4, 3, 1)),
    (
        "conv lstm 2d, channels first",
        lambda: layers.ConvLSTM2D(2, 2, data_format="channels_first", strides=(1, 2)),
        (2, 1, 4, 5),
    ),
    ("conv lstm 3d", lambda: layers.ConvLSTM3D(1, 2, go_backwards=True), (2, 3, 2, 2, 1)),
]
IDS = [row[0] for row in TABLE]


def draw(rng, shapes, batch=3):
    if isinstance(shapes, list):
        return [rng.normal(size=(batch, *shape)) for shape in shapes]
    return rng.normal(size=(batch, *shapes))


def inputs_for(shapes):
    return (
        [layers.Input(shape) for shape in shapes]
        if isinstance(shapes, list)
        else layers.Input(shapes)
    )


@pytest.mark.parametrize(("label", "make", "shapes"), TABLE, ids=IDS)
@pytest.mark.parametrize("engine", ENGINES)
def test_gradients_agree_with_differences(label, make, shapes, engine):
    report = diptych.gradcheck(make(), draw(np.random.default_rng(3), shapes), engine=engine)
    assert report, f"\n{report}"
    assert report.checks


@pytest.mark.parametrize(("label", "make", "shapes"), TABLE, ids=IDS)
def test_symbolic_shape_is_the_real_one(label, make, shapes):
    layer = make()
    symbolic = layer(inputs_for(shapes))
    x = draw(np.random.default_rng(0), shapes)
    real = layer(x)
    assert symbolic.shape[0] is None
    assert symbolic.shape[1:] == real.shape[1:]
    assert real.dtype == np.float32


@pytest.mark.parametrize(("label", "make", "shapes"), TABLE, ids=IDS)
def test_config_makes_the_same_layer(label, make, shapes):
    layer = make()
    x = draw(np.random.default_rng(0), shapes)
    expected = layer(x, training=False).numpy()
    described = layers.serialize(layer)
    twin = layers.deserialize(described)
    assert plain(twin.get_config()) == plain(layer.get_config())
    twin(x)
    twin.set_weights(layer.get_weights())
    np.testing.assert_array_equal(twin(x, training=False).numpy(), expected)


@pytest.mark.parametrize(("label", "make", "shapes"), TABLE, ids=IDS)
def test_engines_agree(label, make, shapes):
    layer = make()
    x = draw(np.random.default_rng(1), shapes)
    with diptych.engine("reference"):
        expected = layer(x, training=False).numpy()
    with diptych.engine("fast"):
        given = layer(x, training=False).numpy()
        np.testing.assert_allclose(given, expected, rtol=1e-5, atol=1e-6)


def test_every_layer_stands_in_the_table():
    shown = {type(getattr(layer, "inner", layer)) for layer in (make() for _, make, _ in TABLE)}
    others = {"Layer", "InputSpec", "InputLayer", "Lambda", "Wrapper"}
    # Cells take states beside the input: test_recurrent.py.
    others |= {"SimpleRNNCell", "LSTMCell", "GRUCell", "StackedRNNCells"}
    others |= {"Embedding", "ReversibleEmbedding"}  # read whole numbers: test_embedding.py
    classes = {c for name in layers.__all__ if isinstance(c := getattr(layers, name), type)}
    # What prepares data has no gradient and often takes texts: see test_preprocessing_layers.py.
    prepare = {c for c in classes if ".preprocessing" in c.__module__}
    # What changes images is drawn at random: test_images.py, test_image_changes.py.
    prepare |= {c for c in classes - shown if ".layers.image." in c.__module__}
    assert {c.__name__ for c in classes - shown - prepare} == others


def test_dense_computes_what_it_says():
    dense = layers.Dense(2, activation="relu")
    x = np.array([[1.0, -2.0, 3.0]], "float32")
    dense.build((None, 3))
    kernel = np.array([[1, 0], [0, 1], [1, -1]], "float32")
    dense.set_weights([kernel, np.array([0.5, -0.5], "float32")])
    np.testing.assert_array_equal(dense(x).numpy(), [[4.5, 0.0]])


def test_dropout_scales_what_it_keeps_and_sleeps_outside_training():
    x = np.ones((200, 50), "float32")
    dropout = layers.Dropout(0.25, seed=1)
    np.testing.assert_array_equal(dropout(x).numpy(), x)
    dropped = dropout(x, training=True).numpy()
    assert set(np.unique(dropped)) == {np.float32(0), np.float32(1 / 0.75)}
    assert abs(dropped.mean() - 1) < 0.02
    assert not np.array_equal(dropped, dropout(x, training=True).numpy())
    again = layers.Dropout(0.25, seed=1)
    np.testing.assert_array_equal(again(x, training=True).numpy(), dropped)


def test_dropout_is_the_same_on_both_engines():
    x = np.ones((20, 5), "float32")
    drawn = []
    for engine in ENGINES:
        diptych.utils.set_random_seed(7)
        with diptych.engine(engine):
            drawn.append(layers.Dropout(0.5)(x, training=True).numpy())
    np.testing.assert_array_equal(*drawn)


def test_dropout_noise_shape_shares_the_mask():
    dropped = layers.Dropout(0.5, noise_shape=(None, 1, 8), seed=0)(
        np.ones((4, 6, 8)), training=True
    ).numpy()
    assert (dropped == dropped[:, :1]).all()


@pytest.mark.parametrize("rate", [-0.1, 1.5, "half"])
def test_dropout_refuses_a_rate_that_is_no_probability(rate):
    with pytest.raises(ValueError, match="0 <= rate <= 1"):
        layers.Dropout(rate)


def test_noise_layers_keep_mean_and_variance():
    x = np.random.default_rng(0).normal(size=(500, 100)).astype("float32")
    noisy = layers.GaussianNoise(0.5, seed=0)(x, training=True).numpy()
    assert abs((noisy - x).std() - 0.5) < 0.01
    dropped = layers.GaussianDropout(0.5, seed=0)(np.ones_like(x), training=True).numpy()
    assert abs(dropped.mean() - 1) < 0.02
    assert abs(dropped.std() - 1) < 0.02
    alpha = layers.AlphaDropout(0.3, seed=0)(x, training=True).numpy()
    assert abs(alpha.mean()) < 0.05
    assert abs(alpha.std() - 1) < 0.05


def test_lambda_of_numpy_functions_is_differentiated():
    layer = layers.Lambda(lambda x: np.sqrt(np.square(x) + 1.0) * np.exp(-x))
    assert diptych.gradcheck(layer, np.random.default_rng(0).normal(size=(3, 2)))
    symbolic = layers.Lambda(lambda x: ops.concatenate([x, x]), output_shape=(8,))(
        layers.Input((4,))
    )
    assert symbolic.shape == (None, 8)


def test_activity_penalty_is_divided_by_the_batch():
    layer = layers.ActivityRegularization(l1=0.5)
    layer(np.full((4, 3), -2.0))
    assert float(layer.losses[0]) == pytest.approx(0.5 * 24 / 4)


def test_trainable_switches_weights_and_not_states():
    class Counting(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = layers.Dense(2)
            self.seen = self.add_weight(name="seen", initializer="zeros", trainable=False)

        def call(self, x):
            self.seen.assign_add(1.0)
            return self.inner(x)

    layer = Counting()
    layer(np.ones((2, 3)))
    assert [v.name for v in layer.trainable_variables] == ["kernel", "bias"]
    assert [v.name for v in layer.non_trainable_variables] == ["seen"]
    layer.trainable = False
    assert layer.trainable_variables == []
    layer.trainable = True
    assert [v.name for v in layer.trainable_variables] == ["kernel", "bias"]
    layer.inner.kernel.trainable = False
    assert [v.name for v in layer.trainable_variables] == ["bias"]


def test_set_weights_changes_nothing_where_one_does_not_fit():
    dense = layers.Dense(2)
    dense.build((None, 3))
    before = dense.get_weights()
    with pytest.raises(ValueError, match=r"shape \(2,\).*shape \(3,\)"):
        dense.set_weights([np.zeros((3, 2)), np.zeros(3)])
    with pytest.raises(ValueError, match="2 weights, but set_weights got 1"):
        dense.set_weights([np.zeros((3, 2))])
    for a, b in zip(before, dense.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: layers.Dense(3)(np.ones(4)), "at least 2 axes.*x\\[None\\]"),
        (lambda: layers.Dense(0), "positive whole number of `units`; got 0"),
        (lambda: layers.Dense(3.5), "positive whole number"),
        (lambda: layers.Dense(3, activation="rellu"), "rellu.*did you mean 'relu'"),
        (lambda: layers.Dense(3)(layers.Input((None,))), r"shape \(None, 3\)"),
        (lambda: layers.Add()(np.ones((2, 3))), "merges a list"),
        (lambda: layers.Add()([layers.Input((3,)), layers.Input((4,))]), "inputs of one shape"),
        (
            lambda: layers.Concatenate()([layers.Input((2, 3)), layers.Input((3, 3))]),
            "differ only along axis -1",
        ),
        (
            lambda: layers.Dot(axes=1)([layers.Input((3,)), layers.Input((4,))]),
            "equal sizes along axes",
        ),
        (
            lambda: layers.Reshape((5,))(layers.Input((4,))),
            r"4 entries, of shape \(4,\), the shape \(5,\)",
        ),
        (lambda: layers.Permute((1, 3)), "each of the axes 1..2 once"),
        (
            lambda: layers.Cropping2D((2, 3), name="cut")(layers.Input((9, 6, 1))),
            r"'cut' \(Cropping2D\) crops 3 \+ 3 of the columns, but its input has only 6",
        ),
        (lambda: layers.Cropping1D(2)(np.ones((1, 4, 2))), "2 \\+ 2 of the steps.*has only 4"),
        (lambda: layers.ZeroPadding2D((1, 2, 3)), r"a number, 2 numbers, or .*got \(1, 2, 3\)"),
        (lambda: layers.ZeroPadding1D(-1), "all at least 0; got -1"),
        (lambda: layers.ZeroPadding2D()(np.ones((3, 4, 2))), "4 axes.*batch, rows and columns, ch"),
        (lambda: layers.ZeroPadding2D(1, "first"), "'channels_first'.*got 'first'"),
        (lambda: layers.UpSampling1D(0), "size as a positive whole number; got 0"),
        (lambda: layers.UpSampling2D((2, 2.5)), r"or 2 of them; got \(2, 2.5\)"),
        (lambda: layers.UpSampling2D(interpolation="cubic"), "bicubic.*got 'cubic'"),
        (lambda: layers.Input(), "`shape` or `batch_shape`"),
        (lambda: layers.PReLU()(np.ones((2, 0))).foo, "foo"),
    ],
)
def test_errors_teach(call, words):
    with pytest.raises((ValueError, AttributeError), match=words):
        call()


def test_a_built_dense_refuses_another_width():
    dense = layers.Dense(3, name="hidden")
    dense(np.ones((2, 4)))
    with pytest.raises(
        ValueError, match="'hidden' \\(Dense\\) expects size 4 along axis -1.*\\(2, 5\\)"
    ):
        dense(np.ones((2, 5)))


def test_forgotten_super_init_says_so():
    class Forgetful(layers.Layer):
        def __init__(self):
            self.inner = layers.Dense(2)

    with pytest.raises(RuntimeError, match="super\\(\\).__init__\\(\\)"):
        Forgetful()


def test_build_may_ask_for_several_shapes_by_name():
    class Pair(layers.Layer):
        def build(self, query_shape, value_shape):
            self.shapes = [tuple(query_shape), tuple(value_shape)]

        def call(self, query, value):
            return query

    pair = Pair()
    pair(np.ones((2, 3)), np.ones((2, 5)))
    assert pair.shapes == [(2, 3), (2, 5)]


def test_operators_and_ops_make_nodes_of_a_graph():
    a, b = layers.Input((3,)), layers.Input((3,))
    y = ops.exp(a) * 2.0 + b
    assert isinstance(y, KerasTensor)
    assert y.shape == (None, 3)
    model = diptych.Model([a, b], y)
    x = np.array([[0.0, 1.0, 2.0]], "float32")
    np.testing.assert_allclose(model([x, x]).numpy(), np.exp(x) * 2 + x, rtol=1e-6)
    assert len(flatten(model.inputs)) == 2


def test_a_layer_called_on_none_or_on_a_dict_says_so():
    class Forgetful(layers.Layer):
        def call(self, inputs):
            ops.add(inputs, 1)

    x = np.ones((2, 3), "float32")
    for layer in (layers.Dense(2), layers.Embedding(3, 2), layers.GRU(2), diptych.Sequential()):
        with pytest.raises(ValueError, match=f"'{layer.name}'.*called on None.*returns its result"):
            layer(Forgetful()(x))
    for layer in (layers.Dense(2), layers.Conv1D(2, 2), layers.GRU(2)):
        with pytest.raises(ValueError, match=rf"'{layer.name}'.*a dict of \['a'\].*inputs\['a'\]"):
            layer({"a": x})


@pytest.mark.parametrize(
    "make",
    [
        layers.Add,
        layers.Subtract,
        layers.Multiply,
        layers.Average,
        layers.Maximum,
        layers.Minimum,
        layers.Concatenate,
        lambda: layers.Dot(1),
    ],
)
def test_shapes_that_cannot_be_merged_raise_at_every_call(make):
    layer, x = make(), np.ones((2, 3), "float32")
    for _ in range(2):
        with pytest.raises(ValueError, match=rf"'{layer.name}'.*\(2, 3\).*\(4, 3\)"):
            layer([x, np.ones((4, 3), "float32")])
        with pytest.raises(ValueError, match=f"'{layer.name}'.*one of them is None"):
            layer([x, None])
        layer([x, x])  # builds it


def test_a_list_of_numbers_is_an_array():
    rows = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    x = np.array(rows, "float32")
    for layer in (layers.Dense(2), layers.LayerNormalization(), layers.Flatten()):
        np.testing.assert_array_equal(layer(rows), layer(x))
    np.testing.assert_array_equal(diptych.Sequential([layers.ReLU()])(rows), x)
    for single in (3.0, 2, "abc"):
        with pytest.raises(ValueError, match=f"'flatten.*single value {single!r};.*first axis"):
            layers.Flatten()(single)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", ["U", "S", object, "datetime64[s]"])
def test_texts_dates_and_objects_are_no_numbers(dtype, engine):
    """NumPy would read them as numbers."""
    x = np.ones((2, 3), int).astype(dtype)
    for layer in (
        layers.Dense(2),
        layers.LayerNormalization(),
        layers.Activation("relu"),
        diptych.Sequential([layers.Input((3,)), layers.Flatten()]),
    ):
        with diptych.engine(engine), pytest.raises(TypeError, match=r"Expected numbers.*such as"):
            layer(x)
    with pytest.raises(TypeError, match="Expected numbers"):
        ops.add(np.ones(3, "float32"), x)
    with pytest.raises(TypeError, match="Expected numbers"):
        ops.cast(x, "int32")


# ------------------------------------------------------------------------- masks


def test_a_layer_of_ones_own_sees_the_mask_at_its_first_call_too():
    """Symbolically, where it is tried on zeros to learn its output, as in Keras."""
    seen = []

    class Own(layers.Layer):
        def __init__(self):
            super().__init__()
            self.supports_masking = True

        def call(self, inputs, mask=None):
            seen.append(mask)
            return ops.multiply(inputs, ops.expand_dims(ops.cast(mask, "float32"), -1))

    embed, own = layers.Embedding(5, 4, mask_zero=True), Own()
    tokens = np.array([[1, 2, 0], [3, 0, 0]])
    inputs = layers.Input((3,), dtype="int32")
    model = diptych.Model(inputs, own(embed(inputs)))
    assert all(mask.shape[1:] == (3,) and mask.dtype == bool for mask in seen)
    np.testing.assert_array_equal(model(tokens)[1, 1:], np.zeros((2, 4)))


@pytest.mark.parametrize(
    "nonsense", ["text", object(), b"x", ["a"], [[True], [True, False]], np.array(["a"])]
)
def test_what_is_no_mask_is_refused(nonsense):
    x, symbolic = np.ones((2, 3, 4), "float32"), layers.Input((3, 4))
    for layer in (
        layers.LSTM(2),
        layers.Bidirectional(layers.GRU(2)),
        layers.TimeDistributed(layers.Dense(2)),
        layers.GlobalAveragePooling1D(),
        layers.BatchNormalization(),
        layers.Softmax(),
        diptych.Sequential([layers.LSTM(2)]),
    ):
        for inputs in (x, symbolic):
            with pytest.raises(
                TypeError, match=f"'{layer.name}'.*mask=.*array of True .*and False"
            ):
                layer(inputs, mask=nonsense)
    with pytest.raises(TypeError, match="mask="):
        layers.Softmax()(x, nonsense)
    with pytest.raises(TypeError, match="query_mask="):
        layers.MultiHeadAttention(1, 2)(x, x, query_mask=nonsense)


@pytest.mark.parametrize(
    ("make", "warned"),
    [
        (lambda: layers.Flatten(), True),
        (lambda: layers.Reshape((12,)), True),
        (lambda: layers.Conv1D(2, 2), True),
        (lambda: layers.RMSNormalization(), True),  # in Keras too
        (lambda: layers.Lambda(lambda x: 2 * x), True),
        (lambda: layers.Dense(2), False),
        (lambda: layers.BatchNormalization(), False),
        (lambda: layers.GlobalAveragePooling1D(), False),  # where the mask does its work and ends
        (lambda: layers.LSTM(2), False),
        (lambda: lambda x: layers.MultiHeadAttention(2, 2)(x, x), False),
        (lambda: diptych.Sequential([layers.Dense(2)]), False),
    ],
)
def test_who_loses_a_mask_says_so(make, warned):
    tokens = np.array([[1, 2, 0], [3, 0, 0]])
    embed, layer = layers.Embedding(5, 4, mask_zero=True), make()
    for x in (tokens, layers.Input((3,), dtype="int32")):
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            y = layer(embed(x))
        texts = [str(warning.message) for warning in found]
        assert len(texts) == warned
        assert all(layer.name in text and "does not support masking" in text for text in texts)
        assert not warned or y.mask is None
