"""Spherical interpolation: ends, lengths, angles, and where no arc is given."""

import numpy as np
import pytest

from tfgan_gn.training.grids import slerp

pytestmark = pytest.mark.quick
T = np.linspace(0, 1, 7)


def test_it_starts_at_a_and_ends_at_b():
    a, b = np.random.default_rng(0).normal(size=(2, 3, 5))
    path = slerp(a, b, T)
    assert path.shape == (3, 7, 5) and path.dtype == np.float64
    np.testing.assert_allclose(path[:, 0], a, rtol=1e-12)
    np.testing.assert_allclose(path[:, -1], b, rtol=1e-12, atol=1e-15)


def test_on_the_unit_sphere_it_keeps_the_length_and_turns_evenly():
    a, b = np.random.default_rng(1).normal(size=(2, 4, 3))
    a, b = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (a, b))
    path = slerp(a, b, T)
    np.testing.assert_allclose(np.linalg.norm(path, axis=-1), 1, rtol=1e-12)
    turned = np.arccos(np.clip((path * a[:, None]).sum(-1), -1, 1))
    np.testing.assert_allclose(turned, np.outer(np.arccos((a * b).sum(-1)), T), atol=1e-7)


def test_a_quarter_of_a_circle():
    (path,) = slerp([[2.0, 0.0]], [[0.0, 2.0]], [0, 1 / 3, 0.5, 1])
    expected = [[2, 0], [np.sqrt(3), 1], [np.sqrt(2), np.sqrt(2)], [0, 2]]
    np.testing.assert_allclose(path, expected, atol=1e-12)


def test_the_middle_of_two_normal_vectors_is_as_long_as_they_are():
    a, b = np.random.default_rng(2).normal(size=(2, 1000, 128))
    (middle,) = slerp(a, b, [0.5]).transpose(1, 0, 2)
    np.testing.assert_allclose((middle**2).sum(-1).mean() / 128, 1, atol=0.02)
    np.testing.assert_allclose((((a + b) / 2) ** 2).sum(-1).mean() / 128, 0.5, atol=0.02)


@pytest.mark.parametrize("factor", [1.0, 3.0, -1.0])
def test_vectors_of_one_direction_are_joined_by_a_straight_line(factor):
    a = np.array([[1.0, 2.0, -2.0]])
    np.testing.assert_allclose(slerp(a, factor * a, T), a[:, None] * (1 - T + factor * T)[:, None], atol=1e-12)
