"""The object store: versions by content, immutable, nothing half done."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from providers.errors import InvalidInput, NotFound
from providers.local import records
from providers.local.storage import Store, disk_room, parse_uri
from providers.local.store.hashes import content_hash
from training.artifact.digest import tree_digest


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


def test_a_file_is_named_by_the_sha256_of_its_bytes(store: Store, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"a,b\n1,2\n")
    stored = store.put(tmp_path / "x.csv", "p/s/d")
    assert stored.digest == f"sha256:{hashlib.sha256(b'a,b' + bytes([10]) + b'1,2' + bytes([10])).hexdigest()}"
    assert stored.uri == f"local://p/s/d@{stored.digest}"
    assert (stored.bytes, stored.files) == (8, 1)
    assert store.path(stored.uri).name == "x.csv"
    assert store.path(stored.uri).read_bytes() == b"a,b\n1,2\n"


def test_a_folder_is_named_by_its_tree_digest_and_parts_have_addresses(store: Store, tmp_path: Path) -> None:
    (tmp_path / "f" / "sub").mkdir(parents=True)
    (tmp_path / "f" / "a").write_text("1")
    (tmp_path / "f" / "sub" / "b").write_text("2")
    stored = store.put(tmp_path / "f", "k")
    assert stored.digest == tree_digest(tmp_path / "f")
    assert store.path(f"{stored.uri}/sub/b").read_text() == "2"
    with pytest.raises(NotFound, match="there is no 'sub/c'"):
        store.path(f"{stored.uri}/sub/c")
    with pytest.raises(NotFound):
        store.path(f"{stored.uri}/../meta.json")


def test_the_same_content_is_kept_once_and_new_content_is_a_further_version(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "x.csv"
    digests = []
    for text in ("1", "2", "1"):
        source.write_text(text)
        digests.append(store.put(source, "k").digest)
    assert digests[0] == digests[2]
    assert store.versions("k") == digests[:2]


def test_content_does_not_change_with_its_source(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "x.csv"
    source.write_text("before")
    uri = store.put(source, "k").uri
    with source.open("r+") as stream:
        stream.write("AFTER!")
    assert store.path(uri).read_text() == "before"
    assert store.path(uri).stat().st_mode & 0o222 == 0
    assert source.stat().st_mode & 0o200


def test_delete_is_idempotent_and_leaves_no_empty_folders(store: Store, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("1")
    uri = store.put(tmp_path / "x", "p/s/d").uri
    for _ in range(2):
        store.delete(uri)
    with pytest.raises(NotFound, match="nothing is kept of it"):
        store.path(uri)
    store.put(tmp_path / "x", "p/s/d")
    for _ in range(2):
        store.delete_key("p/s/d")
    assert [path for path in store.home.rglob("*") if path.name != "tmp"] == []


@pytest.mark.parametrize("uri", ["s3://b/k", "local://k", "local://k@sha256:12", "", "local://../x@sha256:" + "a" * 64])
def test_a_foreign_address_is_refused(store: Store, uri: str) -> None:
    with pytest.raises((InvalidInput, NotFound)):
        store.path(uri)


def test_symbolic_links_are_refused_and_nothing_stays(store: Store, tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "l").symlink_to("/etc/passwd")
    with pytest.raises(InvalidInput, match="symbolic link"):
        store.put(tmp_path / "f", "k")
    assert list((store.home / "tmp").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_is_one_clear_error_and_leaves_nothing(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(disk)], capture_output=True).returncode:
        pytest.skip("no right to mount a tmpfs here")
    try:
        (tmp_path / "big").write_bytes(os.urandom(3 << 20))
        store = Store(disk / "home")
        with pytest.raises(records.DiskFull, match="no space left"):
            store.put(tmp_path / "big", "k")
        assert store.versions("k") == []
        assert list((store.home / "tmp").iterdir()) == []
        with pytest.raises(records.DiskFull, match=r"3 MiB are needed"):
            disk_room(disk / "home", 3 << 20)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_the_hash_of_an_unchanged_source_is_not_computed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "x.csv"
    source.write_text("1")
    os.utime(source, ns=(0, 0))
    first = content_hash(tmp_path, source)
    read: list[Path] = []
    monkeypatch.setattr("providers.local.store.hashes._GRAIN", -(10**18))
    assert content_hash(tmp_path, source) == first
    monkeypatch.setattr("providers.local.store.hashes.file_hex", lambda path: read.append(path) or "0" * 64)
    assert content_hash(tmp_path, source) == first
    assert read == []
    source.write_text("2")
    assert content_hash(tmp_path, source) != first
    assert read == [source]


def test_a_change_that_keeps_size_and_time_of_a_fresh_file_is_seen(tmp_path: Path) -> None:
    source = tmp_path / "x.csv"
    source.write_text("1")
    times = source.stat()
    first = content_hash(tmp_path, source)
    source.write_text("2")
    os.utime(source, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert content_hash(tmp_path, source) != first


def test_a_folder_hash_is_the_tree_digest(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "a").write_text("1")
    assert content_hash(tmp_path / "h", tmp_path / "f") == tree_digest(tmp_path / "f")


def test_an_address_is_taken_apart() -> None:
    digest = "sha256:" + "a" * 64
    assert parse_uri(f"local://p/s/d@{digest}/x/y.csv") == ("p/s/d", digest, "x/y.csv")
