"""WGAN-GP with group normalization in TensorFlow and Keras."""

__version__ = "0.2.0"


def __getattr__(name):
    """Imports `load_run` when it is first used: it needs TensorFlow, which takes seconds to import."""
    if name == "load_run":
        from tfgan_gn.runs.loading import load_run

        return load_run
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
