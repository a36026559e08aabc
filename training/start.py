"""Weights to begin a training with: another run's checkpoint, or a shipped model.onnx whose training can so go on."""
import numpy as np
import torch
from torch import nn

from model import PairNet


def layers(net):
    """(convolution, its BatchNorm or None) in the order of the forward pass, which is the order of an exported file."""
    found = []
    for m in net.modules():
        if isinstance(m, nn.Conv2d):
            found.append([m, None])
        elif isinstance(m, nn.BatchNorm2d):
            found[-1][1] = m
    return found


def unfold(path, pairs):
    """A PairNet that answers as the file does. Export folds each BatchNorm into its convolution; here a norm is put back
    with the mean and variance that its convolution has on `pairs` (uint8 [N, 2, H, W]), so that training with batch
    statistics begins where the file stands."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(path).graph
    held = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    convolutions = [[held[k] for k in n.input[1:3]] for n in graph.node if n.op_type == "Conv"]
    net = PairNet().eval()
    parts = layers(net)
    assert len(parts) == len(convolutions), (len(parts), len(convolutions))

    def put(conv, norm, weight, bias):
        """Sets both; the norm as the convolution answers, before the norm itself is asked."""
        assert conv.weight.shape == weight.shape, (conv, weight.shape)
        conv.weight.copy_(torch.from_numpy(weight.copy()))
        if norm is None:
            return conv.bias.copy_(torch.from_numpy(bias.copy()))

        def seen(m, i, out):
            mean, var = out.mean((0, 2, 3)), out.var((0, 2, 3), unbiased=False)
            norm.running_mean.copy_(mean), norm.running_var.copy_(var)
            norm.weight.copy_((var + norm.eps).sqrt()), norm.bias.copy_(mean + torch.from_numpy(bias.copy()))

        return conv.register_forward_hook(seen)

    with torch.no_grad():
        hooks = [put(*part, *held_by) for part, held_by in zip(parts, convolutions)]
        net(torch.from_numpy(np.ascontiguousarray(pairs)).float())
    for (_, norm), hook in zip(parts, hooks):
        if norm is not None:
            hook.remove()
    return net


def weights(path, pairs):
    """State of a PairNet from a checkpoint .pt (its averaged weights) or an exported .onnx."""
    if path.endswith(".onnx"):
        return unfold(path, pairs).state_dict()
    return torch.load(path, map_location="cpu")["ema"]
