"""Hostile arrays: HDF5, zip, safetensors and NumPy files that name other files or claim sizes."""

import contextlib
import io
import json
import math
import os
import pickle
import struct
import zipfile
import zlib

import numpy as np
import pytest

import diptych as dp
from diptych.datasets import imdb, read_idx, reuters

from .guard import Guard, Watch
from .test_hostile_files import archive_of, model, refused

h5py = pytest.importorskip("h5py")
from h5py import h5d, h5p, h5s, h5t  # noqa: E402

KERNEL, BIAS = "layers/dense/vars/0", "layers/dense/vars/1"


def weights_of(path, change):
    """A good file of weights, changed by ``change(h5)``."""
    model().save_weights(path)
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def refused_everywhere(tmp_path, change, match=None):
    """The same hostile HDF5 file as weights alone, and within an archive."""
    path = weights_of(tmp_path / "m.weights.h5", change)
    target = model()
    before = [w.copy() for w in target.get_weights()]
    texts = [refused(path, target.load_weights, match)]
    for kept, now in zip(before, target.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, now)
    for packing in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        archive = archive_of(tmp_path / "m.keras", members={"model.weights.h5": None})
        with zipfile.ZipFile(archive, "a", packing) as file:
            file.write(path, "model.weights.h5")
        texts.append(refused(archive, match=match))
    return texts


def replaced(name, make):
    """A change that puts another thing in the place of an array."""

    def change(file):
        group, _, last = name.rpartition("/")
        del file[name]
        make(file[group], last)

    return change


@pytest.fixture
def secret(tmp_path):
    """A file beside the hostile one; it must never be opened, not even by HDF5's own C code."""
    folder = tmp_path / "secret"
    folder.mkdir()
    path = folder / "secret.h5"
    with h5py.File(path, "w") as file:
        file["0"] = np.ones((3, 2), "float32")
        file.create_group("layers/dense/vars")["0"] = np.ones((3, 2), "float32")
        file["layers/dense/vars/1"] = np.ones(2, "float32")
        file.create_group("dense").attrs["weight_names"] = np.array([b"kernel", b"bias"])
    watch = Watch(path)
    yield path
    opened = watch.opened()
    watch.close()
    assert not opened


def test_external_storage(tmp_path, secret):
    def change(file):
        del file[KERNEL]
        file.create_dataset(
            KERNEL, (3, 2), "float32", external=[(str(secret), 0, h5py.h5f.UNLIMITED)]
        )

    refused_everywhere(tmp_path, change, "another file")


def test_a_virtual_dataset(tmp_path, secret):
    def change(file):
        layout = h5py.VirtualLayout(shape=(3, 2), dtype="float32")
        layout[:] = h5py.VirtualSource(str(secret), "0", shape=(3, 2))
        del file[KERNEL]
        file.create_virtual_dataset(KERNEL, layout)

    refused_everywhere(tmp_path, change, "another file")


@pytest.mark.parametrize("place", ["layers", "layers/dense", "layers/dense/vars", KERNEL])
@pytest.mark.parametrize("kind", ["external", "soft", "soft and external"])
def test_links_at_every_level(tmp_path, secret, place, kind):
    def change(file):
        if kind == "soft":
            file.move(place, "elsewhere")
            file[place] = h5py.SoftLink("/elsewhere")
            return
        del file[place]
        file[place] = link = h5py.ExternalLink(str(secret), "0" if place == KERNEL else place)
        if kind == "soft and external":
            del file[place]
            file["out"] = link
            file[place] = h5py.SoftLink("/out")

    refused_everywhere(tmp_path, change, "not followed|kept elsewhere")


def test_links_in_the_middle_of_the_names_of_an_old_file(tmp_path, secret):
    path = tmp_path / "m.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array([b"out/dense"])
        file["out"] = h5py.ExternalLink(str(secret), "/")
    refused(path, model().load_weights, "not followed|kept elsewhere")
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array([b"dense"])
        group = file.create_group("dense")
        group.attrs["weight_names"] = np.array([b"out/0", b"out/1"])
        group["out"] = h5py.ExternalLink(str(secret), "/layers/dense/vars")
    refused(path, model().load_weights, "not followed|kept elsewhere")
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array([b"x"])
        file["model_weights"] = h5py.ExternalLink(str(secret), "/")
    refused(path, model().load_weights, "not followed|kept elsewhere")


