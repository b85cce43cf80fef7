"""The schedule, the noise and the replicas of a training step."""

import numpy as np
import pytest
import tensorflow as tf
from conftest import simple_networks, tiny_networks, tiny_trainer, weights

from tfgan_gn.data.batches import train_batches
from tfgan_gn.errors import UserError
from tfgan_gn.training.losses import LOSSES, Auxiliary, gradient_penalty, interpolate
from tfgan_gn.training.objective import Objective
from tfgan_gn.training.optimizers import constant, linear_decay

IMAGES = np.random.default_rng(0).integers(0, 256, (64, 16, 16, 3), np.uint8)


def batches(trainer, first=0):
    dataset = train_batches(IMAGES, trainer.noise.batch_size, 0, first)
    return iter(trainer.strategy.experimental_distribute_dataset(dataset))


def run(trainer, *calls, first=0):
    """Trains `calls` iterations each; returns the logs of the last call."""
    source = batches(trainer, first)
    for count in calls:
        logs, slopes = trainer.train(source, tf.constant(count, tf.int64))
    return {tag: float(value) for tag, value in logs.items()}, slopes


def test_iteration_0_updates_the_critic_only_and_later_ones_both(eagerly):
    trainer = tiny_trainer(simple_networks())
    generator = [v.numpy() for v in trainer.generator.trainable_variables]
    critic_steps, generator_steps = (
        update.optimizer.iterations for update in (trainer.critic_update, trainer.generator_update)
    )
    logs, slopes = run(trainer, 1)
    assert np.isnan(logs["generator/loss"]) and slopes.shape == (4,)
    assert (critic_steps.numpy(), generator_steps.numpy()) == (2, 0)
    for old, new in zip(generator, trainer.generator.trainable_variables, strict=True):
        np.testing.assert_array_equal(old, new.numpy())
    run(trainer, 3)
    assert (critic_steps.numpy(), generator_steps.numpy()) == (8, 3)
    assert trainer.iteration.numpy() == 4


@pytest.mark.parametrize(("critic_first", "reuse"), [(False, False), (True, True)])
def test_an_iteration_is_its_steps_with_its_noise_on_its_batches(float64, critic_first, reuse):
    """Replays two iterations by hand, with labels.

    As the WGAN-GP authors have it: the generator first but in iteration 0, then each critic step on the next batch. As
    giakou4 has it: the critic first, with the same real images in each of its steps, then the generator.
    """
    settings = {"learning_rate": linear_decay(1e-3, 10), "flips": True}
    settings |= {"critic_first": critic_first, "reuse_real_batch": reuse}
    driven, by_hand = (conditional(**settings) for _ in range(2))
    logs, slopes = driven.train(labelled_batches(driven), tf.constant(2, tf.int64))
    source, noise, generator_losses = labelled_batches(by_hand), by_hand.noise, []
    for iteration in range(2):
        by_hand.iteration.assign(iteration)
        by_hand.set_learning_rate()
        for update in (by_hand.generator_update, by_hand.critic_update):
            rate = update.optimizer.learning_rate.numpy()
            np.testing.assert_allclose(rate, 1e-3 * (1 - iteration / 10), rtol=1e-12)
        if iteration and not critic_first:
            generator_losses = [by_hand.generator_step(*noise.of_generator_step(iteration))["generator/loss"]]
        for step in range(2):
            if step == 0 or not reuse:
                pixels, labels = next(source)
                real = noise.to_floats(noise.flip(pixels, iteration, step), iteration, step)
            _, by_hand_slopes = by_hand.critic_step(real, *noise.of_critic_step(iteration, step), labels)
        if critic_first:
            generator_losses.append(by_hand.generator_step(*noise.of_generator_step(iteration))["generator/loss"])
    np.testing.assert_allclose(logs["generator/loss"], np.mean(generator_losses), rtol=1e-6)
    np.testing.assert_allclose(slopes, by_hand_slopes, rtol=1e-10)
    expected = weights(by_hand)
    for path, value in weights(driven).items():
        np.testing.assert_allclose(value, expected[path], atol=1e-10, err_msg=path)


