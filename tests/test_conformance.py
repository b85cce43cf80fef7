"""Every architecture, conditional or not, with every norm: shapes, second-order gradient, checkpoint, export, replicas.

Second-order gradients are tested for every combination. The slow tests take every norm on the ResNet, and the other
networks with their default norm (checkpoints also with group norm): what they test of a norm layer does not
depend on the network around it. They run eagerly, because tracing a step takes longer than running a few.
"""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import image_condition, smallest, state, tiny_networks, tiny_trainer, weights
from differences import penalty_gradient_error

from tfgan_gn.architectures import ARCHITECTURES
from tfgan_gn.augmenter import Augmenter
from tfgan_gn.export import export_generator, load_generator, make_sampler
from tfgan_gn.layers.norms import NORMS, synchronize_batch_norm
from tfgan_gn.training import checkpoints
from tfgan_gn.training.losses import Auxiliary

CLASSES = 3
LABELS = np.array([2, 0, 1, 0])
CASES = {  # name: what to build
    **{name: {"architecture": name, **smallest(name)} for name in ARCHITECTURES},
    **{
        f"{name} conditional": {"architecture": name, "num_classes": CLASSES}
        for name, row in ARCHITECTURES.items()
        if row.conditional
    },
    **{
        f"{name} auxiliary": {"architecture": name, "num_classes": CLASSES, "auxiliary": True}
        for name, row in ARCHITECTURES.items()
        if row.auxiliary
    },
    "dagan published": {"architecture": "dagan", "generator_norm": "batch_renorm", **smallest("dagan")},
}
OWN_NORMS = {case: ARCHITECTURES[settings["architecture"]].norm for case, settings in CASES.items()}
OWN_NORMS["dagan published"] = "contrib_layer"
# Labels reach nothing there; test_conditional.py shows that it is refused.
IMPOSSIBLE = {("resnet conditional", "none")}
COMBINATIONS = [
    (case, norm)
    for case, norm in itertools.product(CASES, NORMS)
    if (case, norm) not in IMPOSSIBLE and (case != "dagan published" or norm == OWN_NORMS[case])
]


def combinations_with(*norms):
    """All combinations of the ResNet, and each other case with its default norm and the given ones."""
    chosen = [(case, norm) for case, norm in COMBINATIONS if case == "resnet" or norm in (OWN_NORMS[case], *norms)]
    return pytest.mark.parametrize(("case", "norm"), chosen)


EVERY = pytest.mark.parametrize(("case", "norm"), COMBINATIONS)
# What `generator_norm` may be.
GENERATED = [(case, norm) for case, norm in COMBINATIONS if case == "resnet" or norm in ("batch", "group")]


def build(case, norm="group", **kwargs):
    """The tiny pair of a case, at the smallest image size at which every layer has more than one pixel."""
    sizes = {"width": 4, "image_size": size(case), "groups": (2,), "generator_groups": (2,)}
    return tiny_networks(norm, **{**sizes, **CASES[case], **kwargs})


def size(case):
    return 32 if CASES[case]["architecture"] == "dcgan_64" else 16


def make_trainer(networks, case):
    auxiliary = Auxiliary() if CASES[case].get("auxiliary") else None
    classes, pairs = CASES[case].get("num_classes"), ARCHITECTURES[CASES[case]["architecture"]].image_condition
    dropout = {}
    if pairs:
        shapes = {"generator_masks": networks.generator.mask_shapes, "critic_masks": networks.critic.mask_shapes}
        dropout = {"pairs": True, "dropout": 0.5, "generator_batch_size": 4, **shapes}
    return tiny_trainer(networks, n_critic=1, num_classes=classes, auxiliary=auxiliary, **dropout)


def condition_of(case, channels=3):
    """Labels, images or None."""
    if "num_classes" in CASES[case]:
        return LABELS
    images = image_condition(CASES[case]["architecture"], (4, size(case), size(case), channels))
    return images if images is None else tf.constant(images, keras.config.floatx())


