"""The folder of everything that is made or downloaded once and used again."""

import os

DEFAULT = "~/.cache/tfgan_gn"


def cache_folder(cache_dir=""):
    """The path of the cache folder, which need not exist yet.

    Args:
        cache_dir: folder that the user asked for; empty for DEFAULT.
    """
    return cache_dir or os.path.expanduser(DEFAULT)
