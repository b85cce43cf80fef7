"""The results that a run leaves in its folder, and which of them is the best."""

import json

import pytest

from tfgan_gn.scoring import history

pytestmark = pytest.mark.quick


def result(fid, num_images=10):
    return {"scores": {"fid": {"value": fid}, "kid": {"value": 0.5}}, "protocol": {"num_images": num_images}}


def result_of_tiny(distance):
    return {"scores": {"tiny/frechet_distance": {"value": distance}}, "protocol": {"num_images": 10}}


def add(tmp_path, *args, said=None):
    return history.add(*args, str(tmp_path), "run/best", (said if said is not None else []).append)


def test_a_result_is_written_told_and_ranked_among_earlier_iterations(tmp_path):
    said = []
    assert add(tmp_path, result(9.0), 2, said=said) == ({"eval/fid": 9.0, "eval/kid": 0.5}, True)
    assert add(tmp_path, result(9.5), 4, said=said)[1] is False
    assert add(tmp_path, result(8.0), 6, said=said)[1] is True
    assert add(tmp_path, result(9.0), 8, said=said)[1] is False, "equal to an earlier one is no better"
    assert [line.partition("; ")[2] for line in said] == [
        "the best FID so far, kept in run/best",
        "the best FID is 9",
        "the best FID so far, kept in run/best",
        "the best FID is 8",
    ]
    assert said[0].startswith("iteration 2: fid=9 kid=0.5;")
    assert json.loads((tmp_path / "scores" / "000004.json").read_text()) == result(9.5)


def test_later_iterations_and_other_protocols_do_not_count(tmp_path):
    add(tmp_path, result(1.0), 8)
    add(tmp_path, result(1.0, num_images=20), 2)
    assert add(tmp_path, result(5.0), 4)[1] is True, "the run was resumed from before iteration 8"
    assert add(tmp_path, result(4.0), 4)[1] is True, "a result of the same iteration is replaced"
    assert add(tmp_path, result(3.0), 10)[1] is False


def test_another_network_ranks_by_its_own_distance_and_never_says_fid(tmp_path):
    said = []
    add(tmp_path, result(1.0), 2)  # by Inception, under a protocol that differs in nothing
    assert add(tmp_path, result_of_tiny(9.0), 4, said=said) == ({"eval/tiny/frechet_distance": 9.0}, True)
    assert add(tmp_path, result_of_tiny(9.5), 6, said=said)[1] is False
    assert said == [
        "iteration 4: Fréchet distance (tiny)=9; the best Fréchet distance (tiny) so far, kept in run/best",
        "iteration 6: Fréchet distance (tiny)=9.5; the best Fréchet distance (tiny) is 9",
    ]


def test_the_newest_and_the_best_are_told(tmp_path):
    said = []
    assert history.newest_and_best(str(tmp_path), said.append) is None
    for iteration, fid in ((2, 9.0), (4, 7.0), (6, 7.0), (8, 8.0)):
        add(tmp_path, result(fid), iteration)
    add(tmp_path, result(1.0, num_images=20), 3)
    newest, best = history.newest_and_best(str(tmp_path), said.append)
    assert newest == (8, 8.0, "FID")
    assert best == (4, 7.0, "FID"), "the first of two equal ones, whose checkpoint is kept; and of the same protocol"
    add(tmp_path, result_of_tiny(9.0), 10)
    assert history.newest_and_best(str(tmp_path), said.append) == ((10, 9.0, "Fréchet distance (tiny)"),) * 2
    assert not said


def test_the_number_of_images_is_that_of_the_newest_result_of_the_same_network(tmp_path):
    assert history.find_num_images(str(tmp_path), "a", [].append) is None
    for iteration, num_images, weights in ((2, 5000, "a"), (4, 2000, "a"), (6, 1000, "b")):
        scored = result(1.0, num_images)
        scored["protocol"]["weights_sha256"] = weights
        add(tmp_path, scored, iteration)
    assert [history.find_num_images(str(tmp_path), weights, [].append) for weights in ("a", "b", "c")] == [
        2000,
        1000,
        None,
    ]


def test_a_broken_result_is_named_and_does_not_end_a_training(tmp_path):
    (tmp_path / "scores").mkdir()
    (tmp_path / "scores" / "000002.json").write_text("{")
    (tmp_path / "scores" / "notes.json").write_text("of somebody else")
    said = []
    assert add(tmp_path, result(5.0), 4, said=said)[1] is True
    assert "000002.json is no result of a scoring" in said[0] and len(said) == 2
    assert history.newest_and_best(str(tmp_path), said.append) == ((4, 5.0, "FID"),) * 2, "the last line of a training"
    assert said[2:] == said[:1]
