"""The SavedModel of a generator, as TensorFlow loads it without this package."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from conftest import tiny_networks

from tfgan_gn import export
from tfgan_gn.data.pixels import quantize
from tfgan_gn.errors import UserError


def write(generator, path, statistics="standing"):
    settings = {"z_dim": 8, "statistics": statistics, "batch_size": 16, "seed": 0, "metadata": {"iteration": 7}}
    export.export_generator(export.make_sampler(generator, **settings), str(path))
    return export.load_generator(str(path))


@pytest.fixture(scope="module")
def generator():
    return tiny_networks().generator


@pytest.fixture(scope="module")
def exported(generator, tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "export"
    return path, write(generator, path)


def test_sample_is_uint8_and_a_function_of_the_seed(exported):
    _, model = exported
    images = model.sample(5, 1)
    assert images.shape == (5, 16, 16, 3) and images.dtype == tf.uint8
    np.testing.assert_array_equal(images, model.sample(5, 1))
    assert (images.numpy() != model.sample(5, 2).numpy()).any((1, 2, 3)).all()
    assert len({image.tobytes() for image in images.numpy()}) == 5


@pytest.mark.parametrize("statistics", ["standing", "batch"])
def test_an_image_of_a_seed_is_the_same_whatever_the_number_asked_for(generator, tmp_path, statistics):
    model = write(generator, tmp_path / "export", statistics)
    many = model.sample(2 * export.BLOCK + 3, 1).numpy()
    assert many.shape[0] == len({image.tobytes() for image in many}) == 2 * export.BLOCK + 3
    for n in (1, export.BLOCK, export.BLOCK + 1):
        np.testing.assert_array_equal(model.sample(n, 1), many[:n])


@pytest.mark.quick
def test_generate_is_float_and_an_image_depends_on_its_own_z_only(generator, exported):
    _, model = exported
    z = tf.random.stateless_normal([6, 8], [0, 0])
    images = model.generate(z)
    assert images.dtype == tf.float32 and abs(images.numpy()).max() <= 1
    np.testing.assert_allclose(images, generator(z, standing=True), atol=1e-6)
    np.testing.assert_allclose(model.generate(z[:1])[0], images[0], atol=1e-6)


def test_batch_statistics_tie_images_together_as_published(generator, tmp_path):
    model = write(generator, tmp_path / "export", "batch")
    z = tf.random.stateless_normal([6, 8], [0, 0])
    np.testing.assert_allclose(model.generate(z), generator(z, training=True), atol=1e-6)
    assert abs(model.generate(z[:3])[0] - model.generate(z)[0]).numpy().max() > 0.01


@pytest.mark.quick
def test_a_block_of_samples_shares_the_statistics_of_its_batch_and_the_pixel_scale(generator):
    settings = {"z_dim": 8, "statistics": "batch", "batch_size": 16, "seed": 0, "metadata": {}}
    sampler = export.make_sampler(generator, **settings, block_size=10, pixel_scale=127.995)
    key = tf.random.fold_in(tf.constant([4, 0], tf.int64), tf.constant(10, tf.int64))
    z = tf.random.stateless_normal([10, 8], key)
    expected = np.floor((generator(z, training=True).numpy().astype(np.float64) + 1) * 127.995)
    found = sampler.sample(15, 4).numpy()
    for block in (sampler.sample_block(1, 4).numpy(), np.concatenate([found[10:], expected[5:]])):
        apart = abs(block - expected)
        assert apart.max() <= 1 and (apart > 0).mean() < 1e-3  # the edge of a level is within float rounding of some


def test_standing_statistics_are_near_those_of_a_large_batch(generator, exported):
    """The mean image difference is small, and far smaller than between batch statistics of two images."""
    z = tf.random.stateless_normal([512, 8], [3, 4])
    large = generator(z, training=True)
    assert abs(exported[1].generate(z) - large).numpy().mean() < 0.05


def test_plain_tensorflow_loads_it_without_this_package(exported, tmp_path):
    path, model = exported
    code = (
        "import sys, tensorflow as tf\n"
        f"model = tf.saved_model.load({str(path)!r})\n"
        f"open({str(tmp_path / 'images')!r}, 'wb').write(model.sample(num_images=3, seed=5).numpy().tobytes())\n"
        "assert 'tfgan_gn' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-I", "-c", code], check=True, cwd=tmp_path)
    assert (tmp_path / "images").read_bytes() == model.sample(3, 5).numpy().tobytes()


def test_sample_quantizes_what_generate_makes(exported):
    _, model = exported
    key = tf.random.fold_in(tf.constant([4, 0], tf.int64), tf.constant(0, tf.int64))
    z = tf.random.stateless_normal([export.BLOCK, 8], key)
    apart = abs(model.sample(export.BLOCK, 4).numpy().astype(int) - quantize(model.generate(z)).numpy())
    assert apart.max() <= 1 and (apart > 0).mean() < 1e-3  # the edge of a level is within float rounding of some


def test_metadata(exported):
    facts = json.loads(exported[1].metadata().numpy())
    of_samples = {"statistics": "standing", "block_size": 64, "pixel_scale": 128.0, "pixel_shift": 0.0}
    assert facts == {"iteration": 7, "z_dim": 8, "num_classes": None, **of_samples}


def test_a_new_export_takes_the_place_of_the_old_one(generator, tmp_path):
    for path in (tmp_path / "export", f"{tmp_path}/export/"):
        settings = {"z_dim": 8, "statistics": "batch", "batch_size": 4, "seed": 0, "metadata": {"path": str(path)}}
        export.export_generator(export.make_sampler(generator, **settings), str(path))
    model = export.load_generator(str(tmp_path / "export"))
    assert json.loads(model.metadata().numpy())["path"].endswith("export/")
    assert [path.name for path in tmp_path.iterdir()] == ["export"]


@pytest.mark.quick
def test_what_is_not_an_export(tmp_path):
    with pytest.raises(UserError, match="nowhere is not a readable SavedModel"):
        export.load_generator(str(tmp_path / "nowhere"))
    tf.saved_model.save(tf.Module(), str(tmp_path / "other"))
    with pytest.raises(UserError, match="without `sample_block`"):
        export.load_generator(str(tmp_path / "other"))


def test_an_export_whose_variables_were_cut_is_one_message(exported, tmp_path):
    shutil.copytree(exported[0], tmp_path / "cut")
    (variables,) = (tmp_path / "cut" / "variables").glob("*.data-*")
    variables.write_bytes(variables.read_bytes()[:100])
    with pytest.raises(UserError, match="cut is not a readable SavedModel: "):
        export.load_generator(str(tmp_path / "cut"))
