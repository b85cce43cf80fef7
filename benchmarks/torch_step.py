"""The published pair and its training step in PyTorch, written from Gulrajani et al. 2017, appendix F.

Convolutions and norms are PyTorch's own; resampling and convolution stand one after the other.
"""

import torch
from torch import nn
from torch.nn import functional

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
torch.set_float32_matmul_precision("high")  # TensorFloat-32 where the GPU has it, as in TensorFlow
torch.backends.cudnn.benchmark = True  # the fastest algorithm for each size, as TensorFlow chooses it


class Block(nn.Module):
    """shortcut(x) + conv2(relu(norm2(conv1(relu(norm1(x)))))), resampled "up", "down" or not (None)."""

    def __init__(self, filters, resample, norm):
        super().__init__()
        self.resample = resample
        self.norm1, self.norm2 = norm(filters), norm(filters)
        self.conv1, self.conv2 = (nn.Conv2d(filters, filters, 3, padding=1) for _ in range(2))
        self.shortcut = nn.Conv2d(filters, filters, 1) if resample else nn.Identity()

    def forward(self, x):
        y = self.conv1(self._up(functional.relu(self.norm1(x))))
        y = self._down(self.conv2(functional.relu(self.norm2(y))))
        return y + self._down(self.shortcut(self._up(x)))

    def _up(self, x):
        return functional.interpolate(x, scale_factor=2) if self.resample == "up" else x

    def _down(self, x):
        return functional.avg_pool2d(x, 2) if self.resample == "down" else x


class FirstBlock(nn.Module):
    """The critic's first: no norm, and a shortcut that pools first."""

    def __init__(self, channels, filters):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, filters, 3, padding=1)
        self.conv2 = nn.Conv2d(filters, filters, 3, padding=1)
        self.shortcut = nn.Conv2d(channels, filters, 1)

    def forward(self, x):
        y = self.conv2(functional.relu(self.conv1(x)))
        return functional.avg_pool2d(y, 2) + self.shortcut(functional.avg_pool2d(x, 2))


class Critic(nn.Module):
    """Images [N, C, H, W] to scores [N]."""

    def __init__(self, width, norm, groups):
        super().__init__()
        norms = {
            "none": lambda filters: nn.Identity(),
            "batch": lambda filters: nn.BatchNorm2d(filters),
            "layer": lambda filters: nn.GroupNorm(1, filters),
            "instance": lambda filters: nn.GroupNorm(filters, filters),
            "group": lambda filters: nn.GroupNorm(groups, filters),
        }
        ways = ("down", None, None)
        self.blocks = nn.Sequential(FirstBlock(3, width), *(Block(width, way, norms[norm]) for way in ways))
        self.output = nn.Linear(width, 1)

    def forward(self, x):
        return self.output(functional.relu(self.blocks(x)).mean((2, 3)))[:, 0]


class Generator(nn.Module):
    """Noise [N, z_dim] to images [N, 3, 32, 32] in [-1, 1]."""

    def __init__(self, width, z_dim):
        super().__init__()
        self.width = width
        self.input = nn.Linear(z_dim, 16 * width)
        self.blocks = nn.Sequential(*(Block(width, "up", nn.BatchNorm2d) for _ in range(3)))
        self.norm, self.output = nn.BatchNorm2d(width), nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, z):
        x = self.blocks(self.input(z).reshape(-1, self.width, 4, 4))
        return torch.tanh(self.output(functional.relu(self.norm(x))))


class Steps:
    """The two updates of one pair; the same surface as `variants.Steps`.

    Args:
        column: `variants.Column`.
        settings: `variants.Settings`.
    """

    def __init__(self, column, settings):
        torch.manual_seed(0)
        torch.set_num_threads(settings.threads)
        layout = torch.channels_last if column.channels_last else torch.contiguous_format
        self.settings, self.half = settings, settings.precision == "bfloat16"
        self.networks = Generator(settings.width, 128), Critic(settings.width, column.norm, column.groups)
        self.networks = [network.to(DEVICE, memory_format=layout) for network in self.networks]
        self.optimizers = [torch.optim.Adam(n.parameters(), 2e-4, (0.0, 0.9), 1e-8) for n in self.networks]
        pixels = torch.randint(256, (settings.batch_size, 3, 32, 32), dtype=torch.uint8)
        self.pixels = pixels.to(DEVICE, memory_format=layout)
        self.make = torch.compile(self.networks[0]) if column.compiled else self.networks[0]

    def critic(self):
        """One critic update; returns its loss."""
        critic, n = self.networks[1], self.settings.batch_size
        real = 2 * (self.pixels / 256 - 0.5) + torch.rand(self.pixels.shape, device=DEVICE) / 128
        with torch.autocast(DEVICE, torch.bfloat16, enabled=self.half):
            with torch.no_grad():
                fake = self.make(torch.randn(n, 128, device=DEVICE)).float()
            x_hat = (real + torch.rand(n, 1, 1, 1, device=DEVICE) * (fake - real)).requires_grad_()
            d_real, d_fake = critic(torch.cat([real, fake])).float().chunk(2)
            (slope,) = torch.autograd.grad(critic(x_hat).float().sum(), x_hat, create_graph=True)
            slopes = slope.flatten(1).norm(dim=1)
            loss = d_fake.mean() - d_real.mean() + 10 * ((slopes - 1) ** 2).mean()
        self._update(1, loss)
        return loss.item()

    def generator(self):
        """One generator update, on twice the critic's batch; returns its loss."""
        z = torch.randn(2 * self.settings.batch_size, 128, device=DEVICE)
        with torch.autocast(DEVICE, torch.bfloat16, enabled=self.half):
            loss = -self.networks[1](self.make(z)).float().mean()
        self._update(0, loss)
        return loss.item()

    def _update(self, which, loss):
        parameters = list(self.networks[which].parameters())
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters, allow_unused=True)):
            parameter.grad = gradient
        self.optimizers[which].step()

    def device_peak(self):
        """The peak of the GPU's memory in bytes; None without a GPU."""
        return torch.cuda.max_memory_allocated() if DEVICE == "cuda" else None

    def convolution(self, shape, filters):
        """A function that runs one 3x3 convolution of the given NHWC shape in the precision measured."""
        dtype = torch.bfloat16 if self.half else torch.float32
        n, height, width, channels = shape
        shapes = (n, channels, height, width), (filters, channels, 3, 3)
        x, kernel = (
            torch.randn(each, dtype=dtype, device=DEVICE).to(memory_format=torch.channels_last) for each in shapes
        )
        return lambda: torch.conv2d(x, kernel, padding=1)[0, 0, 0, 0].item()
