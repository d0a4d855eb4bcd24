"""Recipes for attention: outputs, every gradient, and the weights after five updates."""

import numpy as np

from .recipes import numbers, recipe, with_fixed_weights
from .recurrent import flat, row

ROWS, QUERIES, KEYS, FEATURES = 3, 4, 5, 3
QUERY, VALUE = (QUERIES, FEATURES), (KEYS, FEATURES)
# The second query of the first row may attend to nothing, nor may any of the last row.
ALLOWED = np.random.RandomState(1).uniform(size=(ROWS, QUERIES, KEYS)) < 0.6
ALLOWED[0, 1] = ALLOWED[2] = False
STEPS = np.array([[1, 1, 0, 0, 1], [1, 0, 0, 1, 1], [1, 0, 0, 0, 0]], bool)
TOKENS = np.array([[3, 1, 4, 0], [5, 0, 0, 0], [2, 6, 6, 6]])


def studied(kit, layer, call, shapes, masks=None, train=True):
    """Everything about a layer on one batch: its outputs, and in one row the gradients by its
    inputs and by its weights, and its weights after five updates.

    Args:
        call: a function of the layer and of the inputs by name, masks among them.
        shapes: the shapes of the inputs without the batch, by name.
        masks: arrays of booleans, by name.
    """
    drawn = {name: numbers(70 + i, ROWS, *shape) for i, (name, shape) in enumerate(shapes.items())}
    arrays = drawn | (masks or {})
    inputs = {name: kit.Input(a.shape[1:], dtype=str(a.dtype)) for name, a in arrays.items()}
    outputs = flat(call(layer, inputs))
    model = kit.Model(list(inputs.values()), outputs if len(outputs) > 1 else outputs[0])
    with_fixed_weights(model, seed=80)
    data = list(arrays.values())
    data = data if len(data) > 1 else data[0]
    found = flat(model.predict(data, verbose=0))
    made = {"outputs": row(found)}

    cotangents = [numbers(90 + i, *y.shape) for i, y in enumerate(found)]

    def along(array, name):
        given = {key: kit.ops.convert_to_tensor(a) for key, a in arrays.items()} | {name: array}
        terms = [
            kit.ops.sum(y * c) for y, c in zip(flat(call(layer, given)), cotangents, strict=True)
        ]
        return sum(terms[1:], terms[0])

    learnt = [
        kit.gradient(lambda array, name=name: along(array, name), drawn[name]) for name in drawn
    ]
    weights = model.get_weights()
    if not weights or not train:
        return made | {"learnt": row(learnt)}
    targets = [0.5 * numbers(100 + i, *y.shape) for i, y in enumerate(found)]
    targets = targets if len(targets) > 1 else targets[0]
    for rate, steps in ((1.0, 1), (0.1, 5)):
        model.set_weights(weights)
        model.compile(kit.optimizers.SGD(rate), loss=["mse"] * len(found))
        for _ in range(steps):
            model.train_on_batch(data, targets)
        after = row(model.get_weights())
        learnt.append(row(weights) - after if steps == 1 else after)
    return made | {"learnt": row(learnt)}


def label(name, *options):
    """Short, because a file of many small arrays is mostly their names."""
    short = {"return_attention_scores": "scores", "use_causal_mask": "causal"}
    return "_".join([name, *(short.get(word, word) for given in options for word in given)])


# ----------------------------------------------------------------------------------- on a list

LISTED = [
    ({}, {}, ()),
    ({}, {}, ("key",)),
    ({}, {"return_attention_scores": True}, ("key",)),
    ({}, {"use_causal_mask": True}, ()),
    ({}, {"use_causal_mask": True, "return_attention_scores": True}, ("masks",)),
    ({}, {}, ("masks",)),
    ({}, {}, ("value_mask",)),
    ({"dropout": 0.3}, {"return_attention_scores": True}, ("masks",)),
]
VARIANTS = {
    "Attention": [
        *LISTED,
        ({"use_scale": True}, {}, ()),
        ({"score_mode": "concat"}, {"return_attention_scores": True}, ("key",)),
        ({"score_mode": "concat", "use_scale": True}, {"use_causal_mask": True}, ("masks",)),
        ({"score_mode": "concat"}, {}, ("value_mask",)),
    ],
    "AdditiveAttention": [*LISTED, ({"use_scale": False}, {}, ())],
}


