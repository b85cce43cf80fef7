"""A search for the groups of each norm site by successive halving, on a seed of its own.

Half of the candidates go on to the next rung, where each is trained from the start with twice the iterations (Jamieson
and Talwalkar 2016, algorithm 1, with a fixed cost of each rung). The winner was chosen among many by one score, so that
this score flatters it: it is trained again with the seeds of the study, as an arm beside the others.
"""

import math
import os
from typing import NamedTuple

import numpy as np

from tfgan_gn.errors import UserError
from tfgan_gn.study import prepare
from tfgan_gn.study.definition import Arm, config_of
from tfgan_gn.study.trials import read_results, score_of, trials_of


class Rung(NamedTuple):
    """One round of the search.

    Attributes:
        number: of candidates.
        iterations: that each is trained for.
    """

    number: int
    iterations: int


class Outcome(NamedTuple):
    """How a search ended.

    Attributes:
        winner: Arm, to be trained with the seeds of the study.
        ranking: for each rung a list of (groups, score), the best first; see `trials.score_of`.
    """

    winner: Arm
    ranking: list


def plan(budget, iterations):
    """The rungs of a search: n candidates for r iterations, n / 2 for 2 r, and so on, the last two for all of them.

    Each rung costs two full trainings, so that a budget of B of them has B / 2 rungs, of which the first has 2^(B / 2)
    candidates.

    Args:
        budget: number of full trainings; 2 or more, an odd one leaves one over.
        iterations: of a full training.

    Returns:
        list of `Rung`.

    Raises:
        UserError: the first rung would have no iteration.
    """
    rungs = budget // 2
    if iterations < 2 ** (rungs - 1):
        raise UserError(f"--search={budget}: {iterations} iterations cannot be halved {rungs - 1} times: give less")
    return [Rung(2 ** (rungs - rung), iterations // 2 ** (rungs - 1 - rung)) for rung in range(rungs)]


def candidates(search, number):
    """Different group counts for the sites, drawn from all that there are with the seed of the search.

    Args:
        search: `definition.Search`.
        number: how many.

    Returns:
        list of tuples of `search.sites` whole numbers.

    Raises:
        UserError: there are fewer.
    """
    sizes = (len(search.choices),) * search.sites
    if number > math.prod(sizes):
        raise UserError(f"--search asks for {number} candidates, and there are {math.prod(sizes)}: give a smaller one")
    drawn = np.random.default_rng(search.seed).choice(math.prod(sizes), number, replace=False)
    return [tuple(search.choices[digit] for digit in np.unravel_index(index, sizes)) for index in drawn]


def run(study, budget, out, runs_dir, *, train, workers, **paths):
    """Searches, or reads a search that is done.

    Args:
        study: `definition.Study` with a `search`.
        budget: as in `plan`.
        out: folder of the study; the results are in `search-BUDGET/rung-N` in it.
        runs_dir: folder of the run folders.
        train: whether trials without a result are trained.
        workers: as in `prepare.train`.
        **paths: data_dir and cache_dir.

    Returns:
        Outcome, or the exit code (a whole number) of training that was asked to stop; None if trials are missing and
        `train` is off.

    Raises:
        UserError: as `plan`, `candidates`, `read_results` and `prepare`.
    """
    base = next(arm for arm in study.arms if arm.name == study.search.arm)
    rungs = plan(budget, config_of(base, study.search.seed).iterations)
    left, ranking = candidates(study.search, rungs[0].number), []
    for number, rung in enumerate(rungs):
        name = os.path.join(f"search-{budget}", f"rung-{number}")
        arms = tuple(_arm(base, groups, rung.iterations) for groups in left)
        of_rung = study._replace(seeds=(study.search.seed,), arms=arms)
        trials = trials_of(of_rung, os.path.join(runs_dir, name), **paths)
        found = _results(of_rung, trials, os.path.join(out, name), train, workers)
        if not isinstance(found, dict):
            return found
        scores = {groups: score_of(found[trial.name]) for groups, trial in zip(left, trials, strict=True)}
        left = sorted(left, key=scores.get)
        ranking.append([(groups, scores[groups]) for groups in left])
        left = left[: max(1, rung.number // 2)]
    return Outcome(Arm(f"search-{budget}-winner", {**base.settings, "groups": left[0]}, study.baseline, 0), ranking)


def _results(study, trials, out, train, workers):
    """The results of a rung, trained if need be: a dict, an exit code, or None; as in `run`."""
    found = read_results(out, trials)
    missing = [trial for trial in trials if trial.name not in found]
    if missing and not train:
        return None
    if missing:
        prepare.refuse_impossible(missing, found)
        code = prepare.train(missing, out, workers)
        if code:
            return code
        found = read_results(out, trials)
    return found


def _arm(base, groups, iterations):
    """A candidate: the arm with other groups and iterations, scored at the end only."""
    settings = {**base.settings, "groups": groups, "iterations": iterations, "eval_every": iterations}
    return Arm("-".join(map(str, groups)), settings, "", 0)
