"""Norms: values equal the published formulas in numpy, second derivatives equal finite differences, in float64."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from differences import penalty_gradient_error

from tfgan_gn.errors import UserError
from tfgan_gn.layers.batch_norm import BatchNorm
from tfgan_gn.layers.norm_layers import EPSILON, GroupNorm, ReportGroupNorm, group_norm, report_group_norm
from tfgan_gn.layers.norms import NORMS, collect_standing_statistics, get_norm, groups_per_site
from tfgan_gn.training.optimizers import adam

pytestmark = pytest.mark.quick
OTHER_EPSILONS = {"report_group": 1e-10, "contrib_layer": 1e-12, "batch_renorm": 1e-3}
NORMALIZING = [name for name in NORMS if name != "none"]
STOCK = {
    "group": lambda: keras.layers.GroupNormalization(4, epsilon=EPSILON),
    "layer": lambda: keras.layers.LayerNormalization(axis=[1, 2, 3], epsilon=EPSILON),
    "instance": lambda: keras.layers.GroupNormalization(8, epsilon=EPSILON),
}


def make(norm, groups, num_classes=None):
    """A layer of a norm."""
    return get_norm(norm).layer(groups, num_classes, None)


def published(x, groups, gamma, beta, deviation=lambda x, axes: np.sqrt(x.var(axes, keepdims=True) + 1e-5)):
    """Wu and He 2018, figure 3, channels last, in numpy."""
    n, *pixels, channels = x.shape
    by_group = x.reshape(n, *pixels, groups, channels // groups)
    axes = (*range(1, len(pixels) + 1), len(pixels) + 2)
    normalized = (by_group - by_group.mean(axes, keepdims=True)) / deviation(by_group, axes)
    return normalized.reshape(x.shape) * gamma + beta


def published_by_report(x, groups, gamma, beta):
    """`Group_Norm` of the group-norm report: unbiased deviation + 1e-10."""
    return published(x, groups, gamma, beta, lambda x, axes: x.std(axes, ddof=1, keepdims=True) + 1e-10)


@pytest.mark.parametrize("shape", [(3, 5, 4, 12), (2, 7, 12), (2, 12), (2, 3, 4, 2, 12)])
@pytest.mark.parametrize("groups", [1, 3, 4, 12])
def test_group_norm_is_the_published_formula(rng, shape, groups):
    x, gamma, beta = rng.normal(2, 3, shape), rng.normal(size=12), rng.normal(size=12)
    ours = group_norm(tf.constant(x), gamma, beta, groups)
    np.testing.assert_allclose(ours, published(x, groups, gamma, beta), rtol=0, atol=1e-12)


@pytest.mark.parametrize("scale", [1, 1e-9])
@pytest.mark.parametrize("shape", [(3, 5, 4, 12), (2, 12)])
@pytest.mark.parametrize("groups", [1, 3, 6])
def test_report_group_norm_is_the_formula_of_the_report(rng, shape, groups, scale):
    """With few values in a group, where the unbiased deviation shows, and with values of the size of 1e-10."""
    x, gamma, beta = scale * rng.normal(size=shape), rng.normal(size=12), rng.normal(size=12)
    ours = report_group_norm(tf.constant(x), gamma, beta, groups)
    np.testing.assert_allclose(ours, published_by_report(x, groups, gamma, beta), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("norm", "steepest", "twice"), [(group_norm, 1e3, True), (report_group_norm, 1e11, False)])
def test_a_constant_group_has_a_second_derivative_with_group_norm_and_none_with_that_of_the_report(
    rng, norm, steepest, twice
):
    """What the note at the start of a run says: y = (x - mu) / 1e-10 there, to first order."""
    x, weights = tf.ones([1, 2, 2, 4], tf.float64), rng.normal(size=(1, 2, 2, 4))
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = norm(x, np.ones(4), np.zeros(4), 2)
            total = tf.reduce_sum(weights * y)
        gradient = tape.gradient(total, x)
        squared = tf.reduce_sum(gradient**2)
    np.testing.assert_array_equal(y, np.zeros(x.shape))
    assert 1e-3 * steepest < abs(gradient.numpy()).max() < steepest
    assert np.isfinite(outer.gradient(squared, x)).all() == twice


def test_a_group_of_one_value_has_no_unbiased_deviation():
    with pytest.raises(UserError, match="4 groups leave one value in each group"):
        ReportGroupNorm(4).build((None, 4))


def test_epsilon_is_1e_5(rng):
    """The variance is as small as epsilon here, so that another epsilon changes the result by a large factor."""
    x = 1e-3 * rng.normal(size=(2, 4, 4, 8))
    ours = group_norm(tf.constant(x), np.ones(8), np.zeros(8), 2)
    np.testing.assert_allclose(ours, published(x, 2, 1, 0), rtol=0, atol=1e-12)
    for name in NORMALIZING:
        assert make(name, 2).epsilon == OTHER_EPSILONS.get(name, 1e-5)


def test_layer_norm_is_one_group_and_instance_norm_a_group_per_channel(float64, rng):
    x = rng.normal(2, 3, (3, 5, 4, 8))
    of = {name: make(name, 4)(x).numpy() for name in ("layer", "instance", "group")}
    layer = (x - x.mean((1, 2, 3), keepdims=True)) / np.sqrt(x.var((1, 2, 3), keepdims=True) + 1e-5)
    instance = (x - x.mean((1, 2), keepdims=True)) / np.sqrt(x.var((1, 2), keepdims=True) + 1e-5)
    np.testing.assert_allclose(of["layer"], layer, atol=1e-12)
    np.testing.assert_allclose(of["instance"], instance, atol=1e-12)
    np.testing.assert_allclose(GroupNorm(1)(x), layer, atol=1e-12)
    np.testing.assert_allclose(GroupNorm(8)(x), instance, atol=1e-12)
    assert abs(of["group"] - layer).max() > 0.1 and abs(of["group"] - instance).max() > 0.1


def test_values_equal_the_stock_layers(float64, rng):
    """The values of the stock layers are right; only their second derivative is wrong."""
    x = rng.normal(2, 3, (3, 6, 6, 8))
    for name, stock in STOCK.items():
        np.testing.assert_allclose(make(name, 4)(x), stock()(x), atol=1e-10)


def small_critic(norm, rng, images=3, **arguments):
    """One convolution, the norm and a smooth nonlinearity: scores [N] of images [N, 6, 6, 3], and the variables."""
    keras.utils.set_random_seed(0)
    conv = keras.layers.Conv2D(8, 3, padding="same")
    dense = keras.layers.Dense(1)

    def critic(x):
        return tf.squeeze(dense(tf.reduce_mean(tf.tanh(norm(conv(x), **arguments)), [1, 2])), -1)

    norm.build((images, 6, 6, 8))
    critic(tf.zeros([images, 6, 6, 3], tf.float64))
    for variable in norm.trainable_variables + dense.trainable_variables:
        variable.assign(variable + 0.3 * rng.normal(size=variable.shape))
    return critic, conv.trainable_variables + norm.trainable_variables + dense.trainable_variables


@pytest.mark.parametrize("name", NORMALIZING)
def test_gradient_of_the_penalty_is_exact(float64, rng, name):
    norm = make(name, 4)
    critic, variables = small_critic(norm, rng)
    assert penalty_gradient_error(critic, variables, rng.normal(size=(3, 6, 6, 3))) < 1e-8


@pytest.mark.parametrize(("name", "least"), [("group", 0.02), ("layer", 1e-4), ("instance", 0.01)])
def test_stock_layers_get_the_gradient_of_the_penalty_wrong(float64, rng, name, least):
    """The reason for this package's own norms: `tf.nn.moments` stops a gradient in the variance."""
    critic, variables = small_critic(STOCK[name](), rng)
    assert penalty_gradient_error(critic, variables, rng.normal(size=(3, 6, 6, 3))) > least