@pytest.mark.parametrize("shape", [(2**60,), (10**15, 9), (3, 2**50), (2**30, 2**30)])
@pytest.mark.parametrize("chunks", [None, True])
def test_shapes_that_the_file_does_not_hold(tmp_path, shape, chunks):
    def make(group, name):
        if chunks is None:
            space = h5s.create_simple(shape)
            plan = h5p.create(h5p.DATASET_CREATE)
            plan.set_alloc_time(h5d.ALLOC_TIME_LATE)
            h5d.create(group.id, name.encode(), h5t.NATIVE_FLOAT, space, plan)
        else:
            group.create_dataset(name, shape, "f4", chunks=(1,) * len(shape))

    for name in (KERNEL, BIAS, "optimizer/vars/0", "vars/0"):
        change = replaced(name, make) if name != "vars/0" else lambda file: make(file, "vars/0")
        if name == "vars/0":  # an array that the model has not, at its top
            with h5py.File(weights_of(tmp_path / "m.weights.h5", lambda f: None), "r+") as file:
                make(file.require_group("vars"), "9")
            refused(tmp_path / "m.weights.h5", model().load_weights)
        elif name in (KERNEL, BIAS):
            refused_everywhere(tmp_path, change, "shape")


def test_an_array_without_its_bytes(tmp_path):
    def make(group, name):
        space = h5s.create_simple((3, 2))
        plan = h5p.create(h5p.DATASET_CREATE)
        plan.set_alloc_time(h5d.ALLOC_TIME_LATE)
        h5d.create(group.id, name.encode(), h5t.NATIVE_FLOAT, space, plan)

    refused_everywhere(tmp_path, replaced(KERNEL, make), "declares 24 bytes")
    chunked = replaced(KERNEL, lambda g, n: g.create_dataset(n, (3, 2), "f4", chunks=(1, 1)))
    refused_everywhere(tmp_path, chunked, "of 6 numbers")


def with_blocks(group, name, blocks, chunks, **options):
    """An array of (3, 2) stored in packed blocks: these bytes."""
    made = group.create_dataset(name, (3, 2), "f4", maxshape=(None, None), chunks=chunks, **options)
    for place, block in blocks.items():
        made.id.write_direct_chunk(place, block)


def test_packed_blocks_unpack_to_no_more_than_the_array(tmp_path):
    bomb = zlib.compress(b"\0" * (210 << 20), 1)

    def gzip(group, name):
        block = zlib.compress(bytes(400 << 10))
        with_blocks(group, name, {(0, 0): block}, (3, 2), compression="gzip")

    def long(group, name):
        with_blocks(group, name, {(0, 0): bomb}, (3, 2), compression="gzip")

    def large(group, name):
        with_blocks(group, name, {(0, 0): bomb}, (2**14, 2**14), compression="gzip")

    def twice(group, name):
        plan = h5p.create(h5p.DATASET_CREATE)
        plan.set_chunk((3, 2))
        plan.set_deflate(9)
        plan.set_deflate(9)
        space = h5s.create_simple((3, 2))
        made = h5d.create(group.id, name.encode(), h5t.NATIVE_FLOAT, space, plan)
        made.write_direct_chunk((0, 0), zlib.compress(bomb, 9))

    def cut(group, name):
        with_blocks(group, name, {(0, 0): zlib.compress(b"\0" * 23)}, (3, 2), compression="gzip")

    def garbage(group, name):
        with_blocks(group, name, {(0, 0): b"garbage"}, (3, 2), compression="gzip")

    def plugin(group, name):
        plan = h5p.create(h5p.DATASET_CREATE)
        plan.set_chunk((3, 2))
        plan.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, (1,))
        space = h5s.create_simple((3, 2))
        h5d.create(group.id, name.encode(), h5t.NATIVE_FLOAT, space, plan)

    for make in (long, large, twice, cut, garbage, plugin):
        refused_everywhere(tmp_path, replaced(KERNEL, make))
    path = weights_of(tmp_path / "m.weights.h5", replaced(KERNEL, gzip))
    target = model()
    with Guard(path):
        target.load_weights(path)  # unpacked to 24 zeros, and no further
    assert not target.get_weights()[0].any()


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "gzip"},
        {"compression": "gzip", "shuffle": True},
        {"compression": "gzip", "shuffle": True, "chunks": (2, 2), "maxshape": (None, None)},
        {"chunks": (2, 2)},
        {"fletcher32": True},
        {"shuffle": True, "fletcher32": True},
    ],
)
def test_packed_blocks_of_good_files_are_read(tmp_path, options):
    values = np.arange(6, dtype="float32").reshape(3, 2)

    def change(file):
        del file[KERNEL]
        file.create_dataset(KERNEL, data=values, **options)

    path = weights_of(tmp_path / "m.weights.h5", change)
    loaded = model()
    loaded.load_weights(path)
    np.testing.assert_array_equal(loaded.get_weights()[0], values)


