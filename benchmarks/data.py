"""What it takes to make a dataset of 5 million rows and 20 columns: ingest (hash, copy), check and profile.

`.venv/bin/python -m benchmarks.data [--rows N] [--runs N]`. The CSV file comes from a seeded script and lies in a
folder for temporary files, with room for four times its size (0.7 GB). Beside it stands a bare polars script, which
reads the file with its own types and computes the same statistics, and refuses nothing. Goals on an idle machine of
two cores: under 15 seconds and under 2 GB.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROWS = 5_000_000
BATCH = 500_000

BARE = """
import sys
import polars as pl
frame = pl.read_csv(sys.argv[1], infer_schema_length=10_000, try_parse_dates=True)
shares = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
found = {}
for name in frame.columns:
    column = frame.get_column(name)
    told = {"missing": column.null_count(), "distinct": column.n_unique(), "min": column.min(), "max": column.max()}
    if column.dtype.is_numeric():
        told |= {"mean": column.mean(), "std": column.std(), "histogram": column.hist(bin_count=10).rows()}
        told["quantiles"] = [column.quantile(share, "linear") for share in shares]
    elif column.dtype == pl.String:
        told["top"] = column.value_counts().top_k(50, by="count").rows()
    found[name] = told
print(len(frame), len(found))
"""

OURS = """
import sys
from pathlib import Path
from providers.local.storage import Store
from providers.local.store.hashes import content_hash
from training.data import describe
home, source = Path(sys.argv[2]), Path(sys.argv[1])
content_hash(home, source)
stored = Store(home).put(source, "bench/data")
code = describe.main(["--input", str(Store(home).path(stored.uri)), "--output", str(home / "facts")])
Store(home).delete(stored.uri)
sys.exit(code)
"""


def make(path: Path, rows: int) -> None:
    """Write the table: numbers, whole numbers, categories, identifiers and dates, some of them missing."""
    import numpy as np
    import polars as pl

    random = np.random.default_rng(0)
    with path.open("wb") as stream:
        for start in range(0, rows, BATCH):
            count = min(BATCH, rows - start)
            columns: dict[str, object] = {f"n{i}": random.normal(size=count).round(4) for i in range(12)}
            columns |= {f"i{i}": random.integers(0, 1000, count) for i in range(4)}
            columns |= {f"c{i}": random.choice(["red", "green", "blue", "grey"], count) for i in range(2)}
            columns["id"] = np.char.add("u", random.integers(0, 700_000, count).astype(str))
            columns["day"] = np.datetime64("2020-01-01") + random.integers(0, 1500, count).astype("timedelta64[D]")
            frame = pl.DataFrame(columns).with_columns(
                pl.when(pl.int_range(count) % 17 == 0).then(None).otherwise(pl.col("n0")).alias("n0")
            )
            frame.write_csv(stream, include_header=start == 0)


def measure(code: str, *arguments: str) -> tuple[float, float, float]:
    """Seconds, processor seconds and the largest memory in MB of a process that runs `code`."""
    begin = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"a run ended with status {status}")
    return time.perf_counter() - begin, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000


def main() -> None:
    """Measure in turn, and print the best of each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.data")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mooring-bench-") as folder:
        data = Path(folder) / "data.csv"
        make(data, given.rows)
        print(f"{given.rows:,} rows, 20 columns, {data.stat().st_size / 1e6:.0f} MB, load {os.getloadavg()[0]:.1f}")
        home = Path(folder) / "home"
        (home / "tmp").mkdir(parents=True)
        runs = [(measure(OURS, str(data), str(home)), measure(BARE, str(data))) for _ in range(given.runs)]
    ours = min(own for own, _ in runs)
    bare = min(other for _, other in runs)
    print(f"{'':34}{'seconds':>9}{'CPU s':>9}{'MB':>7}")
    for name, found in (("ingest, check, profile", ours), ("bare polars: read, profile", bare)):
        print(f"{name:34}{found[0]:9.1f}{found[1]:9.1f}{found[2]:7.0f}")
    print(f"ratio: {ours[0] / bare[0]:.2f} of the time, {ours[2] / bare[2]:.2f} of the memory")


if __name__ == "__main__":
    main()
