"""The norm sites of each architecture: how many there are, and which number of groups each gets."""

import pytest

from tfgan_gn.architectures import ARCHITECTURES
from tfgan_gn.errors import UserError
from tfgan_gn.layers.norm_layers import GroupNorm
from tfgan_gn.models import build_networks

pytestmark = pytest.mark.quick
SITES = {  # of the generator and of the critic, counted in the published networks
    "dcgan_64": (4, 3),
    "report_cnn": (0, 3),
    "resnet": (7, 6),
    "simple_cnn": (3, 2),
    "sngan_dcgan": (4, 7),
    "sngan_resnet": (7, 6),
    "wgan_32": (3, 3),
}


def test_every_architecture_is_counted():
    """But that of levels, which has as many sites as layers that its settings give it."""
    assert {*SITES, "dagan"} == {*ARCHITECTURES}


def numbers_for(sites):
    """As many numbers of groups as there are sites; (1,) for a network without any, which ignores it."""
    return tuple(2 ** (i % 3) for i in range(sites)) or (1,)


@pytest.mark.parametrize("architecture", SITES)
def test_each_number_of_groups_goes_to_one_norm_layer(architecture):
    """A list of one number more is refused."""
    generator_norm = "group" if SITES[architecture][0] else "none"
    sizes = {"width": 8, "image_size": 32, "norm": "group", "generator_norm": generator_norm}
    of_generator, of_critic = (numbers_for(sites) for sites in SITES[architecture])
    groups = {"generator_groups": of_generator, "groups": of_critic}
    networks = build_networks(architecture, **sizes, **groups)
    for network, sites, numbers in zip(networks, SITES[architecture], groups.values(), strict=True):
        found = [layer.groups for layer in network._flatten_layers() if isinstance(layer, GroupNorm)]
        assert sorted(found) == sorted(numbers[:sites]), network.name
    for name, numbers in groups.items():
        if len(numbers) > 1:
            with pytest.raises(UserError, match=f"has {len(numbers) + 1} numbers: give one, or one for each of the"):
                build_networks(architecture, **sizes, **{**groups, name: (*numbers, 1)})


def test_groups_go_to_the_norm_sites_in_order():
    critic = build_networks(width=16, groups=(16, 8, 4, 2, 1, 16)).critic
    norms = [layer for layer in critic._flatten_layers() if isinstance(layer, GroupNorm)]
    assert {layer.path: layer.groups for layer in norms} == {
        "critic/block2/norm1": 16,
        "critic/block2/norm2": 8,
        "critic/block3/norm1": 4,
        "critic/block3/norm2": 2,
        "critic/block4/norm1": 1,
        "critic/block4/norm2": 16,
    }


def test_groups_that_do_not_divide_name_the_layer():
    with pytest.raises(UserError, match="^32 groups do not divide the 48 channels of critic/block2/norm1: [^\n]*$"):
        build_networks(width=48)
