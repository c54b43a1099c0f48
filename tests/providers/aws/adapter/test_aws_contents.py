"""Content in S3: named by its digest, whole or absent."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from adapter_bench import REGION, Stack

from providers.aws.contents import Contents, marker
from providers.aws.objects import split_uri
from providers.errors import InvalidInput, NotFound, Unavailable
from providers.hashing import file_digest, tree_digest


@pytest.fixture
def contents(stack: Stack) -> Contents:
    return Contents(REGION, stack.home)


@pytest.fixture
def base(stack: Stack, tmp_path: Path) -> str:
    return f"s3://{stack.name}/{tmp_path.name}/"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "content"
    (made / "in side").mkdir(parents=True)
    (made / "a.txt").write_text("one")
    (made / "in side" / "b #1.txt").write_text("two")
    (made / "run.json").write_text("what differs between two equal runs")
    return made


def test_a_folder_has_the_digest_of_the_local_cloud_and_comes_back_as_it_was(
    contents: Contents, base: str, folder: Path, tmp_path: Path
) -> None:
    stored = contents.put(folder, base)
    assert stored.digest == tree_digest(folder) == contents.digest_of(stored.uri)
    assert (stored.files, stored.bytes) == (3, sum(path.stat().st_size for path in folder.rglob("*.*")))
    assert tree_digest(contents.download(stored.uri, tmp_path / "back"), exclude=()) == tree_digest(folder, exclude=())


def test_a_file_has_the_digest_of_its_bytes_and_keeps_its_name(contents: Contents, base: str, folder: Path) -> None:
    stored = contents.put(folder / "a.txt", base)
    assert (stored.digest, stored.name) == (file_digest(folder / "a.txt"), "a.txt")
    assert [item.name for item in contents.objects.listed(stored.uri)] == ["a.txt"]
    assert contents.stat(stored.uri) == stored


def test_the_same_content_is_uploaded_once(contents: Contents, base: str, folder: Path) -> None:
    moved: list[int] = []
    first = contents.put(folder, base, progress=moved.append)
    assert sum(moved) == first.bytes
    moved.clear()
    assert contents.put(folder, base, progress=moved.append) == first
    assert moved == []


def test_what_has_no_marker_is_not_there_and_is_made_whole_by_the_next_upload(
    contents: Contents, base: str, folder: Path
) -> None:
    stored = contents.put(folder, base)
    contents.objects.delete(marker(stored.uri))
    contents.objects.delete(f"{stored.uri}a.txt")
    assert contents.find(stored.uri) is None
    with pytest.raises(NotFound, match="nothing"):
        contents.stat(stored.uri)
    assert contents.versions(base) == []
    assert contents.put(folder, base) == stored
    assert contents.digest_of(stored.uri) == stored.digest


def test_content_that_is_not_what_check_saw_is_refused(contents: Contents, base: str, folder: Path) -> None:
    with pytest.raises(Unavailable, match="changed while it was being deployed"):
        contents.put(folder, base, digest=f"sha256:{'0' * 64}")
    assert list(contents.objects.listed(base)) == []


def test_a_file_that_changes_while_it_is_uploaded_leaves_nothing(contents: Contents, base: str, folder: Path) -> None:
    big = folder / "z.bin"
    big.write_bytes(bytes(20 << 20))
    with pytest.raises((Unavailable, InvalidInput)):
        contents.put(big, base, progress=lambda count: big.write_bytes(b"\1" * (20 << 20)))
    assert list(contents.objects.listed(base)) == []


def test_an_upload_that_is_given_up_leaves_nothing_whole(contents: Contents, base: str, folder: Path) -> None:
    def give_up(count: int) -> None:
        raise KeyError("stop")

    with pytest.raises(KeyError):
        contents.put(folder, base, progress=give_up)
    assert contents.versions(base) == []


def test_a_link_in_a_folder_is_refused(contents: Contents, base: str, folder: Path) -> None:
    (folder / "link").symlink_to("a.txt")
    with pytest.raises(InvalidInput, match="symbolic link"):
        contents.put(folder, base)


def test_what_a_job_has_written_is_sealed_where_it_stands(stack: Stack, contents: Contents, base: str) -> None:
    bucket, key = split_uri(base)
    for name in ("a.txt", "b/c.txt"):
        stack.running.client("s3").put_object(Bucket=bucket, Key=f"{key}output/model/{name}", Body=name.encode())
    sealed = contents.seal(f"{base}output/model/")
    assert sealed == contents.stat(f"{base}output/model/")
    assert (sealed.files, sealed.digest) == (2, contents.digest_of(sealed.uri))
    with pytest.raises(NotFound):
        contents.seal(f"{base}output/nothing/")


def test_a_copy_has_the_same_digest_and_outlives_its_source(contents: Contents, base: str, folder: Path) -> None:
    stored = contents.put(folder, base)
    copied = contents.copy(stored.uri, f"{base}copies/")
    contents.delete(stored.uri)
    assert contents.find(stored.uri) is None
    assert copied.digest == stored.digest == contents.digest_of(copied.uri)


def test_versions_are_told_oldest_first_and_deletes_are_silent(contents: Contents, base: str, folder: Path) -> None:
    digests = []
    for text in ("1", "2", "3"):
        (folder / "a.txt").write_text(text)
        digests.append(contents.put(folder, base).digest)
    assert contents.versions(base) == digests
    shutil.rmtree(folder)
    contents.objects.delete(base)
    contents.objects.delete(base)
    contents.objects.delete(f"s3://{'no-such-bucket' * 3}/x/")
    assert contents.versions(base) == []


def test_more_than_a_thousand_objects_are_listed_and_deleted(stack: Stack, contents: Contents, base: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: contents.objects.write(f"{base}{number:04}", b""), range(1010)))
    assert len(list(contents.objects.listed(base))) == 1010
    contents.objects.delete(base)
    assert not contents.objects.exists(base)


@pytest.mark.parametrize("wrong", ["local://x", "s3://", "s3://b", "s3://BUCKET/x", "https://b.s3.amazonaws.com/x", ""])
def test_what_is_no_address_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidInput, match="not an address in S3"):
        split_uri(wrong)
