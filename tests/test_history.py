"""The results that a run leaves in its folder, and which of them is the best."""

import json

import pytest

from tfgan_gn.errors import UserError
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


def test_a_broken_result_is_named(tmp_path):
    (tmp_path / "scores").mkdir()
    (tmp_path / "scores" / "000002.json").write_text("{")
    with pytest.raises(UserError, match="000002.json is no result of a scoring"):
        add(tmp_path, result(5.0), 4)
