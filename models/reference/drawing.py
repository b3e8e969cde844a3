"""Draws plates as tools/simulators/camera does, one at a time and upright enough to be cut out."""

import math
import random

import cv2
import numpy
from PIL import Image, ImageDraw, ImageFont

from reference import DIGITS, LETTERS, PROVINCES

FOLDER = "/usr/share/fonts/opentype/noto/"
# Pixels per millimetre.
SCALE = 2
# Faces with how much wider their strokes are made, millimetres: that of the drawn lane, and several, so that
# what is learned from them is not one face.
LANE = [("NotoSansCJK-Regular.ttc", 2.5)]
MIXED = [("NotoSansCJK-Regular.ttc", wider) for wider in (1, 2.5, 2.5, 3.5)] + [
    ("NotoSansCJK-Bold.ttc", 0), ("NotoSansCJK-Bold.ttc", 1.5), ("NotoSerifCJK-Bold.ttc", 2),
]
# Ink and ground.
COLOURS = {
    "blue": ((238, 240, 236), (16, 62, 168)),
    "yellow": ((18, 18, 20), (238, 178, 20)),
    "green": ((18, 18, 20), None),
    "white": ((18, 18, 20), (236, 238, 240)),
    "black": ((236, 238, 240), (18, 18, 20)),
}
glyphs = {}


def glyph(name, character, width, wider):
    """A character in its cell of `width` by 90 mm, as coverage."""
    key = (name, character, width, wider)
    if key in glyphs:
        return glyphs[key]
    font = ImageFont.truetype(FOLDER + name, 400, index=2)
    left, top, right, bottom = font.getbbox(character)
    image = Image.new("L", (right - left, bottom - top), 0)
    ImageDraw.Draw(image).text((-left, -top), character, font=font, fill=255)
    full = right - left
    if character.isascii():
        eight = font.getbbox("8")
        full = max(eight[2] - eight[0], full)
    across, down = max(1, round((width - wider) * SCALE * (right - left) / full)), 90 * SCALE
    shrinks = across < right - left
    image = numpy.array(image.resize((across, down), Image.BOX if shrinks else Image.BILINEAR))
    steps = round(wider * SCALE)
    out = numpy.zeros((down, across + steps), numpy.uint8)
    for i in range(steps + 1):
        out[:, i:i + across] = numpy.maximum(out[:, i:i + across], image)
    glyphs[key] = out
    return out


def plate(text, kind, face):
    width, height = (480 if kind == "green" else 440), 140
    ink, ground = COLOURS[kind]
    image = numpy.zeros((height * SCALE, width * SCALE, 3), numpy.uint8)
    if ground is None:
        down = numpy.clip(numpy.linspace(-0.1, 1.1, height * SCALE), 0, 1)[:, None, None]
        image[:] = ((1 - down) * numpy.array((222, 240, 226)) + down * numpy.array((52, 176, 96))).astype(numpy.uint8)
    else:
        image[:] = ground
    corner = ((width - 4) * SCALE, (height - 4) * SCALE)
    cv2.rectangle(image, (4 * SCALE, 4 * SCALE), corner, ink, max(1, round(1.8 * SCALE)))
    cell, gap, wide_gap = (43, 9, 49) if kind == "green" else (45, 12, 34)
    x = 15.5
    for i, character in enumerate(text):
        of = 45 if i == 0 else cell
        cover = glyph(face[0], character, of, face[1])
        left, top = round((x + (of - cover.shape[1] / SCALE) / 2) * SCALE), 25 * SCALE
        part = image[top:top + cover.shape[0], left:left + cover.shape[1]]
        share = cover[:, :, None] / 255.0
        part[:] = (share * numpy.array(ink) + (1 - share) * part).astype(numpy.uint8)
        x += of + (wide_gap if i == 1 else gap)
    if kind != "green":
        cv2.circle(image, (round(134.5 * SCALE), 70 * SCALE), 5 * SCALE, ink, -1)
    return image


def text_of(kind, chance):
    start = chance.choice(PROVINCES) + chance.choice(LETTERS)
    if kind == "green":
        letters = chance.choice("DFABCEGHJK") + chance.choice(DIGITS + LETTERS)
        return start + letters + "".join(chance.choice(DIGITS) for _ in range(4))
    return start + "".join(chance.choice(DIGITS + DIGITS + LETTERS) for _ in range(5))