@pytest.mark.parametrize(
    "data",
    [
        np.array([[b"a", b"b"]] * 3),
        np.array([["x"] * 2] * 3, dtype=h5py.string_dtype()),
        np.zeros((3, 2), [("a", "f4"), ("b", "f4")]),
        np.zeros((3, 2), "complex64"),
        np.array([[None] * 2] * 3, dtype=h5py.ref_dtype),
        np.zeros((3, 2), "V8"),
        np.float32(1),
        h5py.Empty("f4"),
    ],
    ids=lambda data: str(getattr(data, "dtype", data)),
)
def test_arrays_of_other_things_than_numbers(tmp_path, data):
    change = replaced(KERNEL, lambda group, name: group.create_dataset(name, data=data))
    refused_everywhere(tmp_path, change)


def test_a_group_where_an_array_is_expected_and_the_other_way_round(tmp_path):
    refused_everywhere(tmp_path, replaced(KERNEL, lambda g, n: g.create_group(n)), "no array")
    change = replaced("layers/dense", lambda g, n: g.create_dataset(n, data=1.0))
    refused_everywhere(tmp_path, change, "in no group|no group")

    def loop(file):
        del file["layers/dense/vars"]
        file["layers/dense/vars"] = file["layers"]

    refused_everywhere(tmp_path, loop)


def text_file(path, texts, change=None, **options):
    """A file whose attributes are texts; ``change`` gets the addresses of their lengths and places,
    and the content.
    """
    with h5py.File(path, "w", **options) as file:
        for name, value in texts.items():
            file.attrs[name] = value
    if change is not None:
        content = bytearray(path.read_bytes())
        heaps = [at for at in range(len(content)) if content.startswith(b"GCOL", at)]
        lengths = {len(text) for value in texts.values() for text in np.ravel(value)}
        marks = {struct.pack("<IQ", n, heap) for n in lengths for heap in heaps}
        change([at for at in range(heaps[0]) if bytes(content[at : at + 12]) in marks], content)
        path.write_bytes(content)
    return path


@pytest.mark.parametrize("length", [2**32 - 1, 2**31, 300 << 20, 14 << 20])
def test_a_text_that_claims_a_length(tmp_path, length):
    def claim(places, content):
        for at in places:
            content[at : at + 4] = struct.pack("<I", length)

    path = text_file(tmp_path / "m.h5", {"model_config": "x" * 3000}, claim)
    refused(path, match=f"claims to have {length + 8} bytes")
    refused(path, model().load_weights, match="claims")
    path = text_file(tmp_path / "m.h5", {"layer_names": ["a", "b" * 3000]}, claim)
    refused(path, model().load_weights, match="claims")


def test_texts_that_are_one_and_the_same_text(tmp_path):
    """4,000 texts of a megabyte in a file of a megabyte."""

    def repeat(places, content):
        first = places[0]
        for at in places:
            content[at : at + 16] = content[first : first + 16]

    names = np.array(["x" * (1 << 20)] + ["a"] * 3999, object)
    path = text_file(tmp_path / "m.h5", {"layer_names": names}, repeat)
    assert path.stat().st_size < 3 << 20
    refused(path, model().load_weights, match="claims")


