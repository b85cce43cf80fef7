"""One iteration of WGAN-GP or of a GAN with another loss: a generator step and n_critic critic steps."""

import functools

import tensorflow as tf

from tfgan_gn.data.pixels import dequantize
from tfgan_gn.errors import UserError
from tfgan_gn.layers import spectral
from tfgan_gn.training import noise
from tfgan_gn.training.optimizers import clip_weights


class Trainer:
    """Trains a pair of networks; make it inside the scope of the strategy that it shall run under.

    `critic_step` and `generator_step` take their randomness as arguments; `train` and `evaluate` draw it and spread the
    work over the replicas. A critic step of conditional networks takes the labels of the real images, a generator step
    draws its own.

    Args:
        objective: `objective.Objective`, the networks and their losses.
        generator_optimizer: Keras optimizer; its learning rate is set by `learning_rate`.
        critic_optimizer: likewise.
        learning_rate: schedule, from the iteration (int64 scalar) to the learning rate of both networks.
        n_critic: critic steps per iteration.
        batch_size: images per critic step, over all replicas.
        generator_batch_size: images per generator step, over all replicas.
        z_dim: size of the noise vector.
        seed: of all noise.
        num_classes: of the labels that come with the images; None for networks that take none.
        clip: bound that the critic's weights are clipped to after each of its updates; None for no clipping.
        flips: whether half of the real images are mirrored, left to right.
        averaged: a second generator, which follows the mean of the first one's weights; None for none.
        ema: its decay per iteration.
        jit: whether the two steps are compiled with XLA.
        critic_rate_ratio: the critic's learning rate over that of `learning_rate`.

    Raises:
        UserError: a batch that does not split over the replicas.
    """

    def __init__(
        self,
        objective,
        generator_optimizer,
        critic_optimizer,
        *,
        learning_rate,
        n_critic,
        batch_size,
        generator_batch_size,
        z_dim,
        seed,
        num_classes=None,
        clip=None,
        flips=False,
        averaged=None,
        ema=0.0,
        jit=False,
        critic_rate_ratio=1.0,
    ):
        self.strategy = tf.distribute.get_strategy()
        replicas = self.strategy.num_replicas_in_sync
        for name, size in (("batch_size", batch_size), ("generator batch", generator_batch_size)):
            if size % replicas:
                raise UserError(f"{name} {size} does not split over {replicas} replicas: give a multiple of {replicas}")
        self.objective, self.generator, self.critic = objective, objective.generator, objective.critic
        self.generator_optimizer, self.critic_optimizer = generator_optimizer, critic_optimizer
        generator_optimizer.build(self.generator.trainable_variables)
        critic_optimizer.build(self.critic.trainable_variables)
        self.learning_rate, self.n_critic, self.clip = learning_rate, n_critic, clip
        self.batch_size, self.generator_batch_size = batch_size, generator_batch_size
        self.z_dim, self.seed, self.num_classes = z_dim, seed, num_classes
        self.flips, self.averaged, self.ema, self.critic_rate_ratio = flips, averaged, ema, critic_rate_ratio
        for mean, variable in self._averages():
            mean.assign(variable)
        # Not what draws: XLA gives other random numbers for the same key. Only a function that is handed to
        # strategy.run as it is, not one called within it, can be compiled for several replicas.
        compile_step = functools.partial(tf.function, jit_compile=True) if jit else lambda step: step
        self._compiled_critic_step = compile_step(self.critic_step)
        self._compiled_generator_step = compile_step(self.generator_step)
        self.dtype = self.generator.variable_dtype  # also where the layers compute in bfloat16
        self.iteration = tf.Variable(0, dtype=tf.int64, trainable=False, name="iteration")

    # ---- the updates, their randomness given -----------------------------------------------------------------------

    def critic_step(self, pixels, z, noise, eps, labels=None):
        """One critic update on (this replica's share of) a batch.

        Args:
            pixels: real images, uint8 [N, H, W, C].
            z: noise vectors of the fake images [N, z_dim].
            noise: dequantization noise of the real ones [N, H, W, C] in [0, 1/128).
            eps: interpolation coefficients [N] in [0, 1).
            labels: of the real images [N], or None.

        Returns:
            (logs, slopes) as of `Objective.critic_loss`, from before the update.
        """
        real = dequantize(pixels, noise)
        fake = self.generator(z, labels=labels, training=True)
        with tf.GradientTape() as tape:
            loss, logs, slopes = self.objective.critic_loss(real, fake, eps, labels)
            loss = self._share_of(loss)
        variables = self.critic.trainable_variables
        self.critic_optimizer.apply(tape.gradient(loss, variables), variables)
        if self.clip is not None:
            clip_weights(variables, self.clip)
        return logs, slopes

    def generator_step(self, z, labels=None):
        """One generator update.

        Args:
            z: noise vectors [N, z_dim].
            labels: that the images are made for [N], or None.

        Returns:
            The logs of `Objective.generator_loss`, from before the update.
        """
        variables = self.generator.trainable_variables
        with tf.GradientTape() as tape:
            loss, logs = self.objective.generator_loss(z, labels)
            share = self._share_of(loss)
        self.generator_optimizer.apply(tape.gradient(share, variables), variables)
        return logs

    def set_learning_rate(self):
        """Sets both optimizers' learning rate to that of the current iteration, and returns the generator's."""
        rate = self.learning_rate(self.iteration)
        self.generator_optimizer.learning_rate.assign(rate)
        self.critic_optimizer.learning_rate.assign(self.critic_rate_ratio * rate)
        return rate

    def _share_of(self, loss):
        # The optimizer sums gradients over the replicas; the mean over the global batch is the sum of these.
        return loss / self.strategy.num_replicas_in_sync

    # ---- the same, drawn and distributed -------------------------------------------------------------------------

    @tf.function(reduce_retracing=True)
    def train(self, batches, iterations):
        """Runs iterations: a generator step (not in iteration 0), then n_critic critic steps on fresh batches.

        Args:
            batches: iterator over distributed batches of real images, uint8 [batch_size, H, W, C], or (images, labels)
                with labels [batch_size].
            iterations: how many, an int64 scalar tensor (a Python number would be traced anew each time).

        Returns:
            (logs, slopes): means by tag over all steps run (generator/loss is 0/0 = NaN if there was no generator
            step), and the slopes of the last critic step [batch_size]; [0] without penalty.
        """
        critic_tags, generator_tags = self.objective.tags()
        critic_logs, generator_logs = dict.fromkeys(critic_tags, 0.0), dict.fromkeys(generator_tags, 0.0)
        generator_steps = tf.zeros([])
        num_slopes = 0 if self.objective.gp_weight is None else self.batch_size
        slopes = tf.zeros([num_slopes], self.dtype)
        critic_steps = tf.cast(iterations, tf.float32) * self.n_critic
        for _ in tf.range(iterations):
            self.set_learning_rate()
            if self.iteration > 0:
                logs = self._run_generator_step()
                self._follow()
                generator_logs = {tag: total + self._mean(logs[tag]) for tag, total in generator_logs.items()}
                generator_steps += 1.0
            for step in tf.range(self.n_critic):
                logs, per_replica = self._run_critic_step(next(batches), step)
                critic_logs = {tag: total + self._mean(logs[tag]) for tag, total in critic_logs.items()}
                if num_slopes:  # processes that gather nothing from each other die of it
                    slopes = tf.ensure_shape(self._gather(per_replica), [num_slopes])
            self.iteration.assign_add(1)
        logs = {tag: total / critic_steps for tag, total in critic_logs.items()}
        return {**logs, **{tag: total / generator_steps for tag, total in generator_logs.items()}}, slopes

    @property
    def best_generator(self):
        """The generator to sample from: the averaged one, where there is one."""
        return self.generator if self.averaged is None else self.averaged

    def _averages(self):
        """Pairs of weights (mean, what it is the mean of)."""
        if self.averaged is None:
            return ()
        return zip(self.averaged.trainable_variables, self.generator.trainable_variables, strict=True)

    def _follow(self):
        """Mean = ema mean + (1 - ema) weight, of every weight, after a generator step."""
        for mean, variable in self._averages():
            self.strategy.extended.update(
                mean.value, lambda m, v: m.assign(v + self.ema * (m - v)), args=(variable.value,)
            )
        if self.averaged is not None:  # a mean of u and v is no singular vector of the mean kernel
            self.strategy.run(lambda: spectral.iterate_power(self.averaged))

    @tf.function(reduce_retracing=True)
    def evaluate(self, batches, num_batches):
        """The critic loss on other images, with the same noise at every call and no update of anything.

        Args:
            batches: iterator over distributed batches, as of `train`.
            num_batches: how many to take, an int64 scalar tensor.

        Returns:
            The mean critic loss, a scalar.
        """
        total = 0.0
        for step in tf.range(num_batches):
            total += self._mean(self.strategy.run(self._draw_critic_loss, (next(batches), step)))
        return total / tf.cast(num_batches, tf.float32)

    def _run_generator_step(self):
        return self.strategy.run(self._compiled_generator_step, self.strategy.run(self._generator_inputs))

    def _run_critic_step(self, batch, step):
        return self.strategy.run(self._compiled_critic_step, self.strategy.run(self._critic_inputs, (batch, step)))

    def _generator_inputs(self):
        counters = [self.iteration]
        z = self._draw(noise.GENERATOR_Z, self.generator_batch_size, [self.z_dim], counters)
        if self.num_classes is None:
            return (z,)
        return z, self._draw(noise.GENERATOR_LABELS, self.generator_batch_size, [], counters)

    def _critic_inputs(self, batch, step):
        pixels, labels = self._split(batch)
        if self.flips:
            mirrored = self._draw(noise.FLIPS, self.batch_size, [1, 1, 1], [self.iteration, step]) < 0.5
            pixels = tf.where(mirrored, tf.reverse(pixels, [2]), pixels)
        inputs = pixels, *self._draw_critic_noise(pixels, self.iteration, step)
        return inputs if labels is None else (*inputs, labels)

    def _draw_critic_loss(self, batch, step):
        pixels, labels = self._split(batch)
        z, dequantization, eps = self._draw_critic_noise(pixels, -1, step)
        fake = self.generator(z, labels=labels)
        loss, _, _ = self.objective.critic_loss(dequantize(pixels, dequantization), fake, eps, labels, training=False)
        return loss

    def _split(self, batch):
        """(pixels, labels) of a batch, which may have labels that these networks do not take."""
        pixels, labels = batch if isinstance(batch, tuple) else (batch, None)
        return pixels, labels if self.num_classes is not None else None

    def _draw_critic_noise(self, pixels, iteration, step):
        counters = [iteration, step]
        z = self._draw(noise.CRITIC_Z, self.batch_size, [self.z_dim], counters)
        dequantization = self._draw(noise.DEQUANTIZATION, self.batch_size, pixels.shape[1:], counters) / 128
        return z, dequantization, self._draw(noise.EPS, self.batch_size, [], counters)

    def _draw(self, purpose, batch_size, shape, counters):
        return noise.draw(purpose, [batch_size, *shape], self.seed, counters, self.dtype, self.num_classes)

    def _mean(self, per_replica):
        return tf.cast(self.strategy.reduce(tf.distribute.ReduceOp.MEAN, per_replica, axis=None), tf.float32)

    def _gather(self, per_replica):
        return self.strategy.gather(per_replica, 0)  # also from other machines