def test_large_batches_train_for_more_than_one_iteration():
    """TensorFlow's optimizer of memory rewrites a training step only at such sizes; see `Totals`."""
    batch = tf.zeros([8192, 16, 16, 3], tf.uint8)
    trainer = tiny_trainer(simple_networks(width=4), batch_size=8192)
    source = iter(tf.data.Dataset.from_tensors(batch).repeat())
    for _ in range(2):
        logs, _ = trainer.train(source, tf.constant(1, tf.int64))
    assert np.isfinite(list(logs.values())).all()


def test_iterations_per_call_do_not_matter_and_logs_are_means_over_all_steps(eagerly):
    at_once, one_by_one = (tiny_trainer(simple_networks(), gp_weight=3.0) for _ in range(2))
    logs, _ = run(at_once, 4)
    source = batches(one_by_one)
    each = [one_by_one.train(source, tf.constant(1, tf.int64))[0] for _ in range(4)]
    expected = weights(one_by_one)
    for path, value in weights(at_once).items():
        np.testing.assert_array_equal(value, expected[path], err_msg=path)
    for tag in ("critic/loss", "critic/wasserstein", "critic/gradient_penalty"):
        np.testing.assert_allclose(logs[tag], np.mean([log[tag] for log in each]), rtol=1e-5)
    np.testing.assert_allclose(logs["generator/loss"], np.mean([log["generator/loss"] for log in each[1:]]), rtol=1e-5)
    expected = -logs["critic/wasserstein"] + 3 * logs["critic/gradient_penalty"]
    np.testing.assert_allclose(logs["critic/loss"], expected, rtol=1e-5)


@pytest.mark.quick
def test_a_log_without_a_declared_tag_is_refused_before_it_is_lost(monkeypatch):
    trainer = tiny_trainer(simple_networks(), gp_weight=None)
    monkeypatch.setattr(Objective, "tags", lambda _: ("critic/loss", "generator/loss"))
    with pytest.raises(ValueError, match="logs without a place in the totals: critic/wasserstein"):
        trainer.iterate(batches(trainer))


def test_evaluate_is_the_critic_loss_with_the_noise_of_its_draw_and_no_update(float64):
    """Batch norm in both networks, so that the mode of each pass shows."""
    trainer = tiny_trainer(tiny_networks("batch"))
    before = weights(trainer)
    losses = {}
    for iteration, draw in ((0, 0), (7, 0), (7, 8)):
        trainer.iteration.assign(iteration)
        arguments = (batches(trainer), tf.constant(3, tf.int64), tf.constant(draw, tf.int64))
        losses[iteration, draw] = float(trainer.evaluate(*arguments))
    assert losses[0, 0] == losses[7, 0]
    for draw in (0, 8):
        source, by_hand = iter(train_batches(IMAGES, 4, 0)), []
        for step in range(3):
            real = trainer.noise.to_floats(next(source), -1 - draw, step)
            z, eps = trainer.noise.of_critic_step(-1 - draw, step)
            by_hand.append(trainer.objective.critic_loss(real, trainer.generator(z, training=True), eps)[0])
        np.testing.assert_allclose(losses[7, draw], np.mean(by_hand), rtol=1e-6)
    assert abs(losses[7, 0] - losses[7, 8]) > 1e-3
    after = weights(trainer)
    for path, value in before.items():
        np.testing.assert_array_equal(value, after[path], err_msg=path)


@pytest.mark.quick
def test_generator_loss_uses_batch_statistics_in_both_networks(float64, rng):
    trainer = tiny_trainer(tiny_networks("batch"))
    z = tf.constant(rng.normal(size=(6, 8)))
    expected = -tf.reduce_mean(trainer.critic(trainer.generator(z, training=True), training=True))
    np.testing.assert_allclose(trainer.generator_step(z)["generator/loss"], expected, rtol=1e-12)


@pytest.mark.quick
def test_a_batch_that_does_not_split(two_replicas):
    with two_replicas.scope():
        networks = tiny_networks()
        with pytest.raises(UserError, match="batch_size 5 does not split over 2 replicas"):
            tiny_trainer(networks, batch_size=5)
        with pytest.raises(UserError, match="generator batch 7 does not split over 2 replicas"):
            tiny_trainer(networks, generator_batch_size=7)


