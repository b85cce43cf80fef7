"""Scores of generated images, computed from the features and class scores that a network has for them.

Each function takes arrays, one row per image, and returns numbers. Sums are taken in float64; TensorFlow is not needed.
Wrong input raises `tfgan_gn.errors.UserError`. A score that is computed but should not be trusted comes with a
`ScoreWarning`.

Every name in `__all__` is public. The commands of this project use most of them; `inception_score_of_probabilities`,
`kernel_distance`, `kernel_distance_of_blocks`, `bootstrap_interval` and `FeatureStats.merge` are for other programs.
"""

from tfgan_gn.metrics.entropy import InceptionScore, inception_score, inception_score_of_probabilities
from tfgan_gn.metrics.frechet import FeatureStats, frechet_distance
from tfgan_gn.metrics.kernel import (
    KID_KERNEL,
    PartsDistance,
    PolynomialKernel,
    kernel_distance,
    kernel_distance_of_blocks,
    kernel_distance_of_subsets,
    kernel_distances_of_halves,
)
from tfgan_gn.metrics.manifold import ManifoldScores, manifold_scores
from tfgan_gn.metrics.nearest import MemorisationShare, Nearest, memorisation_share, nearest
from tfgan_gn.metrics.rows import ScoreWarning
from tfgan_gn.metrics.uncertainty import (
    Extrapolation,
    Interval,
    bootstrap_interval,
    fid_infinity,
    interval_of,
    resampled_scores,
)

__all__ = [
    "KID_KERNEL",
    "Extrapolation",
    "FeatureStats",
    "InceptionScore",
    "Interval",
    "ManifoldScores",
    "MemorisationShare",
    "Nearest",
    "PartsDistance",
    "PolynomialKernel",
    "ScoreWarning",
    "bootstrap_interval",
    "fid_infinity",
    "frechet_distance",
    "inception_score",
    "inception_score_of_probabilities",
    "interval_of",
    "kernel_distance",
    "kernel_distance_of_blocks",
    "kernel_distance_of_subsets",
    "kernel_distances_of_halves",
    "manifold_scores",
    "memorisation_share",
    "nearest",
    "resampled_scores",
]
