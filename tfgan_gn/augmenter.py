"""The functions of an exported generator that makes new images of given ones."""

import json

import tensorflow as tf

from tfgan_gn.data.pixels import LEVELS_PER_UNIT, middles, quantize

# Pixels of all images that are made together. Images of 64x64 are made by 16, larger ones by fewer: the activations of
# the DAGAN, which joins the outputs of many layers, grow with the number of pixels.
BLOCK_PIXELS = 16 * 64 * 64


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
        height, width, _ = image_shape
        block_size = block_size or max(1, BLOCK_PIXELS // (height * width))

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
