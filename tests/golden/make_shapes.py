"""Write shapes.json with Keras: python -m tests.golden.make_shapes

Of every call below: the shapes and dtypes of what it returns for symbolic tensors, or "refused". In
a call, t(None, 3) is a symbolic tensor of that shape, i(...) one of int32 and b(...) of bool.
"""

import json
import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

UNARY = """
absolute arccos arccosh arcsin arcsinh arctan arctanh ceil cos cosh erf erfinv exp exp2 expm1 floor
isfinite isinf isnan log log10 log1p log2 logical_not negative reciprocal round rsqrt sign sin sinh
sqrt square tan tanh trunc zeros_like ones_like copy nan_to_num relu relu6 sigmoid silu softplus
softsign log_sigmoid leaky_relu hard_sigmoid hard_silu hard_tanh elu selu celu gelu soft_shrink
hard_shrink tanh_shrink squareplus softmax log_softmax cbrt deg2rad rad2deg sinc
""".split()
BINARY = """
add subtract multiply divide true_divide power maximum minimum mod floor_divide arctan2 logaddexp
logaddexp2 equal not_equal greater greater_equal less less_equal logical_and logical_or logical_xor
divide_no_nan hypot isclose
""".split()
REDUCTIONS = (
    "sum mean prod max min var std all any amax amin median logsumexp argmax argmin".split()
)
REDUCTIONS += "count_nonzero norm nansum nanmax nanmean nanvar ptp".split()

