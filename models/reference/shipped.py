"""agentclpr as its authors ship it, for comparison: a picture's path in, its texts and seconds out."""

import contextlib
import json
import sys
import time

import cv2


def texts(results):
    """The texts anywhere in what the system gives back: lists of [box, [text, score]]."""
    found = []
    if isinstance(results, (list, tuple)):
        if len(results) == 2 and isinstance(results[0], str):
            return [(results[0], float(results[1]))]
        for part in results:
            found += texts(part)
    return found


def main():
    # What the package prints must not stand between the answers.
    answers, out = sys.stdout, contextlib.redirect_stdout(sys.stderr)
    with out:
        from agentclpr import CLPSystem

        system = CLPSystem()
        print(json.dumps({"ready": True}), file=answers, flush=True)
        for line in sys.stdin:
            picture = cv2.imread(line.rstrip("\n"), cv2.IMREAD_COLOR)
            start = time.perf_counter()
            read = texts(system(picture))
            seconds = time.perf_counter() - start
            read.sort(key=lambda entry: -entry[1])
            answer = {"texts": [text for text, _ in read], "seconds": seconds}
            print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
