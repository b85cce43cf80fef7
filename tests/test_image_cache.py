"""Large data on disk are decoded once, decoded again if an image or the file changes, and never whole in memory."""

import concurrent.futures
import json
import os
import pathlib
import resource
import tracemalloc
import warnings

import numpy as np
import pytest
import tensorflow as tf

from tfgan_gn.data import cache, folder, sets
from tfgan_gn.data.batches import held_out_batches, train_batches
from tfgan_gn.errors import UserError
from tfgan_gn.files import noted_hashes
from tfgan_gn.files.lock import remove_abandoned


@pytest.fixture
def photos(tmp_path, rng):
    """A folder of 40 images of 8x8 pixels in two classes, their values 0 to 249."""
    write(tmp_path / "photos", rng.integers(0, 250, (40, 8, 8, 3), np.uint8))
    return tmp_path / "photos"


def write(path, pixels):
    """Writes BMP files: an image with other pixels has the same number of bytes."""
    for i, image in enumerate(pixels):
        place = path / ("a" if i % 2 else "b") / f"{i:04}.bmp"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(bmp(image))


def bmp(image):
    height, width, _ = image.shape
    header = b"BM" + (54 + image.size).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little")
    header += (40).to_bytes(4, "little") + width.to_bytes(4, "little") + height.to_bytes(4, "little")
    header += b"\x01\x00\x18\x00" + bytes(24)
    return (
        header + image[::-1, :, ::-1].tobytes()
    )  # rows from bottom to top, blue first; their length is a multiple of 4 bytes


@pytest.fixture
def decoded(monkeypatch):
    """Takes all data as too large for memory. When a split is decoded, its number of images is added to this list."""
    monkeypatch.setattr(cache, "IN_MEMORY", 0)
    counts, fill = [], cache._fill

    def counting(parts, shape, write):
        counts.append(shape[0])
        return fill(parts, shape, write)

    monkeypatch.setattr(cache, "_fill", counting)
    return counts


def load(photos, said=None, size=8, grey="repeat", cache="cache"):
    say = [].append if said is None else said.append
    return sets.make_dataset("folder", str(photos), size, grey, str(photos.parent / cache), say)


def same(a, b):
    for one, other in zip(a[:2], b[:2]):
        np.testing.assert_array_equal(one.images, other.images)
        np.testing.assert_array_equal(one.labels, other.labels)
    assert a.classes == b.classes
    return True


@pytest.mark.quick
def test_a_mapped_data_set_is_the_one_in_memory_and_is_decoded_once(photos, monkeypatch, decoded):
    mapped, again = load(photos), load(photos)
    assert decoded == [38, 2]
    for split in (*mapped[:2], *again[:2]):
        assert isinstance(split.images, np.memmap) and split.images.mode == "r" and split.images.dtype == np.uint8
    monkeypatch.setattr(cache, "IN_MEMORY", 2**28)
    in_memory = load(photos)
    assert type(in_memory.train.images) is np.ndarray
    assert same(mapped, in_memory) and same(again, in_memory)


@pytest.mark.quick
def test_a_file_cached_by_an_earlier_version_is_still_found(tmp_path, decoded):
    """The names of the files and the hashes in them, as of the first version that had FORMAT = 1."""
    write(tmp_path / "photos", (np.arange(20 * 8 * 8 * 3) * 7 % 251).astype(np.uint8).reshape(20, 8, 8, 3))
    load(tmp_path / "photos")
    found = {path.stem: json.loads(path.read_text())["sha256"] for path in (tmp_path / "cache").glob("*.json")}
    assert found == {
        "data-d722ad775b3b376a9a0f5eab": "b88b3760c8b47b4edc8959f61d20783ccbebb8fe63143bf3c996f4548511e595",
        "data-68cbd6f265d1ce005b2220f4": "25371cc5026261dc0fdd9d9b5ef9dd88f10dc620b4d0659cfd8d0ca44e218bc5",
    }


def test_small_data_leave_nothing_on_disk(photos):
    load(photos)
    assert not (photos.parent / "cache").exists()


def test_the_bound_is_that_of_the_decoded_bytes_of_a_split(photos, monkeypatch, decoded):
    for bound, kind in ((38 * 8 * 8 * 3 - 1, np.memmap), (38 * 8 * 8 * 3, np.ndarray)):
        monkeypatch.setattr(cache, "IN_MEMORY", bound)
        loaded = load(photos)
        assert type(loaded.train.images) is kind and type(loaded.test.images) is np.ndarray


