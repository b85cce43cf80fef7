"""Reads the weights of Inception v3 from the frozen TensorFlow graph in which they are published."""

import gzip
import os
import tarfile
import zlib

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from tfgan_gn.errors import UserError
from tfgan_gn.files.limits import MOST_BYTES_OF_GRAPH, refuse_large_file

GRAPH = "classify_image_graph_def.pb"
ARCHIVE = "inception-2015-12-05.tgz"
BLOCK = 1 << 20  # bytes that are unpacked together


def read_weights(path, shapes):
    """Reads constants of a frozen graph by their names. The graph itself is not run.

    Args:
        path: `classify_image_graph_def.pb`, or the gzipped tar archive that holds it.
        shapes: dict from the names of the constants to their shapes.

    Returns:
        A dict from the names, in the order of `shapes`, to float32 arrays.

    Raises:
        UserError: the file is missing or damaged, or holds another network.
    """
    nodes = {node.name: node for node in _read_graph(path).node if node.op == "Const"}
    missing = [name for name in shapes if name not in nodes]
    if missing:
        raise _refusal(path, f"it lacks {missing[0]!r}, {len(missing)} of {len(shapes)} weights in all")
    return {name: _read_constant(path, nodes[name], shape) for name, shape in shapes.items()}


def _refusal(path, reason):
    return UserError(
        f"{path} is not the Inception v3 of 2015-12-05: {reason}. Give {GRAPH}, or {ARCHIVE} which holds it, complete "
        "and as published"
    )


def _read_graph(path):
    try:
        refuse_large_file(path, MOST_BYTES_OF_GRAPH)
        with open(path, "rb") as file:
            gzipped = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            contents = _unpack(path, file) if gzipped else file.read()
        return tf.compat.v1.GraphDef.FromString(contents)
    except (OSError, EOFError, zlib.error, tarfile.TarError, DecodeError) as error:
        raise _refusal(path, f"it cannot be read ({error})") from None


def _unpack(path, file):
    with gzip.GzipFile(fileobj=file) as unzipped:
        with tarfile.open(fileobj=unzipped, mode="r:") as archive:
            members = []
            for member in archive:  # whose contents are unpacked when the next one is looked for
                if member.offset_data + member.size > MOST_BYTES_OF_GRAPH:
                    raise _refusal(path, f"it unpacks to more than {MOST_BYTES_OF_GRAPH:,} bytes")
                if os.path.basename(member.name) == GRAPH and member.isfile():
                    members.append(member)
            if not members:
                raise _refusal(path, f"the archive holds no {GRAPH}")
            contents = archive.extractfile(members[0]).read()
        while unzipped.read(BLOCK):  # to the end, where gzip checks its checksum
            if unzipped.tell() > MOST_BYTES_OF_GRAPH:
                raise _refusal(path, f"it unpacks to more than {MOST_BYTES_OF_GRAPH:,} bytes")
        return contents


def _read_constant(path, node, shape):
    try:
        array = tf.make_ndarray(node.attr["value"].tensor)
    except (TypeError, ValueError) as error:
        raise _refusal(path, f"{node.name!r} cannot be read ({error})") from None
    if array.dtype != np.float32 or array.shape != shape:
        raise _refusal(path, f"{node.name!r} is {array.dtype} {array.shape}, not float32 {shape}")
    if not np.isfinite(array).all():
        raise _refusal(path, f"{node.name!r} holds {array[~np.isfinite(array)][0]}")
    return array
