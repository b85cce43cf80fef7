"""The page of a run: what it reads from a run folder, what it shows, and that it never harms a training."""

import json
import os
import re

import numpy as np
import pytest
import tensorflow as tf

from tfgan_gn import report
from tfgan_gn.errors import UserError
from tfgan_gn.run_page import contents, points, scores
from tfgan_gn.run_page.page import page_of
from tfgan_gn.runs import reporting
from tfgan_gn.settings.config_file import save_config
from tfgan_gn.settings.training import make_config
from tfgan_gn.training import summaries

pytestmark = pytest.mark.quick
SLOPES = np.linspace(0.5, 1.5, 101)


def write_points(workdir, suffix, scalars, histogram=None):
    """One TensorBoard file; `scalars` is (tag, iteration, value) of each point."""
    writer = tf.summary.create_file_writer(os.path.join(workdir, "train"), filename_suffix=suffix)
    for tag, iteration, value in scalars:
        summaries.write_scalars(writer, {tag: value}, iteration)
        if histogram is not None:
            summaries.write_histogram(writer, "critic/slopes", histogram, iteration)
    writer.close()


def make_run(workdir, seed=0, **given):
    """A run folder at iteration 40 of 60, as training leaves it, without a checkpoint."""
    os.makedirs(os.path.join(workdir, "scores"))
    save_config(make_config(workdir=str(workdir), iterations=60, **given), str(workdir), {}, {})
    loss = [("critic/loss", i, 7.25 - i) for i in (1, 20, 40)] + [("critic/test_loss", 40, -30.5)]
    write_points(str(workdir), ".a", loss, SLOPES)
    random = np.random.default_rng(seed)
    for folder in ("samples", "interpolations", "neighbours"):
        os.makedirs(os.path.join(workdir, folder))
        for i in (1, 20, 40):
            image = random.integers(0, 256, (20, 20, 3), np.uint8)
            summaries.write_png(os.path.join(workdir, folder, f"{i:06d}.png"), image)
    for i, distance in ((20, 31.25), (40, 33.5)):
        write_result(workdir, i, distance)
    return str(workdir)


def write_result(workdir, iteration, distance, num_images=1000):
    scores = {"frechet_distance": {"value": distance}, "classifier_score": {"value": 4.5, "low": 4.25, "high": 4.75}}
    scores["memorisation_share"] = {"value": 0.5 + iteration / 1000}
    result = {"scores": {f"cifar10net/{key}": numbers for key, numbers in scores.items()}}
    result["protocol"] = {"num_images": num_images}
    with open(os.path.join(workdir, "scores", f"{iteration:06d}.json"), "w") as file:
        json.dump(result, file)


def read(workdir):
    return reporting.run_of(report.open_run(workdir), points.PointReader(workdir))


@pytest.fixture(scope="module")
def workdir_and_page(tmp_path_factory):
    """A run in a folder with a rude name, and its page."""
    workdir = make_run(tmp_path_factory.mktemp("runs") / "<i>a & 'b'</i>", norm="group", groups=(16,), data_dir="/data")
    return workdir, page_of([read(workdir)])


@pytest.fixture
def quick_page(monkeypatch):
    """In place of a page, which takes a second to draw, the names of its runs."""
    monkeypatch.setattr(reporting, "page_of", lambda runs: ", ".join(run.name for run in runs))


def test_points_that_a_resumed_run_replaced_are_left_out(tmp_path):
    assert points.latest([(1, "a"), (5, "b"), (9, "c"), (4, "d"), (9, "e")]) == [(1, "a"), (4, "d"), (9, "e")]
    write_points(tmp_path, ".a", [("x", 1, 0.5), ("x", 10, 1.0), ("x", 20, 2.0)])
    reader = points.PointReader(tmp_path)
    assert reader.read() == {"x": ([1, 10, 20], [0.5, 1.0, 2.0])}
    write_points(tmp_path, ".b", [("x", 15, 3.0), ("x", 20, 4.0)])
    assert reader.read() == {"x": ([1, 10, 15, 20], [0.5, 1.0, 3.0, 4.0])} == points.PointReader(tmp_path).read()
    assert points.PointReader(tmp_path / "elsewhere").read() == {}


