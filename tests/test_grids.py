"""The sample grid; spherical interpolation: ends, lengths, angles, and where no arc is given."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from conftest import simple_networks, tiny_networks, tiny_trainer
from test_recorder import recorder_of

from tfgan_gn.data.pixels import PIXELS, quantize
from tfgan_gn.training import summaries
from tfgan_gn.training.grids import FIXED_Z, Grids, slerp
from tfgan_gn.training.noise import Noise

T = np.linspace(0, 1, 7)


@pytest.mark.quick
def test_it_starts_at_a_and_ends_at_b():
    a, b = np.random.default_rng(0).normal(size=(2, 3, 5))
    path = slerp(a, b, T)
    assert path.shape == (3, 7, 5) and path.dtype == np.float64
    np.testing.assert_allclose(path[:, 0], a, rtol=1e-12)
    np.testing.assert_allclose(path[:, -1], b, rtol=1e-12, atol=1e-15)


@pytest.mark.quick
def test_on_the_unit_sphere_it_keeps_the_length_and_turns_evenly():
    a, b = np.random.default_rng(1).normal(size=(2, 4, 3))
    a, b = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (a, b))
    path = slerp(a, b, T)
    np.testing.assert_allclose(np.linalg.norm(path, axis=-1), 1, rtol=1e-12)
    turned = np.arccos(np.clip((path * a[:, None]).sum(-1), -1, 1))
    np.testing.assert_allclose(turned, np.outer(np.arccos((a * b).sum(-1)), T), atol=1e-7)


@pytest.mark.quick
def test_a_quarter_of_a_circle():
    (path,) = slerp([[2.0, 0.0]], [[0.0, 2.0]], [0, 1 / 3, 0.5, 1])
    expected = [[2, 0], [np.sqrt(3), 1], [np.sqrt(2), np.sqrt(2)], [0, 2]]
    np.testing.assert_allclose(path, expected, atol=1e-12)


@pytest.mark.quick
def test_the_middle_of_two_normal_vectors_is_as_long_as_they_are():
    a, b = np.random.default_rng(2).normal(size=(2, 1000, 128))
    (middle,) = slerp(a, b, [0.5]).transpose(1, 0, 2)
    np.testing.assert_allclose((middle**2).sum(-1).mean() / 128, 1, atol=0.02)
    np.testing.assert_allclose((((a + b) / 2) ** 2).sum(-1).mean() / 128, 0.5, atol=0.02)


@pytest.mark.quick
@pytest.mark.parametrize("factor", [1.0, 3.0, -1.0])
def test_vectors_of_one_direction_are_joined_by_a_straight_line(factor):
    a = np.array([[1.0, 2.0, -2.0]])
    np.testing.assert_allclose(slerp(a, factor * a, T), a[:, None] * (1 - T + factor * T)[:, None], atol=1e-12)


def test_the_sample_grid_is_of_fixed_noise_normalized_as_published():
    trainer = tiny_trainer(simple_networks())
    first = Grids(trainer).samples()
    z = tf.random.stateless_normal([100, 8], [trainer.noise.seed, FIXED_Z])
    assert abs(first.astype(int) - quantize(trainer.generator(z, training=True)).numpy()).max() <= 1
    np.testing.assert_array_equal(first, Grids(trainer).samples())
    assert first.shape == (100, 16, 16, 3) and len({image.tobytes() for image in first}) == 100


def test_the_sample_grid_is_made_by_the_inverse_of_the_runs_own_pixels():
    trainer = tiny_trainer(simple_networks(), pixels=PIXELS["255"])
    z = tf.random.stateless_normal([100, 8], [trainer.noise.seed, FIXED_Z])
    nearest = np.rint(127.5 * (trainer.generator(z, training=True).numpy() + 1))
    assert (Grids(trainer).samples() != nearest).mean() < 1e-3  # where rounding is within 1e-4


@pytest.mark.quick
def test_the_images_of_a_row_are_made_of_its_source_and_so_are_those_of_an_arc(rng):
    """The source takes the first place of a row of the grid. An arc leads between z of the grid's first two rows."""

    def generator(z, condition):
        return (condition + tf.tanh(z)[:, None, None]) / 2

    trainer = SimpleNamespace(noise=Noise(0, 3, 4, 4, pairs=True, pixels=PIXELS["255"]), sampling_generator=generator)
    sources = rng.integers(0, 256, (10, 2, 2, 3), np.uint8)
    grids = Grids(trainer, sources)
    samples, arcs = (made.reshape(10, 10, 2, 2, 3) for made in (grids.samples(), grids.interpolations()))
    z = tf.random.stateless_normal([100, 3], [0, FIXED_Z]).numpy().reshape(10, 10, 1, 1, 3)
    of_rows = (sources / 127.5 - 1)[:, None]  # the source of each row of a grid
    np.testing.assert_array_equal(samples[:, 0], sources)
    for found, of_z in ((samples[:, 1:], z[:, 1:]), (arcs[:, [0, -1]], z[:2].swapaxes(0, 1))):
        np.testing.assert_allclose(found, 127.5 * ((of_rows + np.tanh(of_z)) / 2 + 1), rtol=0, atol=0.501)


def test_a_row_of_interpolations_leads_from_one_image_of_the_grid_to_the_one_below(tmp_path):
    """Without batch norm, whose statistics are those of the other images."""
    trainer = tiny_trainer(tiny_networks(generator_norm="layer", num_classes=4), num_classes=4)
    recorder = recorder_of(trainer, tmp_path)
    grid, rows = recorder.grids.samples().astype(int), recorder.grids.interpolations().astype(int)
    rows = rows.reshape(10, 10, *grid.shape[1:])
    np.testing.assert_allclose(rows[:, 0], grid[:10], atol=1)
    np.testing.assert_allclose(rows[:, -1], grid[10:20], atol=1)
    z = tf.random.stateless_normal([100, 8], [trainer.noise.seed, FIXED_Z]).numpy()
    (between,) = slerp(z[3:4], z[13:14], [4 / 9])
    expected = quantize(trainer.generator(between.astype(np.float32), condition=tf.constant([3])))
    np.testing.assert_allclose(rows[3, 4], expected[0].numpy().astype(int), atol=1)
    recorder.sample(7)
    image = tf.io.decode_png((tmp_path / "interpolations" / "000007.png").read_bytes()).numpy()
    np.testing.assert_array_equal(image, summaries.image_grid(rows.reshape(-1, *grid.shape[1:]).astype(np.uint8), 10))