@pytest.mark.quick
def test_critic_loss_is_the_equation_with_batch_statistics_everywhere(float64, rng):
    """Batch norm in the critic is the one norm for which the mode of each pass shows."""
    trainer = tiny_trainer(tiny_networks("batch"), gp_weight=3.0)
    real, fake = (tf.constant(rng.uniform(-1, 1, (4, 16, 16, 3))) for _ in range(2))
    eps = tf.constant(rng.uniform(size=4))
    loss, logs, slopes = trainer.objective.critic_loss(real, fake, eps)

    def d(x):
        return trainer.critic(x, training=True)

    scores = d(tf.concat([real, fake], 0)).numpy()  # one pass, as published: they share their statistics
    penalty, expected = gradient_penalty(d, interpolate(real, fake, eps))
    np.testing.assert_allclose(slopes, expected, rtol=1e-12)
    np.testing.assert_allclose(logs["critic/wasserstein"], scores[:4].mean() - scores[4:].mean(), rtol=1e-10)
    np.testing.assert_allclose(loss, scores[4:].mean() - scores[:4].mean() + 3 * penalty, rtol=1e-12)


# ---- labels, other losses, spectral norm -----------------------------------------------------------------------------


def conditional(auxiliary=None, **kwargs):
    """A trainer of the pair with three classes."""
    networks = tiny_networks(num_classes=3, auxiliary=auxiliary is not None)
    return tiny_trainer(networks, num_classes=3, auxiliary=auxiliary, **kwargs)


def labelled_batches(trainer):
    images = train_batches(IMAGES, trainer.noise.batch_size, 0)
    labels = tf.data.Dataset.range(10**6).map(lambda i: tf.math.floormod(i + tf.range(4, dtype=tf.int64), 3))
    return iter(trainer.strategy.experimental_distribute_dataset(tf.data.Dataset.zip(images, labels)))


@pytest.mark.quick
def test_auxiliary_classifier_adds_its_cross_entropy_on_real_images_and_a_tenth_of_it_to_the_generator(float64, rng):
    trainer = conditional(Auxiliary(critic=1.0, generator=0.1), gp_weight=3.0)
    real, fake = (tf.constant(rng.uniform(-1, 1, (4, 16, 16, 3))) for _ in range(2))
    eps, labels = tf.constant(rng.uniform(size=4)), np.array([2, 0, 0, 1])
    loss, logs, _ = trainer.objective.critic_loss(real, fake, eps, labels)

    def cross_entropy(logits):
        log_softmax = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        return -log_softmax[np.arange(4), labels].mean()

    (d_real, c_real), (d_fake, c_fake) = (trainer.critic(x, classify=True) for x in (real, fake))
    penalty, _ = gradient_penalty(trainer.critic, interpolate(real, fake, eps))
    wgan = np.mean(d_fake) - np.mean(d_real) + 3 * penalty
    np.testing.assert_allclose(loss, wgan + cross_entropy(c_real.numpy()), rtol=1e-12)
    np.testing.assert_allclose(logs["critic/class_loss"], cross_entropy(c_real.numpy()), rtol=1e-12)
    for tag, logits in (("real", c_real), ("fake", c_fake)):
        right = (np.argmax(logits, 1) == labels).mean()
        np.testing.assert_allclose(logs[f"critic/accuracy_{tag}"], right)

    z = tf.constant(rng.normal(size=(4, 8)))
    scores, logits = trainer.critic(trainer.generator(z, condition=labels), classify=True)
    loss, logs = trainer.objective.generator_loss(z, labels)
    np.testing.assert_allclose(loss, -np.mean(scores) + 0.1 * cross_entropy(logits.numpy()), rtol=1e-12)


@pytest.mark.quick
def test_labels_of_the_batch_go_to_real_fake_and_penalty(float64, rng):
    """Conditional norms in the critic: each part of the loss with the labels of its images, replayed by hand."""
    trainer = conditional()
    real, z = tf.constant(rng.uniform(-1, 1, (4, 16, 16, 3))), tf.constant(rng.normal(size=(4, 8)))
    eps, labels = tf.constant(rng.uniform(size=4)), np.array([2, 0, 0, 1])
    fake = trainer.generator(z, condition=labels)

    def d(x):
        return trainer.critic(x, condition=labels)

    penalty, slopes = gradient_penalty(d, interpolate(real, fake, eps))
    loss, _, ours = trainer.objective.critic_loss(real, fake, eps, labels)
    np.testing.assert_allclose(ours, slopes, rtol=1e-12)
    np.testing.assert_allclose(loss, np.mean(d(fake)) - np.mean(d(real)) + 10 * penalty, rtol=1e-12)