def test_texts_of_varying_length_are_read(tmp_path):
    texts = {"layer_names": ["dense", "other" * 100], "a": "b", "model_config": "{}" * 9}
    with h5py.File(text_file(tmp_path / "m.h5", texts), "r+") as file:
        file.create_group("dense").attrs["weight_names"] = ["kernel", "bias"]
        file["dense/kernel"], file["dense/bias"] = np.ones((3, 2)), np.ones(2)
    target = model()
    target.load_weights(tmp_path / "m.h5")
    assert all((w == 1).all() for w in target.get_weights())


@pytest.mark.parametrize("libver", ["v108", "v110", "latest"])
def test_layouts_that_keras_does_not_use_are_not_read(tmp_path, libver):
    """HDF5 itself crashes on some of these where they are damaged."""
    path = text_file(tmp_path / "m.h5", {"model_config": "{}"}, libver=libver)
    refused(path, match="newer than the one that Keras")
    refused(path, model().load_weights, match="newer than the one that Keras")


def test_parts_of_layouts_that_keras_does_not_use_are_not_read(tmp_path):
    path = text_file(tmp_path / "m.h5", {"model_config": "{}"}, userblock_size=512)
    refused(path, model().load_weights, match="does not begin")
    plan = h5p.create(h5p.FILE_CREATE)
    plan.set_sizes(4, 4)
    bounds = h5p.create(h5p.FILE_ACCESS)
    bounds.set_libver_bounds(h5py.h5f.LIBVER_EARLIEST, h5py.h5f.LIBVER_LATEST)
    with h5py.File(h5py.h5f.create(os.fsencode(path), fcpl=plan, fapl=bounds)) as file:
        file.attrs["model_config"] = "{}"
    refused(path, match="not the one that Keras")
    weights_of(tmp_path / "m.weights.h5", lambda file: None)
    with h5py.File(tmp_path / "m.weights.h5", "r+", libver="latest") as file:
        file.create_group("layers/dense/other")
        del file[BIAS]
        file["layers/dense/vars"].create_dataset("1", data=np.ones(2), track_order=True)
    refused(tmp_path / "m.weights.h5", model().load_weights, match="kind that Keras uses")


def test_a_type_that_is_shared(tmp_path):
    def change(file):
        file["type"] = np.dtype("float32")
        del file[BIAS]
        space = h5s.create_simple((2,))
        h5d.create(file.id, BIAS.encode(), file["type"].id, space)

    refused_everywhere(tmp_path, change, "kept elsewhere")


def test_an_attribute_of_a_name_twice(tmp_path):
    def double(places, content):
        content[:] = content.replace(b"model_confix", b"model_config")

    texts = {"model_confix": "{}", "model_config": "{}"}
    path = text_file(tmp_path / "m.h5", texts, double)
    refused(path, match="header cannot be read")


def test_attributes_that_are_no_texts(tmp_path):
    path = tmp_path / "m.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = h5py.Empty("S10")
    refused(path, model().load_weights)
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = np.array([file.ref], dtype=h5py.ref_dtype)
    refused(path)


def test_headers_that_go_in_circles(tmp_path):
    """Any eight bytes of the first header are another address or length: an error, or the text."""
    path = text_file(tmp_path / "m.h5", {"model_config": "{}", "layer_names": ["a"]})
    content = path.read_bytes()
    more = content.index(struct.pack("<HH", 16, 16), 96) + 8  # where the continuation is named
    for at in {*range(96, 396, 4), *range(more, more + 16)}:
        for value in (96, 112, 2**64 - 1, 1 << 20, 2**33, len(content)):
            damaged = bytearray(content)
            damaged[at : at + 8] = struct.pack("<Q", value)
            path.write_bytes(damaged)
            with Guard(path), contextlib.suppress(ValueError):
                dp.saving.load_model(path)


# --------------------------------------------------------------------------------------------------
# Zip


