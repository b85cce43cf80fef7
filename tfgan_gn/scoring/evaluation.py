"""From images to a result: their scores, the protocol by which they were computed, and warnings."""

import warnings

import numpy as np

from tfgan_gn import metrics
from tfgan_gn.errors import UserError
from tfgan_gn.progress import progress_bar
from tfgan_gn.scoring import features, naming, scores

OF_GENERATORS = ("generator_statistics", "generator_block_size", "pixel_scale")  # null for images from elsewhere
PUBLISHED_IMAGES, PUBLISHED_SPLITS = 50_000, 10  # Salimans et al. 2016, Heusel et al. 2017


def evaluate(images, reference, extractor, settings, versions, held_out_nearest=None):
    """Scores images against real ones.

    Args:
        images: `images.Images`.
        reference: `reference.Reference`.
        extractor: `extractors.Extractor`.
        settings: `scores.Settings`.
        versions: dict from package to version, for the result.
        held_out_nearest: of `neighbours.distances_of`; None where there are no held-out images.

    Returns:
        A dict of JSON values. `scores`: for each score a dict with `value`, and its error, `low` and `high` if it has
        them. `warnings`: sentences. `protocol`: everything that must be equal for two results to be compared.
        `samples`, `reference`, `weights`, `versions`: what was scored, against what, with which network and packages.

    Raises:
        UserError: images that cannot be scored.
    """
    refuse_too_few(images, settings.splits)
    samples = features.compute(extractor, images, settings.batch_size)
    inputs = _inputs(samples, reference, held_out_nearest)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", metrics.ScoreWarning)
        found, left_out = _compute(inputs, settings, reference.source)
    doubts = [str(warning.message) for warning in caught if issubclass(warning.category, metrics.ScoreWarning)]
    keys = {name: naming.key_of(name, extractor.name) for name in scores.SCORES}
    protocol = {
        **_protocol_of_images(samples, images, reference, extractor),
        **_protocol_of_scores(inputs, settings),
    }
    return {
        "scores": {keys[name]: numbers for name, numbers in found.items()},
        "warnings": [
            *dict.fromkeys(doubts),
            *_sentences(left_out, keys),
            *_differences_from_papers(extractor, samples.stats.count, settings.splits, keys),
        ],
        "protocol": protocol,
        "samples": {"source": images.source, "images_sha256": samples.images_sha256, **images.made_with},
        "reference": {"source": reference.source},
        "weights": {"source": extractor.source},
        "versions": versions,
    }


def refuse_too_few(images, splits):
    """Raises UserError if there are too few images for a score; call it before other work is done."""
    if images.count < max(2, splits):
        raise UserError(
            f"{images.source} has {images.count} image{'s' * (images.count != 1)}, and --splits={splits} and the "
            f"covariance of their features need {max(2, splits)}: give more images, or fewer splits"
        )


def _inputs(samples, reference, held_out_nearest):
    rows, real_rows = _rows(samples.features), None if reference.features is None else _rows(reference.features)
    nearest = None if held_out_nearest is None else metrics.nearest(rows, reference.features).distances
    return scores.Inputs(
        stats=samples.stats,
        features=samples.features,
        rows=rows,
        logits=samples.logits,
        real_stats=reference.stats,
        real_rows=real_rows,
        nearest=nearest,
        held_out_nearest=held_out_nearest,
    )


def _rows(kept):
    return kept[features.spread(len(kept), scores.ROWS)]


def _compute(inputs, settings, reference_source):
    """Goes through the table of scores.

    Returns:
        (found, left_out): a dict from keys of SCORES to what `Score.numbers` returns, with `low` and `high`; and a dict
        from reasons to the keys of the scores that are left out for this reason.
    """
    found, left_out = {}, {}
    for rows in _by_function(settings):
        row = next(iter(rows.values()))
        try:
            _refuse_absent(row, inputs, reference_source)
            returned = row.function(inputs, settings)
        except scores.LeftOutError as reason:
            left_out[str(reason)] = [*left_out.get(str(reason), []), *rows]
        else:
            found |= {name: row.numbers(returned) for name, row in rows.items()}
    if settings.resamples:
        _add_intervals(found, inputs, settings)
    return found, left_out


