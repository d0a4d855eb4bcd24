"""``get_file``: downloads from folders made here, and archives that must not write elsewhere."""

import gzip
import hashlib
import io
import os
import stat
import tarfile
import zipfile

import pytest

from diptych.utils import archives, downloads, get_file

CONTENT = b"content of the file\n" * 100


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A folder as the server; downloads go to an empty folder."""
    monkeypatch.setenv("DIPTYCH_HOME", str(tmp_path / "home"))
    folder = tmp_path / "server"
    folder.mkdir()
    (folder / "data.csv").write_bytes(CONTENT)
    return folder


def files_below(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def url(path):
    return path.as_uri()


# ---------------------------------------------------------------- downloads


def test_a_file_is_downloaded_once(server, tmp_path, capsys):
    origin = url(server / "data.csv")
    path = get_file(origin=origin)
    assert path == str(tmp_path / "home" / "datasets" / "data.csv")
    assert f"Downloading data from {origin}\n" in capsys.readouterr().out
    (server / "data.csv").write_bytes(b"changed")
    assert get_file("data.csv", origin) == path
    with open(path, "rb") as file:
        assert file.read() == CONTENT
    assert capsys.readouterr().out == ""
    get_file("data.csv", origin, force_download=True)
    with open(path, "rb") as file:
        assert file.read() == b"changed"
    assert files_below(tmp_path / "home") == ["datasets/data.csv"]
    (tmp_path / "other").touch()  # as readable as any other file
    assert stat.S_IMODE(os.stat(path).st_mode) == stat.S_IMODE(os.stat(tmp_path / "other").st_mode)


def test_places(server, tmp_path):
    origin = url(server / "data.csv")
    one = get_file("one.csv", origin, cache_dir=tmp_path / "a", cache_subdir="b")
    assert one == str(tmp_path / "a" / "b" / "one.csv")
    two = get_file("two.csv", origin, cache_subdir=str(tmp_path / "c"))
    assert two == str(tmp_path / "c" / "two.csv")


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
@pytest.mark.parametrize("auto", [True, False])
def test_checksums(server, tmp_path, algorithm, auto, capsys):
    origin = url(server / "data.csv")
    right = hashlib.new(algorithm, CONTENT).hexdigest()
    how = {"hash_algorithm": "auto" if auto else algorithm}
    with pytest.raises(ValueError, match=f"expected {right[::-1]}; the download was deleted"):
        get_file(origin=origin, file_hash=right[::-1], **how)
    assert files_below(tmp_path / "home") == []
    path = get_file(origin=origin, file_hash=right.upper(), **how)
    capsys.readouterr()
    with open(path, "ab") as file:
        file.write(b"more")
    assert get_file(origin=origin, file_hash=right, **how) == path
    assert f"doesn't have the checksum {right}" in capsys.readouterr().out
    with open(path, "rb") as file:
        assert file.read() == CONTENT


def test_the_old_word_for_a_checksum(server):
    with pytest.raises(ValueError, match="has the MD5"):
        get_file(origin=url(server / "data.csv"), md5_hash="0" * 32)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"origin": None}, "needs `origin`"),
        ({"origin": "data.csv"}, "begins with https"),
        ({"origin": "ssh://host/data.csv"}, "begins with https"),
        ({"origin": "https://host/"}, "give `fname`"),
        ({"origin": "https://host/.."}, "without folders"),
        ({"fname": "../x"}, "without folders"),
        ({"fname": "/x"}, "without folders"),
        ({"hash_algorithm": "crc"}, "'sha256' or 'md5'"),
        ({"file_hash": "123"}, "3 digits; md5 has 32"),
        ({"file_hash": "0" * 32, "hash_algorithm": "sha256"}, "sha256 has 64"),
    ],
)
def test_errors_of_get_file(server, arguments, message):
    with pytest.raises(ValueError, match=message):
        get_file(**{"origin": url(server / "data.csv"), **arguments})


def test_what_is_not_there(server, tmp_path):
    with pytest.raises(OSError, match=r"absent\.csv could not be fetched"):
        get_file(origin=url(server / "absent.csv"))
    assert files_below(tmp_path / "home") == []


class Broken(io.BytesIO):
    headers = {"Content-Length": "5000"}  # noqa: RUF012


def test_a_download_that_breaks_off(server, tmp_path, monkeypatch):
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: Broken(CONTENT))
    with pytest.raises(OSError, match="broke off after 2000 of 5000 bytes"):
        get_file(origin="https://host/data.csv")
    assert files_below(tmp_path / "home") == []


# ---------------------------------------------------------------- archives


def tar_of(path, *members, mode="w"):
    """members: (name, content or None for a folder, changes of the header)."""
    with tarfile.open(path, mode) as archive:
        for name, content, *changes in members:
            info = tarfile.TarInfo(name)
            info.size = len(content or b"")
            info.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
            for key, value in dict(*changes).items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(content or b""))
    return path


def zip_of(path, *members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, *changes in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            for key, value in dict(*changes).items():
                setattr(info, key, value)
            archive.writestr(info, content or b"")
    return path


GOOD = (("top/", None), ("top/a.txt", b"a"), ("./top/sub/b.txt", CONTENT))


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("x.tar", tar_of),
        ("x.tar.gz", lambda p, *m: tar_of(p, *m, mode="w:gz")),
        ("x.tar.bz2", lambda p, *m: tar_of(p, *m, mode="w:bz2")),
        ("x.tar.xz", lambda p, *m: tar_of(p, *m, mode="w:xz")),
        ("x.zip", zip_of),
    ],
)
def test_archives(server, tmp_path, name, make):
    origin = url(make(server / name, *GOOD))
    home = tmp_path / "home" / "datasets"
    # The names of the folders are Keras's.
    for fname, folder in ((None, name), ("data", "data"), ("my.data", "my_extracted")):
        path = get_file(fname, origin, extract=True)
        assert path == str(home / folder)
        assert files_below(home / folder) == ["top/a.txt", "top/sub/b.txt"]
        assert (home / folder / "top/sub/b.txt").read_bytes() == CONTENT
    assert {p.name for p in home.iterdir() if p.is_file()} == {
        f"{name}_archive", "data_archive", "my.data"
    }  # fmt: skip


def test_an_archive_is_unpacked_once(server, tmp_path):
    origin = url(zip_of(server / "x.zip", *GOOD))
    folder = tmp_path / "home" / "datasets" / "x"
    get_file("x", origin, extract=True)
    (folder / "top" / "a.txt").unlink()
    get_file("x", origin, extract=True)
    assert files_below(folder) == ["top/sub/b.txt"]
    get_file("x", origin, extract=True, force_download=True)
    assert files_below(folder) == ["top/a.txt", "top/sub/b.txt"]
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")  # a link in the place of the folder is not followed
    (tmp_path / "elsewhere" / "mine").write_text("mine")
    get_file("x", origin, extract=True, force_download=True)
    assert not folder.is_symlink()
    assert (tmp_path / "elsewhere" / "mine").read_text() == "mine"


def test_what_is_no_archive(server):
    origin = url(server / "data.csv")
    with pytest.warns(UserWarning, match="no archive of the formats"):
        get_file("x", origin, extract=True)
    with pytest.warns(UserWarning, match=r"\['tar'\]"):
        get_file("y", url(zip_of(server / "x.zip", *GOOD)), untar=True)
    with pytest.raises(NotImplementedError, match="got 'rar'"):
        get_file("x", origin, extract=True, archive_format="rar")


LONG = "d" * 200
LINK = {"type": tarfile.SYMTYPE, "size": 0}
HARD = {"type": tarfile.LNKTYPE, "size": 0}
HOSTILE_TARS = {
    "up": [("../evil", b"x")],
    "up in the middle": [("a/../../evil", b"x")],
    "absolute": [("/tmp/evil", b"x")],
    "backslashes": [("..\\evil", b"x")],
    "a drive": [("c:/evil", b"x")],
    "a link up": [("a", b"", {**LINK, "linkname": ".."}), ("a/evil", b"x")],
    "a link inside": [("a", b"", {**LINK, "linkname": "b"})],
    "a hard link out": [("a", b"", {**HARD, "linkname": "../server/data.csv"})],
    "a hard link and a write through it": [
        ("a", b"", {**HARD, "linkname": "../../server/data.csv"}),
        ("a", b"evil"),
    ],
    "a linked folder": [
        ("a", b"", {**LINK, "linkname": "../../server"}),
        ("a/evil", b"x"),
    ],
    # So long a path that resolving it fails, and the last link leads out (CVE-2025-12060).
    "a chain of links": [
        *((f"{LONG}/" * i + LONG, None) for i in range(20)),
        *((c, b"", {**LINK, "linkname": f"{LONG}/" * 20}) for c in "abcdefgh"),
        ("a/b/c/d/e/f/g/h/out", b"", {**LINK, "linkname": "../" * 40}),
        ("out/evil", b"x"),
    ],
    "a device": [("a", b"", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3})],
    "a pipe": [("a", b"", {"type": tarfile.FIFOTYPE})],
    "a file as a folder": [("a", b"x"), ("a/b", b"x")],
    "many levels": [("a/" * 1500 + "b", b"x")],
}


def refused(server, tmp_path, path, match="nothing was"):
    """Extracting the archive fails, and leaves nothing behind but the archive."""
    before = files_below(server)
    with pytest.raises(ValueError, match=match) as caught:
        get_file("x", url(path), extract=True)
    assert files_below(tmp_path / "home") == ["datasets/x_archive"]
    assert sorted(p.name for p in (tmp_path / "home" / "datasets").iterdir()) == ["x_archive"]
    assert files_below(server) == before
    assert (server / "data.csv").read_bytes() == CONTENT
    assert not list(tmp_path.glob("*evil*"))
    return str(caught.value)


@pytest.mark.parametrize("members", HOSTILE_TARS.values(), ids=HOSTILE_TARS)
@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_hostile_tars(server, tmp_path, members, mode):
    refused(server, tmp_path, tar_of(server / "x", *members, mode=mode))


@pytest.mark.parametrize(
    "members",
    [
        [("../evil", b"x")],
        [("/tmp/evil", b"x")],
        [("a/..\\..\\evil", b"x")],
        [("a", b"../server", {"external_attr": 0o120777 << 16}), ("a/evil", b"x")],
        [("a", b"", {"external_attr": 0o010666 << 16})],
        [("good.txt", b"x"), ("a", b"x"), ("a/b", b"x")],
    ],
)
def test_hostile_zips(server, tmp_path, members):
    refused(server, tmp_path, zip_of(server / "x", *members))


@pytest.mark.parametrize("make", [lambda *a: tar_of(*a, mode="w:gz"), zip_of])
def test_bombs(server, tmp_path, make, monkeypatch):
    monkeypatch.setattr(archives, "SMALL", 1 << 20)
    path = make(server / "x", ("good.txt", b"x"), ("zeros", bytes(4 << 20)))
    assert path.stat().st_size < 1 << 14
    refused(server, tmp_path, path, "more than 1 MB of content")
    path = make(server / "x", *((f"{i}", b"") for i in range(3000)))
    (tmp_path / "home" / "datasets" / "x_archive").unlink()
    monkeypatch.setattr(archives, "MOST_TIMES", 1)
    refused(server, tmp_path, path, "more than 1 MB of content")


def test_headers_that_claim_much(server, tmp_path):
    """A name of 64 MB of zeros, packed into 64 kB; sizes below zero; a sparse file of 1 TB."""
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 64 << 20
    with gzip.open(server / "x", "wb") as file:
        file.write(tarfile.TarInfo("good").tobuf() + info.tobuf() + bytes(info.size))
    refused(server, tmp_path, server / "x", "a header claims 67108864 bytes")
    (tmp_path / "home" / "datasets" / "x_archive").unlink()
    for headers in ({"size": "-512"}, {"GNU.sparse.size": str(1 << 40), "GNU.sparse.map": "0,1"}):
        tar_of(server / "x", ("good", b"x"), ("a", b"x", {"pax_headers": headers}))
        with tarfile.open(server / "x", "w", format=tarfile.PAX_FORMAT) as archive:
            member = tarfile.TarInfo("a")
            member.pax_headers = headers
            archive.addfile(member)
        refused(server, tmp_path, server / "x", "nothing was")
        (tmp_path / "home" / "datasets" / "x_archive").unlink()


@pytest.mark.parametrize(
    "make",
    [tar_of, zip_of, *(lambda *a, m=m: tar_of(*a, mode=f"w:{m}") for m in ("gz", "bz2", "xz"))],
    ids=["tar", "zip", "gz", "bz2", "xz"],
)
def test_damaged_archives_leave_nothing(server, tmp_path, make):
    """Cut short, or with another byte, an archive is unpacked right, refused, or no archive."""
    path = make(server / "x", *GOOD)
    content = path.read_bytes()
    folder = tmp_path / "home" / "datasets"
    folder.mkdir(parents=True)
    outcomes = set()
    for place in range(0, len(content), max(1, len(content) // 40)):
        changed = bytearray(content)
        changed[place] ^= 0x55
        for damaged in (content[:place], bytes(changed)):
            path.write_bytes(damaged)
            try:
                done = archives.unpack(str(path), str(folder / "out"), ["tar", "zip"])
            except ValueError:
                done = None
            outcomes.add(done)
            assert done or not (folder / "out").exists()
            if done:
                archives.shutil.rmtree(folder / "out")
            assert list(folder.iterdir()) == []
    assert outcomes & {None, False}


def test_the_home_folder(monkeypatch):
    monkeypatch.delenv("DIPTYCH_HOME", raising=False)
    assert downloads.home_folder() == os.path.expanduser("~/.diptych")