@pytest.mark.parametrize("member", ["config.json", "model.weights.h5", "diptych.random.json"])
def test_a_member_that_unpacks_to_gigabytes(tmp_path, member):
    path = archive_of(tmp_path / "m.keras", members={member: None})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open(member, "w") as file:
            for _ in range(210):
                file.write(b" " * (1 << 20))
    refused(path)


def test_a_member_whose_header_says_less_than_it_unpacks_to(tmp_path):
    path = archive_of(tmp_path / "m.keras", members={"config.json": b" " * (210 << 20)})
    content = bytearray(path.read_bytes())
    at = content.rindex(b"config.json")
    start = content.rindex(b"PK\x01\x02", 0, at)
    content[start + 24 : start + 28] = struct.pack("<I", 100)
    path.write_bytes(content)
    refused(path)


def test_a_vocabulary_that_unpacks_to_gigabytes(tmp_path):
    words = dp.layers.TextVectorization(output_sequence_length=3)
    words.adapt(["a b c"])
    made = dp.Sequential([dp.Input((1,), dtype="string"), words])
    made.save(tmp_path / "good.keras")
    path = tmp_path / "m.keras"
    found = False
    with zipfile.ZipFile(tmp_path / "good.keras") as old:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
            for name in old.namelist():
                asset = name.startswith("assets/")
                found |= asset
                new.writestr(name, b"\n" * (65 << 20) if asset else old.read(name))
    assert found
    refused(path, match="MB")


def test_archives_with_doubles_locks_and_foreign_packing(tmp_path):
    path = archive_of(tmp_path / "m.keras")
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("config.json", "{}")
    refused(path, match="two members")
    for packing in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        path = archive_of(tmp_path / "m.keras", members={"config.json": None})
        with zipfile.ZipFile(path, "a", packing) as archive:
            archive.writestr("config.json", "{}")
        refused(path, match="packed")
    path = archive_of(tmp_path / "m.keras")
    content = bytearray(path.read_bytes())
    for mark, flags in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        at = content.index(mark)
        while at >= 0:
            content[at + flags] |= 1
            at = content.find(mark, at + 1)
    path.write_bytes(content)
    refused(path, match="damaged|encrypted")
    for content in (b"", b"PK", b"PK\x05\x06" + bytes(18), b"\x80\x04\x95" + bytes(50)):
        path.write_bytes(content)
        refused(path)


def test_an_archive_of_pickles(tmp_path):
    """Not even looked at: weights are HDF5."""
    bomb = pickle.dumps(Bomb(tmp_path / "made"))
    path = archive_of(tmp_path / "m.keras", members={"model.weights.h5": bomb})
    refused(path)
    path.write_bytes(bomb)
    refused(path)
    refused(path, model().load_weights)
    path = archive_of(
        tmp_path / "m.keras", members={"model.weights.h5": None, "model.weights.npz": bomb}
    )
    refused(path)
    assert not (tmp_path / "made").exists()


class Bomb:
    """Unpickled, it would make a folder."""

    def __init__(self, path, function=os.mkdir):
        self.path, self.function = path, function

    def __reduce__(self):
        return self.function, (str(self.path),)


# --------------------------------------------------------------------------------------------------
# Weights in several files


@pytest.mark.parametrize(
    "name",
    [
        "../secret/secret.h5",
        "/etc/passwd",
        "secret/secret.h5",
        "",
        ".",
        "..",
        7,
        ["../x"],
        {"a": 1},
    ],
)
def test_shards_lie_beside_the_list(tmp_path, secret, name):
    path = tmp_path / "m.weights.json"
    path.write_text(json.dumps({"metadata": {}, "weight_map": {"/layers/dense/vars": name}}))
    refused(path, model().load_weights)


@pytest.mark.parametrize(
    "text", ["[]", "{}", '{"weight_map": 1}', '{"weight_map": []}', "[" * 10**5, "", "nan"]
)
def test_lists_of_shards_that_are_none(tmp_path, text):
    path = tmp_path / "m.weights.json"
    path.write_text(text)
    refused(path, model().load_weights)


