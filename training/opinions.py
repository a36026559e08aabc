"""What more than one opinion of each pair would give: measures folds (folds.py) that are trained already, in several seeds, and prints a
line for each way to bring them together. It is how to choose one, before a training is spent on it.

    python training/opinions.py --data FOLDER_OF_DEEPPCB --folds /tmp/folds /tmp/folds2

`seed N` alone; `weights`: ONE network of the seeds' averaged weights (all seeds began from the same ones: Wortsman et al., "Model soups",
2022), which costs nothing more to run; `answers`: their averaged scores and distances, which runs each; `polarity`: a network also asked
with copper and laminate changed places, its classes changed back (augment.SWAPPED), which runs it twice. Boards that some seed has not
finished are left out. Scores are not calibrated: AP asks for their order alone.
"""
import argparse
import json
import os

import torch

import data
import measure
from augment import SWAPPED
from detect import boxes
from evaluate import rounded
from model import CLASSES, PairNet, peaks


def mean_of(states):
    """The mean of networks' states; what is no number with a fraction is the first one's."""
    return {k: torch.stack([s[k] for s in states]).mean(0) if v.dtype.is_floating_point else v for k, v in states[0].items()}


def network(state):
    net = PairNet()
    net.load_state_dict(state)
    return net.eval().to(memory_format=torch.channels_last)


def swapped(net):
    order = SWAPPED.astype(int).tolist()

    def ask(pair):
        logits, ltrb = net(1 - pair)
        return logits[:, order], ltrb

    return ask


def found(asked, pair):
    """Boxes of the averaged answers to one pair uint8 [2, H, W]."""
    with torch.no_grad():
        answers = [ask(torch.from_numpy(pair[None]).float()) for ask in asked]
        heat = torch.stack([logits.sigmoid() for logits, _ in answers]).mean(0)
        ltrb = torch.stack([log_ltrb for _, log_ltrb in answers]).mean(0).exp()
        return boxes(peaks(heat)[0].numpy(), ltrb[0].numpy(), 0.005)


def ways(states):
    nets, one = [network(s) for s in states], network(mean_of(states))
    return {
        **{f"seed {n + 1}": [net] for n, net in enumerate(nets)},
        "weights": [one],
        "answers": nets,
        "seed 1 polarity": [nets[0], swapped(nets[0])],
        "weights polarity": [one, swapped(one)],
        "answers polarity": [ask for net in nets for ask in (net, swapped(net))],
    }


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", required=True)
    p.add_argument("--folds", nargs="+", required=True, help="folders of folds.py, each of another seed from the same start")
    p.add_argument("--threads", type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    boards = data.load(a.data)
    groups = [g for g in sorted(set(boards.groups)) if all(os.path.exists(os.path.join(f, g, "done")) for f in a.folds)]
    truths, results = [], {}
    for group in groups:
        states = [torch.load(os.path.join(f, group, "last.pt"), map_location="cpu")["ema"] for f in a.folds]
        at = [i for i, g in enumerate(boards.groups) if g == group]
        truths += [boards.boxes[i] for i in at]
        for name, asked in ways(states).items():
            results.setdefault(name, []).extend(found(asked, boards.pair(i)) for i in at)
        print(json.dumps({"left_out": group, "pairs": len(at)}), flush=True)
    for name, founds in results.items():
        r = measure.report(truths, founds, [0.5] * len(CLASSES), (1.0, 0.0))
        print(json.dumps(rounded({"opinions": name, **{k: r[k] for k in ("pairs", "ap", "ap_any_class", "f1", "map33", "map50")}})), flush=True)


if __name__ == "__main__":
    main()
