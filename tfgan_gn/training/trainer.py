"""One iteration of WGAN-GP or of a GAN with another loss: a generator step and n_critic critic steps."""

import functools
from typing import NamedTuple

import tensorflow as tf

from tfgan_gn.errors import UserError
from tfgan_gn.training.noise import critic_inputs, generator_inputs, held_out_inputs
from tfgan_gn.training.objective import NO_MASKS

# AutoGraph rewrites every function that a traced one calls, which takes a quarter of the time until the first step.
# Only loops over tensors and conditions on tensors need it; these functions, and what they call, have none.
without_autograph = tf.autograph.experimental.do_not_convert


class Totals(NamedTuple):
    """Sums of what steps log, to take means of.

    They are float64, and the logs are float32. With equal types TensorFlow joins a sum that a loop carries with the
    additions inside the loss (arithmetic optimizer), and at large sizes replaces the joined addition by a temporary
    variable (memory optimizer). The last turn of the loop does not delete that variable, and the next run of the loop
    fails with AlreadyExistsError.

    Attributes:
        sums: by tag, float64 scalars.
        counts: how many steps logged each tag, float64 scalars.
    """

    sums: dict
    counts: dict

    @classmethod
    @without_autograph
    def zero(cls, tags):
        """Totals of no steps. TensorFlow's loops need all tags before the first step."""
        return cls(*(dict.fromkeys(tags, tf.zeros([], tf.float64)) for _ in cls._fields))

    @without_autograph
    def add(self, logs):
        """These totals and one step more, which logs some or all of the tags.

        Raises:
            ValueError: a tag that `zero` was not given, whose values would be lost.
        """
        undeclared = logs.keys() - self.sums.keys()
        if undeclared:
            raise ValueError(f"logs without a place in the totals: {', '.join(sorted(undeclared))}")
        sums = {tag: tf.cast(value, tf.float64) for tag, value in logs.items()}
        return self.merge(Totals(sums, dict.fromkeys(logs, tf.ones([], tf.float64))))

    @without_autograph
    def merge(self, other):
        """These totals and others together, whose tags are some or all of these."""
        sums = {tag: total + other.sums[tag] if tag in other.sums else total for tag, total in self.sums.items()}
        counts = {tag: n + other.counts[tag] if tag in other.counts else n for tag, n in self.counts.items()}
        return Totals(sums, counts)

    @without_autograph
    def means(self):
        """The mean of each tag, a float32 scalar; 0/0 = NaN for a tag that no step logged."""
        return {tag: tf.cast(total / self.counts[tag], tf.float32) for tag, total in self.sums.items()}


