"""The settings of a training run, by what they are about; `training.Config` has all of them."""
