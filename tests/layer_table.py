"""Layers of every family, with inputs for them: what `test_layers` tries."""

import diptych
from diptych import layers


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
