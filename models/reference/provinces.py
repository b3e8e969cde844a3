"""An experiment that is not shipped: a second look at the province, trained on drawn plates.

    provinces.py MODELS    draws, trains and tells how it does on other drawn plates

Needs what reference.py needs, Pillow and Debian's fonts-noto-cjk; takes a processor some minutes. The reader
stays as it is: from its probabilities where the province stands, 31 linear functions say anew which it is. They
begin at the reader's own word and leave it only as far as the drawn plates ask for it. On real plates they lose
more than they gain: models/README.md has the figures.
"""

import sys

import cv2
import numpy

import drawing
import reference

PROVINCES = reference.PROVINCES
# Characters that are looked at: the provinces, the blank, and others that vary.
SEEN = 256
AMONG = 2000
# The reader's layer before the last is so wide: more cannot be told apart.
WIDE = 120
SEEDS = [*range(100_000, 100_900), *range(200_000, 200_900)]
OTHER_SEEDS = range(900_000, 900_900)
LEAST_SEEN, LEAST_PROVINCE = -60.0, -30.0


def seen_at_province(models, classes, seeds, styles):
    """Logarithms of all probabilities where the province stands, and which it is."""
    logs, provinces, blurs = [], [], []
    for seed in seeds:
        text, sigma, picture, quad = drawing.sample(seed, styles)
        rows = reference.steps(models, reference.upright(picture, quad))[:5]
        row = rows[rows[:, classes].sum(1).argmax()]
        logs.append(numpy.log(numpy.maximum(row, 1e-37)).astype(numpy.float32))
        provinces.append(PROVINCES.index(text[0]))
        blurs.append(sigma)
    return numpy.array(logs), numpy.array(provinces), numpy.array(blurs)


def chosen(logs, classes):
    """The provinces' classes first, then the blank, then some of those that vary most."""
    varies = logs.var(0)
    first = [*classes, 0]
    varies[first] = numpy.inf
    rest = [c for c in numpy.argsort(-varies)[:AMONG] if c not in set(first)]
    more = numpy.random.default_rng(3).choice(rest, SEEN - len(first), replace=False)
    return numpy.array(first + list(more))


def features(logs, seen):
    values = numpy.maximum(logs[:, seen], LEAST_SEEN)
    return values - values.mean(1, keepdims=True)


def own_word(logs, classes):
    values = numpy.maximum(logs[:, classes], LEAST_PROVINCE)
    return values - numpy.log(numpy.exp(values).sum(1, keepdims=True))


def shares(merits):
    raised = numpy.exp(merits - merits.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


def fitted(values, own, truth, rounds, held_back):
    """Weights (the last row is added) and how much the reader's own word counts, by Adam."""
    rate = 0.05
    values = numpy.c_[values, numpy.ones(len(values))]
    weights, count = numpy.zeros((values.shape[1], 31)), 1.0
    means = [numpy.zeros_like(weights), 0.0]
    squares = [numpy.zeros_like(weights), 0.0]
    wanted = numpy.eye(31)[truth]
    for round in range(1, rounds + 1):
        off = shares(count * own + values @ weights) - wanted
        slopes = [
            values.T @ off / len(truth) + held_back * weights,
            (off * own).sum() / len(truth) + held_back * (count - 1),
        ]
        moves = []
        for i, slope in enumerate(slopes):
            means[i] = 0.9 * means[i] + 0.1 * slope
            squares[i] = 0.999 * squares[i] + 0.001 * slope * slope
            root = numpy.sqrt(squares[i] / (1 - 0.999**round))
            moves.append(rate * means[i] / (1 - 0.9**round) / (root + 1e-8))
        weights, count = weights - moves[0], count - moves[1]
        if round == rounds * 2 // 3:
            rate /= 5
    return weights, float(count)


def tell(name, chances, truth):
    right, sure = chances.argmax(1) == truth, chances.max(1) >= 0.95
    print(f"{name:<24} n {len(truth)}, right {right.mean():.4f}, at 0.95 and more {sure.mean():.4f}, "
          f"wrong among those {(sure & ~right).sum()}")


def main():
    cv2.setNumThreads(1)
    models = reference.Models(sys.argv[1])
    classes = [models.class_of[c] for c in PROVINCES]
    logs, truth, _ = seen_at_province(models, classes, SEEDS, drawing.MIXED)
    seen = chosen(logs, classes)
    values, own = features(logs, seen), own_word(logs, classes)
    middle = values.mean(0)
    _, sizes, axes = numpy.linalg.svd(values - middle, full_matrices=False)
    across = axes[:WIDE].T / (sizes[:WIDE] / numpy.sqrt(len(values)))
    weights, count = fitted((values - middle) @ across, own, truth, 600, 0.003)
    biases, weaker = fitted(numpy.zeros((len(own), 0)), own, truth, 300, 0.001)
    full = across @ weights[:-1]
    added = weights[-1] - middle @ full

    logs, truth, blurs = seen_at_province(models, classes, OTHER_SEEDS, drawing.LANE)
    own = own_word(logs, classes)
    anew = shares(count * own + features(logs, seen) @ full + added)
    tell("the reader alone", shares(own), truth)
    tell("with 31 biases", shares(weaker * own + biases), truth)
    tell("with the second look", anew, truth)
    for low, high in ((0, 0.8), (0.8, 1.2), (1.2, 1.6), (1.6, 2.1)):
        part = (blurs >= low) & (blurs < high)
        tell(f"  blur {low} to {high}, alone", shares(own)[part], truth[part])
        tell(f"  blur {low} to {high}, with it", anew[part], truth[part])


if __name__ == "__main__":
    main()
