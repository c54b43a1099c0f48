"""Services that are moto's, through the emulator's front."""

from __future__ import annotations

from collections.abc import Callable

from running_emulator import RunningEmulator


def test_an_object_comes_back_as_it_was_put(emulator: RunningEmulator, unique: Callable[[str], str]) -> None:
    s3, bucket = emulator.client("s3"), unique("bucket")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a/b.bin", Body=bytes(range(256)))
    assert s3.get_object(Bucket=bucket, Key="a/b.bin")["Body"].read() == bytes(range(256))
