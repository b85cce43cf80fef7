"""What a study shows, as JSON and as CSV."""

import csv
import io
import json
import math

from tfgan_gn.study.findings import statistics, summary
from tfgan_gn.study.trials import FINISHED

COLUMNS = ("arm", "seed", "status", "score", "checkpoint", "iteration", "value", "seconds_per_iteration")


def as_json(study, found, outcome=None):
    """The whole of a study: its definition, answer, arms, comparisons, search and trials; a JSON text without NaN.

    Args:
        study: `definition.Study`.
        found: dict of `trials.read_results`.
        outcome: `search.Outcome` of a search, or None.
    """
    arms = [
        {
            "arm": row.arm.name,
            "against": row.arm.against,
            "settings": row.arm.settings,
            "seeds": [seed + row.arm.seed_shift for seed in study.seeds],
            "finished": row.finished,
            **row.ended,
            "seconds_per_iteration": row.seconds,
            "scores": {f"{score}, {checkpoint}": mean._asdict() for (score, checkpoint), mean in row.means.items()},
        }
        for row in summary.rows_of(study, found)
    ]
    families = summary.comparisons_of(study, found).values()
    content = {
        "study": json.loads(study.text),
        "answer": summary.answer(study, found),
        "level": statistics.LEVEL,
        "power": statistics.POWER,
        "arms": arms,
        "comparisons": [comparison._asdict() for family in families for comparison in family],
        "search": outcome and {"winner": outcome.winner.settings["groups"], "rungs": outcome.ranking},
        "trials": found,
    }
    return json.dumps(_without_nan(content), indent=1) + "\n"


def as_csv(study, found):
    """One line for each trial, score and checkpoint, for other programs: text with a header."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(COLUMNS)
    for arm in study.arms:
        for seed in study.seeds:
            result = found.get(f"{arm.name}-seed-{seed}", {"status": "not trained"})
            if result["status"] != FINISHED:
                lines.writerow([arm.name, seed, result["status"], "", "", "", "", ""])
                continue
            for score in summary.SCORES:
                for checkpoint in summary.CHECKPOINTS:
                    value, iteration = summary.value_of(result, score, checkpoint), result[checkpoint]["iteration"]
                    seconds = result["seconds_per_iteration"]
                    lines.writerow([arm.name, seed, FINISHED, score, checkpoint, iteration, value, seconds])
    return text.getvalue()


def _without_nan(value):
    """The same with None in place of NaN and infinity, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _without_nan(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
