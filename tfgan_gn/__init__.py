"""WGAN-GP with group normalization in TensorFlow and Keras.

- `train(preset="author", iterations=..., **settings)` trains a run and returns it.
- `load_run(workdir)` returns the run in a folder: its networks with their trained weights.
- `evaluate(samples, **settings)` scores images.
- `build_networks(architecture, ...)` builds a generator and a critic.
- `example_generator()` is a trained generator that comes with the package.
- `GroupNorm` is a layer whose second derivative is exact.
- `gradient_penalty(critic, images)` is the last term of equation 3 of Gulrajani et al. 2017.
"""

__version__ = "0.2.0"
__all__ = ["GroupNorm", "build_networks", "evaluate", "example_generator", "gradient_penalty", "load_run", "train"]


def __getattr__(name):
    """Imports what the package offers when it is first used: it needs TensorFlow, which takes seconds to import."""
    if name in __all__:
        from tfgan_gn.runs import python

        return getattr(python, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    """The names that completion offers."""
    return sorted([*globals(), *__all__])
