"""The scores of one run: a JSON file for each scored iteration, and which of them is the best."""

import glob
import math
import os
from typing import NamedTuple

from tfgan_gn.errors import UserError
from tfgan_gn.guards import writing_to
from tfgan_gn.scoring import naming, results

SCORES = "scores"  # folder inside a run folder
RANKED_BY = "frechet_distance"  # key of `scores.SCORES`; lower is better


def add(result, iteration, workdir, best_folder, say):
    """Writes a result into a run folder and compares its Fréchet distance (FID) with those of earlier iterations.

    Args:
        result: dict of `evaluation.evaluate`.
        iteration: the iteration that was scored.
        workdir: run folder; `scores/ITERATION.json` in it is written.
        best_folder: folder that keeps the checkpoint of the lowest distance, for the message.
        say: function of a line of text for the user.

    Returns:
        (scalars, is_best): each score's value by its TensorBoard tag, and whether the distance is below all distances
        that earlier iterations reached under an equal protocol.

    Raises:
        UserError: the folder cannot be written to. An earlier result that cannot be read is told, and does not count.
    """
    values = {key: numbers["value"] for key, numbers in result["scores"].items()}
    ranked_by = naming.find_key(RANKED_BY, values)
    lowest = min(_earlier_values(ranked_by, workdir, result["protocol"], iteration, say), default=math.inf)
    is_best = values[ranked_by] < lowest
    path = os.path.join(workdir, SCORES, f"{iteration:06d}.json")
    with writing_to(workdir):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        results.save(result, path)
    listed = " ".join(f"{naming.title_of(key)}={value:.4g}" for key, value in values.items())
    name = naming.words_of(ranked_by)
    rank = f"the best {name} so far, kept in {best_folder}" if is_best else f"the best {name} is {lowest:.4g}"
    say(f"iteration {iteration}: {listed}; {rank}")
    return {naming.tag_of(key): value for key, value in values.items()}, is_best


def find_num_images(workdir, weights_sha256, say):
    """The number of images that a run was scored with by the network with these weights; None if it was not.

    Results that cannot be read are told by `say`, a function of a line of text, and do not count.
    """
    for _, result in sorted(_results(workdir, say).items(), reverse=True):
        if result["protocol"].get("weights_sha256") == weights_sha256:
            return result["protocol"]["num_images"]
    return None


class Ranked(NamedTuple):
    """A scored iteration.

    Attributes:
        iteration: its number.
        value: its Fréchet distance.
        words: the name of this distance, e.g. "Fréchet distance (cifar10net)", or "FID".
    """

    iteration: int
    value: float
    words: str


def newest_and_best(workdir, say):
    """The newest scored iteration of a run, and the best of those with an equal protocol.

    Args:
        workdir: run folder. Results in it that cannot be read are told, and do not count.
        say: function of a line of text for the user.

    Returns:
        (Ranked, Ranked), or None if the run was not scored.
    """
    found = _results(workdir, say)
    if not found:
        return None
    newest = found[max(found)]
    key = naming.find_key(RANKED_BY, newest["scores"])
    ranked = [
        Ranked(iteration, result["scores"][key]["value"], naming.words_of(key))
        for iteration, result in sorted(found.items())
        if key in result["scores"] and not results.differing(result["protocol"], newest["protocol"])
    ]
    return ranked[-1], min(ranked, key=lambda each: each.value)


def _results(workdir, say):
    """The results of a run by iteration. One that cannot be read is told, and left out.

    Files with other names than those that `add` gives are not looked at.
    """
    found = {}
    for path in glob.glob(os.path.join(glob.escape(workdir), SCORES, "*.json")):
        number = os.path.basename(path).removesuffix(".json")
        if not number.isdecimal():
            continue
        try:
            found[int(number)] = results.load(path)
        except UserError as error:
            say(f"note: {error}; it does not count")
    return found


def _earlier_values(key, workdir, protocol, iteration, say):
    """Values of a score at earlier iterations under an equal protocol, as far as their results have it.

    A run that resumes from an old checkpoint may find results of later iterations: they do not count.
    """
    for number, earlier in _results(workdir, say).items():
        if number < iteration and key in earlier["scores"] and not results.differing(earlier["protocol"], protocol):
            yield earlier["scores"][key]["value"]
