"""Measures what each part of --protocol=author changes, for a run.

    python benchmarks/protocols.py RUN --scorer=SEEDED --images=500 --repeats=5

All ways to sample get the same noise vectors, so that their scores differ by the way alone. SEEDED is as in
`docs/results.md`.
"""

import argparse
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

import numpy as np
import tensorflow as tf

from tfgan_gn.data.pixels import quantize
from tfgan_gn.layers.norms import collect_standing_statistics
from tfgan_gn.metrics import FeatureStats, frechet_distance, inception_score
from tfgan_gn.runs import building, loading, run_data
from tfgan_gn.scoring import extractors
from tfgan_gn.scoring.features import collect
from tfgan_gn.training import checkpoints

WAYS = (  # (statistics, samples in a batch, pixel scale): the first is ours, the last the authors'
    ("standing", 100, 128.0),
    ("batch", 64, 128.0),
    ("batch", 100, 128.0),
    ("standing", 100, 127.995),
    ("batch", 100, 127.995),
)
NUM_BATCHES = 10  # of the held-out loss of the protocol ours


def samples(generator, z, statistics, block_size, pixel_scale):
    """8-bit images of noise vectors, uint8 [N, H, W, 3]. Batches are whole: more noise fills the last one."""
    count = len(z)
    filled = np.resize(z, (-(-count // block_size) * block_size, z.shape[1]))
    blocks = np.split(filled, len(filled) // block_size)
    standing = statistics == "standing"
    return np.concatenate([quantize(generator(z, standing=standing), pixel_scale) for z in blocks])[:count]


def print_scores(run, real, scorer, num_images, seed):
    """Prints FID and Inception Score of each way, and how far its pixels are from those of the first way."""
    rng = np.random.default_rng(seed)
    batches = (tf.constant(rng.normal(size=(64, run.config.z_dim)), tf.float32) for _ in range(100))
    collect_standing_statistics(run.generator, batches)
    z = rng.normal(size=(num_images, run.config.z_dim)).astype(np.float32)
    extractor = extractors.load_extractor(scorer)

    def rows_of(pixels):
        features, logits = zip(*collect(extractor, [pixels], 64), strict=True)
        return FeatureStats.of(np.concatenate(features)), np.concatenate(logits)

    real_stats, _ = rows_of(real[:num_images])
    first = None
    sys.stdout.write(
        "statistics  batch    scale      FID  Inception Score  pixels that differ, mean and absolute difference\n"
    )
    for way in WAYS:
        pixels = samples(run.generator, z, *way)
        first = pixels if first is None else first
        apart = pixels.astype(int) - first
        stats, logits = rows_of(pixels)
        score = inception_score(logits, 10)
        sys.stdout.write(
            f"{way[0]:10}  {way[1]:5}  {way[2]:7}  {frechet_distance(stats, real_stats):7.3f}  {score.mean:15.4f}  "
            f"{np.mean(apart != 0):18.2%}, {np.mean(apart):+.4f}, {np.mean(abs(apart)):.4f}\n"
        )
        sys.stdout.flush()


def print_held_out_losses(run, dataset, repeats):
    """Prints the held-out loss with fixed noise, and its mean and deviation over draws of noise."""
    trainer = building.build_trainer(run.config, run.data_facts)
    checkpoints.load_weights({"generator": trainer.generator, "critic": trainer.critic}, run.checkpoint)
    test = run_data.make_test_batches(run.config, dataset, tf.distribute.get_strategy())

    def losses(count, draws):
        numbers = [tf.constant(draw, tf.int64) for draw in draws]
        return [float(trainer.evaluate(iter(test), tf.constant(count, tf.int64), draw)) for draw in numbers]

    for count in (NUM_BATCHES, len(dataset.test.images) // run.config.batch_size):
        fixed, fresh = losses(count, [0])[0], losses(count, range(1, repeats + 1))
        sys.stdout.write(
            f"held-out loss of {count} batches: fixed noise {fixed:.4f}; {repeats} draws of noise "
            f"{np.mean(fresh):.4f}, deviation {np.std(fresh, ddof=1):.4f}\n"
        )
        sys.stdout.flush()


def main():
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("run", help="run folder of an unconditional run without --ema")
    parser.add_argument("--scorer", required=True, help="as in eval_inception.py")
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument(
        "--repeats", type=int, default=5, help="draws of noise for the held-out loss; 0 to leave it out"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the noise vectors")
    args = parser.parse_args()
    run = loading.load_run(args.run)
    dataset = run_data.load_data(run.config)
    if args.repeats:
        print_held_out_losses(run, dataset, args.repeats)
    print_scores(run, dataset.train.images, args.scorer, args.images, args.seed)


if __name__ == "__main__":
    main()
