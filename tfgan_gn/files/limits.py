"""Limits of what is unpacked from a file, so that a small file cannot fill the memory."""

import os
import struct

import tensorflow as tf

from tfgan_gn.errors import UserError

MOST_PIXELS = 100_000_000  # of one image, as 10,000 x 10,000 has; decoded and resized, it takes about 1 GB
MOST_BYTES_OF_IMAGE = 1_000_000_000
MOST_BYTES_OF_CIFAR = 100_000_000  # of one file; the published ones have 31 MB
MOST_BYTES_OF_GRAPH = 250_000_000  # of Inception's archive, unpacked, and of the graph in it; published: 96 MB


def refuse_large_file(path, most):
    """Raises UserError for a file with more bytes than `most`, OSError for one that is not there."""
    size = os.path.getsize(path)
    if size > most:
        raise UserError(f"{path} has {size:,} bytes, and at most {most:,} are read from such a file: give another one")


def refuse_many_pixels(path, contents):
    """Checks the size of an image before it is decoded.

    Args:
        path: of its file, for the message.
        contents: bytes of the file.

    Raises:
        UserError: it has more than MOST_PIXELS pixels.
        tf.errors.OpError: it is a damaged JPEG.
    """
    width, height = image_size(contents) or (0, 0)
    if width * height > MOST_PIXELS:
        raise UserError(
            f"{path} has {width:,} x {height:,} pixels, and one image may have {MOST_PIXELS:,} at most: make it "
            "smaller, or cut it into several"
        )


def image_size(contents):
    """The (width, height) that the header of a PNG, GIF, BMP or JPEG names; None for other bytes."""
    if contents.startswith(b"\x89PNG\r\n\x1a\n") and len(contents) >= 24:
        return struct.unpack(">II", contents[16:24])
    if contents.startswith((b"GIF87a", b"GIF89a")) and len(contents) >= 10:
        return struct.unpack("<HH", contents[6:10])
    if contents.startswith(b"BM") and len(contents) >= 26:
        width, height = struct.unpack("<ii", contents[18:26])
        return abs(width), abs(height)  # a negative height is that of an image from top to bottom
    if contents.startswith(b"\xff\xd8\xff"):
        height, width, _ = tf.io.extract_jpeg_shape(contents).numpy().tolist()
        return width, height
    return None


def refuse_more_than_memory(path, sizes):
    """Checks the sizes of arrays before they are unpacked.

    Args:
        path: of the file that holds them, for the message.
        sizes: dict from their names to bytes.

    Raises:
        UserError: together they have more bytes than this machine's memory.
    """
    total, memory = sum(sizes.values()), memory_of_machine()
    if total > memory:
        raise UserError(
            f"{path} unpacks to {total:,} bytes ({', '.join(sizes)}), and this machine has {memory:,} bytes of memory: "
            "give fewer images, or an .npy, which is read in parts"
        )


def memory_of_machine():
    """Bytes of memory, in use or not."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
