"""Bodies that were sent compressed (`Content-Encoding`), expanded within the limit of a body."""

from __future__ import annotations

import zlib

from serving.errors import RequestError

_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""zlib's window bits: gzip's header, or zlib's own."""


def expanded(body: bytes, encoding: str, limit: int) -> bytes:
    """The body as it was before its encoding; `limit` is in bytes.

    Raises RequestError: 415 for an unknown encoding, 413 for more than the limit, 400 for damaged bytes.
    """
    name = encoding.strip().lower()
    if name == "identity":
        return body
    if name not in _WINDOWS:
        raise RequestError(
            f"content encoding '{encoding[:40]}' is not supported; send it plain, as gzip or deflate", 415
        )
    inflate = zlib.decompressobj(_WINDOWS[name])
    try:
        plain = inflate.decompress(body, limit + 1)
    except zlib.error as error:
        raise RequestError(f"the body is not {name}, as its content encoding says ({error})") from None
    if len(plain) > limit:
        raise RequestError(f"the body is larger than {limit} bytes; send fewer rows a request", 413)
    if not inflate.eof:
        raise RequestError(f"the body is truncated: its {name} data has no end")
    return plain
