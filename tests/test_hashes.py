"""Hashes that are stored in run folders, results and caches: their values must never change."""

import numpy as np
import pytest

from tfgan_gn.files import hashes, noted_hashes

pytestmark = pytest.mark.quick

PIXELS = np.arange(2 * 2 * 3 * 3, dtype=np.uint8).reshape(2, 2, 3, 3)


def test_the_hash_of_pixels_is_fixed_and_does_not_depend_on_the_parts():
    expected = "fdd62b41addfa13aaa87b78030c292c84f3daf8c38ae75d78a55d4d590dea4da"
    for parts in ([PIXELS], [PIXELS[:1], PIXELS[1:]], [PIXELS[::-1][::-1]]):
        assert hashes.hash_pixels(parts) == expected
    changed = PIXELS.copy()
    changed[1, 1, 2, 2] ^= 1
    for other in (changed, PIXELS[::-1], PIXELS.reshape(2, 3, 2, 3), PIXELS[:1]):
        assert hashes.hash_pixels([other]) != expected


def test_the_same_bytes_as_16_bits_have_another_hash():
    deep = PIXELS.reshape(-1).view(np.uint16).reshape(1, 2, 3, 3)
    assert deep.tobytes() == PIXELS.tobytes() and deep.shape[1:] == PIXELS.shape[1:]
    assert hashes.hash_pixels([deep]) != hashes.hash_pixels([PIXELS])


def test_a_stream_passes_the_hash_unchanged():
    seen = hashes.PixelHash()
    passed = list(seen.through([PIXELS[:1], PIXELS[1:]]))
    np.testing.assert_array_equal(np.concatenate(passed), PIXELS)
    assert seen.size == (2, 3) and seen.hexdigest() == hashes.hash_pixels([PIXELS])


def test_the_hash_of_named_arrays_is_fixed():
    arrays = {"b": np.arange(6, dtype="<f4").reshape(2, 3), "a": np.array([1, -2], "<i8")}
    expected = "04f5c1616a00d0727586cbc4f19cbbddb67a7904d55c11dedd06aa443d2fa017"
    assert hashes.hash_arrays(arrays) == hashes.hash_arrays(dict(sorted(arrays.items()))) == expected


def test_the_hashes_of_folders_and_files_are_fixed(tmp_path):
    folder = tmp_path / "x"
    (folder / "b").mkdir(parents=True)
    (folder / "b" / "1.txt").write_bytes(b"one")
    (folder / "a.bin").write_bytes(bytes(range(5)))
    of_folder = "1ba0dc09882a3ac4ed3ad61ea6d8d2073290469c53ad1a358ca070e9eade14c2"
    assert hashes.hash_folder(str(folder)) == of_folder
    of_files = "8bc56a3a4ce760a9b57ed575f146261faf2a74e85c7bcf81c44e7f6c7cad66bf"
    assert noted_hashes.hash_files(str(folder), ["a.bin", "b/1.txt"], str(tmp_path / "notes")) == of_files


def test_the_short_hash_of_settings_is_fixed():
    assert hashes.hash_key({"format": 1, "shape": [19, 8, 8, 3], "split": "train"}) == "701fc08ca4b672de3cc21a9f"