def test_a_second_reading_decodes_only_what_is_new(tmp_path, monkeypatch):
    write_points(tmp_path, ".a", [("x", i, 0.0) for i in range(5)])
    reader, decoded = points.PointReader(tmp_path), []
    make_ndarray = points.make_ndarray
    monkeypatch.setattr(points, "make_ndarray", lambda proto: decoded.append(proto) or make_ndarray(proto))
    reader.read()
    assert len(decoded) == 5
    write_points(tmp_path, ".b", [("x", 5, 0.0)])
    assert len(reader.read()["x"].values) == len(decoded) == 6


def test_quantiles_of_a_histogram(tmp_path):
    shares = (0.05, 0.25, 0.5, 0.75, 0.95)
    np.testing.assert_allclose(points.quantiles([[0, 1, 2], [1, 2, 0], [2, 4, 2]], (0.25, 0.5, 0.75)), [0.5, 1, 3])
    write_points(tmp_path, ".a", [("x", 1, 0.0)], SLOPES**3)
    (histogram,) = points.PointReader(tmp_path).read()["critic/slopes"].values
    width = np.ptp(SLOPES**3) / len(histogram)
    np.testing.assert_allclose(points.quantiles(histogram, shares), np.quantile(SLOPES**3, shares), atol=width)


@pytest.mark.parametrize(("number", "most_bytes", "taken"), [(3, 1e9, 3), (1, 1, 1), (100, 1e9, 40), (100, 70, 7)])
def test_pictures_for_a_slider_are_few_evenly_spread_and_have_both_ends(tmp_path, number, most_bytes, taken):
    for i in range(number):
        (tmp_path / f"{10 * i:06d}.png").write_bytes(b"0123456789")
    chosen = [i for i, _ in contents.frames(contents.numbered(tmp_path, "", "png", 10_000), most_bytes)]
    assert len(chosen) == taken and chosen[0] == 0 and chosen[-1] == 10 * (number - 1)
    assert np.ptp(np.diff(chosen)) <= 10 if taken > 1 else True


def test_results_under_other_protocols_or_of_later_iterations_are_left_out(tmp_path):
    workdir = make_run(tmp_path / "run")
    write_result(workdir, 10, 99.0, num_images=500)
    write_result(workdir, 50, 98.0)
    run = read(workdir)
    assert list(run.results) == [20, 40] and run.other_results == 1
    assert "1 result under other protocols" in scores.about([run])


def test_the_page_has_the_numbers_of_the_run_under_their_proper_names(workdir_and_page):
    workdir, page = workdir_and_page
    assert 'best Fréchet distance (cifar10net)</dt><dd>31.25</dd><dd class="note">at iteration 20<' in page
    assert "newest Fréchet distance (cifar10net)</dt><dd>33.5</dd>" in page
    assert 'iterations</dt><dd>40</dd><dd class="note">of 60; not complete<' in page
    assert "4.5 (4.25 to 4.75)" in page, "a score with its interval"
    assert re.search(r"iteration 40; .*memorisation.* 0\.54</figcaption>", page), "beside the neighbours"
    assert "FID" not in page and "Inception Score" not in page.replace("Inception Score (published", "")
    assert '<th scope="row">groups</th><td>16</td><td>32</td>' in page, "a setting unlike the preset"
    assert page.count('data-caption="iteration 1"') == 1 and page.count("<img") == 3 + 2
    assert page == page_of([read(workdir)]), "equal folders give equal pages"


def test_a_run_without_scores_pictures_or_points_has_a_page_too(tmp_path):
    save_config(make_config(workdir=str(tmp_path)), str(tmp_path), {}, {})
    page = page_of([read(str(tmp_path))])
    assert "not scored yet" in page and "of 100,000; not complete" in page and "All are those of the preset." in page


