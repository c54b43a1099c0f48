"""Parts of fitted pipelines that scikit-learn does not have, named in the skops files of model artifacts.

Copied beside `training/` to jobs and beside `serving/` to model servers, since both load such models. Imports NumPy
and scikit-learn only, Pillow where a picture is read. Every class here is harmless to load: `TYPES` lists them.
What a pipeline takes is a matrix; how a column of the signature becomes part of it:

- `number`: one float64 column, NaN for missing;
- `date`: one float64 column, seconds since 1970-01-01 UTC (`moments.seconds_of`), NaN for missing;
- `image`: height × width × channels float columns in C order (`pictures.pixels_of`);
- `string`, `text`: one column of str objects, "" for missing (the whole matrix is of objects then).

Numbers and dates come first, then images, then strings and texts, each in the signature's order.
"""

from __future__ import annotations

TYPES = (
    "mooring_transforms.dates.DateParts",
    "mooring_transforms.images.PixelScale",
    "mooring_transforms.labels.EncodedLabels",
    "mooring_transforms.recommender.Recommender",
)
"""The classes of this package that a model file may hold."""
