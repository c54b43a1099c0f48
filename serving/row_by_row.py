"""Answers for batch jobs: every row is answered, a bad one by why it is bad, so that it does not fail all the others.

Asked for by `Accept: application/x-mooring-rows` with CSV (and its header) or JSON Lines. The answer is CSV as
`serving.batch` writes it, the input's columns and then the prediction's, and one more column at its end: why the row
could not be predicted, empty where it could.
"""

from __future__ import annotations

import csv
import io
from itertools import islice
from pathlib import PurePosixPath

from serving.batch import CHUNK, new_columns, predict_lines
from serving.batch_input import open_source
from serving.errors import RequestError
from serving.http import Reply, Request
from serving.predictor import Predictor

TYPE = "application/x-mooring-rows"
ERROR = "error"
"""The name of the last column."""
_NAMES = {"text/csv": "rows.csv", "application/jsonlines": "rows.jsonl", "application/x-ndjson": "rows.jsonl"}


def reply(predictor: Predictor, request: Request) -> Reply:
    """The answer to a whole body. Raises RequestError for a body without rows, or with a wrong header."""
    name = _NAMES.get(request.media_type or "text/csv")
    if name is None:
        raise RequestError(f"content type '{request.media_type}' is not read row by row; send {', '.join(_NAMES)}", 415)
    stream = io.StringIO(request.body.decode("utf-8-sig", "surrogateescape"), newline="")
    opened = open_source(stream, PurePosixPath(name), predictor)
    text, rows = io.StringIO(newline=""), 0
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*opened.header, *new_columns(predictor, opened.header), ERROR])
    while chunk := list(islice(opened.lines, CHUNK)):
        found = predict_lines(predictor, chunk)
        writer.writerows([*line.copied, *found[at], line.error] for at, line in enumerate(chunk))
        rows += len(chunk)
    return Reply(text.getvalue().encode("utf-8", "replace"), content_type=TYPE.encode(), rows=rows)
