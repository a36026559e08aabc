"""PairNet: finds and names defects on a binarised board by comparing it with its golden template.

120,138 parameters, 0.83 GMAC for a 640 x 640 pair; BatchNorm and ReLU only, so that it folds and quantises.
Source of the design: anchor-free centre heat map (Zhou et al., "Objects as Points", 2019) with left/top/right/bottom
distances (Tian et al., "FCOS", 2019) on a two-channel input.
"""
import math

import torch
from torch import nn
from torch.nn import functional as F

CLASSES = ("open", "short", "mousebite", "spur", "spurious_copper", "pin_hole")
STRIDE = 8  # pixels of the input per cell of the outputs


def conv(cin, cout, k, stride=1, dilation=1):
    pad = dilation * (k // 2)
    return nn.Sequential(
        nn.Conv2d(cin, cout, k, stride, pad, dilation, bias=False), nn.BatchNorm2d(cout), nn.ReLU(inplace=True))


class Bottleneck(nn.Module):
    """Residual block 64 -> 32 -> 64; the dilation widens what a cell sees without more stride."""

    def __init__(self, width, inner, dilation):
        super().__init__()
        self.reduce = conv(width, inner, 1)
        self.look = conv(inner, inner, 3, dilation=dilation)
        self.expand = nn.Sequential(nn.Conv2d(inner, width, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x):
        return F.relu(x + self.expand(self.look(self.reduce(x))))


class PairNet(nn.Module):
    """uint8 or float [N, 2, H, W], 0/1, copper = 1 -> (logits [N, 6, H/8, W/8], log distances [N, 4, H/8, W/8]).

    Channel 0 is the golden template, channel 1 the inspected picture. H and W are multiples of 8.
    """

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(conv(2, 16, 5, 2), conv(16, 32, 3, 2), conv(32, 64, 3, 2))
        self.body = nn.Sequential(*[Bottleneck(64, 32, d) for d in (1, 2, 4, 2, 1)])
        self.neck = conv(64, 48, 3)
        self.heat = nn.Conv2d(48, len(CLASSES), 1)
        self.ltrb = nn.Conv2d(48, 4, 1)
        nn.init.constant_(self.heat.bias, -math.log(99))  # a score of 0.01 at first: most cells are empty
        nn.init.constant_(self.ltrb.bias, math.log(16))   # boxes of 32 px at first

    def forward(self, pair):
        x = self.neck(self.body(self.stem(pair)))
        return self.heat(x), self.ltrb(x)


def peaks(heat):
    """Scores kept only where they are the 3 x 3 peak of their class."""
    return heat * (F.max_pool2d(heat, 3, 1, 1) == heat).float()


class Served(nn.Module):
    """What is exported: cast, network, the peaks of sigmoid scores, pixels."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, pair):
        logits, ltrb = self.net(pair.float())
        return peaks(logits.sigmoid()), ltrb.exp()
