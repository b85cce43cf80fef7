"""The functions of a generator that makes new images of given ones: as it is exported, and as it is scored."""

import json

import numpy as np
import tensorflow as tf

from tfgan_gn.data.pixels import LEVELS_PER_UNIT, middles, quantize

# Pixels of all images that are made together. Images of 64x64 are made by 16, larger ones by fewer: the activations of
# the DAGAN, which joins the outputs of many layers, grow with the number of pixels.
BLOCK_PIXELS = 16 * 64 * 64
ORDER = 2  # purpose of the random draw of the sources' order; those of pairs are in `data.pairs`


def most_at_once(image_shape):
    """How many images of (height, width, ...) are made together at most."""
    return max(1, BLOCK_PIXELS // (image_shape[0] * image_shape[1]))


class Augmenter(tf.Module):
    """The variables and functions of a generator that makes new images of given ones; see `export.export_generator`.

    All whole numbers are int64.

    Args:
        generator: a generator of `build_networks` whose condition is an image.
        z_dim: size of the noise vector.
        image_shape: (height, width, channels).
        statistics: which statistics batch norm uses, if there is one: "batch", those of the current batch; "standing",
            those collected before.
        metadata: dict of JSON values.
        block_size: images that are generated together; None for as many as BLOCK_PIXELS allows.
        pixel_scale: the scale of `pixels.quantize`.
        pixel_shift: its shift.
    """

    def __init__(
        self,
        generator,
        *,
        z_dim,
        image_shape,
        statistics,
        metadata,
        block_size=None,
        pixel_scale=LEVELS_PER_UNIT,
        pixel_shift=0.0,
    ):
        super().__init__()
        self.held = [variable.value for variable in generator.variables]  # as in `export.Sampler`
        block_size = block_size or most_at_once(image_shape)

        def generate(z, images):
            return generator(z, condition=images, standing=statistics == "standing")

        def z_of(key, source, copy):
            return tf.random.stateless_normal([z_dim], tf.random.fold_in(tf.random.fold_in(key, source), copy))

        def augment(images, num_each, seed):
            total = tf.shape(images, tf.int64)[0] * num_each
            sources, key = middles(images, pixel_scale, pixel_shift), tf.stack([seed, 0])

            def of_block(block):
                # The last block is filled with its last image, so that every block has the same size.
                numbers = tf.minimum(block * block_size + tf.range(block_size, dtype=tf.int64), total - 1)
                source, copy = numbers // num_each, numbers % num_each
                z = tf.map_fn(lambda pair: z_of(key, *pair), (source, copy), fn_output_signature=tf.float32)
                return quantize(generate(z, tf.gather(sources, source)), pixel_scale, pixel_shift)

            blocks = tf.map_fn(
                of_block,
                tf.range(-(-total // block_size)),
                fn_output_signature=tf.TensorSpec([block_size, *image_shape], tf.uint8),
                parallel_iterations=1,
            )
            made = tf.reshape(blocks, [-1, *image_shape])[:total]
            return tf.reshape(made, tf.stack([tf.shape(images, tf.int64)[0], num_each, *image_shape]))

        number = tf.TensorSpec([], tf.int64)
        batch = tf.TensorSpec([None, z_dim], tf.float32), tf.TensorSpec([None, *image_shape], tf.float32)
        self.generate = tf.function(generate, input_signature=batch)
        pixels = tf.TensorSpec([None, *image_shape], tf.uint8)
        self.augment = tf.function(augment, input_signature=[pixels, number, number])
        facts = {"z_dim": z_dim, "image_shape": list(image_shape), "statistics": statistics, "block_size": block_size}
        text = json.dumps({**metadata, **facts, "pixel_scale": pixel_scale, "pixel_shift": pixel_shift})
        self.metadata = tf.function(lambda: tf.constant(text), input_signature=[])
        for function in (self.generate, self.augment, self.metadata):
            function.get_concrete_function()


class SourceSampler:
    """Samples of a generator whose condition is an image, for scores: sample k = G(z_k, x_k).

    z_k is as in `export.Sampler`. The sources x_k are taken in turn, in an order that the seed draws, so that each is
    used equally often, or once more than others. Sample k is a function of k and the seed.

    Args:
        generator: a generator of `build_networks` whose condition is an image.
        images: uint8 or uint16 [N, H, W, C], in memory or mapped from a file.
        rows: int64 [S], the numbers of the sources among them, S 1 or more.
        to_floats: function from sources, of their dtype [n, H, W, C], to float32 in [-1, 1].
        z_dim: size of the noise vector.
        statistics: which statistics batch norm uses, as in `Augmenter`.
        metadata: dict of JSON values.
        block_size: images that are generated together.
        pixel_scale: the scale of `pixels.quantize`.
        pixel_shift: its shift.
    """

    def __init__(
        self,
        generator,
        images,
        rows,
        to_floats,
        *,
        z_dim,
        statistics,
        metadata,
        block_size,
        pixel_scale,
        pixel_shift,
    ):
        self._images, self._rows, self._block_size = images, rows, block_size
        facts = {"statistics": statistics, "block_size": block_size, "pixel_scale": pixel_scale}
        self._metadata = json.dumps({**metadata, **facts})

        def draw(sources, block, seed):
            key = tf.random.fold_in(tf.stack([seed, 0]), block * block_size)
            z = tf.random.stateless_normal([block_size, z_dim], key)
            made = generator(z, condition=to_floats(sources), standing=statistics == "standing")
            return quantize(made, pixel_scale, pixel_shift)

        number, of_block = tf.TensorSpec([], tf.int64), tf.TensorSpec([block_size, *images.shape[1:]], images.dtype)
        self._draw = tf.function(draw, input_signature=[of_block, number, number], autograph=False)

    def sample_block(self, block, seed):
        """Samples `block_size` * block and following: a uint8 tensor [block_size, H, W, C]."""
        order = self._rows[np.random.default_rng([seed, ORDER]).permutation(len(self._rows))]
        numbers = block * self._block_size + np.arange(self._block_size)
        return self._draw(np.asarray(self._images[order[numbers % len(order)]]), block, seed)

    def metadata(self):
        """A JSON string, as of `export.Sampler`."""
        return tf.constant(self._metadata)
