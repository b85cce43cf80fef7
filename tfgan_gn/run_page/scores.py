"""The parts of a run's page that show its scores."""

from tfgan_gn.page import charts
from tfgan_gn.page.document import section as titled
from tfgan_gn.page.document import side_by_side
from tfgan_gn.page.tables import table
from tfgan_gn.scoring import history, naming, results, scores


def ranking(run):
    """The score by which a run's iterations are ranked, the Fréchet distance.

    Returns:
        (its name in words, dict from an iteration to its value), or None if the run has no such score.
    """
    for result in reversed(run.results.values()):
        key = naming.find_key(history.RANKED_BY, result["scores"])
        if key:
            values = {number: each["scores"][key]["value"] for number, each in run.results.items()}
            return naming.words_of(key), values
    return None


def section(runs):
    """The section of the scores: a chart of each with two points or more, the distance first, and the numbers."""
    found = dict.fromkeys(key for run in runs for result in run.results.values() for key in result["scores"])
    keys = sorted(found, key=lambda key: naming.row_of(key) is not scores.SCORES[history.RANKED_BY])
    if not keys:
        return titled("Scores", about="This run was not scored yet; a command at the end of this page scores it.")
    parts = [
        charts.lines(
            _title(key),
            [_curve(run, key, place if len(runs) > 1 else None) for place, run in enumerate(runs) if _values(run, key)],
        )
        for key in keys
        if any(len(_values(run, key)) > 1 for run in runs)
    ]
    return titled(
        "Scores", side_by_side(*parts), *map(_numbers, filter(lambda run: run.results, runs)), about=about(runs)
    )


def _title(key):
    """The name of a score as the title of its chart."""
    words = naming.words_of(key)
    return words[0].upper() + words[1:]


def about(runs):
    """What the scores are of, in words, and how many results are left out."""
    counts = sorted({result["protocol"]["num_images"] for run in runs for result in run.results.values()})
    texts = [f"Each point is of {' or '.join(f'{count:,}' for count in counts)} samples."]
    others = sum(run.other_results for run in runs)
    if others:
        texts.append(f"{others} {'result' if others == 1 else 'results'} under other protocols are left out.")
    newest = [run.results[max(run.results)]["protocol"] for run in runs if run.results]
    fields = dict.fromkeys(field for each in newest[1:] for field in results.differing(newest[0], each))
    if fields:
        texts.append(f"The runs were not scored alike and cannot be compared; they differ in {', '.join(fields)}.")
    return " ".join(texts)


def _values(run, key):
    """The numbers of one score by iteration."""
    return {number: each["scores"][key] for number, each in run.results.items() if key in each["scores"]}


def _curve(run, key, colour):
    values = _values(run, key)
    bands = []
    if all("low" in numbers for numbers in values.values()):
        bands = [([numbers["low"] for numbers in values.values()], [numbers["high"] for numbers in values.values()])]
    heights = [numbers["value"] for numbers in values.values()]
    return charts.Curve(run.name, list(values), heights, bands, colour)


def _numbers(run):
    """The scores of the newest and of the best iteration of a run, as a table."""
    _, distances = ranking(run) or ("", {max(run.results): 0.0})
    newest, best = max(run.results), min(distances, key=distances.get)
    chosen = {f"newest, iteration {newest:,}": newest, f"best distance, iteration {best:,}": best}
    rows = [
        [naming.title_of(key), *(_cell(run.results[number]["scores"].get(key)) for number in chosen.values())]
        for key in run.results[newest]["scores"]
    ]
    return table([run.name, *chosen], rows, numbers=range(1, len(chosen) + 1))


def _cell(numbers):
    if numbers is None:
        return ""
    interval = f" ({numbers['low']:.4g} to {numbers['high']:.4g})" if "low" in numbers else ""
    return f"{numbers['value']:.4g}{interval}"
