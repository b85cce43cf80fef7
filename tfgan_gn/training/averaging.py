"""The averaged generator: an exponential moving average of the trained generator's weights."""

import tensorflow as tf

from tfgan_gn.layers import batch_renorm, spectral


class MovingAverage:
    """Keeps a second generator at mean = decay mean + (1 - decay) weight, for every trainable weight.

    Make it inside the scope of the strategy, before a checkpoint is restored: the means begin at the weights.

    Args:
        averaged: the generator that holds the means, built like `trained`.
        trained: the generator that is trained.
        decay: per update, in [0, 1).
    """

    def __init__(self, averaged, trained, decay):
        self.averaged, self.trained, self.decay = averaged, trained, decay
        self.pairs = list(zip(averaged.trainable_variables, trained.trainable_variables, strict=True))
        self.strategy = tf.distribute.get_strategy()
        self.restart()

    def restart(self):
        """Sets the means to the weights, and what is not averaged to what the trained generator has."""
        for mean, weight in zip(self.averaged.variables, self.trained.variables, strict=True):
            mean.assign(weight)

    def update(self):
        """Moves the means towards the weights; call it after a generator step, outside of the replicas."""
        for mean, weight in self.pairs:
            self.strategy.extended.update(
                mean.value, lambda m, w: m.assign(w + self.decay * (m - w)), args=(weight.value,)
            )
        # Spectral norm's u and v are not averaged: a mean of singular vectors is no singular vector of the mean kernel.
        self.strategy.run(lambda: spectral.iterate_power(self.averaged))
        # The moving statistics of batch renormalization are averages already.
        batch_renorm.copy_state(self.trained, self.averaged)