def test_float32_keeps_its_digits_far_from_zero(rng):
    """With a mean of 1e3 standard deviations, float32 rounds the input itself by 6e-5 standard deviations."""
    x = (1e3 + rng.normal(size=(4, 32, 32, 32))).astype(np.float32)
    exact = published(x.astype(np.float64), 8, 1, 0)
    ours = group_norm(tf.constant(x), tf.ones(32), tf.zeros(32), 8)
    np.testing.assert_allclose(ours, exact, rtol=0, atol=5e-4)
    batch = BatchNorm()(x)
    np.testing.assert_allclose(
        batch, (x - x.mean((0, 1, 2), dtype=np.float64)) / x.std((0, 1, 2), dtype=np.float64), atol=5e-4
    )
    stock = keras.layers.GroupNormalization(8, epsilon=EPSILON)(x)  # as exact as ours
    np.testing.assert_allclose(stock, exact, rtol=0, atol=5e-4)
    one_pass = (x**2).mean((1, 2)) - x.mean((1, 2)) ** 2  # the formula that is not used, because of this
    assert abs(one_pass - 1).max() > 0.01


@pytest.mark.parametrize("mean", [0, 10, 1000])
@pytest.mark.parametrize("name", NORMALIZING)
def test_bfloat16_loses_no_more_than_the_rounding_of_the_result(rng, name, mean):
    """Statistics computed in bfloat16 would be off by several of its 256 steps between two powers of two."""
    norm = make(name, 8)
    norm.dtype_policy = keras.DTypePolicy("mixed_bfloat16")
    x = tf.cast(mean + 4 * rng.normal(size=(4, 16, 16, 32)), tf.bfloat16)
    y = norm(x, training=True) if name == "batch_renorm" else norm(x)
    exact = tf.cast(x, tf.float64).numpy()
    formula = published_by_report if name == "report_group" else published
    groups = {"layer": 1, "contrib_layer": 1, "instance": 32}.get(name, 8)
    exact = formula(exact, groups, 1, 0) if not name.startswith("batch") else exact
    if name.startswith("batch"):
        exact = (exact - exact.mean((0, 1, 2))) / np.sqrt(exact.var((0, 1, 2)) + norm.epsilon)
    assert y.dtype == tf.bfloat16 and norm.gamma.dtype == "float32"
    # Half a step between 2^k and 2^(k+1) is 2^(k-8); what float32 loses at a mean of 250 deviations is below 1e-4.
    np.testing.assert_allclose(tf.cast(y, tf.float64), exact, rtol=2**-8, atol=1e-4)


