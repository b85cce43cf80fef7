"""What extractors are loaded from: the published file, a SavedModel, keras.applications, a download."""

import functools
import hashlib
import http.server
import os
import pathlib
import socket
import tarfile
import threading

import inception_seeded
import keras
import numpy as np
import pytest
import tensorflow as tf
from inception_seeded import GOLDENS, frozen_graph
from test_inception import gather

from tfgan_gn.errors import UserError
from tfgan_gn.files.fetch import fetch
from tfgan_gn.files.hashes import hash_arrays
from tfgan_gn.scoring import extractors
from tfgan_gn.scoring.networks import inception, inception_weights

TINY = {"mixed/conv/conv2d_params": (1, 1, 2, 3), "softmax/biases": (3,)}


@pytest.fixture(scope="module")
def archive_file(seeded_graph, tmp_path_factory):
    return pack(tmp_path_factory.mktemp("archive") / inception_weights.ARCHIVE, seeded_graph)


@pytest.fixture(scope="module")
def small():
    return np.load(GOLDENS / "inception_seeded.npz")["img_32x32"]


def pack(path, *files):
    """Packs files into an archive, without compression to save time."""
    with tarfile.open(path, "w:gz", compresslevel=0) as archive:
        archive.addfile(tarfile.TarInfo("LICENSE"))
        for file in files:
            archive.add(file, "./" + os.path.basename(file))
    return str(path)


def tiny_graph(path, **changes):
    random = np.random.default_rng(0)
    arrays = {name: random.standard_normal(shape).astype(np.float32) for name, shape in TINY.items()}
    path.write_bytes(frozen_graph({**arrays, **changes}))
    return str(path)


# ---- files ------------------------------------------------------------------------------------------------------


def test_the_archive_a_folder_and_the_file_hold_the_same_weights(seeded_extractor, seeded_graph, archive_file):
    shapes = {row["name"]: row["shape"] for row in inception_seeded.rows()}
    weights = inception_weights.read_weights(archive_file, shapes)
    assert hash_arrays(weights) == seeded_extractor.weights_sha256
    assert extractors._find(os.path.dirname(archive_file)) == archive_file
    assert extractors._find(os.path.dirname(seeded_graph)) == seeded_graph == seeded_extractor.source


def test_the_hash_is_that_of_names_shapes_and_values(seeded_weights):
    some = {name: seeded_weights[name] for name in list(seeded_weights)[:3]}
    reversed_order = dict(reversed(some.items()))
    changed = {name: np.nextafter(array, 1) if "beta" in name else array for name, array in some.items()}
    hashes = [hash_arrays(arrays) for arrays in (some, reversed_order, changed)]
    assert hashes[0] == hashes[1] != hashes[2] and len(hashes[0]) == 64


@pytest.mark.quick
def test_a_graph_that_is_not_this_network_is_refused(tmp_path):
    path = tmp_path / "graph.pb"
    first, last = TINY
    good = inception_weights.read_weights(tiny_graph(path), TINY)
    assert [(name, array.shape) for name, array in good.items()] == list(TINY.items())
    bad = {
        r"'softmax/biases' is float32 \(4,\), not float32 \(3,\)": {last: np.zeros(4, np.float32)},
        r"'softmax/biases' is float64 \(3,\), not float32 \(3,\)": {last: np.zeros(3)},
        "'softmax/biases' holds nan": {last: np.array([0, np.nan, 0], np.float32)},
    }
    for message, changes in bad.items():
        with pytest.raises(UserError, match=f"{path} is not the Inception v3 of 2015-12-05: {message}"):
            inception_weights.read_weights(tiny_graph(path, **changes), TINY)
    path.write_bytes(frozen_graph({last: good[last]}))
    with pytest.raises(UserError, match=f"{path} .*it lacks '{first}', 1 of 2 weights in all. Give classify_image"):
        inception_weights.read_weights(str(path), TINY)


