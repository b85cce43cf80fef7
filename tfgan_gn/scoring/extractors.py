"""Networks that turn images into the features and class scores from which Inception Score, FID and others come."""

import functools
import hashlib
import os

import keras
import numpy as np
import tensorflow as tf

from tfgan_gn.errors import UserError
from tfgan_gn.files.cache_folder import cache_folder
from tfgan_gn.files.fetch import fetch
from tfgan_gn.files.hashes import hash_arrays, hash_folder
from tfgan_gn.files.saved_model import load_saved_model
from tfgan_gn.files.whole import read_whole
from tfgan_gn.scoring.networks import cifar10net
from tfgan_gn.scoring.networks.inception import (
    PREPROCESSING,
    SIZE,
    assign_weights,
    build_network,
    preprocess,
    weight_shapes,
)
from tfgan_gn.scoring.networks.inception_weights import ARCHIVE, GRAPH, read_weights

URL = f"https://download.tensorflow.org/models/image/imagenet/{ARCHIVE}"
ARCHIVE_BYTES = 88_931_400  # as TensorFlow's image tutorial printed it after the download
IMAGENET = "inception_v3_weights_tf_dim_ordering_tf_kernels.h5"
IMAGENET_URL = f"https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/{IMAGENET}"
IMAGENET_MD5 = "9a0d58056eeedaa3f26cb7ebd46da564"  # from the source of `keras.applications`
IMAGENET_PREPROCESSING = "bilinear to 299x299 with half-pixel centres, then x / 127.5 - 1"


class Extractor:
    """A network that turns 8-bit images into features and class scores; `load_extractor` makes one.

    Attributes:
        source: where its weights come from: a path, or "imagenet".
        weights_sha256: hash of its weights. For the network of 2015-12-05 it does not depend on the file they are in.
        preprocessing: how images are resized and scaled, in words.
        name: the name that its scores carry (see `naming`), e.g. "cifar10net"; empty for Inception v3, whose scores
            are called FID, Inception Score and so on.
        published: whether this is the network of 2015-12-05, with which published scores are made.
    """

    def __init__(self, forward, *, source, weights_sha256, preprocessing, name="", published=False):
        self._forward, self._steps = forward, {}
        self.source, self.weights_sha256, self.preprocessing = source, weights_sha256, preprocessing
        self.name, self.published = name, published

    def __call__(self, images):
        """Runs all images at once on one device. This is for other programs; the commands use `step`.

        Args:
            images: uint8 [N, H, W, 3], red first.

        Returns:
            (features, logits): float32 tensors [N, D] and [N, C]; D is 2048 and C is 1008 for the published network.
        """
        return self._forward(images)

    def step(self, strategy):
        """Returns the function that runs a batch on all replicas; the same object for the same strategy.

        The function takes uint8 [N, H, W, 3], where N is a multiple of the number of replicas. It returns (features,
        logits), each a tuple with the share of each replica, in order. It is traced once for all N, H and W.
        """
        if strategy not in self._steps:

            def replica(images):
                share = tf.shape(images)[0] // strategy.num_replicas_in_sync
                first = share * tf.distribute.get_replica_context().replica_id_in_sync_group
                return self._forward(images[first : first + share])

            @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8)], autograph=False)
            def step(images):
                return tuple(map(strategy.experimental_local_results, strategy.run(replica, (images,))))

            self._steps[strategy] = step
        return self._steps[strategy]


def load_extractor(scorer, cache_dir=""):
    """Makes an extractor. Call it in the scope of the strategy under which the extractor will run.

    Args:
        scorer: one of

            - "cifar10net": the small classifier of CIFAR-10 that comes with the package, `networks.cifar10net`. Its
              scores carry its name;
            - "inception": the network with which Inception Scores and FIDs are published, from `cache_dir`; it is
              downloaded if it is not there;
            - `classify_image_graph_def.pb`, `inception-2015-12-05.tgz` or a folder that holds one of them: the
              same network from there;
            - the folder of a SavedModel, e.g. TF-GAN's Inception module. The model, or its signature `serving_default`,
              takes float32 [N, 299, 299, 3] in [-1, 1), the images after `inception.preprocess`, for any N. It returns
              a dict with `pool_3`, [N, D] or [N, 1, 1, D], and `logits`, [N, C];
            - "imagenet": `keras.applications.InceptionV3` with its own weights and preprocessing. Its scores can be
              compared only with scores of the same network.
        cache_dir: folder of downloads; empty for `cache_folder.DEFAULT`.

    Returns:
        Extractor.

    Raises:
        UserError: the file is missing, damaged or another file, or it cannot be downloaded.
    """
    cache_dir = cache_folder(cache_dir)
    if scorer in NAMED:
        return NAMED[scorer](cache_dir)
    if os.path.isfile(os.path.join(scorer, "saved_model.pb")):
        return _saved_model(scorer)
    file = scorer if os.path.isfile(scorer) else _find(scorer)
    if not scorer or not file:
        raise UserError(
            f"--scorer={scorer}: {scorer or 'nothing'} is no file and no folder with a SavedModel, {GRAPH} or "
            f"{ARCHIVE} in it: give one of these, or one of the names {', '.join(NAMED)}"
        )
    return _published(file, build_network())