def near_zero(chance, usual, most):
    """Half a bell of that width, cut at `most`, as visits have it."""
    while True:
        value = abs(sum(chance.uniform(-1, 1) for _ in range(4))) / 1.155 * usual
        if value <= most:
            return value


def corners(width_mm, pixels, yaw, pitch, roll):
    """A plate's corners about the picture's middle, seen by a camera of 45 degrees."""
    focal = 1536
    away = focal * width_mm * math.cos(yaw) / pixels
    out = []
    for u, v in ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)):
        x, y, z = u * width_mm * math.cos(yaw), v * 140, u * width_mm * math.sin(yaw)
        y, z = y * math.cos(pitch) - z * math.sin(pitch), y * math.sin(pitch) + z * math.cos(pitch)
        x, y = x * math.cos(roll) - y * math.sin(roll), x * math.sin(roll) + y * math.cos(roll)
        out.append((focal * x / (z + away), focal * y / (z + away)))
    return numpy.array(out)


def smeared(picture, length, towards):
    taps = max(2, math.ceil(length * 2))
    total = 0
    for i in range(taps):
        far = ((i + 0.5) / taps - 0.5) * length
        move = numpy.float32([[1, 0, far * math.cos(towards)], [0, 1, far * math.sin(towards)]])
        size = picture.shape[1], picture.shape[0]
        total = total + cv2.warpAffine(picture, move, size, borderMode=cv2.BORDER_REPLICATE)
    return total / taps


def sample(seed, styles):
    """Text, blur in pixels, BGR picture around the plate, and its corners as a detector finds them."""
    chance, noise = random.Random(seed), numpy.random.default_rng(seed)
    kind = chance.choice(["blue", "blue", "blue", "green", "green", "yellow", "white", "black"])
    text = text_of(kind, chance)
    drawn = plate(text, kind, chance.choice(styles))
    width = math.exp(chance.uniform(math.log(70), math.log(180)))
    # Trained plates are blurred by half as much again as gates have them.
    sigma = near_zero(chance, 1.12 if styles is MIXED else 0.8, 2)
    smear = near_zero(chance, 2.5, 5) if chance.random() < 0.4 else 0
    yaw = near_zero(chance, 14, 30) * chance.choice((-1, 1))
    roll = near_zero(chance, 6, 15) * chance.choice((-1, 1))
    turned = [math.radians(v) for v in (yaw, chance.uniform(0, 20), roll)]
    height_px, width_px = drawn.shape[:2]
    quad = corners(width_px / SCALE, width, *turned)
    low = quad.min(0) - 24
    size = numpy.ceil(quad.max(0) - low + 24).astype(int)
    quad = quad - low + numpy.array([chance.random(), chance.random()])
    grey = chance.randint(20, 230) + noise.integers(-15, 15, 3)
    finer = 3
    big = numpy.empty((size[1] * finer, size[0] * finer, 3), numpy.uint8)
    big[:] = numpy.clip(grey, 0, 255)
    whole = numpy.float32([[0, 0], [width_px, 0], [width_px, height_px], [0, height_px]])
    onto = cv2.getPerspectiveTransform(whole, (quad * finer).astype(numpy.float32))
    softened = cv2.GaussianBlur(drawn, (0, 0), max(0.3, width_px / (width * finer) * 0.35))
    cv2.warpPerspective(softened, onto, (big.shape[1], big.shape[0]), big,
                        flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT)
    picture = cv2.resize(big, (int(size[0]), int(size[1])), interpolation=cv2.INTER_AREA)
    picture = picture.astype(numpy.float32)
    picture *= chance.choice([chance.uniform(0.7, 1.12), chance.uniform(0.35, 0.9), chance.uniform(0.5, 0.8)])
    if chance.random() < 0.2:
        picture = picture + 0.18 * (150 - picture)
    if smear > 0.3:
        picture = smeared(picture, smear, math.radians(chance.uniform(60, 120)))
    if sigma > 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), sigma)
    if chance.random() < 0.2:
        picture[:] = picture.mean(2, keepdims=True)
    picture = picture + noise.normal(0, chance.uniform(1, 5), picture.shape[:2])[:, :, None]
    picture = numpy.clip(picture, 0, 255).astype(numpy.uint8)[:, :, ::-1].copy()
    return text, sigma, picture, quad + noise.normal(0, 0.012 * width, (4, 2))