@pytest.mark.quick
@pytest.mark.parametrize("settle", [False, True])
def test_an_image_changed_at_equal_size_and_date_is_decoded_anew(photos, monkeypatch, decoded, settle):
    """Also right after it was read, and if its hash is noted: the times that a user can set are not trusted alone."""
    if settle:
        monkeypatch.setattr(noted_hashes, "SETTLED", -(10**12))
    before = load(photos)
    path = photos / "a" / "0007.bmp"
    status = path.stat()
    path.write_bytes(bmp(np.full((8, 8, 3), 255, np.uint8)))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_size == status.st_size and path.stat().st_mtime_ns == status.st_mtime_ns
    after = load(photos)
    assert decoded == [38, 2, 38, 2]
    changed = (after.train.images != before.train.images).any((1, 2, 3))
    assert changed.sum() == 1 and (after.train.images[changed] == 255).all()


def test_other_contents_are_other_files_and_the_same_ones_are_not(photos, decoded):
    load(photos)
    (photos / "a" / "0001.bmp").rename(photos / "a" / "00010.bmp")  # in the same place, with the same pixels
    load(photos)
    assert decoded == [38, 2] * 2
    (photos / "a" / "00010.bmp").rename(photos / "a" / "0001.bmp")
    for path in photos.rglob("*.bmp"):
        os.utime(path)
    photos.rename(photos.parent / "moved")
    load(photos.parent / "moved")
    assert decoded == [38, 2] * 2, "renamed back, with new dates and moved, the data are the same"


def test_size_and_grey_are_other_files(tmp_path, decoded, rng):
    (tmp_path / "grey").mkdir()
    for i, image in enumerate(rng.integers(0, 256, (20, 8, 8, 1), np.uint8)):
        (tmp_path / "grey" / f"{i}.png").write_bytes(tf.io.encode_png(image).numpy())
    for _ in range(2):
        for size, grey in ((8, "repeat"), (8, "keep"), (16, "repeat")):
            loaded = load(tmp_path / "grey", size=size, grey=grey)
            assert loaded.train.images.shape == (19, size, size, 1 if grey == "keep" else 3)
    assert decoded == [19, 1] * 3


def edit_pixel(npy, _):
    contents = bytearray(npy.read_bytes())
    contents[-1] ^= 1
    npy.write_bytes(contents)


def truncate(npy, _):
    npy.write_bytes(npy.read_bytes()[:-1])


def edit_label(_, note):
    found = json.loads(note.read_text())
    found["labels"][3] ^= 1
    note.write_text(json.dumps(found))


def cut_note(_, note):
    note.write_text(note.read_text()[:-5])


@pytest.mark.quick
@pytest.mark.parametrize("damage", [edit_pixel, truncate, edit_label, cut_note])
@pytest.mark.parametrize("settle", [False, True])
def test_a_damaged_cache_is_made_anew_with_a_message(photos, monkeypatch, decoded, damage, settle):
    if settle:
        monkeypatch.setattr(noted_hashes, "SETTLED", -(10**12))
    expected, said = load(photos), []
    npy = max((photos.parent / "cache").glob("*.npy"), key=os.path.getsize)
    kept = expected.train.images.copy()
    damage(npy, npy.with_suffix(".json"))
    found = load(photos, said)
    np.testing.assert_array_equal(found.train.images, kept)
    assert same(found, load(photos)) and decoded == [38, 2, 38]
    assert "was cut or changed after it was written" in said[0] or "cannot be read" in said[0]
    assert said[0].endswith("It is made anew") and str(npy.with_suffix("")) in said[0] and len(said) == 2


def test_an_unfinished_cache_is_not_taken(photos, decoded):
    """As after a power cut between the two files: the one with the hash is written last."""
    load(photos)
    for note in (photos.parent / "cache").glob("*.json"):
        note.unlink()
    load(photos)
    assert decoded == [38, 2] * 2


def test_what_a_killed_process_left_goes_when_images_are_decoded(photos, decoded):
    left = photos.parent / "cache" / "data-0123.4567.tmp"
    left.parent.mkdir()
    left.write_bytes(b"half")
    os.utime(left, (0, 0))
    load(photos)
    assert not left.exists()


def test_what_another_process_is_writing_stays(photos, decoded, monkeypatch):
    fill, seen = cache._fill, []

    def filling(*args):
        (half,) = (photos.parent / "cache").glob("data-*.tmp")
        remove_abandoned([half], 1e12)  # as of a process that starts much later
        seen.append(half.exists())
        return fill(*args)

    monkeypatch.setattr(cache, "_fill", filling)
    load(photos)
    assert seen == [True, True]


def test_two_runs_that_start_together_do_not_disturb_each_other(photos, decoded):
    """As the workers of one machine do: each decodes, and all write the same file."""
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        loaded = list(pool.map(lambda _: load(photos), range(4)))
    assert all(same(each, loaded[0]) for each in loaded)
    made = len(decoded)
    assert same(load(photos), loaded[0]) and len(decoded) == made
    assert not list((photos.parent / "cache").glob("*.tmp"))