def test_networks_that_take_no_labels_ignore_those_of_a_batch():
    plain, labelled = (tiny_trainer(tiny_networks(), gp_weight=None, n_critic=1) for _ in range(2))
    plain.iterate(batches(plain))
    labelled.iterate(labelled_batches(labelled))
    expected = weights(plain)
    for path, value in weights(labelled).items():
        np.testing.assert_array_equal(value, expected[path], err_msg=path)


@pytest.mark.quick
@pytest.mark.parametrize("loss", [name for name in LOSSES if name != "wasserstein"])
def test_other_losses_without_penalty(loss, float64, rng):
    trainer = tiny_trainer(tiny_networks(), loss=LOSSES[loss], gp_weight=None)
    real, fake = (tf.constant(rng.uniform(-1, 1, (4, 16, 16, 3))) for _ in range(2))
    value, logs, slopes = trainer.objective.critic_loss(real, fake, None)
    d_real, d_fake = trainer.critic(real), trainer.critic(fake)
    np.testing.assert_allclose(value, LOSSES[loss].critic(d_real, d_fake), rtol=1e-12)
    np.testing.assert_allclose(logs["critic/wasserstein"], np.mean(d_real) - np.mean(d_fake), rtol=1e-10)
    assert slopes.shape == (0,) and "critic/gradient_penalty" not in logs


def test_passes_joined_or_apart_differ_by_the_statistics_of_batch_norm_alone(float64, rng):
    real, fake = (tf.constant(rng.uniform(-1, 1, (4, 16, 16, 3))) for _ in range(2))
    eps = tf.constant(rng.uniform(size=4))
    for norm in ("batch", "group"):
        joined, apart = (tiny_trainer(tiny_networks(norm), separate_passes=p) for p in (False, True))
        expected = np.mean(apart.critic(real)) - np.mean(apart.critic(fake))
        losses = [
            trainer.objective.critic_loss(real, fake, eps)[1]["critic/wasserstein"] for trainer in (joined, apart)
        ]
        np.testing.assert_allclose(losses[1], expected, rtol=1e-10)
        assert (abs(losses[0] - losses[1]) > 1e-3) == (norm == "batch")


@pytest.mark.quick
def test_clipping_follows_each_critic_update():
    trainer = tiny_trainer(simple_networks(), gp_weight=None, n_critic=1, clip=0.01, learning_rate=constant(1e-4))
    trainer.iterate(batches(trainer))
    for variable in trainer.critic.trainable_variables:
        assert abs(variable.numpy()).max() <= np.float32(0.01), variable.path
    assert max(abs(w).max() for w in [v.numpy() for v in trainer.generator.trainable_variables]) > 0.5


@pytest.mark.parametrize("separate", [False, True])
def test_spectral_norm_steps_once_a_training_pass_of_scores_and_never_in_the_penalty_or_a_held_out_loss(separate):
    """Counted by hand: a critic step is one pass or two, a generator step one."""
    networks = tiny_networks(architecture="sngan_resnet", norm="none")
    trainer = tiny_trainer(networks, separate_passes=separate)
    conv = networks.critic.blocks[1].conv1
    w, u = conv.kernel.numpy().reshape(-1, 8).astype(np.float64), conv.sigma.u.numpy().astype(np.float64)

    def steps(count):
        nonlocal u
        for _ in range(count):
            v = w @ u / np.linalg.norm(w @ u)
            u = w.T @ v / np.linalg.norm(w.T @ v)
        np.testing.assert_allclose(conv.sigma.u.numpy(), u, atol=1e-5)

    real, fake = tf.zeros([4, 16, 16, 3]) + 0.5, tf.zeros([4, 16, 16, 3])
    trainer.objective.critic_loss(real, fake, tf.fill([4], 0.5))
    steps(2 if separate else 1)
    trainer.evaluate(batches(trainer), tf.constant(2, tf.int64))
    steps(0)
    trainer.objective.generator_loss(tf.zeros([4, 8]))
    steps(1)


def test_the_same_batch_has_the_same_loss_every_time():
    """A hundred times, as what would break it is a race between operations (see resampling.py)."""
    trainer = tiny_trainer(tiny_networks())
    source = iter(train_batches(IMAGES, 4, 0).take(2).repeat())
    found = {float(trainer.evaluate(source, tf.constant(2, tf.int64))) for _ in range(100)}
    assert len(found) == 1
