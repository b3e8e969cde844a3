"""The same two models read by plain Python, for comparison: processing as models/README.md gives it.

Asks for nothing but onnxruntime, numpy and OpenCV. One path a line comes in; one line of JSON goes out:
the texts, best first, and the seconds spent in the models.
"""

import json
import math
import sys
import time

import cv2
import numpy
import onnxruntime

PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
DIGITS = "0123456789"
ALL = DIGITS + LETTERS
ENERGY = "ABCDEFGHJK"
PATTERNS = [
    [PROVINCES, LETTERS + "O"] + [ALL] * 4 + [ALL + "学警挂港澳领使"],
    [PROVINCES, LETTERS + "O", ENERGY, ALL] + [DIGITS] * 4,
    [PROVINCES, LETTERS + "O"] + [DIGITS] * 5 + [ENERGY],
    ["使"] + [DIGITS] * 6,
]
SILENT = "·•・.- "
RAW_GAP = 10.0
LEAST = 1e-10


class Models:
    """Both sessions, one thread each, and the time spent in them."""

    def __init__(self, folder):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        session = lambda name: onnxruntime.InferenceSession(
            f"{folder}/{name}", options, providers=["CPUExecutionProvider"]
        )
        self.detector = session("clp_det.onnx")
        self.reader = session("ch_PP-OCRv4_rec_infer.onnx")
        table = self.reader.get_modelmeta().custom_metadata_map["character"]
        self.characters = [" "] + [line[:1] or " " for line in table.splitlines()] + [" "]
        self.class_of = {c: i for i, c in reversed(list(enumerate(self.characters)))}
        self.silent = [i for i, c in enumerate(self.characters) if c in SILENT]
        self.seconds = 0.0

    def run(self, session, value):
        start = time.perf_counter()
        outputs = session.run(None, {session.get_inputs()[0].name: value})
        self.seconds += time.perf_counter() - start
        return outputs


def priors(width, height):
    rows = []
    for stride, sizes in ((8, (24, 48)), (16, (96, 192)), (32, (384, 768))):
        down, across = math.ceil(height / stride), math.ceil(width / stride)
        y, x, size = numpy.meshgrid(numpy.arange(down), numpy.arange(across), sizes, indexing="ij")
        x, y = (x + 0.5) * stride / width, (y + 0.5) * stride / height
        rows.append(numpy.stack([x, y, size / width, size / height], -1).reshape(-1, 4))
    return numpy.concatenate(rows)


def overlap(a, b):
    across = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    down = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    both = across * down
    either = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both
    return both / either if either > 0 else 0.0


def detect(models, picture, long_side):
    """(score, box, four corners from the left upper one clockwise), best first, in pixels."""
    height, width = picture.shape[:2]
    ratio = min(1.0, long_side / max(width, height))
    size = max(8, round(width * ratio)), max(8, round(height * ratio))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA) if ratio < 1 else picture
    value = small.astype(numpy.float32) - numpy.array([104, 117, 123], numpy.float32)
    loc, conf, marks = models.run(models.detector, value.transpose(2, 0, 1)[None])
    prior = priors(*size)
    chosen = numpy.flatnonzero(conf[0, :, 1] >= 0.35)
    prior, loc, marks, score = prior[chosen], loc[0, chosen], marks[0, chosen], conf[0, chosen, 1]
    centre = prior[:, :2] + loc[:, :2] * 0.1 * prior[:, 2:]
    half = prior[:, 2:] * numpy.exp(loc[:, 2:] * 0.2) / 2
    boxes = numpy.concatenate([centre - half, centre + half], 1) * [width, height, width, height]
    corners = prior[:, None, :2] + marks.reshape(-1, 4, 2) * 0.1 * prior[:, None, 2:]
    corners = corners[:, [2, 3, 0, 1]] * [width, height]
    found = []
    for i in numpy.argsort(-score):
        if all(overlap(boxes[i], other[1]) <= 0.4 for other in found):
            found.append((float(score[i]), boxes[i], corners[i]))
    return found[:8]


def sides(quad):
    length = lambda a, b: float(numpy.hypot(*(quad[a] - quad[b])))
    return max(length(0, 1), length(3, 2)), max(length(0, 3), length(1, 2))


def upright(picture, quad):
    left_top, right_top, right_low, left_low = quad
    moved = lambda at, across, down: at - 0.03 * (across - at) - 0.08 * (down - at)
    quad = numpy.array([
        moved(left_top, right_top, left_low), moved(right_top, left_top, right_low),
        moved(right_low, left_low, right_top), moved(left_low, right_low, left_top),
    ])
    width, height = sides(quad)
    width, height = min(max(16, round(width)), 400), min(max(8, round(height)), 200)
    target = numpy.array([[0, 0], [width, 0], [width, height], [0, height]], numpy.float32) - 0.5
    matrix = cv2.getPerspectiveTransform((quad - 0.5).astype(numpy.float32), target)
    return cv2.warpPerspective(picture, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)


def steps(models, strip):
    """Probabilities along the strip, which is made 152x48 and padded with zeros to 320."""
    if strip.shape[:2] != (48, 152):
        strip = scaled(strip, 152)
    value = numpy.zeros((1, 3, 48, 320), numpy.float32)
    value[0, :, :, :152] = strip.astype(numpy.float32).transpose(2, 0, 1) / 127.5 - 1
    return models.run(models.reader, value)[0][0]