@pytest.mark.parametrize("case", CASES)
def test_images_and_scores_have_their_shape_and_range(case, rng):
    generator, critic = build(case, ARCHITECTURES[CASES[case]["architecture"]].norm, channels=1)
    z, condition = rng.normal(size=(4, 8)).astype(np.float32), condition_of(case, channels=1)
    images = generator(z, condition=condition, training=True)
    assert images.shape == (4, size(case), size(case), 1) and 0.01 < abs(images.numpy()).max() <= 1
    scores = critic(images, condition=condition, training=True)
    assert scores.shape == (4,) and np.isfinite(scores).all()
    if "auxiliary" in CASES[case]:
        assert critic(images, condition=condition, classify=True).logits.shape == (4, CLASSES)


@pytest.mark.parametrize("case", [case for case in CASES if case != "dagan published"])  # it has no batch norm
def test_with_towers_a_generator_makes_the_images_of_each_part_of_its_batch_by_itself(case, float64, rng):
    """At every site of its norms."""
    generator, condition = build(case, generator_norm="batch").generator, condition_of(case)
    z, halves = rng.normal(size=(4, 8)), (slice(0, 2), slice(2, 4))
    apart = [generator(z[half], condition=None if condition is None else condition[half]) for half in halves]
    np.testing.assert_allclose(generator(z, condition=condition, towers=2), tf.concat(apart, 0), rtol=0, atol=1e-9)
    assert abs(generator(z, condition=condition) - tf.concat(apart, 0)).numpy().max() > 1e-3


@EVERY
def test_gradient_of_the_penalty_is_exact(case, norm, float64, rng):
    """The step of the finite differences is so small that no ReLU changes its sign. Spectral norm keeps u and v."""
    critic = build(case, norm).critic
    condition = condition_of(case)
    for _ in range(3 * bool(critic.non_trainable_variables)):  # towards the singular vectors, as in training
        critic(rng.normal(size=(4, size(case), size(case), 3)), condition=condition, training=True)
    x = rng.normal(size=(4, size(case), size(case), 3))
    error = penalty_gradient_error(
        lambda x: critic(x, condition=condition), critic.trainable_variables, x, step=1e-8, directions=1
    )
    assert error < 1e-6


def iterate(trainer, case, first, count):
    """Runs iterations eagerly, on batches that are a function of the iteration."""
    assert trainer.iteration.numpy() == first and trainer.n_critic == 1
    for iteration in range(first, first + count):
        random = np.random.default_rng(iteration)
        pixels = random.integers(0, 256, (4, size(case), size(case), 3), np.uint8)
        condition = pixels[::-1] if trainer.noise.pairs else np.roll(LABELS, iteration)
        batch = tf.data.Dataset.from_tensors((pixels, condition)).unbatch().batch(4).repeat()
        totals, slopes = trainer.iterate(iter(trainer.strategy.experimental_distribute_dataset(batch)))
    return {tag: float(value) for tag, value in totals.means().items()}, slopes


@pytest.mark.parametrize("case", CASES)
def test_a_checkpoint_holds_all_variables_of_both_networks(case, rng, tmp_path):
    """Also those that are not trained: u and v of spectral norm, standing statistics of batch norm."""
    ours, other = (make_trainer(build(case, "batch", seed=seed), case) for seed in (0, 1))
    for variable in ours.generator.variables + ours.critic.variables:
        variable.assign(rng.normal(size=variable.shape))
    checkpoints.restore(ours, str(tmp_path), 1).save(checkpoint_number=0)
    checkpoints.restore(other, str(tmp_path), 1)
    for a, b in zip(state(ours), state(other), strict=True):
        np.testing.assert_array_equal(a, b)