def test_a_failure_leaves_no_file_behind(photos, decoded, monkeypatch):
    (photos / "b" / "0036.bmp").write_bytes(b"BM")
    monkeypatch.setattr(folder, "PART", 8)
    with pytest.raises(UserError, match="0036.bmp is not a readable image"):
        load(photos)
    assert list((photos.parent / "cache").iterdir()) == []
    (photos.parent / "file").write_text("")
    (photos / "b" / "0036.bmp").unlink()
    with pytest.raises(UserError, match=r"cannot write 0 MiB of decoded images to .*file.* give another --cache_dir"):
        load(photos, cache="file")


def test_a_full_disk_is_one_message_and_no_file(photos, decoded):
    """The test limits the size of a file instead of filling a disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))
    try:
        with pytest.raises(UserError, match="cannot write 0 MiB of decoded images to .*cache: .*Make room there"):
            load(photos)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list((photos.parent / "cache").iterdir()) == []


@pytest.mark.quick
def test_unchanged_files_are_not_read_twice(photos, monkeypatch):
    """A note replaces reading the files, if they did not change for a while before they were read."""
    names = sorted(str(path.relative_to(photos)) for path in photos.rglob("*.bmp"))
    notes, read, of_file = photos.parent / "notes", [], noted_hashes.hash_file

    def counting(path):
        read.append(path)
        return of_file(path)

    monkeypatch.setattr(noted_hashes, "hash_file", counting)
    first = noted_hashes.hash_files(str(photos), names, str(notes))
    assert not notes.exists(), "these files were written just now, and may change again within one tick of the clock"
    monkeypatch.setattr(noted_hashes, "SETTLED", -(10**12))
    assert {noted_hashes.hash_files(str(photos), names, str(notes)) for _ in range(3)} == {first}
    assert len(read) == 2 * len(names)
    (note,) = notes.iterdir()
    note.write_text("nonsense")
    assert noted_hashes.hash_files(str(photos), names, str(notes)) == first and len(read) == 3 * len(names)
    (photos / names[0]).unlink()
    with pytest.raises(UserError, match="0001.bmp cannot be read .No such file"):
        noted_hashes.hash_files(str(photos), names, str(notes))


def peak_of(function):
    """The highest number of bytes that Python and numpy held."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_number_of_images(tmp_path, monkeypatch, rng):
    """With 200 and 800 images of 12 KB, the peak grows for arrays in memory, and not for mapped ones."""
    monkeypatch.setattr(folder, "PART", 32)
    pixels, size, peaks = rng.integers(0, 256, (800, 64, 64, 3), np.uint8), 64 * 64 * 3, {}
    for count in (200, 800):
        write(tmp_path / f"of{count}", pixels[:count])
        for bound in (0, 2**28):
            monkeypatch.setattr(cache, "IN_MEMORY", bound)

            def run(count=count):
                loaded = load(tmp_path / f"of{count}", size=64)
                batches = train_batches(loaded.train.images, 64, 0, labels=loaded.train.labels)
                held_out = held_out_batches(loaded.test.images, 16, 0)
                for dataset in (batches, held_out):
                    for _ in dataset.take(15):
                        pass

            peaks[count, bound] = peak_of(run)
    assert peaks[800, 2**28] - peaks[200, 2**28] > 400 * size, "the measure sees arrays in memory"
    assert peaks[800, 0] - peaks[200, 0] < 100 * size
    assert peaks[800, 0] < 400 * size


def test_a_large_set_of_tensorflow_datasets_is_mapped_too(tmp_path, monkeypatch, decoded):
    from test_tfds_sets import prepare

    prepare(tmp_path, monkeypatch, "mnist", {"train": 45})
    where = str(tmp_path / "cache")
    found = [sets.make_dataset("mnist", str(tmp_path), 8, cache_dir=where, say=[].append) for _ in range(2)]
    assert decoded == [43, 2] and isinstance(found[0].train.images, np.memmap) and same(*found)
    whole = sets.make_dataset("tfds:mnist:train[:40]", str(tmp_path), 8, cache_dir=where, say=[].append)
    assert decoded == [43, 2, 38, 2] and len(whole.train.labels) == 38
    monkeypatch.setattr(cache, "IN_MEMORY", 2**28)
    assert same(sets.make_dataset("mnist", str(tmp_path), 8), found[0])


def test_messages_are_warnings_where_nothing_takes_them(photos, decoded):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sets.make_dataset("folder", str(photos), 8, cache_dir=str(photos.parent / "cache"))
    assert ["images are kept decoded in" in str(warning.message) for warning in caught].count(True) == 2
    assert pathlib.Path(photos.parent / "cache").is_dir()