class Trainer:
    """Trains a pair of networks; make it inside the scope of the strategy that it shall run under.

    `critic_step` and `generator_step` take their randomness as arguments. `iterate`, `train` and `evaluate` draw it and
    distribute the work over the replicas.

    Args:
        objective: `objective.Objective`: the networks and their losses.
        noise: `noise.Noise`: the batch sizes, and all random draws.
        generator_update: `optimizers.Update` of the generator.
        critic_update: likewise of the critic.
        n_critic: critic steps per iteration.
        critic_first: whether the generator step of an iteration follows its critic steps, as in the PyTorch sources.
            Otherwise it goes before them, and iteration 0 has none, as in the code of the WGAN-GP authors.
        reuse_real_batch: whether all critic steps of an iteration are given the same real images, flips and
            dequantization noise included. Otherwise each takes the next batch.
        average: `averaging.MovingAverage` of the generator; None for none.
        jit: whether the two steps are compiled with XLA.

    Raises:
        UserError: a batch that cannot be divided evenly over the replicas, or into the towers of batch norm; pairs of
            images, and a generator step that is not as large as a critic step.
    """

    def __init__(
        self,
        objective,
        noise,
        generator_update,
        critic_update,
        *,
        n_critic,
        critic_first=False,
        reuse_real_batch=False,
        average=None,
        jit=False,
    ):
        self.strategy = tf.distribute.get_strategy()
        replicas = self.strategy.num_replicas_in_sync
        for name, size in (("batch_size", noise.batch_size), ("generator batch", noise.generator_batch_size)):
            for parts, what in ((replicas, "replicas"), (objective.towers, "towers of batch norm")):
                if size % parts:
                    raise UserError(f"{name} {size} does not split over {parts} {what}: give a multiple of {parts}")
        if noise.pairs and noise.generator_batch_size != noise.batch_size:
            raise UserError(
                f"a generator step of {noise.generator_batch_size} images takes its conditions from a batch of "
                f"{noise.batch_size} pairs: give --generator_batch_multiple=1"
            )
        self.objective, self.generator, self.critic = objective, objective.generator, objective.critic
        self.noise, self.n_critic, self.average = noise, n_critic, average
        self.critic_first, self.reuse_real_batch = critic_first, reuse_real_batch
        self.generator_update, self.critic_update = generator_update, critic_update
        generator_update.optimizer.build(self.generator.trainable_variables)
        critic_update.optimizer.build(self.critic.trainable_variables)
        # The draws of noise are not compiled: XLA gives other random numbers for the same key. For several replicas
        # XLA compiles only the function that strategy.run is given, not one that this function calls.
        compile_step = functools.partial(tf.function, jit_compile=True, autograph=False) if jit else lambda step: step
        self._compiled_critic_step = compile_step(self.critic_step)
        self._compiled_generator_step = compile_step(self.generator_step)
        self.iteration = tf.Variable(0, dtype=tf.int64, trainable=False, name="iteration")

    @property
    def sampling_generator(self):
        """The generator to sample from: the averaged one if there is one, else the trained one."""
        return self.generator if self.average is None else self.average.averaged

    # ---- one step on one replica, its randomness given -------------------------------------------------------------

    @without_autograph
    def critic_step(self, real, z, eps, condition=None, masks=NO_MASKS):
        """One critic update.

        Args:
            real: images of this replica's share of the batch [N, H, W, C] in [-1, 1].
            z: noise vectors of the fake images [N, z_dim].
            eps: interpolation coefficients [N] in [0, 1).
            condition: of the real images, and to generate the fake ones with: labels [N], or images [N, H, W, C] in
                [-1, 1]; None for networks without a condition.
            masks: `objective.Masks`, for dropout.

        Returns:
            (logs, slopes) of `Objective.critic_loss`, from before the update.
        """
        fake = self.objective.generate(z, condition, masks=masks.generator)
        with tf.GradientTape() as tape:
            loss, logs, slopes = self.objective.critic_loss(real, fake, eps, condition, masks=masks)
            loss = self._share_of(loss)
        variables = self.critic.trainable_variables
        self.critic_update.apply(tape.gradient(loss, variables), variables)
        return logs, slopes

    @without_autograph
    def generator_step(self, z, condition=None, masks=NO_MASKS):
        """One generator update.

        Args:
            z: noise vectors [M, z_dim].
            condition: to generate images with: labels [M], or images [M, H, W, C] in [-1, 1]; None for networks without
                a condition.
            masks: `objective.Masks`, for dropout.

        Returns:
            The logs of `Objective.generator_loss`, from before the update.
        """
        variables = self.generator.trainable_variables
        with tf.GradientTape() as tape:
            loss, logs = self.objective.generator_loss(z, condition, masks)
            share = self._share_of(loss)
        self.generator_update.apply(tape.gradient(share, variables), variables)
        return logs

    def _share_of(self, loss):
        # The optimizer sums gradients over the replicas; the mean over the global batch is the sum of these.
        return loss / self.strategy.num_replicas_in_sync

    # ---- the same on all replicas, its randomness drawn ------------------------------------------------------------

    @without_autograph
    def set_learning_rate(self):
        """Sets both optimizers' learning rates to those of the current iteration."""
        self.generator_update.set_learning_rate(self.iteration)
        self.critic_update.set_learning_rate(self.iteration)

    def iterate(self, batches):
        """Runs one iteration: n_critic critic steps, and a generator step before or after them.

        The generator step comes after them if `critic_first` is set. Otherwise it comes before them, except in
        iteration 0, which has no generator step.

        Args:
            batches: iterator over distributed batches of real images, uint8 [batch_size, H, W, C], or of (images,
                condition). The condition is labels, int64 [batch_size], or if `noise.pairs` is set, uint8 images of the
                same shape; then each generator step takes a batch too.

        Returns:
            (totals, slopes): `Totals` over the iteration's steps, and the slopes of the last critic step [batch_size];
            [0] without gradient penalty.
        """
        totals, _ = self._nothing_logged()
        self.set_learning_rate()
        if self.critic_first:
            of_critic, slopes = self._critic_steps(batches)
            totals = totals.merge(of_critic).add(self._generator_step_on_all(batches))
        else:
            if self.iteration > 0:
                totals = totals.add(self._generator_step_on_all(batches))
            of_critic, slopes = self._critic_steps(batches)
            totals = totals.merge(of_critic)
        self.iteration.assign_add(1)
        return totals, slopes

    @tf.function(reduce_retracing=True)
    def train(self, batches, iterations):
        """Runs several iterations in one call.

        Args:
            batches: as of `iterate`.
            iterations: how many, an int64 scalar tensor. Each new Python number would be traced anew.

        Returns:
            (logs, slopes): means by tag over all steps, float32 scalars, NaN for a tag that no step logged; and the
            slopes of the last critic step, as of `iterate`.
        """
        totals, slopes = self._nothing_logged()
        for _ in tf.range(iterations):
            of_one, slopes = self.iterate(batches)
            totals = totals.merge(of_one)
        return totals.means(), slopes

    @tf.function(reduce_retracing=True)
    def evaluate(self, batches, num_batches, draw=0):
        """The critic loss on other images; updates nothing.

        Args:
            batches: as of `iterate`.
            num_batches: how many to take, an int64 scalar tensor.
            draw: number of the noise, 0 or more, an int64 scalar tensor. Equal numbers give equal noise at any
                iteration; no number gives the noise of a training step.

        Returns:
            The mean critic loss, a float32 scalar.
        """
        total = tf.zeros([], tf.float64)  # for the reason in `Totals`
        for step in tf.range(num_batches):
            loss = self._mean(self.strategy.run(self._held_out_loss, (next(batches), draw, step)))
            total += tf.cast(loss, tf.float64)
        return tf.cast(total / tf.cast(num_batches, tf.float64), tf.float32)

    @without_autograph
    def _nothing_logged(self):
        """What `iterate` returns, before the first step."""
        return Totals.zero(self.objective.tags()), tf.zeros([self._num_slopes()], self.noise.dtype)

    def _num_slopes(self):
        return 0 if self.objective.gp_weight is None else self.noise.batch_size

    def _critic_steps(self, batches):
        """(totals, slopes) of an iteration's critic steps, as of `iterate`."""
        totals, slopes = self._nothing_logged()
        if self.reuse_real_batch:
            batch = next(batches)
        for step in tf.range(self.n_critic):
            if self.reuse_real_batch:
                logs, slopes = self._critic_step_on_all(batch, step, 0)
            else:
                logs, slopes = self._critic_step_on_all(next(batches), step, step)
            totals = totals.add(logs)
        return totals, slopes

    @without_autograph
    def _generator_step_on_all(self, batches):
        batch = (next(batches),) if self.noise.pairs else ()
        inputs = self.strategy.run(generator_inputs, (self.noise, self.iteration, *batch))
        logs = self.strategy.run(self._compiled_generator_step, inputs)
        if self.average is not None:
            self.average.update()
        return {tag: self._mean(value) for tag, value in logs.items()}

    @without_autograph
    def _critic_step_on_all(self, batch, step, step_of_real):
        arguments = (self.noise, batch, self.iteration, step, step_of_real)
        inputs = self.strategy.run(critic_inputs, arguments)
        logs, slopes = self.strategy.run(self._compiled_critic_step, inputs)
        logs = {tag: self._mean(value) for tag, value in logs.items()}
        if not self._num_slopes():  # gathering empty tensors crashes multi-worker runs
            return logs, tf.zeros([0], self.noise.dtype)
        return logs, tf.ensure_shape(self.strategy.gather(slopes, 0), [self._num_slopes()])

    @without_autograph
    def _held_out_loss(self, batch, draw, step):
        """The critic loss on this replica's share."""
        real, z, eps, condition = held_out_inputs(self.noise, batch, draw, step)
        fake = self.objective.generate(z, condition, training=False)
        loss, _, _ = self.objective.critic_loss(real, fake, eps, condition, training=False)
        return loss

    def _mean(self, per_replica):
        return tf.cast(self.strategy.reduce(tf.distribute.ReduceOp.MEAN, per_replica, axis=None), tf.float32)
