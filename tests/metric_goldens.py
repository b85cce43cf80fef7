"""Numbers of published implementations (goldens/README.md), their inputs, and which of them a test uses."""

import pathlib
import re

import numpy as np
import pytest

from tfgan_gn.metrics import rows

GOLDEN = dict(np.load(pathlib.Path(__file__).parent / "goldens/metrics.npz"))
HELD = {"fid_a__mu_a", "fid_a__sigma_a", "kid_ab__tfgan_one_block", "kid_ab__tfgan_blocks"}
HELD |= {"kid_a__torchfidelity_subsets10", "kid_a__torchfidelity_subsets10_allrows"}


def golden(pattern, without=None):
    """Runs a test for each golden whose key matches."""
    keys = [key for key in GOLDEN if re.fullmatch(pattern, key) and not (without and re.search(without, key))]
    assert keys, pattern
    HELD.update(keys)
    return pytest.mark.parametrize("key", keys)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Makes blocks so small that each loop over them has several steps and an uneven last one."""
    monkeypatch.setattr(rows, "BLOCK_ELEMENTS", 7000)


def close(ours, expected, tolerance):
    """Asserts equality up to a tolerance relative to the largest expected number, or absolute if that is below 1."""
    np.testing.assert_allclose(ours, expected, rtol=0, atol=tolerance * max(1, np.max(np.abs(expected))))


A, B = (GOLDEN[f"fid_a__in_{which}"] for which in "ab")
ZERO = np.ones(32)
ZERO[GOLDEN["fid_zero__in_cols"]] = 0
FRECHET = {
    "fid_a": (A, B),
    "fid_a_f32": (A.astype(np.float32), B.astype(np.float32)),
    "fid_s": (GOLDEN["fid_s__in_a"], GOLDEN["fid_s__in_b"]),
    "fid_w": (GOLDEN["fid_w__in_a"], GOLDEN["fid_w__in_b"]),
    "fid_same": (A, A),
    "fid_same_s": (GOLDEN["fid_s__in_a"], GOLDEN["fid_s__in_a"]),
    "fid_perm": (A, A[::-1]),
    "fid_shift": (A, A + GOLDEN["fid_shift__in_c"]),
    "fid_scale": (A, 2 * A),
    "fid_zero": (A * ZERO, B * ZERO),
    "fid_const": (np.tile(A[:1], (50, 1)), B),
    "fid_half": (A[:200], A[200:]),
    "fid_1d": (GOLDEN["fid_1d__in_a"].reshape(-1, 1), GOLDEN["fid_1d__in_b"].reshape(-1, 1)),
}