@combinations_with("group")
def test_a_run_resumed_from_its_checkpoint_ends_where_the_whole_run_does(case, norm, tmp_path):
    whole = make_trainer(build(case, norm), case)
    whole.iteration.assign(1)  # iteration 0 has no generator step
    iterate(whole, case, 1, 1)
    checkpoints.restore(whole, str(tmp_path), 3).save(checkpoint_number=2)
    iterate(whole, case, 2, 1)
    resumed = make_trainer(build(case, norm, seed=1), case)
    checkpoints.restore(resumed, str(tmp_path), 3)
    assert resumed.iteration.numpy() == 2
    iterate(resumed, case, 2, 1)
    expected = state(whole)
    for name, variable in state(resumed).items():
        np.testing.assert_array_equal(variable.numpy(), expected[name].numpy(), err_msg=name)


EXPORTED = [(case, norm) for case, norm in GENERATED if CASES[case]["architecture"] != "dagan"]


@pytest.mark.parametrize(("case", "norm"), EXPORTED)
def test_the_exported_generator_is_the_generator(case, norm, tmp_path):
    generator, classes = (
        build(case, generator_norm=norm, generator_groups=(2,)).generator,
        CASES[case].get("num_classes"),
    )
    settings = {"z_dim": 8, "statistics": "standing", "batch_size": 4, "seed": 0, "metadata": {}}
    export_generator(make_sampler(generator, num_classes=classes, **settings), str(tmp_path / "export"))
    z, labels = tf.random.stateless_normal([4, 8], [1, 2]), condition_of(case)
    loaded = load_generator(str(tmp_path / "export"))
    images = loaded.generate(z) if classes is None else loaded.generate(z, labels)
    np.testing.assert_allclose(images, generator(z, condition=labels, standing=True), atol=1e-6)
    if norm != "batch":
        np.testing.assert_allclose(images, generator(z, condition=labels), atol=1e-6)
    if classes is not None:
        assert np.abs(images - loaded.generate(z, (labels + 1) % classes)).max((1, 2, 3)).min() > 1e-3


@pytest.mark.parametrize("case", ["dagan", "dagan published"])
def test_the_exported_generator_of_new_images_is_the_generator(case, rng, tmp_path):
    """Batch renormalization has its moving statistics there."""
    generator = build(case).generator
    for variable in generator.non_trainable_variables:
        variable.assign(rng.uniform(0.5, 1.5, variable.shape))
    settings = {"z_dim": 8, "image_shape": (16, 16, 3), "statistics": "standing", "metadata": {}}
    export_generator(Augmenter(generator, **settings), str(tmp_path / "export"))
    z, images = tf.random.stateless_normal([4, 8], [1, 2]), condition_of(case)
    expected, loaded = generator(z, condition=images), load_generator(str(tmp_path / "export"))
    np.testing.assert_allclose(loaded.generate(z, images), expected, atol=1e-6)
    if case == "dagan published":
        assert abs(generator(z, condition=images, training=True) - expected).numpy().max() > 1e-2


@combinations_with()
def test_two_replicas_compute_what_one_does(case, norm, two_replicas, float64):
    """With the same global batch and noise. Batch norms differ: each replica takes the statistics of half a batch.

    The generator has no norm, where it can be without; that of DAGAN has its own. The batch renormalization of the
    published DAGAN is synchronized.
    """
    grouped, published = case in ("resnet conditional", "resnet auxiliary", "dagan"), case == "dagan published"
    kwargs = {} if published else {"generator_norm": "group" if grouped else "none", "generator_groups": (2,)}
    one = make_trainer(build(case, norm, **kwargs), case)
    with two_replicas.scope():
        networks = build(case, norm, **kwargs)
        if published:
            synchronize_batch_norm(networks.generator)
        two = make_trainer(networks, case)
    (logs_of_one, slopes_of_one), (logs_of_two, slopes_of_two) = (
        iterate(trainer, case, 0, 2) for trainer in (one, two)
    )
    if norm in ("batch", "batch_renorm"):
        assert abs(logs_of_one["critic/loss"] - logs_of_two["critic/loss"]) > 1e-3
        return
    for tag in logs_of_one:
        np.testing.assert_allclose(logs_of_one[tag], logs_of_two[tag], rtol=1e-6, err_msg=tag)
    np.testing.assert_allclose(slopes_of_one, slopes_of_two, rtol=1e-9)
    # A bias before instance norm has gradient 0, and Adam makes steps of its rounding.
    idle = {f"critic/conv{i}/bias" for i in (1, 2, 3)} if (case, norm) == ("wgan_32", "instance") else ()
    of_two = weights(two)
    for path, value in weights(one).items():
        if path not in idle:
            np.testing.assert_allclose(value, of_two[path], atol=1e-9, err_msg=path)


