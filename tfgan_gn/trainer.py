"""One iteration of WGAN-GP: a generator step and n_critic critic steps, under the current strategy."""

import keras
import numpy as np
import tensorflow as tf

from tfgan_gn.errors import UserError
from tfgan_gn.losses import gradient_penalty, interpolate
from tfgan_gn.pixels import dequantize

# What a random draw is for; a draw is a function of (seed, purpose, iteration, critic step) and of nothing else, so
# that a resumed run and a run on another number of replicas see the same noise.
CRITIC_Z, DEQUANTIZATION, EPS, GENERATOR_Z = range(4)


def linear_decay(learning_rate, iterations):
    """The published schedule, from the outer iteration to lr max(0, 1 - iteration / iterations)."""

    def rate(iteration):
        left = 1 - tf.cast(iteration, keras.config.floatx()) / iterations
        return learning_rate * tf.maximum(left, 0)

    return rate


def constant(learning_rate):
    """A schedule that stays."""
    return lambda iteration: tf.constant(learning_rate, keras.config.floatx())


def adam(beta_1, beta_2):
    """TensorFlow 1's Adam: epsilon 1e-8 (Keras' default of 1e-7 moves weights 1e-4 elsewhere in one step)."""
    # A Python number would pass through float32 on its way to float64 weights.
    beta_1, beta_2, epsilon = np.float64(beta_1), np.float64(beta_2), np.float64(1e-8)
    return keras.optimizers.Adam(0.0, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon)