CALLS = f"""
{"; ".join(f"ops.{name}(t(None, 3))" for name in UNARY)}
{"; ".join(f"ops.{name}(t(None, 3), t(2, None))" for name in BINARY)}
{"; ".join(f"ops.{name}(t(None, 1, 4), t(3, None))" for name in ("add", "maximum", "equal"))}
{"; ".join(f"ops.{name}(t(None, 1), t(1, None))" for name in ("add", "maximum", "equal"))}
{"; ".join(f"ops.{name}(t(None, 3), t(2))" for name in BINARY)}
{"; ".join(f"ops.{name}(t(None, 3, 4), axis=1)" for name in REDUCTIONS)}
{"; ".join(f"ops.{name}(t(None, 3), axis=-1)" for name in REDUCTIONS)}
{"; ".join(f"ops.{name}(t(None, 3), axis=0, keepdims=True)" for name in REDUCTIONS[:15])}
{"; ".join(f"ops.{name}(t(None, 3), axis=(0, 1))" for name in REDUCTIONS[:9])}
{"; ".join(f"ops.{name}(t(None, 3))" for name in REDUCTIONS)}
{"; ".join(f"ops.{name}(t(None, 3), axis=2)" for name in REDUCTIONS)}
ops.sum(i(None, 3), axis=0); ops.sum(b(None, 3)); ops.mean(i(None, 3)); ops.argmax(i(None, 3), axis=1)
ops.clip(t(None, 3), 0.0, 1.0); ops.add(t(None, 3), 1.0); ops.add(i(None, 3), 1); ops.power(t(2, None), 2)
ops.where(b(None, 3), t(2, None), t(1, 1)); ops.where(b(None, 1), t(None, 3), t(3)); ops.where(b(4), t(3), t(1))
ops.nonzero(t(None, 3)); ops.nonzero(t(4, None, 2)); ops.select([b(None, 3)], [t(None, 3)], t(None, 3))
t(None, 3)[5]; t(None, 3)[0]; t(None, 3)[:, 1]; t(None, 3)[-1]; t(None, 3)[1:]; t(None, 3)[:, 1:]
t(None, 3)[..., 0]; t(None, 3)[:, None]; t(None, 3, 4)[..., ::2]; t(None, 3, 4)[0, ..., 1:3]; t(3, 4)[5]
t(None, 3)[:5]; t(None, 7)[:, -5:]; t(None, 3)[0, 0, 0]; t(None, 7)[None, 2, ..., None]
ops.reshape(t(None, 6), (-1, 2, 3)); ops.reshape(t(None, 6), (None, 2, 3)); ops.reshape(t(None, 6), (-1,))
ops.reshape(t(None, 3), (6,)); ops.reshape(t(2, 6), (3, -1)); ops.reshape(t(2, 6), (5, -1)); ops.reshape(t(2, 6), (3, 3))
ops.reshape(t(2, 6), (-1, -1)); ops.reshape(t(2, None), (2, -1)); ops.ravel(t(None, 3)); ops.ravel(t(2, 3))
ops.transpose(t(None, 3, 4)); ops.transpose(t(None, 3, 4), (1, 0, 2)); ops.transpose(t(None, 3), (0, 0)); ops.transpose(t(None, 3), (0,))
ops.moveaxis(t(None, 3, 4), 0, -1); ops.moveaxis(t(None, 3, 4), (0, 1), (2, 0)); ops.swapaxes(t(None, 3, 4), 0, 2)
ops.squeeze(t(None, 1, 3)); ops.squeeze(t(None, 1, 3), 1); ops.squeeze(t(None, 1, 3), (1,)); ops.squeeze(t(None, 1, 3), 2); ops.squeeze(t(None, 3), 0)
ops.expand_dims(t(None, 3), 0); ops.expand_dims(t(None, 3), -1); ops.expand_dims(t(None, 3), (0, 2)); ops.expand_dims(t(None, 3), 5)
ops.broadcast_to(t(None, 3), (4, 3)); ops.broadcast_to(t(3), (2, 3)); ops.broadcast_to(t(None, 4), (4, 3))
ops.concatenate([t(None, 3), t(None, 2)], axis=1); ops.concatenate([t(None, 3), t(2, 3)], axis=0); ops.concatenate([t(4, 3), t(2, 3)])
ops.concatenate([t(None, 3), t(None, 2)], axis=0); ops.concatenate([t(None, 3), t(None, None)], axis=-1); ops.concatenate([t(2, 3), t(2)], axis=0)
ops.stack([t(None, 3), t(None, 3)]); ops.stack([t(None, 3), t(2, 3)], axis=1); ops.stack([t(3), t(2)]); ops.stack([t(None, 3), t(2, 3)], axis=-1)
ops.vstack([t(None, 3), t(2, 3)]); ops.hstack([t(None, 3), t(None, 2)]); ops.append(t(None, 3), t(2)); ops.append(t(2, 3), t(2))
ops.split(t(None, 6), 3, axis=1); ops.split(t(None, 6), 3, axis=0); ops.split(t(None, 6), [1, 4], axis=1); ops.split(t(None, 6), [1, 4], axis=0)
ops.split(t(None, 6), 4, axis=1); ops.array_split(t(None, 7), 3, axis=1); ops.array_split(t(None, 7), 3, axis=0)
ops.unstack(t(None, 2, 3), axis=1); ops.unstack(t(None, 3), num=2); ops.unstack(t(None, 3))
ops.tile(t(None, 3), 2); ops.tile(t(None, 3), (2, 1)); ops.tile(t(None, 3), (2, 1, 3)); ops.tile(t(3), (2, 2))
ops.repeat(t(None, 3), 2, axis=1); ops.repeat(t(None, 3), 2, axis=0); ops.repeat(t(None, 3), 2); ops.repeat(t(2, 3), 2); ops.repeat(t(None, 3), [1, 2, 0], axis=1); ops.repeat(t(None, 3), [1, 2], axis=1)
ops.pad(t(None, 3), 1); ops.pad(t(None, 3), ((0, 0), (1, 2))); ops.pad(t(2, 3), ((1, 0), (1, 2)), mode="reflect")
ops.roll(t(None, 3), 1); ops.roll(t(None, 3), 1, axis=1); ops.flip(t(None, 3)); ops.flip(t(None, 3), axis=1); ops.flip(t(None, 3), axis=2); ops.rot90(t(None, 3)); ops.rot90(t(None, 3), 2)
ops.tril(t(None, 3)); ops.triu(t(2, None)); ops.diag(t(None)); ops.diag(t(3), 1); ops.diag(t(None, 3)); ops.diag(t(4, 3), -2); ops.diagflat(t(None, 3)); ops.diagflat(t(2, 2))
ops.diagonal(t(None, 3)); ops.diagonal(t(5, 3, 4)); ops.diagonal(t(5, 3), 1); ops.diagonal(t(5, 3), -3); ops.diagonal(t(None, 3, 4), 0, 1, 2); ops.trace(t(None, 3, 3), 0, 1, 2); ops.trace(t(None, 3)); ops.diagonal(t(3))
ops.cumsum(t(None, 3), axis=1); ops.cumsum(t(None, 3)); ops.cumsum(b(2, 3)); ops.cumprod(t(2, 3)); ops.diff(t(None, 3)); ops.diff(t(None, 3), axis=0); ops.diff(t(5, 3), 2, axis=0)
ops.sort(t(None, 3)); ops.sort(t(None, 3), axis=0); ops.argsort(t(None, 3)); ops.argsort(t(2, 3), axis=None); ops.top_k(t(None, 5), 2); ops.top_k(t(3, None), 2)
ops.in_top_k(i(None), t(None, 5), 2); ops.searchsorted(t(5), t(None)); ops.quantile(t(None, 3), 0.5, axis=1); ops.quantile(t(None, 3), 0.5); ops.isin(t(None, 3), t(4))
ops.bincount(i(None)); ops.bincount(i(9)); ops.segment_sum(t(None, 2), i(None)); ops.segment_sum(t(None, 2), i(None), 4); ops.segment_max(t(6, None), i(6), 4)
ops.take(t(None, 3), [0, 2], axis=1); ops.take(t(None, 3), i(None, 4), axis=0); ops.take(t(None, 3), i(2, None)); ops.take(t(5, 3), 1, axis=0); ops.take(t(None, 3), i(2), axis=-1)
ops.take_along_axis(t(None, 3), i(None, 2), axis=1); ops.take_along_axis(t(4, None), i(4, 2), axis=-1); ops.take_along_axis(t(4, 3), i(2), axis=1); ops.take_along_axis(t(4, 3), i(5), axis=None)
ops.slice(t(None, 5), (0, 1), (2, 3)); ops.slice(t(None, 5), (0, 1), (-1, -1)); ops.slice(t(4, 5), (1, 1), (2, -1)); ops.slice_update(t(None, 5), (0, 1), t(2, 3)); ops.slice(t(4, 5), (1,), (2,))
ops.one_hot(i(None), 4); ops.one_hot(i(None, 3), 4, axis=1); ops.one_hot(i(None, 3), 4, axis=0); ops.one_hot(i(2, None), 4, dtype="int32"); ops.multi_hot(i(None, 3), 4)
ops.matmul(t(None, 3), t(3, 5)); ops.matmul(t(None, 2, 3), t(3, None)); ops.matmul(t(None, 2, 3), t(7, 3, 4)); ops.matmul(t(None, 1, 2, 3), t(5, 3, None)); ops.matmul(t(None), t(3)); ops.matmul(t(None, 3), t(4, 5)); ops.matmul(t(2, 2, 3), t(3, 3, 4)); ops.matmul(t(3), t(None, 3, 4)); ops.matmul(i(None, 3), i(3, 2))
ops.dot(t(None, 3), t(3, 5)); ops.dot(t(None, 3), t(3)); ops.dot(t(None, 4, 3), t(2, 3, 5)); ops.dot(t(None, 3), t(4, 5)); ops.tensordot(t(None, 3), t(3, None), axes=1); ops.tensordot(t(None, 3, 4), t(4, 3, 2), axes=[[1, 2], [1, 0]]); ops.tensordot(t(None, 3, 4), t(3, 4, 2), axes=2); ops.tensordot(t(2, 3), t(4, 5), axes=[[1], [0]])
ops.inner(t(None, 3), t(4, 3)); ops.inner(t(2, 3), t(2)); ops.outer(t(None), t(3)); ops.outer(t(None, 2), t(3)); ops.vdot(t(None), t(3)); ops.cross(t(None, 3), t(3)); ops.cross(t(None, 3), t(2, 3)); ops.cross(t(4, 5), t(4, 5)); ops.cross(t(None, 2), t(None, 2))
ops.einsum("ij,jk->ik", t(None, 3), t(3, None)); ops.einsum("bij,bjk->bik", t(None, 3, 4), t(2, 4, 5)); ops.einsum("...ij,jk->...ik", t(None, 2, 3, 4), t(4, 5)); ops.einsum("ij->ji", t(None, 3)); ops.einsum("ii", t(3, 3)); ops.einsum("ij,jk", t(None, 3), t(3, 2)); ops.einsum("bi,bj->bij", t(None, 3), t(None, 2)); ops.einsum("ij,jk->ik", t(2, 3), t(4, 5)); ops.einsum("ij,jk->ik", t(2, 3, 4), t(4, 5)); ops.einsum("i...,j...->ij...", t(2, None), t(3, 5))
ops.meshgrid(t(None), t(3)); ops.meshgrid(t(4), t(None), indexing="ij"); ops.meshgrid(t(4), t(3), t(2))
ops.inv(t(None, 3, 3)); ops.inv(t(None, 3, 4)); ops.det(t(None, 3, 3)); ops.det(t(3)); ops.cholesky(t(None, 3, 3)); ops.cholesky(t(3, 4)); ops.eigh(t(None, 3, 3)); ops.qr(t(None, 4, 3)); ops.qr(t(2, 3, 4), mode="complete"); ops.svd(t(None, 4, 3)); ops.svd(t(None, 4, 3), full_matrices=False); ops.svd(t(4, 3), compute_uv=False); ops.logdet(t(None, 3, 3)); ops.slogdet(t(None, 3, 3)); ops.pinv(t(None, 4, 3)); ops.matrix_rank(t(None, 4, 3)); ops.solve(t(2, 3, 3), t(2, 3, 4)); ops.solve(t(3, 3), t(3)); ops.solve(t(3, 3), t(4, 2))
ops.glu(t(None, 6)); ops.glu(t(None, 5)); ops.glu(t(None, 6), axis=0); ops.softmax(t(None, 3), axis=0); ops.softmax(t(None, 3), axis=2); ops.normalize(t(None, 3)); ops.moments(t(None, 3), [0]); ops.moments(t(None, 3, 4), [0, 1], keepdims=True); ops.batch_normalization(t(None, 3), t(3), t(3), -1); ops.batch_normalization(t(None, 3), t(4), t(4), -1); ops.layer_normalization(t(None, 3), t(3), t(3)); ops.rms_normalization(t(None, 3), t(3))
ops.binary_crossentropy(t(None, 3), t(None, 3)); ops.categorical_crossentropy(t(None, 3), t(None, 3)); ops.sparse_categorical_crossentropy(i(None), t(None, 3)); ops.categorical_crossentropy(t(None, 3), t(None, 4)); ops.sparse_categorical_crossentropy(i(None, 2), t(None, 3)); ops.binary_crossentropy(t(None, 3), t(None, 2))
ops.ctc_loss(i(4, 3), t(4, 9, 5), i(4), i(4)); ops.ctc_loss(i(None, 3), t(None, 9, 5), i(None), i(None)); ops.ctc_loss(i(4, 3), t(3, 9, 5), i(4), i(4)); ops.ctc_loss(i(4, 3), t(4, 9, 5), i(4), i(3))
ops.conv(t(None, 9, 3), t(3, 3, 5)); ops.conv(t(None, None, 8, 3), t(3, 3, 3, 5), 2, "same"); ops.conv(t(None, 9, 9, 4), t(3, 3, 2, 6)); ops.conv(t(None, 9, 9, 3), t(3, 3, 2, 6)); ops.conv(t(None, 2, 3), t(3, 3, 5)); ops.depthwise_conv(t(None, 9, None, 3), t(3, 3, 3, 2)); ops.depthwise_conv(t(None, 9, 9, 3), t(3, 3, 2, 2)); ops.separable_conv(t(None, 9, None, 3), t(3, 3, 3, 2), t(1, 1, 6, 4)); ops.conv_transpose(t(None, 4, None, 3), t(3, 3, 5, 3), 2); ops.conv_transpose(t(None, 4, 4, 3), t(3, 3, 5, 2), 2)
ops.max_pool(t(None, 9, None, 3), 2); ops.average_pool(t(None, 9, None, 3), 2, padding="same"); ops.max_pool(t(None, 1, 9, 3), 2); ops.average_pool(t(None, None, 4), 3, 1)
ops.dot_product_attention(t(None, 5, 2, 4), t(None, 6, 2, 4), t(None, 6, 2, 4)); ops.dot_product_attention(t(None, None, 4, 8), t(2, None, 2, 8), t(None, 6, 2, 8))
ops.image.resize(t(None, None, None, 3), (4, 5)); ops.image.resize(t(None, 7, 3), (4, 5)); ops.image.resize(i(2, 7, 8, 3), (4, 5)); ops.image.resize(t(7, 3), (4, 5)); ops.image.affine_transform(t(None, None, 8, 3), t(None, 8)); ops.image.affine_transform(t(2, 8, 8, 3), t(8)); ops.image.rgb_to_grayscale(t(None, None, 8, 3)); ops.image.rgb_to_grayscale(t(None, 8, 8, 4)); ops.image.rgb_to_hsv(t(None, 8, None, 3)); ops.image.hsv_to_rgb(t(8, 8, 3)); ops.image.rgb_to_hsv(i(8, 8, 3)); ops.image.rgb_to_hsv(t(8, 8, 4)); ops.image.pad_images(t(None, 8, None, 3), 1, 2, 3, 4); ops.image.pad_images(t(None, None, None, 3), 1, 2, target_height=9, target_width=9); ops.image.pad_images(t(None, 12, 8, 3), 1, 2, target_height=9, target_width=9); ops.image.crop_images(t(None, 8, 9, 3), 1, 2, 3, 4); ops.image.crop_images(t(None, 8, None, 3), 1, 2, target_height=5, target_width=5)
"""  # noqa: E501


def calls():
    """The calls, as texts."""
    return [call.strip() for line in CALLS.strip().splitlines() for call in line.split("; ")]


def symbols(keras):
    """The names that a call uses, with the symbolic tensors of ``keras``."""
    kinds = {"t": "float32", "i": "int32", "b": "bool"}
    return {"ops": keras.ops} | {
        name: lambda *shape, dtype=dtype: keras.KerasTensor(shape, dtype)
        for name, dtype in kinds.items()
    }


def answer(text, names):
    """[shape, dtype] of each output of a call, or "refused"."""
    try:
        outputs = eval(text, dict(names))
    except (ValueError, TypeError, IndexError):
        return "refused"
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    return [[list(y.shape), str(y.dtype)] for y in outputs]


def main():
    import keras

    names = symbols(keras)
    found = {}
    for text in calls():
        try:
            found[text] = answer(text, names)
        except Exception as error:  # Keras's own rule is at fault
            print(text, repr(error))
    written = {"keras": keras.__version__, "calls": found}
    text = json.dumps(written, indent=0, separators=(",", ":"))
    (Path(__file__).parent / "shapes.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
