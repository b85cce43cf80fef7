"""A worker of a test: trains as the command does, then says the hash of every weight it ended with."""

import hashlib
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import train_cifar
from tfgan_gn.runs import building

trainers, build_trainer = [], building.build_trainer


def remember(config, data_facts):
    """Builds as the command does, and keeps what was built."""
    trainers.append(build_trainer(config, data_facts))
    return trainers[-1]


if __name__ == "__main__":
    building.build_trainer = remember
    code = train_cifar.main(sys.argv)
    digest = hashlib.sha256()
    for trainer in trainers:
        # Not the standing statistics of batch norm: they are collected by the one that exports.
        weights = trainer.generator.trainable_variables + trainer.critic.trainable_variables
        optimizers = (update.optimizer for update in (trainer.generator_update, trainer.critic_update))
        for variable in weights + [variable for optimizer in optimizers for variable in optimizer.variables]:
            digest.update(np.ascontiguousarray(variable.numpy()).data)
    sys.stdout.write(f"weights {digest.hexdigest()}\n")
    sys.exit(code)
