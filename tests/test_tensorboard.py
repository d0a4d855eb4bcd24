"""TensorBoard, its event files read by a small parser of its own."""

import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

import diptych
from diptych import layers
from diptych.callbacks import LambdaCallback, TensorBoard
from diptych.files import events

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 6)).astype("float32")
Y = np.eye(3, dtype="float32")[RNG.integers(0, 3, 50)]


@pytest.mark.parametrize(
    ("data", "crc"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_the_checksum_is_that_of_the_standard(data, crc):
    assert events.crc32c(data) == crc


def test_checksums_are_masked():
    turned = (0xE3069283 >> 15) | (0xE3069283 << 17) % 2**32
    assert events.masked(0xE3069283) == (turned + 0xA282EAD8) % 2**32


def fields(message):
    """{number: [values]} of a protocol buffer message: ints, floats of 8 bytes, bytes."""
    found, at = {}, 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        number, kind = divmod(varint(), 8)
        if kind == 0:
            value = varint()
        elif kind == 1:
            (value,) = struct.unpack_from("<d", message, at)
            at += 8
        else:
            assert kind == 2
            size = varint()
            value = message[at : at + size]
            at += size
        found.setdefault(number, []).append(value)
    assert at == len(message)
    return found


def read_events(folder):
    """{(tag, plugin): {step: value}} of the event files in a folder, every checksum compared."""
    found = {}
    for path in sorted(Path(folder).glob("events.out.tfevents.*")):
        content, at, first = path.read_bytes(), 0, True
        while at < len(content):
            length, crc = struct.unpack_from("<QI", content, at)
            assert crc == events.masked(events.crc32c(content[at : at + 8]))
            data = content[at + 12 : at + 12 + length]
            assert struct.unpack_from("<I", content, at + 12 + length)[0] == events.masked(
                events.crc32c(data)
            )
            at += 16 + length
            event = fields(data)
            assert event[1][0] > 1e9  # the time
            if first:
                assert event[3] == [b"brain.Event:2"]
                first = False
                continue
            value = fields(fields(event[5][0])[1][0])
            plugin = fields(fields(value[9][0])[1][0])[1][0].decode()
            steps = found.setdefault((value[1][0].decode(), plugin), {})
            steps[event.get(2, [0])[0]] = tensor(fields(value[8][0]))
        assert at == len(content)
    return found


def tensor(message):
    shape = [fields(d)[1][0] for d in fields(message[2][0]).get(2, [])]
    kind = message[1][0]
    if kind == 7:
        return message[8]
    return np.frombuffer(message[4][0], {1: "<f4", 2: "<f8"}[kind]).reshape(shape)


def small():
    diptych.utils.set_random_seed(2)
    made = diptych.Sequential(
        [diptych.Input((6,), name="x"), layers.Dense(3, name="d")], name="net"
    )
    made.compile("sgd", "mse", metrics=["mae"])
    return made


def numbers(found, tag):
    return {step: float(value) for step, value in found[tag, "scalars"].items()}


def test_results_of_epochs_are_in_the_event_files(tmp_path):
    made = small()
    history = made.fit(
        X, Y, epochs=3, verbose=0, validation_data=(X, Y), callbacks=TensorBoard(tmp_path)
    ).history
    train, validation = read_events(tmp_path / "train"), read_events(tmp_path / "validation")
    assert {tag for tag, _ in train} == {"keras", "epoch_loss", "epoch_mae", "epoch_learning_rate"}
    for found, prefix in ((train, ""), (validation, "val_")):
        for name in ("loss", "mae"):
            expected = dict(enumerate(np.float32(history[prefix + name]).tolist()))
            assert numbers(found, f"epoch_{name}") == expected
    assert numbers(train, "epoch_learning_rate") == dict.fromkeys(range(3), float(np.float32(0.01)))
    evaluations = numbers(validation, "evaluation_mae_vs_iterations")
    assert evaluations == dict(zip((2, 4, 6), np.float32(history["val_mae"]).tolist(), strict=True))
    (text,) = train["keras", "graph_keras_model"][0]
    assert json.loads(text)["config"]["name"] == "net"


@pytest.mark.parametrize(("update_freq", "steps"), [("batch", range(1, 11)), (4, (4, 8))])
def test_results_of_batches(tmp_path, update_freq, steps):
    made, logs = small(), []
    note = LambdaCallback(on_train_batch_end=lambda batch, batch_logs: logs.append(batch_logs))
    board = TensorBoard(tmp_path, update_freq=update_freq, write_steps_per_second=True)
    made.fit(X, Y, batch_size=10, epochs=2, verbose=0, callbacks=[note, board])
    found = read_events(tmp_path / "train")
    expected = {step: float(np.float32(logs[step - 1]["loss"])) for step in steps}
    assert numbers(found, "batch_loss") == expected
    assert min(numbers(found, "batch_steps_per_second").values()) > 0
    assert min(numbers(found, "epoch_steps_per_second").values()) > 0
    assert not (tmp_path / "validation").exists()


def test_distributions_and_images_of_weights(tmp_path):
    made, weights = small(), []
    note = LambdaCallback(on_epoch_end=lambda epoch, logs: weights.append(made.get_weights()))
    board = TensorBoard(tmp_path, histogram_freq=2, write_images=True, write_graph=False)
    made.fit(X, Y, epochs=3, verbose=0, callbacks=[board, note])
    found = read_events(tmp_path / "train")
    kernels = found["net/d/kernel/histogram", "histograms"]
    assert list(kernels) == [0, 2]
    for epoch, rows in kernels.items():
        kernel = weights[epoch][0].astype(np.float64)
        counts, edges = np.histogram(kernel, 30)
        np.testing.assert_array_equal(rows[:, 2], counts)
        np.testing.assert_allclose(rows[:, 0], edges[:-1], rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(rows[:, 1], edges[1:], rtol=1e-12, atol=1e-15)
    width, height, image = found["net/d/kernel/image", "images"][2]
    assert (width, height) == (b"6", b"3")  # a kernel is shown lying
    np.testing.assert_array_equal(
        pixels(image), (np.clip(weights[2][0].T, 0, 1) * 255.5).astype(np.uint8)
    )


def pixels(image):
    """The grey values of a PNG file as it is written here."""
    assert image[:8] == b"\x89PNG\r\n\x1a\n"
    at, parts = 8, {}
    while at < len(image):
        (size,) = struct.unpack_from(">I", image, at)
        kind, content = image[at + 4 : at + 8], image[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", image, at + 8 + size)[0] == zlib.crc32(kind + content)
        parts[kind] = content
        at += 12 + size
    width, height, depth, colour = struct.unpack_from(">IIBB", parts[b"IHDR"])
    assert (depth, colour) == (8, 0)
    rows = np.frombuffer(zlib.decompress(parts[b"IDAT"]), np.uint8).reshape(height, 1 + width)
    assert not rows[:, 0].any()
    return rows[:, 1:]


@pytest.mark.parametrize(
    ("values", "rows"),
    [
        ([], {}),
        ([np.nan, np.inf], {}),
        ([2.0, 2.0, np.nan], {29: (2.0, 2.0, 2.0)}),
        ([0.0, 3.0], {0: (0.0, 0.1, 1.0), 29: (2.9, 3.0, 1.0)}),
    ],
)
def test_distributions_at_the_edge(values, rows):
    found = events.buckets(np.array(values))
    assert found.shape == (30, 3)
    assert found[:, 2].sum() == sum(count for *_, count in rows.values())
    for row, expected in rows.items():
        np.testing.assert_allclose(found[row], expected)


def test_embeddings_are_listed_for_the_projector(tmp_path):
    words = diptych.Sequential(
        [diptych.Input((4,), dtype="int32"), layers.Embedding(5, 2, name="e")]
    )
    words.compile("sgd", "mse")
    board = TensorBoard(tmp_path, embeddings_freq=1, embeddings_metadata={"e": "words.tsv"})
    words.fit(np.zeros((3, 4), "int32"), np.zeros((3, 4, 2)), verbose=0, callbacks=board)
    text = (tmp_path / "projector_config.pbtxt").read_text()
    assert 'metadata_path: "words.tsv"' in text
    words.load_weights(tmp_path / "train" / "keras_embedding.ckpt-0.weights.h5")
    with pytest.raises(ValueError, match="names 'f', but the model has no such Embedding"):
        words.fit(
            np.zeros((3, 4), "int32"),
            np.zeros((3, 4, 2)),
            verbose=0,
            callbacks=TensorBoard(tmp_path, embeddings_freq=1, embeddings_metadata={"f": "w"}),
        )


def test_what_tensorboard_cannot_do_here_is_refused():
    with pytest.raises(ValueError, match="profile_batch=2, but there is no profiler"):
        TensorBoard(profile_batch=2)
    for update_freq in ("step", 0, True):
        with pytest.raises(ValueError, match=f"update_freq={update_freq!r}; expected 'epoch'"):
            TensorBoard(update_freq=update_freq)