def test_a_generator_on_two_replicas_is_exported_and_saved_as_on_one(two_replicas, tmp_path):
    """With batch norm, whose standing statistics are collected outside of the replicas."""
    one = tiny_trainer(tiny_networks())
    with two_replicas.scope():
        two = tiny_trainer(tiny_networks())
    z, images = tf.random.stateless_normal([5, 8], [1, 2]), []
    for name, trainer in (("one", one), ("two", two)):
        path = str(tmp_path / name)
        settings = {"z_dim": 8, "statistics": "standing", "batch_size": 4, "seed": 0, "metadata": {}}
        export_generator(make_sampler(trainer.generator, **settings), path)
        loaded = load_generator(path)
        images.append(loaded.generate(z))
    np.testing.assert_allclose(*images, atol=1e-5)
    for variable in one.critic.trainable_variables + one.critic_update.optimizer.variables:
        variable.assign(variable + tf.ones_like(variable))
    checkpoints.restore(one, str(tmp_path / "checkpoints"), 1).save(checkpoint_number=0)
    checkpoints.restore(two, str(tmp_path / "checkpoints"), 1)
    of_two = state(two)
    for name, variable in state(one).items():
        for replica in two_replicas.experimental_local_results(of_two[name]):
            np.testing.assert_array_equal(variable.numpy(), replica.numpy(), err_msg=name)


@pytest.mark.parametrize("case", CASES)
def test_bfloat16_gives_the_gradient_of_float32_but_for_rounding(case, rng):
    """The gradient of loss and penalty by the critic's weights. Weights and gradients stay float32.

    Of pairs also new images are compared.
    """
    real, fake = (tf.constant(rng.uniform(-1, 1, (4, size(case), size(case), 3)), tf.float32) for _ in range(2))
    z = rng.normal(size=(4, 8))
    gradients, images = [], []
    for policy in ("float32", "mixed_bfloat16"):
        keras.config.set_dtype_policy(policy)
        try:
            trainer = make_trainer(build(case, OWN_NORMS[case]), case)
        finally:
            keras.config.set_dtype_policy("float32")
        cast = [tf.cast(x, trainer.noise.dtype) for x in (real, fake, tf.fill([4], 0.25))]
        with tf.GradientTape() as tape:
            loss, _, _ = trainer.objective.critic_loss(*cast, condition_of(case))
        found = tape.gradient(loss, trainer.critic.trainable_variables)
        assert {v.dtype for v in trainer.critic.variables} == {"float32"} and found[0].dtype == tf.float32
        gradients.append(np.concatenate([tf.convert_to_tensor(g).numpy().ravel() for g in found if g is not None]))
        if trainer.noise.pairs:
            made = trainer.objective.generate(tf.cast(z, trainer.noise.dtype), condition_of(case))
            images.append(tf.cast(made, tf.float32).numpy())
    exact, rounded = gradients
    cosine = exact @ rounded / np.linalg.norm(exact) / np.linalg.norm(rounded)
    assert cosine > 0.95  # 0.965 is the smallest found, where instance norm has four pixels to normalize
    if images:
        assert 1e-4 < np.sqrt(np.mean((images[0] - images[1]) ** 2)) < 0.03