@pytest.mark.quick
def test_truncated_and_other_files_are_refused_by_name(tmp_path):
    graph, archive = pathlib.Path(tiny_graph(tmp_path / inception_weights.GRAPH)), tmp_path / "archive.tgz"
    pack(archive, graph)
    refused = {"empty": b"", "text": b"hello", "png": b"\x89PNG\r\n\x1a\n" * 50, "gz": b"\x1f\x8b" + bytes(50)}
    for whole in (graph, archive):
        contents = whole.read_bytes()
        sizes = range(1, len(contents), 7 if whole == graph else 97)
        refused |= {f"{whole.name}.{n}": contents[:n] for n in (*sizes, len(contents) - 1)}
    damaged = bytearray(archive.read_bytes())
    damaged[damaged.index(b"softmax/biases") + 40] ^= 1
    refused["damaged.tgz"] = bytes(damaged)
    for name, contents in refused.items():
        (tmp_path / name).write_bytes(contents)
        with pytest.raises(UserError, match=f"{tmp_path / name} is not the Inception v3 of 2015-12-05: it "):
            inception_weights.read_weights(str(tmp_path / name), TINY)
    assert inception_weights.read_weights(str(archive), TINY)
    pack(archive)
    with pytest.raises(UserError, match="archive.tgz .*holds no classify_image_graph_def.pb"):
        inception_weights.read_weights(str(archive), TINY)
    with pytest.raises(UserError, match="nowhere is no file and no folder with a SavedModel"):
        extractors.load_extractor(str(tmp_path / "nowhere"))
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="folder is no file and no folder with a SavedModel"):
        extractors.load_extractor(str(tmp_path / "folder"))
    with pytest.raises(UserError, match="--scorer=: nothing is no file .* names cifar10net, inception, imagenet"):
        extractors.load_extractor("")


# ---- other extractors -------------------------------------------------------------------------------------------


class Saved(tf.Module):
    """A SavedModel that returns means over the pixels of its images."""

    def __init__(self, names=("pool_3", "logits")):
        super().__init__()
        self.names, self.weight = names, tf.Variable(2.0)

    @tf.function(input_signature=[tf.TensorSpec([None, 299, 299, 3])])
    def __call__(self, images):
        mean = self.weight * tf.reduce_mean(images, [1, 2])
        return dict(zip(self.names, (mean[:, None, None], mean[:, :2]), strict=True))


class Signature(tf.Module):
    """The same without `__call__`."""

    def __init__(self):
        super().__init__()
        self.saved = Saved()


@pytest.mark.quick
def test_a_saved_model(tmp_path, small):
    model, signature = Saved(), Signature()
    tf.saved_model.save(model, str(tmp_path / "call"))
    tf.saved_model.save(signature, str(tmp_path / "signature"), signatures=signature.saved.__call__)
    expected = 2 * tf.reduce_mean(inception.preprocess(small), [1, 2]).numpy()
    for name in ("call", "signature"):
        extractor = extractors.load_extractor(str(tmp_path / name))
        features, logits = gather(extractor, small, 4)
        np.testing.assert_allclose(features, expected, rtol=1e-5)
        np.testing.assert_allclose(logits, expected[:, :2], rtol=1e-5)
    model.weight.assign(3)
    tf.saved_model.save(model, str(tmp_path / "other"))
    hashes = [extractors.load_extractor(str(tmp_path / name)).weights_sha256 for name in ("call", "call", "other")]
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.quick
def test_a_saved_model_of_something_else(tmp_path):
    path = str(tmp_path / "model")
    tf.saved_model.save(Saved(names=("pool", "logits")), path)
    with pytest.raises(UserError, match=f"{path} is a SavedModel, but no extractor of features: .*'pool_3'"):
        extractors.load_extractor(path)
    tf.saved_model.save(tf.Module(), path)
    with pytest.raises(UserError, match="cannot be called and has no signature serving_default"):
        extractors.load_extractor(path)
    pathlib.Path(path, "saved_model.pb").write_bytes(b"garbage")
    with pytest.raises(UserError, match=f"{path} is not a readable SavedModel"):
        extractors.load_extractor(path)


def test_imagenet(tmp_path, small, monkeypatch):
    """Network and preprocessing of `keras.applications`; random weights stand in for the published ones."""
    network = keras.applications.InceptionV3(weights=None)
    path = tmp_path / extractors.IMAGENET
    network.save(path, include_optimizer=False)
    with pytest.raises(UserError, match=f"{path} has the MD5 [0-9a-f]{{32}}, not 9a0d58056eeedaa3f26cb7ebd46da564"):
        extractors.load_extractor("imagenet", cache_dir=str(tmp_path))
    monkeypatch.setattr(extractors, "IMAGENET_MD5", hashlib.md5(path.read_bytes()).hexdigest())
    features, logits = extractors.load_extractor("imagenet", cache_dir=str(tmp_path))(small[:1])
    assert features.shape == (1, 2048) and logits.shape == (1, 1000)
    resized = keras.applications.inception_v3.preprocess_input(tf.image.resize(small[:1], (299, 299)))
    np.testing.assert_allclose(tf.nn.softmax(logits), network(resized, training=False), rtol=1e-4)