def _find(folder):
    paths = (os.path.join(folder, name) for name in (GRAPH, ARCHIVE))
    return next(filter(os.path.isfile, paths), None)


def _cifar10net(cache_dir):
    weights = cifar10net.load_weights()
    return Extractor(
        cifar10net.Cifar10Net(weights).of_any_size,
        source="cifar10net",
        weights_sha256=hash_arrays(weights),
        preprocessing=cifar10net.PREPROCESSING,
        name="cifar10net",
    )


def _inception(cache_dir):
    make_network = functools.cache(build_network)  # built once, and only after the download worked
    file = _find(cache_dir)
    if file is None:
        file = os.path.join(cache_dir, ARCHIVE)
        fetch(URL, file, lambda path: _check_archive(path, make_network), _bring(URL, file))
    return _published(file, make_network())


def _published(file, network):
    weights = read_weights(file, weight_shapes(network))
    assign_weights(network, weights)
    return Extractor(
        lambda images: network(preprocess(images), training=False),
        source=file,
        weights_sha256=hash_arrays(weights),
        preprocessing=PREPROCESSING,
        published=True,
    )


def _check_archive(path, make_network):
    if os.path.getsize(path) != ARCHIVE_BYTES:
        raise UserError(f"{os.path.getsize(path)} bytes arrived, not the {ARCHIVE_BYTES} of the published file")
    read_weights(path, weight_shapes(make_network()))


def _bring(url, file):
    return (
        f"Download {url} on a machine with a network and copy it to {file}, or give the path of your copy, or score "
        "with --scorer=cifar10net, which needs no download"
    )


def _saved_model(path):
    loaded = load_saved_model(path)
    signature = getattr(loaded, "signatures", {}).get("serving_default")
    if signature is None and not callable(loaded):
        raise UserError(f"{path} is a SavedModel that cannot be called and has no signature serving_default")

    def call(images):
        if callable(loaded):
            return loaded(images)
        (name,) = signature.structured_input_signature[1]
        return signature(**{name: images})

    def forward(images):
        outputs = call(preprocess(images))
        return [tf.reshape(outputs[name], [tf.shape(images)[0], -1]) for name in ("pool_3", "logits")]

    _check_signature(path, call)
    # `forward` keeps a reference to `loaded`: without one TensorFlow would delete the variables
    return Extractor(forward, source=path, weights_sha256=hash_folder(path), preprocessing=PREPROCESSING)


def _check_signature(path, call):
    """Raises UserError if the SavedModel, called with one and with two images, does not return what it must."""
    strategy = tf.distribute.get_strategy()

    @tf.function
    def outputs_of(images):  # a model that was loaded in a strategy's scope runs only in its replicas
        return tf.nest.map_structure(
            lambda value: strategy.experimental_local_results(value)[0], strategy.run(call, (images,))
        )

    try:
        for n in (1, 2):
            outputs = outputs_of(tf.zeros([n, SIZE, SIZE, 3]))
            shapes = [tuple(outputs[name].shape) for name in ("pool_3", "logits")]
            if any(len(shape) < 2 or shape[0] != n or np.prod(shape[1:-1]) != 1 for shape in shapes):
                raise ValueError(f"for {n} images it returns pool_3 {shapes[0]} and logits {shapes[1]}")
    except (AttributeError, KeyError, TypeError, ValueError, tf.errors.OpError) as error:
        raise UserError(
            f"{path} is a SavedModel, but no extractor of features: called with float32 [N, {SIZE}, {SIZE}, 3] it must "
            f"return a dict with 'pool_3' [N, D] and 'logits' [N, C] ({type(error).__name__}: "
            f"{(str(error).splitlines() or [''])[0]})"
        ) from None


def _imagenet(cache_dir):
    file = os.path.join(cache_dir, IMAGENET)
    if not os.path.isfile(file):
        fetch(IMAGENET_URL, file, _check_imagenet, _bring(IMAGENET_URL, file))
    _check_imagenet(file)
    model = keras.applications.InceptionV3(weights=file, classifier_activation=None)
    network = keras.Model(model.input, [model.get_layer("avg_pool").output, model.output])
    weights = {str(i): weight for i, weight in enumerate(model.get_weights())}

    def forward(images):
        resized = tf.image.resize(tf.cast(images, tf.float32), (SIZE, SIZE))
        return network(resized / 127.5 - 1, training=False)

    sha256 = hash_arrays(weights)
    return Extractor(forward, source="imagenet", weights_sha256=sha256, preprocessing=IMAGENET_PREPROCESSING)


def _check_imagenet(path):
    md5 = hashlib.md5(read_whole(path)).hexdigest()
    if md5 != IMAGENET_MD5:
        raise UserError(
            f"{path} has the MD5 {md5}, not {IMAGENET_MD5}: replace it by the published file, {IMAGENET_URL}"
        )


# The networks that `load_extractor` knows by name: functions of the folder of downloads.
NAMED = {"cifar10net": _cifar10net, "inception": _inception, "imagenet": _imagenet}
GREY = {"cifar10net": "repeat"}  # what is done with grey images, a key of `decode.CHANNELS`; else they are refused
