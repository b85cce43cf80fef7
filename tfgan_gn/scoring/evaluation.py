"""From images to a result: the scores, the protocol they were made by, and every reason not to trust them."""

import warnings

from tfgan_gn.errors import UserError
from tfgan_gn.metrics import ScoreWarning
from tfgan_gn.scoring import features, scores

PUBLISHED_IMAGES, PUBLISHED_SPLITS = 50_000, 10  # Salimans et al. 2016, Heusel et al. 2017


def evaluate(images, reference, extractor, settings, versions):
    """Scores images against real ones.

    Args:
        images: `images.Images`.
        reference: `reference.Reference`.
        extractor: `extractors.Extractor`.
        settings: `scores.Settings`.
        versions: dict from package to version, to be written down.

    Returns:
        A dict of JSON values: `scores`, by name dicts of numbers; `warnings`, sentences; `protocol`, all that must be
        equal for scores to be compared; `samples`, `reference`, `weights` and `versions`, what was scored, against
        what, with what.

    Raises:
        UserError: images that cannot be scored.
    """
    refuse_too_few(images, settings.splits)
    samples = features.compute(extractor, images, settings.batch_size)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ScoreWarning)
        found, left_out = scores.score(samples, reference, settings)
    doubts = [str(warning.message) for warning in caught if issubclass(warning.category, ScoreWarning)]
    protocol = _protocol(samples, images, reference, extractor, settings)
    return {
        "scores": found,
        "warnings": [*dict.fromkeys(doubts), *left_out, *_differences_from_papers(protocol, extractor)],
        "protocol": protocol,
        "samples": {"source": images.source, "images_sha256": samples.images_sha256, **images.facts},
        "reference": {"source": reference.source},
        "weights": {"source": extractor.source},
        "versions": versions,
    }


def refuse_too_few(images, splits):
    """Raises UserError for too few images for any score, before time is spent on them."""
    if images.count < max(2, splits):
        raise UserError(
            f"{images.source} has {images.count} image{'s' * (images.count != 1)}, and --splits={splits} of the "
            f"Inception Score and the covariance of FID need {max(2, splits)}: give more images, or fewer splits"
        )


def _protocol(samples, images, reference, extractor, settings):
    protocol = {
        "weights_sha256": extractor.weights_sha256,
        "preprocessing": extractor.preprocessing,
        "quantisation": "uint8",
        "image_size": list(samples.image_size),
        "num_images": samples.stats.count,
        "splits": settings.splits,
        "reference_images_sha256": reference.facts["images_sha256"],
        "reference_num_images": reference.facts["num_images"],
        "generator_statistics": images.facts.get("generator_statistics"),
    }
    if reference.features is not None:
        rows = samples.features[features.spread(len(samples.features), scores.ROWS)]
        size = scores.subset_size(rows, reference.features)
        protocol |= {
            "rows": [len(rows), len(reference.features)],
            "kid": f"{scores.KID_SUBSETS} subsets of {size}, seed {scores.SEED}",
            "neighbours": settings.neighbours,
        }
    return protocol


def _differences_from_papers(protocol, extractor):
    """Sentences that say why scores must not be set beside published ones."""
    notes, reasons = [], []
    if extractor.bias is None:
        reasons.append(f"the network is not that of 2015-12-05 but {extractor.source}")
    else:
        notes.append(
            f"that {extractor.source} holds the published weights is taken on trust: names and shapes agree, and their "
            "hash is not known to this program"
        )
    if protocol["num_images"] != PUBLISHED_IMAGES:
        reasons.append(f"{protocol['num_images']:,} images were scored, not {PUBLISHED_IMAGES:,}")
    if protocol["splits"] != PUBLISHED_SPLITS:
        reasons.append(f"the Inception Score is of {protocol['splits']} splits, not {PUBLISHED_SPLITS}")
    return [f"not comparable with published scores: {'; '.join(reasons)}"] * bool(reasons) + notes