def test_batch_norm_uses_the_statistics_of_the_batch_and_training_changes_no_state(float64, rng):
    x = rng.normal(2, 3, (4, 5, 5, 6))
    norm = BatchNorm()
    norm.build(x.shape)
    before = [v.numpy() for v in norm.variables]
    y = norm(x)
    np.testing.assert_allclose(y, (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + 1e-5), atol=1e-12)
    for old, new in zip(before, norm.variables, strict=True):
        np.testing.assert_array_equal(old, new.numpy())


def test_standing_statistics_are_those_of_all_batches_together(float64, rng):
    batches = rng.normal(2, 3, (7, 4, 5, 5, 6)) + rng.normal(0, 5, (7, 1, 1, 1, 6))  # batches differ in mean
    model = keras.Sequential([BatchNorm()])
    model.build((None, 5, 5, 6))
    for _ in range(2):  # a second time starts afresh
        collect_standing_statistics(model, [tf.constant(b) for b in batches])
    norm = model.layers[0]
    np.testing.assert_allclose(norm.standing_mean.numpy(), batches.mean((0, 1, 2, 3)), atol=1e-12)
    np.testing.assert_allclose(norm.standing_variance.numpy(), batches.var((0, 1, 2, 3)), rtol=1e-12)
    assert not norm.accumulating
    everything = batches.reshape(-1, 5, 5, 6)
    expected = (everything - everything.mean((0, 1, 2))) / np.sqrt(everything.var((0, 1, 2)) + 1e-5)
    np.testing.assert_allclose(norm(everything, standing=True), expected, atol=1e-10)


@pytest.mark.parametrize("name", NORMALIZING)
def test_a_conditional_norm_with_equal_rows_is_the_unconditional_one(float64, rng, name):
    x, gamma, beta = rng.normal(size=(4, 5, 5, 8)), rng.normal(size=8), rng.normal(size=8)
    plain, conditional = make(name, 4), make(name, 4, num_classes=3)
    for norm, rows in ((plain, ()), (conditional, (3, 1))):
        norm.build(x.shape)
        norm.gamma.assign(np.tile(gamma, rows) if rows else gamma)
        norm.beta.assign(np.tile(beta, rows) if rows else beta)
    labels = np.array([2, 0, 0, 1])
    np.testing.assert_allclose(conditional(x, labels=labels), plain(x), atol=1e-14)
    np.testing.assert_array_equal(plain(x, labels=labels), plain(x))


