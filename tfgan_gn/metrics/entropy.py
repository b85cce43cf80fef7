"""The Inception Score, from logits or from class probabilities."""

import math
from typing import NamedTuple

import numpy as np
from scipy import special

from tfgan_gn.errors import UserError
from tfgan_gn.metrics.rows import check_rows


class InceptionScore(NamedTuple):
    """Mean and population standard deviation over the splits."""

    mean: float
    std: float


def inception_score(logits, splits=10):
    """Inception Score (Salimans et al. 2016, section 4) from logits.

    The mean over the splits of exp(E_x KL(p(y|x) || p(y))), p(y) being that of the split. Split i holds rows
    i N // splits to (i + 1) N // splits, in order, as in the published code; the literature's numbers have 50,000 rows
    and 10 splits, and logits of the 1008 classes without bias. No more can come out than a split has rows.

    Args:
        logits: real array [N, C].
        splits: number of parts, 1 to N.

    Returns:
        An InceptionScore.

    Raises:
        UserError: not such an array; a number that is not finite; splits below 1 or above N.
    """
    return _inception_score(check_rows(logits, "logits"), splits, lambda rows: special.softmax(rows, axis=1))


def inception_score_of_probabilities(p, splits=10):
    """`inception_score` of class probabilities, with 0 log 0 = 0 (the published code gives nan).

    Args:
        p: real array [N, C] in [0, 1], rows summing to 1 (to 1e-3, which leaves room for float16).
        splits: number of parts, 1 to N.

    Returns:
        An InceptionScore.

    Raises:
        UserError: as `inception_score`; a row that is not a distribution.
    """
    p = check_rows(p, "probabilities")
    bad = (p < 0).any(1) | (abs(p.sum(1, dtype=np.float64) - 1) > 1e-3)
    if bad.any():
        row = int(np.argmax(bad))
        raise UserError(
            f"probabilities: row {row} sums to {p[row].sum(dtype=np.float64):.6g} and its least is {p[row].min():.6g}; "
            "give rows from 0 to 1 that sum to 1, or logits to inception_score"
        )
    return _inception_score(p, splits, lambda rows: rows)


def _inception_score(x, splits, to_probabilities):
    n = len(x)
    if not 1 <= splits <= n:
        raise UserError(f"splits={splits} of {n} rows; give 1 to {n} splits, or more images")
    scores = []
    for i in range(splits):
        p_yx = to_probabilities(x[i * n // splits : (i + 1) * n // splits].astype(np.float64))
        p_y = p_yx.mean(0)
        scores.append(math.exp(special.rel_entr(p_yx, p_y).sum(1).mean()))  # rel_entr(p, q) = p log(p / q)
    return InceptionScore(float(np.mean(scores)), float(np.std(scores)))
