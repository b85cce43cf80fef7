"""Spherical interpolation between noise vectors."""

import numpy as np


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