def on_a_list(kit, args):
    name, options, given, extras = args
    shapes = {"query": QUERY, "value": VALUE}
    if "key" in extras:
        shapes = {"query": QUERY, "value": (KEYS, 2), "key": VALUE}
    masks = {}
    if "masks" in extras:
        masks["query_mask"] = STEPS[:, :QUERIES]
    if "masks" in extras or "value_mask" in extras:
        masks["value_mask"] = STEPS

    def call(layer, inputs):
        listed = [inputs[key] for key in shapes]
        if not masks:
            return layer(listed, **given)
        return layer(listed, mask=[inputs.get("query_mask"), inputs["value_mask"]], **given)

    # What dropout drops differs from library to library.
    layer = getattr(kit.layers, name)(**options)
    return studied(kit, layer, call, shapes, masks, train="dropout" not in options)


for _name, _variants in VARIANTS.items():
    for _number, (_options, _given, _extras) in enumerate(_variants):
        _label = label(f"{_name}_{_number}", _options, _given, _extras)
        recipe("attention", _label, _name, _options, _given, _extras)(on_a_list)


# ------------------------------------------------------------------------------- several heads

CROSSED = {"query": QUERY, "value": VALUE}
KEYED = {"query": QUERY, "value": (KEYS, 2), "key": (KEYS, 4)}
ALONE = {"query": (KEYS, FEATURES)}
EVERY = [
    ({}, {}, ALONE, {}),
    ({}, {}, CROSSED, {}),
    ({"use_bias": False}, {}, CROSSED, {}),
    ({"use_gate": True}, {}, CROSSED, {}),
    ({"use_gate": True, "use_bias": False}, {"use_causal_mask": True}, ALONE, {}),
    ({"sliding_window": 2}, {}, ALONE, {}),
    ({"sliding_window": 1}, {}, CROSSED, {}),
    ({"sliding_window": 2}, {"use_causal_mask": True}, CROSSED, {}),
    ({"flash_attention": False}, {"return_attention_scores": True}, CROSSED, {}),
    ({}, {"use_causal_mask": True}, ALONE, {}),
    ({}, {"use_causal_mask": True}, CROSSED, {}),
    ({}, {"use_causal_mask": True, "return_attention_scores": True}, ALONE, {}),
    ({}, {}, CROSSED, {"attention_mask": ALLOWED}),
    ({}, {"return_attention_scores": True}, CROSSED, {"attention_mask": ALLOWED}),
    ({}, {"use_causal_mask": True}, CROSSED, {"attention_mask": ALLOWED}),
    (
        {},
        {"use_causal_mask": True, "return_attention_scores": True},
        CROSSED,
        {"attention_mask": ALLOWED},
    ),
    ({}, {}, CROSSED, {"attention_mask": ALLOWED[:, :1]}),
    ({}, {}, CROSSED, {"value_mask": STEPS}),
    ({}, {"return_attention_scores": True}, CROSSED, {"value_mask": STEPS, "key_mask": ~STEPS}),
    ({"dropout": 0.4}, {}, CROSSED, {"attention_mask": ALLOWED}),
    ({"dropout": 0.4}, {"use_causal_mask": True}, CROSSED, {}),
    ({"kernel_regularizer": "l2", "bias_regularizer": "l1"}, {}, CROSSED, {}),
    ({"activity_regularizer": "l2"}, {}, CROSSED, {}),
    ({"kernel_constraint": "max_norm", "bias_constraint": "non_neg"}, {}, CROSSED, {}),
]
APART = np.stack([ALLOWED, ~ALLOWED], axis=1)
MULTI_HEAD = [
    *EVERY,
    ({}, {"return_attention_scores": True}, KEYED, {}),
    ({"value_dim": 3}, {}, KEYED, {}),
    ({"value_dim": 1, "use_gate": True}, {}, CROSSED, {}),
    ({"output_shape": 2}, {}, CROSSED, {}),
    ({"output_shape": (2, 3)}, {}, CROSSED, {}),
    ({}, {}, CROSSED, {"attention_mask": APART}),
    ({}, {"return_attention_scores": True}, CROSSED, {"attention_mask": APART}),
]
PIXELS = {"query": (2, QUERIES, FEATURES), "value": (2, KEYS, FEATURES)}
TURNED = {"query": (QUERIES, 2, FEATURES), "value": (KEYS, 2, FEATURES)}
ALL_PAIRS = np.random.RandomState(2).uniform(size=(ROWS, 2, QUERIES, 2, KEYS)) < 0.6
MULTI_HEAD += [
    ({}, {}, PIXELS, {}),
    ({}, {"return_attention_scores": True}, PIXELS, {"attention_mask": ALL_PAIRS}),
    ({"attention_axes": 2}, {}, PIXELS, {}),
    ({"attention_axes": (2,)}, {"return_attention_scores": True}, PIXELS, {}),
    ({"attention_axes": -2}, {}, PIXELS, {"attention_mask": ALLOWED}),
    ({"attention_axes": (1,)}, {"return_attention_scores": True}, TURNED, {}),
    ({"attention_axes": [1]}, {"use_causal_mask": True}, TURNED, {"attention_mask": ALLOWED}),
    ({"attention_axes": (2, 1)}, {"return_attention_scores": True}, TURNED, {}),
]
HEADS = {
    "MultiHeadAttention": ((2, 2), MULTI_HEAD),
    "GroupQueryAttention": ((2, 4, 2), [*EVERY, ({}, {}, CROSSED | {"key": (KEYS, 4)}, {})]),
}