def scaled(strip, width):
    shrinks = strip.shape[0] > 48 or strip.shape[1] > width
    return cv2.resize(strip, (width, 48), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def raw(models, rows):
    """What is read without a grammar: text, log-likelihood, the least sure character."""
    text, likelihood, least, on, peak = "", 0.0, 1.0, 0, 0.0
    rows = rows.copy()
    blank = rows[:, models.silent].sum(1)
    rows[:, models.silent] = 0
    rows[:, 0] = blank
    best = rows.argmax(1)
    for step, cls in enumerate(list(best) + [0]):
        chance = rows[step, cls] if step < len(rows) else 1.0
        if step < len(rows):
            likelihood += math.log(max(chance, LEAST))
        if cls == on and step < len(rows):
            peak = max(peak, chance)
            continue
        if on != 0:
            text, least = text + models.characters[on], min(least, peak)
        on, peak = cls, chance
    return text, likelihood, least if text else 0.0


def search(models, rows, pattern):
    """CTC Viterbi over one pattern: text, log-likelihood, the least sure character."""
    logs = numpy.log(numpy.maximum(rows, LEAST))
    blank = numpy.log(numpy.maximum(rows[:, models.silent].sum(1), LEAST))
    legal = [numpy.array([models.class_of[c] for c in position]) for position in pattern]
    count = len(legal)
    on = [numpy.full(len(classes), -numpy.inf) for classes in legal]
    off = numpy.full(count + 1, -numpy.inf)
    off[0] = 0.0
    came = []
    for step in range(len(rows)):
        new_on, new_off, origin_on, origin_off = [], off.copy(), [], numpy.full(count + 1, -1)
        for k in range(count + 1):
            if k > 0:
                leader = int(on[k - 1].argmax())
                if on[k - 1][leader] > off[k]:
                    new_off[k], origin_off[k] = on[k - 1][leader], leader
            new_off[k] += blank[step]
            if k == count:
                break
            best, origin = on[k].copy(), numpy.full(len(legal[k]), -2)
            better = off[k] > best
            best[better], origin[better] = off[k], -1
            if k > 0:
                order = numpy.argsort(-on[k - 1])[:2]
                for i, cls in enumerate(legal[k]):
                    for before in order:
                        if legal[k - 1][before] != cls:
                            if on[k - 1][before] > best[i]:
                                best[i], origin[i] = on[k - 1][before], before
                            break
            new_on.append(best + logs[step, legal[k]])
            origin_on.append(origin)
        on, off = new_on, new_off
        came.append((origin_on, origin_off))
    last = int(on[-1].argmax())
    k, at = count, last if on[-1][last] > off[count] else None
    score = max(on[-1][last], off[count])
    letters, runs = [None] * count, [[] for _ in range(count)]
    for step in reversed(range(len(rows))):
        origin_on, origin_off = came[step]
        if at is None:
            at = int(origin_off[k]) if origin_off[k] >= 0 else None
            continue
        letters[k - 1] = at
        runs[k - 1].append(step)
        origin = int(origin_on[k - 1][at])
        if origin == -1:
            k, at = k - 1, None
        elif origin >= 0:
            k, at = k - 1, origin
    if any(letter is None for letter in letters):
        return None
    least = 1.0
    for classes, letter, run in zip(legal, letters, runs):
        step = max(run, key=lambda s: rows[s, classes[letter]])
        least = min(least, rows[step, classes[letter]] / max(rows[step, classes].sum(), LEAST))
    return "".join(position[i] for position, i in zip(pattern, letters)), score, float(least)


def read(models, strip):
    """(follows a pattern, text, confidence)."""
    rows = steps(models, strip)
    text, likelihood, least = raw(models, rows)
    found = [result for pattern in PATTERNS if (result := search(models, rows, pattern))]
    best = max(found, key=lambda result: result[1])
    if likelihood - best[1] <= RAW_GAP:
        return True, best[0], best[2]
    return False, text, float(least)


def plate(models, strip, width, height):
    reading = read(models, strip)
    if width < 2.4 * height:
        rows = strip.shape[0]
        upper = scaled(strip[: max(1, round(rows * 5 / 12))], 76)
        lower = scaled(strip[round(rows / 3):], 76)
        split = read(models, numpy.concatenate([upper, lower], 1))
        rank = lambda r: r[2] - (0 if r[0] else 1)
        if rank(split) >= rank(reading) + 0.02:
            reading = split
    return reading


def texts(models, picture):
    height, width = picture.shape[:2]
    plates, sizes = [], set()
    for long_side in (960, 1600, 640):
        ratio = min(1.0, long_side / max(width, height))
        if ratio in sizes:
            continue
        sizes.add(ratio)
        for _, box, quad in detect(models, picture, long_side):
            across, down = sides(quad)
            if across < 8 or down < 4:
                continue
            legal, text, sure = plate(models, upright(picture, quad), across, down)
            if legal or len(text) >= 4:
                size = round((box[2] - box[0]) * (box[3] - box[1]))
                plates.append(((legal and sure >= 0.5, size, sure), box, text))
        if any(rank[0] for rank, _, _ in plates):
            break
    if not plates and width <= 320 and height <= 120 and 1.5 <= width / height <= 6.5:
        legal, text, sure = plate(models, picture, width, height)
        plates.append(((legal, 0, sure), (0, 0, width, height), text))
    plates.sort(key=lambda entry: entry[0], reverse=True)
    kept = []
    for _, box, text in plates:
        if all(overlap(box, other) <= 0.4 for other, _ in kept):
            kept.append((box, text))
    return [text for _, text in kept]


def main():
    cv2.setNumThreads(1)
    models = Models(sys.argv[1])
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        picture = cv2.imread(line.rstrip("\n"), cv2.IMREAD_COLOR)
        models.seconds = 0.0
        start = time.perf_counter()
        read_texts = texts(models, picture)
        seconds = time.perf_counter() - start
        answer = {"texts": read_texts, "seconds": seconds, "model_seconds": models.seconds}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