def test_a_run_that_makes_new_images_of_given_ones_shows_its_alarms(tmp_path):
    workdir = make_run(tmp_path / "run")
    write_points(workdir, ".b", [("new_images/spread", 40, 0.5), ("new_images/nearness", 40, 0.75)])
    page = page_of([read(workdir)])
    for text in ("New images", "Difference of two new images of one source", "A row begins with a real image of a"):
        assert text in page
    assert "Each row has new images of one real image" in page and "to the image below it" not in page


def test_several_runs_stand_side_by_side(tmp_path):
    runs = [read(make_run(tmp_path / name, norm=name)) for name in ("layer", "instance")]
    page = page_of(runs)
    assert "<h1>2 runs</h1>" in page and page.count("data-slider") == 2 + page.count("[data-slider]")
    assert '<tr><th scope="row">norm</th><td>layer</td><td>instance</td></tr>' in page, "what differs"
    assert "cannot be compared" not in page
    write_result(runs[0].workdir, 40, 30.0, num_images=500)
    told = scores.about([read(runs[0].workdir), runs[1]])
    assert "500 or 1,000 samples" in told and "cannot be compared; they differ in num_images" in told
    legends = page.count('<i style="border-color: var(--series-1)"></i>layer'), page.count('--series-2)"></i>instance')
    assert legends[0] == legends[1] == 2 + 3, "two losses and three scores, in the same colours"


def test_the_names_of_a_user_are_escaped(workdir_and_page):
    _, page = workdir_and_page
    assert "<i>a" not in page and "&lt;i&gt;a &amp; &#x27;b&#x27;" in page


def test_the_command_writes_where_it_is_asked_to(tmp_path, capsys, monkeypatch, quick_page):
    workdir = make_run(tmp_path / "run")
    assert report.main(["report", workdir + "/"]) == 0
    assert (tmp_path / "run" / "report.html").read_text() == "run"
    assert capsys.readouterr().out == f"written to {workdir}/report.html\n"
    assert report.main(["report", workdir, f"--out={tmp_path}/new/page.html"]) == 0
    assert (tmp_path / "new" / "page.html").read_text() == "run"
    make_run(tmp_path / "other" / "run"), make_run(tmp_path / "third")
    monkeypatch.chdir(tmp_path)
    assert report.main(["report", "run", "other/run", "third"]) == 0
    assert (tmp_path / "report.html").read_text() == "run, other/run, third", "names that tell the runs apart"


def test_a_folder_that_is_no_run_is_refused(tmp_path, capsys):
    assert report.main(["report", str(tmp_path)]) == 1
    assert capsys.readouterr().err == (
        f"tfgan_gn.report: error: {tmp_path} is no run folder, as it has no config.json: give a folder that "
        "train_cifar.py wrote\n"
    )


def test_during_training_pages_take_two_percent_of_the_time_and_the_last_one_is_always_written(
    tmp_path, monkeypatch, quick_page
):
    workdir = make_run(tmp_path / "run")
    times, written = iter([0.0, 10, 12, 50, 112, 113, 113, 114]), []
    page = reporting.make_page(report.open_run(workdir), times.__next__)
    monkeypatch.setattr(reporting, "write_whole", lambda path, html: written.append(path))
    page(False)  # from 10 s to 12 s: nothing before 112 s
    page(False)
    assert written == [workdir + "/report.html"]
    page(False)
    assert len(written) == 2
    page(True)
    assert len(written) == 3


def test_a_fault_of_a_page_is_told_and_ends_no_training_but_a_full_disk_does(tmp_path, capsys, monkeypatch, quick_page):
    workdir = make_run(tmp_path / "run")
    page = reporting.make_page(report.open_run(workdir), lambda: 0.0)
    (tmp_path / "run" / "scores" / "000040.json").write_text("{")
    page(True)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"note: {workdir}/report.html was not written: UserError: ") and "000040.json" in line
    write_result(workdir, 40, 33.5)

    def full(path, contents):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(reporting, "write_whole", full)
    with pytest.raises(UserError, match="cannot write to"):
        page(True)
