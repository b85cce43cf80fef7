"""The name of a score in JSON, in tables and in TensorBoard.

A score of an Inception network has the name that papers use, e.g. "fid". A score of any other network carries the name
of that network everywhere, so that nobody takes it for FID or for an Inception Score. All names are made here, from a
row of `scores.SCORES` and `Extractor.name`.
"""

from tfgan_gn.scoring.scores import SCORES


def key_of(name, extractor_name):
    """The name of a score in a result and its JSON: "fid", or "cifar10net/frechet_distance".

    Args:
        name: key of SCORES.
        extractor_name: `Extractor.name`; empty for Inception.
    """
    return f"{extractor_name}/{name}" if extractor_name else SCORES[name].published or name


def row_of(key):
    """The row of SCORES that `key_of` made this name from; None if there is none, as in results of other versions."""
    return next((row for name, row in SCORES.items() if key_of(name, extractor_of(key)) == key), None)


def find_key(name, keys):
    """The one of the names in a result that `key_of` made from this key of SCORES; None if there is none."""
    return next((key for key in keys if row_of(key) is SCORES[name]), None)


def extractor_of(key):
    """The `Extractor.name` in a name in a result; empty for Inception."""
    return key.rpartition("/")[0]


def title_of(key):
    """The name in tables for a name in a result: "fid", or "Fréchet distance (cifar10net)"."""
    row, extractor_name = row_of(key), extractor_of(key)
    return f"{row.title} ({extractor_name})" if extractor_name and row else key


def words_of(key):
    """The name in a sentence for a name in a result: "FID", or "Fréchet distance (cifar10net)"."""
    row = row_of(key)
    return row.published_title if row and row.published and not extractor_of(key) else title_of(key)


def tag_of(key):
    """The TensorBoard tag for a name in a result: "eval/fid", or "eval/cifar10net/frechet_distance"."""
    return f"eval/{key}"