def of_heads(kit, args):
    name, sizes, options, given, shapes, masks = args

    def call(layer, inputs):
        own = {key: inputs[key] for key in inputs if key not in ("query", "value")}
        return layer(inputs["query"], inputs.get("value", inputs["query"]), **own, **given)

    layer = getattr(kit.layers, name)(*sizes, **options)
    # The scores that Keras returns bear the mask of the pairs, which no loss can take.
    broken = "return_attention_scores" in given and (masks or "use_causal_mask" in given)
    return studied(kit, layer, call, shapes, masks, train=not broken and "dropout" not in options)


for _name, (_sizes, _variants) in HEADS.items():
    for _number, (_options, _given, _shapes, _masks) in enumerate(_variants):
        _label = label(f"{_name}_{_number}", _options, _given, _masks)
        recipe("attention", _label, _name, _sizes, _options, _given, _shapes, _masks)(of_heads)


def masked(kit, args):
    """Masks that an embedding made arrive, and go on to the loss."""
    make, options = args
    inputs = kit.Input((QUERIES,), dtype="int32")
    x = kit.layers.Embedding(7, FEATURES, mask_zero=True)(inputs)
    y = make(kit, x, options)
    model = with_fixed_weights(kit.Model(inputs, y), seed=60)
    model.compile(kit.optimizers.SGD(0.5), loss="mse")
    y = numbers(61, *model.predict(TOKENS, verbose=0).shape)
    made = {"outputs": model.predict(TOKENS, verbose=0)}
    losses = np.array([model.train_on_batch(TOKENS, y) for _ in range(5)])
    return made | {"learnt": row([losses, *model.get_weights()])}


def plain(kit, x):
    """The same numbers without a mask."""
    return kit.layers.Reshape((QUERIES, FEATURES))(x)


MASKED = {
    "multi_head": lambda kit, x, o: kit.layers.MultiHeadAttention(2, 3)(x, x, **o),
    "query_of_multi_head": lambda kit, x, o: kit.layers.MultiHeadAttention(2, 3)(
        x, plain(kit, x), **o
    ),
    "value_of_multi_head": lambda kit, x, o: kit.layers.MultiHeadAttention(2, 3)(
        query=plain(kit, x), value=x, **o
    ),
    "key_of_multi_head": lambda kit, x, o: kit.layers.MultiHeadAttention(2, 3)(
        plain(kit, x), plain(kit, x), key=x, **o
    ),
    "group_query": lambda kit, x, o: kit.layers.GroupQueryAttention(3, 4, 2)(x, x, **o),
    "attention": lambda kit, x, o: kit.layers.Attention()([x, x], **o),
    "additive": lambda kit, x, o: kit.layers.AdditiveAttention()([x, plain(kit, x)], **o),
    "value_of_attention": lambda kit, x, o: kit.layers.Attention(True)([plain(kit, x), x], **o),
    "first_of_two_outputs": lambda kit, x, o: kit.layers.MultiHeadAttention(2, 3)(
        x, x, return_attention_scores=True, **o
    )[0],
    "transformer": lambda kit, x, o: kit.layers.Dense(2)(
        kit.layers.GlobalAveragePooling1D()(
            kit.layers.LayerNormalization()(
                kit.layers.Add()([x, kit.layers.MultiHeadAttention(2, 3)(x, x, **o)])
            )
        )
    ),
}
for _name, _make in MASKED.items():
    for _options in ({}, {"use_causal_mask": True}):
        recipe("attention", label(f"masked_{_name}", _options), _make, _options)(masked)


# ---------------------------------------------------------------- einsum, softmax, the operation

