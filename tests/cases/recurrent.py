"""Arguments for the recurrent layers."""

import numpy as np

from tests.cases import Case

GATES = {"simple_rnn": 1, "gru": 3, "lstm": 4}
STATES = {"simple_rnn": ("h0",), "gru": ("h0",), "lstm": ("h0", "c0")}
MASKS = ("right", "left", "holes", "none on")


def mask_of(kind, rng, rows, steps):
    """(N, T): False where a step is skipped."""
    place = np.arange(steps)
    lengths = rng.integers(1, steps + 1, size=(rows, 1))
    if kind == "right":  # sequences of several lengths, filled up behind
        return place < lengths
    if kind == "left":  # filled up in front
        return place >= steps - lengths
    mask = rng.random((rows, steps)) < 0.6
    if kind == "none on":  # a sequence of which nothing counts, beside one of which all does
        mask[0] = False
        mask[-1] = True
    return mask


def sequences(
    layer,
    size,
    *,
    states=False,
    bias=True,
    mask=None,
    dropout=False,
    activation="tanh",
    gates="sigmoid",
    reset_after=True,
    return_sequences=True,
    go_backwards=False,
    away=False,
):
    """Arguments for a size (N, T, D, U).

    away: weights so small and biases so far apart that no argument of a piecewise activation comes
    near a kink: each is safely on one piece, and every piece has some.
    """
    rows, steps, features, units = size
    wide = GATES[layer] * units
    spread = 0.1 if away else 1.0

    def make(rng):
        shape = (2, wide) if layer == "gru" and reset_after else (wide,)
        b = rng.normal(size=shape)
        if away:
            b = rng.choice([-4.5, -1.0, 1.0, 4.5], size=shape)
            if len(shape) == 2:
                b[1] = 0.1  # the sum of both counts
        arguments = {
            "x": rng.normal(size=(rows, steps, features)),
            "kernel": rng.normal(size=(features, wide)) * spread / max(features, 1) ** 0.5,
            "recurrent_kernel": rng.normal(size=(units, wide))
            * spread
            / units**0.5
            / (1 + 9 * away),
            "bias": b if bias else None,
            **{name: rng.normal(size=(rows, units)) if states else None for name in STATES[layer]},
            "mask": None if mask is None else mask_of(mask, rng, rows, steps),
            "recurrent_mask": rng.choice([0.0, 2.0], size=(rows, units)) if dropout else None,
            "activation": activation,
        }
        if layer != "simple_rnn":
            arguments["recurrent_activation"] = gates
        if layer == "gru":
            arguments["reset_after"] = reset_after
        return arguments | {"return_sequences": return_sequences, "go_backwards": go_backwards}

    return make


def spectrum(layer):
    """The cases that all three layers share."""

    def case(label, size, **options):
        return Case(label, sequences(layer, size, **options))

    small = (3, 5, 4, 6)
    cases = [
        case("sequences", small),
        case("last output", small, return_sequences=False),
        case("batch 1", (1, 4, 3, 5)),
        case("one step", (3, 1, 4, 2), states=True),
        case("one feature", (2, 4, 1, 3)),
        case("one unit", (2, 4, 3, 1), states=True),
        case("one of everything", (1, 1, 1, 1)),
        case("odd sizes", (7, 11, 13, 17), states=True),
        case("no bias", small, bias=False),
        case("no bias, last output", small, bias=False, states=True, return_sequences=False),
        case("initial states", small, states=True),
        case("initial states, last output", small, states=True, return_sequences=False),
        case("backwards", small, go_backwards=True),
        case("backwards from a state", small, states=True, go_backwards=True),
        case("backwards, last output", small, go_backwards=True, return_sequences=False),
        case("dropout", small, dropout=True, states=True),
        case("dropout, backwards, masked", small, dropout=True, mask="holes", go_backwards=True),
        case("empty batch", (0, 4, 3, 5)),
        case("empty batch with everything", (0, 4, 3, 5), states=True, mask="right", dropout=True),
        case("no features", (2, 3, 0, 4), states=True),
        case("threads over the batch", (67, 9, 21, 33), states=True, mask="right"),
        case("wide", (19, 6, 70, 130), return_sequences=False),
        case("long", (5, 90, 7, 8), states=True),
    ]
    for mask in MASKS:
        size = (4, 6, 3, 5)
        ways = [
            {},
            {"states": True, "go_backwards": True},
            {"states": True, "return_sequences": False},
            {"go_backwards": True, "return_sequences": False},
        ]
        for way in ways[: None if mask in ("left", "none on") else 2]:
            cases.append(case(", ".join([f"mask {mask}", *way]), size, mask=mask, **way))
    for activation in ("sigmoid", "relu", "hard_sigmoid", "linear"):
        away = activation in ("relu", "hard_sigmoid")
        cases.append(case(activation, small, activation=activation, away=away))
        cases.append(
            case(
                f"{activation}, last, masked",
                (9, 7, 4, 11),
                activation=activation,
                away=away,
                mask="right",
                return_sequences=False,
                states=layer != "lstm",
            )
        )
    return cases


def gated(layer, **given):
    """Those of the layers with gates."""

    def case(label, **options):
        return Case(label, sequences(layer, (5, 6, 4, 7), **given, **options))

    return [
        case("hard sigmoid gates", gates="hard_sigmoid", away=True),
        case("tanh gates", gates="tanh", states=True),
        case("linear gates", gates="linear"),
        case("relu gates", gates="relu", away=True),
        case("relu, hard sigmoid gates", activation="relu", gates="hard_sigmoid", away=True),
    ]


def without_reset_after(case):
    label = f"{case.label}, reset before"

    def make(rng):
        arguments = case.make(rng)
        if arguments["bias"] is not None:
            arguments["bias"] = arguments["bias"].sum(axis=0)
        return arguments | {"reset_after": False}

    return Case(label, make, case.smooth)


_GRU = [*spectrum("gru"), *gated("gru")]
# The order of the reset matters to the candidate alone: what it can meet comes twice.
_AGAIN = ("one step", "one of", "no bias", "initial states", "backwards from", "dropout",
          "empty batch w", "wide", "threads", "mask holes", "relu", "hard sigmoid")  # fmt: skip

CASES = {
    "simple_rnn_forward": spectrum("simple_rnn"),
    "lstm_forward": [*spectrum("lstm"), *gated("lstm")],
    "gru_forward": [
        *_GRU,
        *(without_reset_after(case) for case in _GRU if case.label.startswith(_AGAIN)),
    ],
}