# ---- downloads --------------------------------------------------------------------------------------------------


@pytest.fixture
def server(tmp_path):
    """A folder and the address that serves it; the answer to `short/NAME` ends after half of its bytes."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            if not self.path.startswith("/short/"):
                return super().do_GET()
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(bytes(500))

        def log_message(self, *args):
            pass

    folder = tmp_path / "served"
    folder.mkdir()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder)) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def unused_address():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{sock.getsockname()[1]}/x"


def accept(path):
    pass


def refuse(path):
    raise UserError("not the file that was wanted")


@pytest.mark.quick
def test_fetch_moves_the_whole_file_into_place(server, tmp_path):
    folder, address = server
    contents = np.random.default_rng(0).bytes(3_000_000)
    (folder / "file").write_bytes(contents)
    path = tmp_path / "new" / "cache" / "file"
    path.parent.mkdir(parents=True)
    (path.parent / "file.123.part").write_bytes(b"what a killed process left")
    os.utime(path.parent / "file.123.part", (0, 0))
    fetch(f"{address}/file", str(path), accept, "")
    assert path.read_bytes() == contents and os.listdir(path.parent) == ["file"]


@pytest.mark.parametrize(
    ("name", "check", "message"),
    [
        ("short/file", accept, "only 500 of 1000 bytes arrived. Bring it"),
        ("file", refuse, "not the file that was wanted. Bring it"),
        ("missing", accept, "HTTP Error 404: .*. Bring it"),
    ],
)
def test_fetch_leaves_nothing_half(server, tmp_path, name, check, message):
    folder, address = server
    (folder / "file").write_bytes(b"new")
    path = tmp_path / "cache" / "file"
    for before in (None, b"old"):
        if before:
            path.write_bytes(before)
        with pytest.raises(UserError, match=f"{address}/{name} could not be downloaded to {path}: {message}"):
            fetch(f"{address}/{name}", str(path), check, "Bring it")
        assert os.listdir(path.parent) == (["file"] if before else [])
    assert path.read_bytes() == b"old"


def test_by_its_name_the_archive_is_fetched_once(server, archive_file, tmp_path, monkeypatch, seeded_extractor):
    folder, address = server
    os.link(archive_file, folder / inception_weights.ARCHIVE)
    monkeypatch.setattr(extractors, "URL", f"{address}/{inception_weights.ARCHIVE}")
    cache = tmp_path / "cache"
    with pytest.raises(UserError, match=r"\d+ bytes arrived, not the 88931400 of the published file"):
        extractors.load_extractor("inception", cache_dir=str(cache))
    assert os.listdir(cache) == []
    monkeypatch.setattr(extractors, "ARCHIVE_BYTES", os.path.getsize(archive_file))
    monkeypatch.setattr(extractors, "build_network", functools.cache(extractors.build_network))  # one for two calls
    fetched = extractors.load_extractor("inception", cache_dir=str(cache))
    assert fetched.weights_sha256 == seeded_extractor.weights_sha256
    assert os.listdir(cache) == [inception_weights.ARCHIVE] and fetched.source == str(cache / os.listdir(cache)[0])
    monkeypatch.setattr(extractors, "URL", unused_address())
    monkeypatch.setattr(extractors, "read_weights", lambda path, shapes: pytest.fail(path))
    with pytest.raises(pytest.fail.Exception, match=fetched.source):  # read from the cache, without a download
        extractors.load_extractor("inception", cache_dir=str(cache))


@pytest.mark.quick
def test_without_a_network_one_message_says_what_to_bring_and_where(tmp_path, monkeypatch):
    for constant, name, file in (
        ("URL", "inception", inception_weights.ARCHIVE),
        ("IMAGENET_URL", "imagenet", extractors.IMAGENET),
    ):
        address = unused_address()
        monkeypatch.setattr(extractors, constant, address)
        with pytest.raises(UserError) as refusal:
            extractors.load_extractor(name, cache_dir=str(tmp_path))
        assert f"Download {address} on a machine with a network and copy it to {tmp_path / file}" in str(refusal.value)
        assert "score with --scorer=cifar10net, which needs no download" in str(refusal.value)
        assert "refused" in str(refusal.value) and "\n" not in str(refusal.value)
