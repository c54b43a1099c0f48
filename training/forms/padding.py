"""The bytes between the fields of a structured array, which nothing ever wrote: whatever was in memory before.

The nodes of scikit-learn's trees have seven of them each; two equal models would differ in them.
"""

from __future__ import annotations

import io

import numpy as np

PADDED = b"('', '|V"
"""How the header of a `.npy` file has padding: a field without a name."""


def cleared(content: bytes) -> bytes:
    """The same `.npy` file with zeros for padding; other contents as they are."""
    if not content.startswith(b"\x93NUMPY") or PADDED not in content[:4096]:
        return content
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    _, _, kind = read(stream)
    start = stream.tell()
    rows = np.frombuffer(content, dtype=np.uint8, offset=start).copy()
    if kind.fields is None or not kind.itemsize or rows.size % kind.itemsize:
        return content
    used = np.zeros(kind.itemsize, dtype=np.bool_)
    for field, offset, *_ in (entry for name, entry in kind.fields.items() if not name.startswith("f_padding")):
        used[offset : offset + field.itemsize] = True
    rows.reshape(-1, kind.itemsize)[:, ~used] = 0
    return content[:start] + rows.tobytes()