EQUATIONS = [
    (("ab,bc->ac", 4), {}, (3,)),
    (("ab,bc->ac", (4,)), {"bias_axes": "c", "activation": "relu"}, (3,)),
    (("abc,cd->abd", (None, 4)), {"bias_axes": "d"}, (2, 3)),
    (("abc,cd->abd", (2, 4)), {"bias_axes": "bd", "activation": "tanh"}, (2, 3)),
    (("abc,cd->abd", (2, 4)), {"bias_axes": "b", "activation": "relu"}, (2, 3)),
    (("abc,cde->abde", (None, 4, 2)), {"bias_axes": "de", "activation": "softmax"}, (2, 3)),
    (("abc,cde->abde", (None, 4, 2)), {"bias_axes": "e"}, (2, 3)),
    (("abcd,cde->abe", (None, 4)), {"bias_axes": "e"}, (2, 3, 2)),
    (("abc,dc->abd", (None, 4)), {"bias_axes": "d"}, (2, 3)),
    (("abcd,dec->abe", (None, 4)), {"bias_axes": "e"}, (2, 3, 2)),
    (("...x,xy->...y", 4), {"bias_axes": "y"}, (3,)),
    (("...x,xy->...y", 4), {"bias_axes": "y", "activation": "relu"}, (2, 2, 3)),
    (("...xy,xyz->...z", 4), {"bias_axes": "z"}, (2, 2, 3)),
    (("...xb,bc->...xc", (2, 4)), {"bias_axes": "xc"}, (5, 2, 3)),
    (("ab...,bc->ac...", 4), {"bias_axes": "c"}, (3, 2)),
    (("ab...,bc->ac...", 4), {}, (3, 2, 2)),
    (("abc,bd->adc", (4, 3)), {"bias_axes": "d"}, (2, 3)),
    (("abc,bc->ab", 2), {"bias_axes": "b"}, (2, 3)),
    (("abc,bcd->abd", (2, 4)), {}, (2, 3)),
    (
        ("abc,cd->abd", (None, 4)),
        {
            "bias_axes": "d",
            "kernel_regularizer": "l2",
            "bias_regularizer": "l1",
            "activity_regularizer": "l2",
            "kernel_constraint": "max_norm",
            "bias_constraint": "non_neg",
        },
        (2, 3),
    ),
]


def einsum_dense(kit, args):
    given, options, shape = args
    layer = kit.layers.EinsumDense(*given, **options)
    return studied(kit, layer, lambda layer, inputs: layer(inputs["x"]), {"x": shape})


for _number, (_given, _options, _shape) in enumerate(EQUATIONS):
    recipe("attention", f"EinsumDense_{_number}", _given, _options, _shape)(einsum_dense)


def softmax(kit, args):
    axis, mask = args
    layer = kit.layers.Softmax(axis)
    masks = {} if mask is None else {"mask": mask}
    return studied(
        kit,
        layer,
        lambda layer, inputs: layer(inputs["x"], **{key: inputs[key] for key in masks}),
        {"x": (QUERIES, KEYS)},
        masks,
    )


for _name, _axis, _mask in (
    ("last", -1, None),
    ("listed", [1], ALLOWED),
    ("masked", -1, ALLOWED),
    ("masked_by_numbers", 1, ALLOWED.astype("f4")),
    ("several", (1, 2), None),
    ("several_masked", (-2, -1), ALLOWED),
    ("broadcast", -1, ALLOWED[:, :, :1]),
):
    recipe("attention", f"Softmax_{_name}", _axis, _mask)(softmax)

OPERATION = {
    "plain": ({}, 2),
    "scale": ({"scale": 0.3}, 2),
    "causal": ({"is_causal": True}, 2),
    "mask": ({"mask": ALLOWED[:, np.newaxis]}, 2),
    "mask_and_causal": ({"mask": APART, "is_causal": True}, 2),
    "mask_of_one_row": ({"mask": ALLOWED[:1, np.newaxis]}, 2),
    "bias": ({"bias": numbers(5, ROWS, 2, QUERIES, KEYS)}, 2),
    "bias_of_all": ({"bias": numbers(6, 1, 2, QUERIES, KEYS), "mask": APART}, 2),
    "groups": ({"is_causal": True}, 4),
}


def operation(kit, args):
    options, heads = args
    shapes = ((QUERIES, heads, 3), (KEYS, 2, 3), (KEYS, 2, 3))
    arrays = [numbers(70 + i, ROWS, *shape) for i, shape in enumerate(shapes)]
    attend = kit.ops.dot_product_attention
    y = np.asarray(attend(*arrays, **options))
    made, cotangent = {"y": y}, numbers(90, *y.shape)
    for i, name in enumerate(("query", "key", "value")):

        def along(array, i=i):
            given = [*arrays[:i], array, *arrays[i + 1 :]]
            return kit.ops.sum(attend(*given, **options) * cotangent)

        made[f"by_{name}"] = kit.gradient(along, arrays[i])
    if "bias" in options:
        made["by_bias"] = kit.gradient(
            lambda bias: kit.ops.sum(attend(*arrays, **{**options, "bias": bias}) * cotangent),
            options["bias"],
        )
    return made


for _name, (_options, _heads) in OPERATION.items():
    recipe("attention", f"operation_{_name}", _options, _heads)(operation)