def _by_function(settings, names=scores.SCORES):
    """The rows that the settings ask for, in order: for each function a dict from keys of SCORES to rows."""
    groups = {}
    for name, row in scores.SCORES.items():
        if name in names and (not row.only_if or getattr(settings, row.only_if)):
            groups.setdefault(row.function, {})[name] = row
    return groups.values()


def _refuse_absent(row, inputs, reference_source):
    for name in row.needs:
        if getattr(inputs, name) is None:
            raise scores.LeftOutError(scores.ABSENT[name].format(reference=reference_source))


def _add_intervals(found, inputs, settings):
    """Adds `low` and `high`, the bounds of the 95% interval. The statistics of real images are taken as exact."""
    rng = np.random.default_rng(scores.SEED)
    with progress_bar(desc="bootstrap", unit="resample") as bar, warnings.catch_warnings():
        warnings.simplefilter("ignore", metrics.ScoreWarning)  # the scores themselves have warned already
        for rows in _by_function(settings, found):
            try:
                resampled = _resample(rows, inputs, settings, rng, bar)
            except scores.LeftOutError:  # too few images for half of them to have this score
                continue
            for name, values in zip(rows, resampled.T, strict=True):
                interval = metrics.interval_of(found[name]["value"], values)
                found[name] |= {"low": interval.low, "high": interval.high}


def _resample(rows, inputs, settings, rng, bar):
    """The scores of rows that share a function, for resampled images: float [resamples, number of rows]."""
    row = next(iter(rows.values()))
    if row.interval is None:
        raise scores.LeftOutError("this score has no interval")
    field, replace, quick = row.interval
    array = getattr(inputs, field)
    if not replace and len(array) < 4:
        raise scores.LeftOutError("half of the images is a single one")
    if quick:
        return quick(inputs, settings.resamples, rng)[:, None]

    def scores_of(drawn):
        bar.update()
        returned = row.function(inputs.with_array(field, drawn), settings)
        return [row.value(returned) for row in rows.values()]

    return metrics.resampled_scores(scores_of, [array], rng, settings.resamples, replace)


def _sentences(left_out, keys):
    for reason, names in left_out.items():
        titles = [naming.title_of(keys[name]) for name in names]
        yield f"{', '.join(titles)} {'is' if len(titles) == 1 else 'are'} left out: {reason}"


def _protocol_of_images(samples, images, reference, extractor):
    return {
        "weights_sha256": extractor.weights_sha256,
        "preprocessing": extractor.preprocessing,
        "quantisation": "uint8",
        "image_size": list(samples.image_size),
        "num_images": samples.stats.count,
        "reference_images_sha256": reference.images_sha256,
        "reference_num_images": reference.num_images,
        **{name: images.made_with.get(name) for name in OF_GENERATORS},
    }


def _protocol_of_scores(inputs, settings):
    fields = {}
    for rows in _by_function(settings):
        for row in rows.values():
            if all(getattr(inputs, name) is not None for name in row.needs):
                fields |= row.protocol(inputs, settings)
    return fields


def _differences_from_papers(extractor, num_images, splits, keys):
    """Sentences that say why the scores are not comparable with published ones."""
    notes, reasons = [], []
    if extractor.published:
        notes.append(
            f"{extractor.source} has the names and shapes of the published weights; whether it has their values is not "
            "checked, because this program does not know their hash"
        )
    else:
        reasons.append(f"the network is not that of 2015-12-05 but {extractor.source}")
    if num_images != PUBLISHED_IMAGES and not extractor.name:
        reasons.append(f"{num_images:,} images were scored, not {PUBLISHED_IMAGES:,}")
    if splits != PUBLISHED_SPLITS and not extractor.name:
        reasons.append(f"the {naming.words_of(keys['classifier_score'])} is of {splits} splits, not {PUBLISHED_SPLITS}")
    return [f"not comparable with published scores: {'; '.join(reasons)}"] * bool(reasons) + notes
