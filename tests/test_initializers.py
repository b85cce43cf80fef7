"""Initial weights by --initializer: the distribution of every kernel and bias, from fans counted by hand."""

import keras
import numpy as np
import pytest
from conftest import smallest

from tfgan_gn.architectures import ARCHITECTURES
from tfgan_gn.layers.batch_norm import BatchNorm
from tfgan_gn.layers.initializers import INITIALIZERS
from tfgan_gn.layers.spectral import matrix
from tfgan_gn.models import build_networks

pytestmark = pytest.mark.quick


def build(architecture, initializer="", **kwargs):
    keras.utils.set_random_seed(0)
    settings = {"width": 16, "z_dim": 16, "groups": (4,), "generator_groups": (4,), **smallest(architecture), **kwargs}
    return build_networks(architecture, initializer=initializer, **settings)


def weights_of(networks):
    return {v.path: v.numpy() for network in networks for v in network.trainable_variables}


def fans(layer):
    """(fan_in, fan_out) by the layer's channels: kernels are [H, W, in, out], transposed ones [H, W, out, in]."""
    shape = tuple(layer.kernel.shape)
    pixels, transposed = int(np.prod(shape[:-2])), "Transpose" in type(layer).__name__
    into, out = (shape[-1], shape[-2]) if transposed else (shape[-2], shape[-1])
    return pixels * into, pixels * out


def assert_uniform(array, bound, name):
    assert abs(array).max() <= 1.00001 * bound, name
    if array.size >= 100:
        assert abs(array).max() > 0.9 * bound and abs(array.mean()) < 0.2 * bound, name
    if array.size >= 1000:
        np.testing.assert_allclose(array.std(), bound / np.sqrt(3), rtol=0.06, err_msg=name)


def layers_with_kernels(networks):
    return [layer for network in networks for layer in network._flatten_layers() if hasattr(layer, "kernel")]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_torch_draws_weights_and_biases_within_one_over_the_root_of_the_fan(architecture):
    """The fan is that of the input; of a transposed convolution that of the output, as in PyTorch since 1.0."""
    biases = []
    for layer in layers_with_kernels(build(architecture, "torch")):
        transposed = "Transpose" in type(layer).__name__
        bound = 1 / np.sqrt(fans(layer)[1 if transposed else 0])
        assert_uniform(layer.kernel.numpy(), bound, layer.path)
        if layer.bias is not None:
            assert_uniform(layer.bias.numpy(), bound, layer.path)
            biases.append(layer.bias.numpy() / bound)
    biases = np.concatenate(biases)
    np.testing.assert_allclose([abs(biases).max(), biases.std()], [1, 1 / np.sqrt(3)], rtol=0.2)


@pytest.mark.parametrize("architecture", ["dcgan_64", "sngan_dcgan", "sngan_resnet", "wgan_32"])
def test_author_draws_uniform_weights_by_the_strided_fans_and_no_biases(architecture):
    """The fan on the side of the smaller image is divided by stride^2; a ReLU follows no shortcut and no last layer."""
    for layer in layers_with_kernels(build(architecture, "author")):
        fan_in, fan_out = fans(layer)
        stride = np.max(getattr(layer, "strides", 1))
        if "Transpose" in type(layer).__name__:
            fan_in /= stride**2
        else:
            fan_out /= stride**2
        factor = 2 if len(layer.kernel.shape) == 2 or layer.name in ("shortcut", "output") else 4
        assert_uniform(layer.kernel.numpy(), np.sqrt(3 * factor / (fan_in + fan_out)), layer.path)
        assert layer.bias is None or not layer.bias.numpy().any(), layer.path


@pytest.mark.parametrize("architecture", [name for name, row in ARCHITECTURES.items() if row.initializer == "author"])
def test_author_is_what_the_networks_of_the_authors_have_without_it(architecture):
    """So that it has no effect there, and is refused: largest value and deviation of each kernel."""
    own, drawn = (weights_of(build(architecture, initializer)) for initializer in ("", "author"))
    for path, array in own.items():
        if array.size >= 1000:
            np.testing.assert_allclose(abs(drawn[path]).max(), abs(array).max(), rtol=0.02, err_msg=path)
            np.testing.assert_allclose(drawn[path].std(), array.std(), rtol=0.08, err_msg=path)
        elif not path.endswith("kernel"):
            np.testing.assert_array_equal(drawn[path], array, err_msg=path)


def test_normal_draws_kernels_and_batch_norm_scales_around_0_as_published():
    """giakou4: N(0, 0.02) for both; scales of instance norm are 1, biases PyTorch's, embeddings untouched."""
    networks = build("dcgan_64", "normal", num_classes=10)
    for layer in layers_with_kernels(networks):
        np.testing.assert_allclose(layer.kernel.numpy().std(), 0.02, rtol=0.1, err_msg=layer.path)
        if layer.bias is not None:
            transposed = "Transpose" in type(layer).__name__
            assert_uniform(layer.bias.numpy(), 1 / np.sqrt(fans(layer)[1 if transposed else 0]), layer.path)
            assert layer.bias.numpy().any(), layer.path
    scales = [layer.gamma.numpy() for layer in networks.generator._flatten_layers() if isinstance(layer, BatchNorm)]
    scales = np.concatenate(scales)
    assert abs(scales.mean()) < 0.004 and abs(scales.std() - 0.02) < 0.003
    plain = weights_of(build("dcgan_64", num_classes=10))
    for path, array in weights_of(networks).items():
        if "embedding" in path or path.startswith("critic/norm"):
            np.testing.assert_array_equal(array, plain[path], err_msg=path)


def test_embeddings_of_labels_have_values_of_a_standard_normal_distribution():
    """As PyTorch's `nn.Embedding`, whatever --initializer says."""
    for initializer in ("", "normal", "torch"):
        for network in build("dcgan_64", initializer, num_classes=10):
            np.testing.assert_allclose(network.embedding.numpy().std(), 1, rtol=0.1, err_msg=network.name)


def test_normal_leaves_linear_layers_to_pytorch():
    dense = build("sngan_dcgan", "normal").critic.dense
    assert_uniform(dense.kernel.numpy(), 1 / np.sqrt(fans(dense)[0]), "output")


def test_spectral_norm_knows_the_kernels_that_were_drawn():
    """Each layer's sigma is at most its largest singular value and near it, as after the layer's own first draw."""
    for layer in layers_with_kernels(build("sngan_dcgan", "torch")):
        w = matrix(layer.kernel.numpy(), layer.transposed)
        largest = np.linalg.norm(w, 2)
        assert 0.4 * largest < float(layer.sigma(layer.kernel.value)) <= 1.0001 * largest, layer.path


def test_equal_layers_get_other_weights_and_a_seed_decides():
    one, again = (weights_of(build("resnet", "torch")) for _ in range(2))
    for path, array in one.items():
        np.testing.assert_array_equal(array, again[path], err_msg=path)
    kernels = [array.ravel()[:8] for array in one.values() if array.shape == (3, 3, 16, 16)]
    assert len(np.unique(kernels, axis=0)) == len(kernels) > 5


def test_every_row_is_drawn_in_the_type_of_the_weights(float64):
    for name in INITIALIZERS:
        for network in build("sngan_resnet", name):
            assert {v.dtype for v in network.trainable_variables} == {"float64"}
