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

    IS = exp(E_x KL(p(y|x) || p(y))) is computed for each split, with p(y) the mean of p(y|x) over the split. Split i
    holds rows i N // splits to (i + 1) N // splits, in order, as in the published code. Published scores use 50,000
    rows, 10 splits, and the logits of 1008 classes without bias. The score is at most the number of rows in a split.

    Args:
        logits: real array [N, C].
        splits: number of parts, 1 to N.

    Returns:
        InceptionScore.

    Raises:
        UserError: another shape or type; a number that is not finite; splits below 1 or above N.
    """
    return _inception_score(check_rows(logits, "logits"), splits, lambda rows: special.softmax(rows, axis=1))


def inception_score_of_probabilities(p, splits=10):
    """`inception_score` from class probabilities. 0 log 0 is 0 here; the published code returns nan.

    Args:
        p: real array [N, C] in [0, 1], each row sums to 1, within 1e-3 (float16 needs that much).
        splits: number of parts, 1 to N.

    Returns:
        InceptionScore.

    Raises:
        UserError: as `inception_score`; a row with a negative number or another sum.
    """
    p = check_rows(p, "probabilities")
    bad = (p < 0).any(1) | (abs(p.sum(1, dtype=np.float64) - 1) > 1e-3)
    if bad.any():
        row = int(np.argmax(bad))
        raise UserError(
            f"probabilities: row {row} sums to {p[row].sum(dtype=np.float64):.6g} and its minimum is "
            f"{p[row].min():.6g}; give rows of numbers from 0 to 1 that sum to 1, or give logits to inception_score"
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
