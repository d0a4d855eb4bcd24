"""TensorBoard: the event files hold what training reported, in the format of that program."""

import struct

import numpy as np
import pytest

import diptych
from diptych import layers
from diptych.callbacks import TensorBoard
from diptych.callbacks.tensorboard import checksum, record, scalar_event


def unmasked(data):
    """The CRC-32C of data, from the masked one."""
    rotated = (checksum(data) - 0xA282EAD8) & 0xFFFFFFFF
    return (rotated >> 17 | rotated << 15) & 0xFFFFFFFF


def test_the_checksum_is_crc_32c():
    """The check value of the polynomial, and two of RFC 3720, B.4."""
    assert unmasked(b"123456789") == 0xE3069283
    assert unmasked(bytes(32)) == 0x8A9136AA
    assert unmasked(b"\xff" * 32) == 0x62A8AB43


def test_an_event_byte_by_byte():
    expected = bytes.fromhex(
        "09" "000000000000f03f"  # field 1, a double: the time
        "10" "ac02"  # field 2, a varint: step 300
        "2a" "0a"  # field 5, 10 bytes: the summary
        "0a" "08"  # its field 1, 8 bytes: a value
        "0a" "01" "61"  # the tag "a"
        "15" "00002040"  # field 2, a float
    )  # fmt: skip
    assert scalar_event("a", 2.5, 300, 1.0) == expected
    framed = record(expected)
    assert framed[:8] == struct.pack("<Q", len(expected))
    assert framed[12:-4] == expected
    assert framed[-4:] == struct.pack("<I", checksum(expected))


def scalars(folder):
    """[(tag, step, value)] of the only event file in a folder; its records are checked."""
    (path,) = folder.iterdir()
    data, found, events = path.read_bytes(), [], 0
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        event = data[12 : 12 + length]
        assert struct.unpack("<I", data[8:12])[0] == checksum(data[:8])
        assert struct.unpack("<I", data[12 + length : 16 + length])[0] == checksum(event)
        data = data[16 + length :]
        if events == 0:
            assert event[9:] == b"\x1a\x0dbrain.Event:2"
        else:
            step = event[10]  # below 128: a single byte
            tag_length = event[16]
            tag = event[17 : 17 + tag_length].decode()
            (value,) = struct.unpack("<f", event[-4:])
            found.append((tag, step, value))
        events += 1
    return found


def test_the_results_of_fit_are_in_the_files(tmp_path):
    x, y = np.ones((10, 2), "float32"), np.zeros((10, 1), "float32")
    model = diptych.Sequential([layers.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    board = TensorBoard(log_dir=tmp_path / "logs", histogram_freq=1, update_freq="batch")
    history = model.fit(
        x, y, epochs=2, batch_size=5, validation_data=(x, y), callbacks=[board], verbose=0
    ).history
    train = scalars(tmp_path / "logs" / "train")
    assert [(tag, step) for tag, step, _ in train if tag == "batch_loss"] == [
        ("batch_loss", n) for n in (1, 2, 3, 4)
    ]
    for name in ("loss", "mae"):
        found = [value for tag, _, value in train if tag == f"epoch_{name}"]
        np.testing.assert_allclose(found, history[name], rtol=1e-6)
        found = [v for t, _, v in scalars(tmp_path / "logs" / "validation") if t == f"epoch_{name}"]
        np.testing.assert_allclose(found, history[f"val_{name}"], rtol=1e-6)


def test_a_wrong_frequency_is_refused():
    with pytest.raises(ValueError, match="update_freq='often'"):
        TensorBoard(update_freq="often")
