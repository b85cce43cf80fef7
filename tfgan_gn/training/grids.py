"""The images of a run's sample grid and interpolations: noise that is always the same, and arcs between its vectors."""

import numpy as np
import tensorflow as tf

from tfgan_gn.data.pixels import as_8_bits, middles

GRID = 10  # rows and columns of the sample grid, as published
FIXED_Z = -1  # purpose of the grid's noise; those of training are in `noise`


class Grids:
    """Draws GRID rows of GRID images, from the same noise each time.

    Batch norm uses the statistics of the images of a grid, as the published code does.

    Args:
        trainer: `Trainer`, whose sampling generator makes the images.
        sources: for a generator whose condition is an image, uint8 or uint16 [GRID, H, W, C]: the images of a row are
            made of one of them. None for other generators.
    """

    def __init__(self, trainer, sources=None):
        noise = trainer.noise
        z = tf.random.stateless_normal([GRID**2, noise.z_dim], [noise.seed, FIXED_Z], dtype=noise.dtype)
        condition = condition_of_arcs = None
        if noise.num_classes is not None:
            condition = tf.range(GRID**2) % GRID % noise.num_classes  # one class a column
            condition_of_arcs = tf.repeat(condition[:GRID], GRID)
        if sources is not None:
            images = middles(sources, noise.pixels.scale, noise.pixels.shift)
            condition = condition_of_arcs = tf.cast(tf.repeat(images, GRID, 0), noise.dtype)  # one source a row
        # A row of the interpolations leads from an image in the first row of the grid to the one below it.
        arcs = slerp(z[:GRID], z[GRID : 2 * GRID], np.linspace(0, 1, GRID)).reshape(GRID**2, noise.z_dim)
        draw = tf.function(
            lambda z, condition: noise.pixels.to_pixels(trainer.sampling_generator(z, condition=condition)),
            autograph=False,
        )
        draw_all = draw if sources is None else _by_rows(draw)
        self.sources = sources
        self._draw = lambda: draw_all(z, condition)
        self._draw_interpolations = lambda: draw_all(tf.constant(arcs, z.dtype), condition_of_arcs)

    def samples(self):
        """The sample grid, uint8 [GRID^2, H, W, C]; each row begins with its source where there are sources."""
        samples = self._draw().numpy()
        if self.sources is not None:
            samples[::GRID] = as_8_bits(self.sources)
        return samples

    def interpolations(self):
        """Rows on the arc from an image in the first row of the sample grid to the one below it: as `samples`."""
        return self._draw_interpolations().numpy()


def _by_rows(draw):
    """Draws the images of each row of a grid together: all of them, at 256x256 pixels, would not fit in memory."""
    rows = [slice(first, first + GRID) for first in range(0, GRID**2, GRID)]
    return lambda z, condition: tf.concat([draw(z[row], condition[row]) for row in rows], 0)


def slerp(a, b, t):
    """Vectors on the arc from a to b (Shoemake 1985, section 3.3), as White (2016) uses them for generators.

        slerp(a, b, t) = (sin((1 - t) angle) a + sin(t angle) b) / sin(angle), with the angle between a and b

    A vector from N(0, I) in d dimensions has a length near sqrt(d). The vectors on a straight line between two of them
    are shorter, unlike any that the generator was trained with; those on the arc are not.

    Args:
        a: float array [N, d], the vectors at t = 0; none is 0.
        b: float array [N, d], the vectors at t = 1; none is 0.
        t: float array [T] in [0, 1].

    Returns:
        A float64 array [N, T, d]. Where a and b have the same or the opposite direction, no arc is given by them, and
        the vectors are on the straight line.
    """
    a, b = np.asarray(a, np.float64)[:, None], np.asarray(b, np.float64)[:, None]
    t = np.asarray(t, np.float64)[:, None]
    lengths = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    angle = np.arccos(np.clip((a * b).sum(-1) / lengths, -1, 1))[..., None]
    straight = np.sin(angle) < 1e-6
    sine = np.where(straight, 1, np.sin(angle))
    from_a = np.where(straight, 1 - t, np.sin((1 - t) * angle) / sine)
    from_b = np.where(straight, t, np.sin(t * angle) / sine)
    return from_a * a + from_b * b