def test_a_shard_that_is_a_link_out_of_the_folder_is_the_users(tmp_path):
    """A shard that is not there says so."""
    path = tmp_path / "m.weights.json"
    path.write_text(json.dumps({"weight_map": {"/layers/dense/vars": "m_00000.weights.h5"}}))
    with Guard(path, tmp_path / "m_00000.weights.h5"), pytest.raises(FileNotFoundError):
        model().load_weights(path)


# --------------------------------------------------------------------------------------------------
# safetensors


def tensors(path, header, content=b"\0" * 32, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    size = len(text) if length is None else length
    path.write_bytes(struct.pack("<Q", size) + text + content)
    return path


def entry(shape=(3, 2), begin=0, end=24, dtype="F32"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


KERNEL_ENTRY, BIAS_ENTRY = entry(), entry((2,), 24, 32)
SAFETENSORS = {
    "a product beyond uint64": {KERNEL: entry((2**32, 2**32, 2), 0, 0), BIAS: BIAS_ENTRY},
    "a product that wraps to 6": {KERNEL: entry((2**63, 2, 6)), BIAS: BIAS_ENTRY},
    "offsets against the shape": {KERNEL: entry((3, 2), 0, 20), BIAS: entry((2,), 20, 32)},
    "an end before its begin": {KERNEL: entry((3, 2), 24, 0), BIAS: BIAS_ENTRY},
    "offsets beyond the file": {KERNEL: entry((3, 2), 2**40, 2**40 + 24), BIAS: BIAS_ENTRY},
    "negative offsets": {KERNEL: entry((3, 2), -24, 0), BIAS: BIAS_ENTRY},
    "a negative shape": {KERNEL: entry((-3, -2)), BIAS: BIAS_ENTRY},
    "overlapping": {KERNEL: KERNEL_ENTRY, BIAS: entry((2,), 16, 24)},
    "a hole": {KERNEL: KERNEL_ENTRY, BIAS: entry((1,), 28, 32)},
    "a tensor of no size on another's offset": {
        KERNEL: KERNEL_ENTRY,
        BIAS: BIAS_ENTRY,
        "extra": entry((0,), 12, 12),
    },
    "a tensor of no size in front": {
        KERNEL: KERNEL_ENTRY,
        BIAS: BIAS_ENTRY,
        "a": entry((0,), 0, 0),
    },
    "another shape": {KERNEL: entry((2, 3)), BIAS: BIAS_ENTRY},
    "flat": {KERNEL: entry((6,)), BIAS: BIAS_ENTRY},
    "an unknown type": {KERNEL: entry(dtype="F99"), BIAS: BIAS_ENTRY},
    "a type that is a list": {KERNEL: entry(dtype=["F32"]), BIAS: BIAS_ENTRY},
    "floats as sizes": {KERNEL: entry((3.0, 2.0)), BIAS: BIAS_ENTRY},
    "true as size": {KERNEL: entry((True, 6)), BIAS: BIAS_ENTRY},
    "NaN as offset": {KERNEL: {**KERNEL_ENTRY, "data_offsets": [0, math.nan]}, BIAS: BIAS_ENTRY},
    "three offsets": {KERNEL: {**KERNEL_ENTRY, "data_offsets": [0, 24, 24]}, BIAS: BIAS_ENTRY},
    "a text as offsets": {KERNEL: {**KERNEL_ENTRY, "data_offsets": "ab"}, BIAS: BIAS_ENTRY},
    "an entry that is a list": {KERNEL: [], BIAS: BIAS_ENTRY},
    "an entry that is null": {KERNEL: None, BIAS: BIAS_ENTRY},
    "no entries": {},
    "100,000 entries": {KERNEL: KERNEL_ENTRY, BIAS: BIAS_ENTRY}
    | {f"x{i}": entry((0,), 0, 0) for i in range(100_000)},
    "a long shape": {KERNEL: entry((1,) * 100_000 + (3, 2)), BIAS: BIAS_ENTRY},
    "huge numbers": {KERNEL: entry((10**4000, 0), 0, 0), BIAS: BIAS_ENTRY},
    "metadata that is a number": b'{"__metadata__": 7}',
    "a key twice": (
        f'{{"{KERNEL}": {json.dumps(KERNEL_ENTRY)}, "{KERNEL}": {json.dumps(KERNEL_ENTRY)}, '
        f'"{BIAS}": {json.dumps(BIAS_ENTRY)}}}'
    ).encode(),
    "spaces in front": b" " + json.dumps({KERNEL: KERNEL_ENTRY, BIAS: BIAS_ENTRY}).encode(),
    "a list": b"[]",
    "deep": b'{"a":' * 100_000,
    "no text": b"{\xff\xfe}",
}


@pytest.mark.parametrize("what", SAFETENSORS)
def test_headers_of_safetensors(tmp_path, what):
    path = tensors(tmp_path / "m.safetensors", SAFETENSORS[what])
    target = model()
    before = target.get_weights()
    refused(path, target.load_weights)
    for kept, now in zip(before, target.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, now)


def test_lengths_of_safetensors(tmp_path):
    good = {KERNEL: KERNEL_ENTRY, BIAS: BIAS_ENTRY}
    path = tmp_path / "m.safetensors"
    tensors(path, good)
    target = model()
    target.load_weights(path)
    assert not any(w.any() for w in target.get_weights())
    for length in (2**64 - 1, 2**63, 2**40, 101 << 20, 0, 5):
        refused(tensors(path, good, length=length), target.load_weights)
    refused(tensors(path, good, b"\0" * 33), target.load_weights, "bytes of arrays")
    refused(tensors(path, good, b"\0" * 31), target.load_weights, "bytes of arrays")
    for content in (b"", b"\0" * 7, b"\0" * 8, b"{}"):
        path.write_bytes(content)
        refused(path, target.load_weights)


# --------------------------------------------------------------------------------------------------
# Data sets


def npz_of(path, arrays):
    """An .npz file: arrays, or the bytes of its members."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in arrays.items():
            if not isinstance(value, bytes):
                buffer = io.BytesIO()
                np.lib.format.write_array(buffer, value, allow_pickle=True)
                value = buffer.getvalue()
            archive.writestr(f"{name}.npy", value)
    return path


def npy(shape, descr, content=b""):
    buffer = io.BytesIO()
    header = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, header)
    return buffer.getvalue() + content


class Call:
    """Unpickled, it calls a function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def opcodes(module, name, argument):
    """A pickle that calls a function by its name."""
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n(V" + argument.encode() + b"\ntR."


@pytest.mark.parametrize("data", [imdb, reuters])
def test_pickles_in_data_sets_run_nothing(tmp_path, data):
    mark = tmp_path / "made"
    numbers = np.arange(3)
    pickles = [
        pickle.dumps(Call(os.mkdir, str(mark))),
        pickle.dumps(Call(eval, f"__import__('os').mkdir({str(mark)!r})")),
        pickle.dumps(Call(np.fromfile, str(tmp_path / "m.npz"))),
        pickle.dumps(Call(np.load, str(mark), None, True)),
        pickle.dumps(Call(np.zeros, 10**9)),
        pickle.dumps([Call(os.mkdir, str(mark))]),
        opcodes("os", "mkdir", str(mark)),
        opcodes("numpy", "load", str(mark)),
        opcodes("numpy.testing._private.utils", "runstring", f"open({str(mark)!r}, 'w')"),
        opcodes("numpy.f2py.crackfortran", "myeval", f"open({str(mark)!r}, 'w')"),
        opcodes("numpy.lib.npyio", "fromregex", str(mark)),
        opcodes("numpy.f2py.diagnose", "_reconstruct", "x"),
        opcodes("numpy._core.multiarray", "fromfile", str(mark)),
        opcodes("numpy_evil", "scalar", str(mark)),
        opcodes("numpy", "ndarray.tofile", str(mark)),
        opcodes("numpy", "dtype.__class__", str(mark)),
        pickle.dumps(np.empty(0).__reduce__()[0]),
        b"",
        b"\x80\x04\x95",
        b"\x80\x04N.",
        b"\x80\x04K\x01.",
        b"cnumpy\ndtype\n(VS1000000000\ntR.",
        b"cnumpy\nndarray\n((I1000000000\nItR.",
        b"cnumpy\nndarray\n((L100000000000L\ntVf8\ntR.",
        b"(" * 10**5,
        b"]" * 10**5 + b"a" * (10**5 - 1) + b".",
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f",  # bytes of 2**63
        b"\x80\x04r\xff\xff\xff\x7f",  # a memo of 2**31 places
        b"\x80\x04Nr\xff\xff\xff\x0f.",
    ]
    names = ("x_train", "y_train", "x_test", "y_test") if data is imdb else ("x", "y")
    for number, content in enumerate(pickles):
        member = npy((3,), "|O", content)
        arrays = {name: numbers for name in names} | {names[0]: member}
        path = npz_of(tmp_path / "m.npz", arrays)
        try:
            with DataGuard(path), pytest.raises(ValueError):  # noqa: PT011 - any of them
                data.load_data(path)
        except BaseException as error:
            raise AssertionError(f"pickle {number}, {content[:60]!r}: {error!r}") from error
        assert not mark.exists()


class DataGuard(Guard):
    """Unpickling is expected: what is asked for is refused one by one."""

    def note(self, event, arguments):
        literal = event == "compile" and arguments[1] == "<unknown>"  # ast.literal_eval
        if event != "pickle.find_class" and not literal:
            super().note(event, arguments)


@pytest.mark.parametrize("data", [imdb, reuters])
@pytest.mark.parametrize(
    "member",
    [
        npy((2**62,), "<i8"),
        npy((10**10,), "<i8", bytes(8)),
        npy((2**40, 2**40), "<i8"),
        npy((-1,), "<i8", bytes(8)),
        npy((3,), "<i8", bytes(8)),
        npy((3,), "S1000000000"),
        npy((10**9,), "|O", pickle.dumps([1])),
        b"\x93NUMPY\x01\x00\xff\xff" + b"{" * 65535,
        b"\x93NUMPY\x02\x00\xff\xff\xff\x7f" + b"(" * 10**5,
        b"\x93NUMPY\x01\x00\x10\x00{'descr':[].x()}",
        b"\x93NUMPY\x09\x00",
        b"",
        b"\0" * (65 << 20),
    ],
    ids=range(13),
)
def test_arrays_of_data_sets_that_claim_sizes(tmp_path, data, member):
    names = ("x_train", "y_train", "x_test", "y_test") if data is imdb else ("x", "y")
    for place in names:
        arrays = {name: np.arange(3) for name in names} | {place: member}
        path = npz_of(tmp_path / "m.npz", arrays)
        with DataGuard(path), pytest.raises(ValueError):  # noqa: PT011 - any of them
            data.load_data(path)


def test_idx_files_that_claim_sizes(tmp_path):
    path = tmp_path / "x-idx3-ubyte"
    for content in (
        struct.pack(">I", 0x803) + struct.pack(">3I", 2**32 - 1, 2**32 - 1, 2**32 - 1),
        struct.pack(">I", 0x8FF) + struct.pack(">255I", *[2**32 - 1] * 255),
        struct.pack(">I", 0x8FF) + struct.pack(">255I", *[1] * 255) + b"\1",
        struct.pack(">I", 0xE03) + struct.pack(">3I", 2**31, 2**31, 4) + bytes(64),
        struct.pack(">I", 0x803) + struct.pack(">3I", 0, 2**32 - 1, 2**32 - 1) + b"\0",
        b"\x1f\x8b" + bytes(30),
    ):
        path.write_bytes(content)
        refused(path, read_idx)


def test_a_gzipped_idx_file_unpacks_to_no_more_than_its_header_says(tmp_path):
    path = tmp_path / "x-idx1-ubyte.gz"
    pack = zlib.compressobj(1, zlib.DEFLATED, 31)
    head = struct.pack(">I", 0x801) + struct.pack(">I", 10)
    path.write_bytes(pack.compress(head + bytes(210 << 20)) + pack.flush())
    refused(path, read_idx, "left over")
