"""Data sets of texts: Shakespeare in the package, IMDB and Reuters from tiny files made here, the
made grammar.
"""

import hashlib
import json
import pickle
import zipfile

import numpy as np
import pytest

from diptych import datasets
from diptych.datasets import imdb, reuters, shakespeare

REVIEWS = [[1, 2, 3], [4, 1], [2, 2, 2, 5], [1], [3, 6, 1], [7, 2]]


def ragged(rows):
    array = np.empty(len(rows), dtype=object)
    array[:] = rows
    return array


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Small files of both sets on a "server", an empty cache, no variable set."""
    server = tmp_path / "server"
    server.mkdir()
    x, y = ragged(REVIEWS), np.array([0, 1, 0, 1, 0, 1])
    np.savez(server / "imdb.npz", x_train=x, y_train=y, x_test=x[::-1], y_test=y[::-1])
    np.savez(server / "reuters.npz", x=ragged(REVIEWS * 2), y=np.arange(12))
    for name in ("imdb", "reuters"):
        (server / f"{name}_word_index.json").write_text(json.dumps({"the": 1, "é": 2}))
    monkeypatch.setenv("DIPTYCH_HOME", str(tmp_path / "home"))
    for module in (imdb, reuters):
        monkeypatch.delenv(module.VARIABLE, raising=False)
        monkeypatch.setattr(module, "FOLDER", server.as_uri())
        name = module.__name__.rpartition(".")[2]
        data, index = server / f"{name}.npz", server / f"{name}_word_index.json"
        monkeypatch.setattr(module, "SHA256", hashlib.sha256(data.read_bytes()).hexdigest())
        monkeypatch.setattr(module, "INDEX_MD5", hashlib.md5(index.read_bytes()).hexdigest())
    return server


def numbered(review):
    """As Keras gives it by default: the last word of the ranking, 7, is left out too."""
    return [1] + [2 if w == 7 else w + 3 for w in review]


def test_imdb_as_keras_gives_it(files):
    (x_train, y_train), (x_test, y_test) = imdb.load_data(files / "imdb.npz")
    order = np.arange(6)
    np.random.RandomState(113).shuffle(order)
    assert x_train.tolist() == [numbered(REVIEWS[i]) for i in order]
    assert y_train.tolist() == [i % 2 for i in order]
    assert x_test.tolist() == [numbered(REVIEWS[5 - i]) for i in order]
    assert len(y_test) == 6
    assert x_train.dtype == object
    assert x_train.shape == (6,)


def test_the_arguments_of_imdb(files):
    def load(**options):
        (x, y), _ = imdb.load_data(files / "imdb.npz", **options)
        return sorted(x.tolist()), y

    assert load(num_words=5, start_char=None, index_from=0, oov_char=0)[0] == sorted(
        [[w if w < 5 else 0 for w in review] for review in REVIEWS]
    )
    assert load(skip_top=2, num_words=8, start_char=None, index_from=0, oov_char=None)[0] == sorted(
        [[w for w in review if w >= 2] for review in REVIEWS]
    )
    short, labels = load(maxlen=4)
    assert short == sorted(numbered(r) for r in REVIEWS if len(r) < 3)
    assert len(labels) == 3
    assert load(seed=1)[0] == load(seed=2)[0]
    assert load(seed=1)[1].tolist() != load(seed=2)[1].tolist()
    equal = imdb.load_data(files / "imdb.npz", maxlen=3)[0][0]
    assert equal.shape == (1,)  # lists of one length stay lists


def test_reuters_as_keras_gives_it(files):
    (x_train, y_train), (x_test, y_test) = reuters.load_data(files, test_split=0.25)
    order = np.arange(12)
    np.random.RandomState(113).shuffle(order)
    assert [*y_train, *y_test] == order.tolist()
    assert (len(x_train), len(x_test)) == (9, 3)
    assert x_test[0] == numbered(REVIEWS[order[9] % 6])
    assert len(reuters.get_label_names()) == 46
    assert reuters.get_label_names()[3] == "earn"


@pytest.mark.parametrize("module", [imdb, reuters])
def test_downloaded_once_and_checked(module, files, monkeypatch, tmp_path):
    module.load_data()
    assert module.get_word_index() == {"the": 1, "é": 2}
    for file in files.iterdir():
        file.unlink()
    module.load_data()
    assert module.get_word_index()["the"] == 1
    monkeypatch.setenv("DIPTYCH_HOME", str(tmp_path / "other"))
    name = module.__name__.rpartition(".")[2]
    with pytest.raises(
        FileNotFoundError, match=rf"(?s)Put {name}.npz into .*other.*{module.VARIABLE}"
    ):
        module.load_data()
    with pytest.raises(FileNotFoundError, match=rf"Put {name}_word_index.json into"):
        module.get_word_index()


@pytest.mark.parametrize("module", [imdb, reuters])
def test_a_download_that_is_not_what_it_should_be(module, files, monkeypatch):
    monkeypatch.setattr(module, "SHA256", "0" * 64)
    with pytest.raises(ValueError, match="has the SHA-256 .*was deleted"):
        module.load_data()
    monkeypatch.setattr(module, "INDEX_MD5", "0" * 32)
    with pytest.raises(ValueError, match="has the MD5"):
        module.get_word_index()


def test_the_place_may_be_named(files, monkeypatch, tmp_path):
    moved = files.rename(tmp_path / "mine")
    monkeypatch.setenv("DIPTYCH_IMDB", str(moved))
    assert len(imdb.load_data()[0][0]) == 6
    monkeypatch.setenv("DIPTYCH_IMDB", str(moved / "imdb.npz"))
    assert len(imdb.load_data()[0][0]) == 6
    assert imdb.get_word_index()["the"] == 1
    monkeypatch.setenv("DIPTYCH_IMDB", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match="DIPTYCH_IMDB names .*nowhere"):
        imdb.load_data()
    with pytest.raises(FileNotFoundError, match="expected reuters.npz"):
        reuters.load_data(tmp_path / "nothing" / "reuters.npz")


class Evil:
    def __reduce__(self):
        return print, ("this file has run code",)


def test_a_file_with_code_is_not_run(files, tmp_path, capsys):
    path = tmp_path / "imdb.npz"
    with zipfile.ZipFile(files / "imdb.npz") as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "x_train.npy":
                header = data[: data.index(b"\n") + 1]
                data = header + pickle.dumps(ragged([Evil()]))
            new.writestr(name, data)
    with pytest.raises(ValueError, match="not a data set .*print"):
        imdb.load_data(path)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"nothing", "damaged"), (b"", "damaged")],
)
def test_damaged_files(tmp_path, content, message):
    path = tmp_path / "imdb.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        imdb.load_data(path)
    with pytest.raises(ValueError, match=message):
        imdb.get_word_index(path)


def test_a_file_with_a_damaged_byte_is_read_or_refused(tmp_path):
    names = ("x_train", "y_train", "x_test", "y_test")
    rows = ragged([[1, 2, 3], [4], [5, 6, 7, 8]] * 7)
    labels = np.arange(21)
    whole = tmp_path / "whole.npz"
    np.savez_compressed(whole, **dict(zip(names, (rows, labels) * 2, strict=True)))
    content = bytearray(whole.read_bytes())
    path = tmp_path / "imdb.npz"
    messages = set()
    for at in range(0, len(content), 7):
        path.write_bytes(content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1 :])
        try:
            imdb.load_data(path)
        except (ValueError, OSError) as error:  # OSError: a place before the file's beginning
            messages.add(str(error).partition("(")[2])
    assert any("while decompressing" in message for message in messages), messages


def test_another_file(tmp_path):
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    with pytest.raises(ValueError, match="lacks x_train, y_train"):
        imdb.load_data(tmp_path / "other.npz")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_words": -1}, "num_words=-1"),
        ({"skip_top": 0.5}, "skip_top=0.5"),
        ({"maxlen": 1}, "Give a larger maxlen"),
    ],
)
def test_arguments_out_of_range(files, options, message):
    for module in (imdb, reuters):
        with pytest.raises(ValueError, match=message):
            module.load_data(files, **options)
    with pytest.raises(ValueError, match="test_split=2"):
        reuters.load_data(files, test_split=2)


# ------------------------------------------------------------------------- Shakespeare


def test_shakespeare():
    text = shakespeare.load_text()
    assert hashlib.md5(text.encode()).hexdigest() == "6fb458f1232090904fb40fe944165e91"
    train, test = shakespeare.load_data()
    assert train.dtype == np.int32
    assert len(train) + len(test) == len(text) == 1_115_394
    assert 0.099 < len(test) / len(text) < 0.1
    assert shakespeare.decode(train) + shakespeare.decode(test) == text
    assert shakespeare.decode(test[:7]) == "GREMIO:"  # a speech begins
    assert shakespeare.load_data(as_text=True)[1].startswith("GREMIO:\nGood morrow")
    assert [len(part) for part in shakespeare.load_data(test_split=0)] == [len(text), 0]
    assert [len(part) for part in shakespeare.load_data(test_split=1)] == [0, len(text)]


def test_the_characters_of_shakespeare():
    vocabulary = shakespeare.get_vocabulary()
    assert len(vocabulary) == 65
    assert vocabulary == sorted(vocabulary)
    numbers = shakespeare.encode("To be, or not")
    assert [vocabulary[i] for i in numbers] == list("To be, or not")
    assert shakespeare.decode(numbers) == "To be, or not"
    assert shakespeare.encode("").shape == (0,)
    with pytest.raises(ValueError, match="has '1é'"):
        shakespeare.encode("é 11")
    with pytest.raises(ValueError, match="from 0 to 64; got 3 to 65"):
        shakespeare.decode([3, 65])
    with pytest.raises(ValueError, match="one axis"):
        shakespeare.decode([[3]])
    with pytest.raises(ValueError, match="test_split=2"):
        shakespeare.load_data(2)


def test_the_licence_stands_beside_shakespeare():
    text = (shakespeare._FILE.parent / "shakespeare.txt").read_text(encoding="utf-8")
    assert "public domain" in text
    assert "https://github.com/karpathy/char-rnn" in text


# ------------------------------------------------------------------------- the made grammar


@pytest.mark.parametrize("distance", [0, 1, 4])
def test_agreement(distance):
    texts, y = datasets.agreement(200, distance, seed=0)
    assert y.sum() == 100
    for text, right in zip(texts, y, strict=True):
        words = text.split()
        assert words.count("near") == distance
        subject_is_plural = words[1].endswith("s") or words[1] == "children"
        assert (subject_is_plural != words[-1].endswith("s")) == bool(right)
    again, _ = datasets.agreement(200, distance, seed=0)
    assert again.tolist() == texts.tolist()
    assert datasets.agreement(200, distance, seed=1)[0].tolist() != texts.tolist()


def test_agreement_refuses_a_negative_distance():
    with pytest.raises(ValueError, match="distance=-1"):
        datasets.agreement(5, -1)