class Trainer:
    """Trains a pair of networks; make it inside the scope of the strategy that it shall run under.

    The steps that take their randomness as arguments (`critic_step`, `generator_step`, `critic_loss`) are the maths;
    `train` and `evaluate` draw it and spread the work over the replicas.

    Args:
        generator: z [N, z_dim] to images [N, H, W, C] in [-1, 1].
        critic: images [N, H, W, C] to scores [N].
        generator_optimizer: Keras optimizer; its learning rate is set by `learning_rate`.
        critic_optimizer: likewise.
        loss: `losses.Loss`.
        learning_rate: schedule, from the iteration (int64 scalar) to the learning rate of both networks.
        gp_weight: lambda, the weight of the gradient penalty.
        n_critic: critic steps per iteration.
        batch_size: images per critic step, over all replicas.
        generator_batch_size: images per generator step, over all replicas.
        z_dim: size of the noise vector.
        seed: of all noise.

    Raises:
        UserError: a batch that does not split over the replicas.
    """

    def __init__(
        self,
        generator,
        critic,
        generator_optimizer,
        critic_optimizer,
        *,
        loss,
        learning_rate,
        gp_weight,
        n_critic,
        batch_size,
        generator_batch_size,
        z_dim,
        seed,
    ):
        self.strategy = tf.distribute.get_strategy()
        replicas = self.strategy.num_replicas_in_sync
        for name, size in (("batch_size", batch_size), ("generator batch", generator_batch_size)):
            if size % replicas:
                raise UserError(f"{name} {size} does not split over {replicas} replicas: give a multiple of {replicas}")
        self.generator, self.critic = generator, critic
        self.generator_optimizer, self.critic_optimizer = generator_optimizer, critic_optimizer
        generator_optimizer.build(generator.trainable_variables)
        critic_optimizer.build(critic.trainable_variables)
        self.loss, self.learning_rate, self.gp_weight, self.n_critic = loss, learning_rate, gp_weight, n_critic
        self.batch_size, self.generator_batch_size = batch_size, generator_batch_size
        self.z_dim, self.seed = z_dim, seed
        self.dtype = generator.compute_dtype
        self.iteration = tf.Variable(0, dtype=tf.int64, trainable=False, name="iteration")

    # ---- the maths, its randomness given -------------------------------------------------------------------------

    def critic_loss(self, real, fake, eps):
        """Equation 3 of Gulrajani et al. 2017: E[D(fake)] - E[D(real)] + lambda E[(|grad D(x_hat)|_2 - 1)^2].

        Args:
            real: images [N, H, W, C] in [-1, 1].
            fake: generated images of the same shape.
            eps: [N] in [0, 1).

        Returns:
            (loss, logs, slopes): a scalar, scalars by tag, and |grad D(x_hat)|_2 of each image [N].
        """
        x_hat = interpolate(real, fake, eps)
        d_real, d_fake = tf.split(self.critic(tf.concat([real, fake], 0), training=True), 2)
        distance = self.loss.critic(d_real, d_fake)
        penalty, slopes = gradient_penalty(lambda x: self.critic(x, training=True), x_hat)
        loss = distance + self.gp_weight * penalty
        logs = {"critic/loss": loss, "critic/wasserstein": -distance, "critic/gradient_penalty": penalty}
        return loss, logs, slopes

    def critic_step(self, pixels, z, noise, eps):
        """One critic update on (this replica's share of) a batch.

        Args:
            pixels: real images, uint8 [N, H, W, C].
            z: noise vectors of the fake images [N, z_dim].
            noise: dequantization noise of the real ones [N, H, W, C] in [0, 1/128).
            eps: interpolation coefficients [N] in [0, 1).

        Returns:
            (logs, slopes) as of `critic_loss`, from before the update.
        """
        real = dequantize(pixels, noise)
        fake = self.generator(z, training=True)
        with tf.GradientTape() as tape:
            loss, logs, slopes = self.critic_loss(real, fake, eps)
            loss = self._share_of(loss)
        variables = self.critic.trainable_variables
        self.critic_optimizer.apply(tape.gradient(loss, variables), variables)
        return logs, slopes

    def generator_step(self, z):
        """One generator update.

        Args:
            z: noise vectors [N, z_dim].

        Returns:
            The loss before the update, a scalar.
        """
        variables = self.generator.trainable_variables
        with tf.GradientTape() as tape:
            loss = self.loss.generator(self.critic(self.generator(z, training=True), training=True))
            share = self._share_of(loss)
        self.generator_optimizer.apply(tape.gradient(share, variables), variables)
        return loss

    def set_learning_rate(self):
        """Sets both optimizers' learning rate to that of the current iteration, and returns it."""
        rate = self.learning_rate(self.iteration)
        for optimizer in (self.generator_optimizer, self.critic_optimizer):
            optimizer.learning_rate.assign(rate)
        return rate

    def _share_of(self, loss):
        # The optimizer sums gradients over the replicas; the mean over the global batch is the sum of these.
        return loss / self.strategy.num_replicas_in_sync

    # ---- the same, drawn and distributed -------------------------------------------------------------------------

    @tf.function(reduce_retracing=True)
    def train(self, batches, iterations):
        """Runs iterations: a generator step (not in iteration 0), then n_critic critic steps on fresh batches.

        Args:
            batches: iterator over distributed batches of real images, uint8 [batch_size, H, W, C].
            iterations: how many, an int64 scalar tensor (a Python number would be traced anew each time).

        Returns:
            (logs, slopes): means by tag over all steps run (generator/loss is 0/0 = NaN if there was no generator
            step), and the slopes of the last critic step [batch_size].
        """
        critic_logs = dict.fromkeys(("critic/loss", "critic/wasserstein", "critic/gradient_penalty"), 0.0)
        generator_loss, generator_steps = 0.0, 0.0
        slopes = tf.zeros([self.batch_size], self.dtype)
        critic_steps = tf.cast(iterations, tf.float32) * self.n_critic
        for _ in tf.range(iterations):
            self.set_learning_rate()
            if self.iteration > 0:
                generator_loss += self._mean(self.strategy.run(self._draw_generator_step))
                generator_steps += 1.0
            for step in tf.range(self.n_critic):
                logs, per_replica = self.strategy.run(self._draw_critic_step, (next(batches), step))
                critic_logs = {tag: total + self._mean(logs[tag]) for tag, total in critic_logs.items()}
                slopes = tf.ensure_shape(self._gather(per_replica), [self.batch_size])
            self.iteration.assign_add(1)
        logs = {tag: total / critic_steps for tag, total in critic_logs.items()}
        return {**logs, "generator/loss": generator_loss / generator_steps}, slopes

    @tf.function(reduce_retracing=True)
    def evaluate(self, batches, num_batches):
        """The critic loss on other images, with the same noise at every call and no update.

        Args:
            batches: iterator over distributed batches, uint8 [batch_size, H, W, C].
            num_batches: how many to take, an int64 scalar tensor.

        Returns:
            The mean critic loss, a scalar.
        """
        total = 0.0
        for step in tf.range(num_batches):
            total += self._mean(self.strategy.run(self._draw_critic_loss, (next(batches), step)))
        return total / tf.cast(num_batches, tf.float32)

    def _draw_generator_step(self):
        z = self._draw(GENERATOR_Z, self.generator_batch_size, [self.z_dim], counters=[self.iteration])
        return self.generator_step(z)

    def _draw_critic_step(self, pixels, step):
        return self.critic_step(pixels, *self._draw_critic_noise(pixels, self.iteration, step))

    def _draw_critic_loss(self, pixels, step):
        z, noise, eps = self._draw_critic_noise(pixels, -1, step)
        loss, _, _ = self.critic_loss(dequantize(pixels, noise), self.generator(z, training=True), eps)
        return loss

    def _draw_critic_noise(self, pixels, iteration, step):
        counters = [iteration, step]
        z = self._draw(CRITIC_Z, self.batch_size, [self.z_dim], counters)
        noise = self._draw(DEQUANTIZATION, self.batch_size, pixels.shape[1:], counters) / 128
        return z, noise, self._draw(EPS, self.batch_size, [], counters)

    def _draw(self, purpose, batch_size, shape, counters):
        """This replica's rows of the global batch's noise: normal for z, else uniform on [0, 1)."""
        seed = tf.constant([self.seed, purpose], tf.int64)
        for counter in counters:
            seed = tf.random.fold_in(seed, tf.cast(counter, tf.int64))  # whose type decides the bits that are kept
        normal = purpose in (CRITIC_Z, GENERATOR_Z)
        draw = tf.random.stateless_normal if normal else tf.random.stateless_uniform
        rows = batch_size // self.strategy.num_replicas_in_sync
        first = rows * tf.distribute.get_replica_context().replica_id_in_sync_group
        return draw([batch_size, *shape], seed, dtype=self.dtype)[first : first + rows]

    def _mean(self, per_replica):
        return tf.cast(self.strategy.reduce(tf.distribute.ReduceOp.MEAN, per_replica, axis=None), tf.float32)

    def _gather(self, per_replica):
        return self.strategy.gather(per_replica, 0)  # also from other machines