@pytest.mark.parametrize("shape", [(4, 5, 5, 8), (4, 8)])
@pytest.mark.parametrize("name", NORMALIZING)
def test_a_row_of_a_conditional_norm_reaches_the_images_of_its_class_only(float64, rng, name, shape):
    """The result is that of the formula with gamma_k and beta_k of the image's class k."""
    norm, plain = make(name, 4, num_classes=3), make(name, 4)
    norm.build(shape)
    gamma, beta, labels = rng.normal(size=(3, 8)), rng.normal(size=(3, 8)), np.array([2, 0, 0, 1])
    norm.gamma.assign(gamma)
    norm.beta.assign(beta)
    x = rng.normal(size=shape)
    plain.build(shape)
    of_image = [labels] + [None] * (len(shape) - 2)
    expected = plain(x).numpy() * gamma[tuple(of_image)].reshape(4, *[1] * (len(shape) - 2), 8)
    expected += beta[labels].reshape(4, *[1] * (len(shape) - 2), 8)
    np.testing.assert_allclose(norm(x, labels=labels), expected, atol=1e-13)
    with pytest.raises(ValueError, match="call it with labels="):
        norm(x)


def test_adam_moves_the_rows_of_absent_classes_as_tensorflow_1_does(float64):
    """Their gradient is 0, but Adam's running mean is not. Compared with dense Adam in numpy over three batches."""
    norm = make("group", 2, num_classes=4)
    norm.build((None, 3, 3, 4))
    optimizer = adam(0.5, 0.9)
    optimizer.build(norm.trainable_variables)
    optimizer.learning_rate.assign(0.1)
    gamma, m, v = np.ones((4, 4)), 0, 0
    for t, labels in enumerate(([0, 1, 1], [2, 1, 2], [2, 2, 2]), 1):
        x = np.random.default_rng(t).normal(size=(3, 3, 3, 4))
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(norm(x, labels=tf.constant(labels)) ** 2)
        gradients = tape.gradient(loss, norm.trainable_variables)
        normalized = published(x, 2, 1, 0)
        g = np.zeros((4, 4))
        for image, k in enumerate(labels):
            y = normalized[image] * norm.gamma.numpy()[k] + norm.beta.numpy()[k]
            g[k] += (2 * y * normalized[image]).sum((0, 1))
        optimizer.apply(gradients, norm.trainable_variables)
        m, v = 0.5 * m + 0.5 * g, 0.9 * v + 0.1 * g**2
        gamma = gamma - 0.1 * np.sqrt(1 - 0.9**t) / (1 - 0.5**t) * m / (np.sqrt(v) + 1e-8)
        np.testing.assert_allclose(norm.gamma.numpy(), gamma, rtol=0, atol=1e-8)
    assert abs(gamma[0] - 1).min() > 0.1 and (gamma[3] == 1).all()


@pytest.mark.parametrize("name", NORMALIZING)
def test_gradient_of_the_penalty_is_exact_through_a_conditional_norm(float64, rng, name):
    norm = make(name, 4, num_classes=3)
    critic, variables = small_critic(norm, rng, labels=np.array([2, 0, 2]))
    assert penalty_gradient_error(critic, variables, rng.normal(size=(3, 6, 6, 3))) < 1e-8


def test_groups_must_divide_the_channels():
    with pytest.raises(UserError, match=r"5 groups do not divide the 8 channels .* 1, 2, 4, 8 .*"):
        GroupNorm(5).build((None, 4, 4, 8))
    with pytest.raises(UserError, match="0 groups"):
        GroupNorm(0).build((None, 4, 4, 8))


def test_groups_per_site():
    assert groups_per_site([4], 3) == (4, 4, 4)
    assert groups_per_site((4, 2, 1), 3) == (4, 2, 1)
    with pytest.raises(UserError, match=r"groups=4,2 has 2 numbers: give one, or one for each of the 3"):
        groups_per_site((4, 2), 3)


def test_each_site_gets_its_own_group_count_and_name():
    layers = [site(f"norm{i}") for i, site in enumerate(NORMS["group"].sites((4, 2), 2, num_classes=3), 1)]
    assert [(layer.name, layer.groups, layer.num_classes) for layer in layers] == [("norm1", 4, 3), ("norm2", 2, 3)]


def test_unknown_norm():
    with pytest.raises(UserError, match="'grup' is not one of none, batch"):
        get_norm("grup")
