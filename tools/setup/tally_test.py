"""The tally must object to each thing that may not happen: a judge that never objects proves nothing."""

import json
import tempfile
import unittest

from setup import tally
from setup.tally import Decided


def truth(count=20):
    """`count` vehicles at in-1 (every fifth watched) and twice as many persons at walk-1."""
    lines = []
    for at in range(count):
        watched = at % 5 == 4
        lines.append({
            "lane": "in-1", "id": f"in-1-{at}", "appear_ms": at * 2000, "at_ms": at * 2000 + 500,
            "plate": {"text": f"闽C{at:05}", "kind": "blue"}, "expected": "hold" if watched else "admit",
        })
    for at in range(2 * count):
        lines.append({
            "lane": "walk-1", "id": f"walk-1-{at}", "appear_ms": at * 1000, "at_ms": at * 1000,
            "card": f"{at:08X}", "expected": "refuse" if at % 7 == 6 else "admit",
        })
    file = tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8")
    file.write("".join(json.dumps(line) + "\n" for line in lines))
    file.flush()
    return file


def right(arrivals):
    """The decisions of a gate without fault."""
    return [
        Decided(one.lane, f"p-{one.id}", one.from_ms + 700, one.expected, one.plate, one.card)
        for one in arrivals
    ]


class TheTally(unittest.TestCase):
    def setUp(self):
        with truth() as file:
            self.arrivals = tally.read_truth(file.name)
        self.decisions = right(self.arrivals)

    def objections(self):
        return tally.judge(self.arrivals, self.decisions, 60).objections

    def of(self, expected, lane="in-1"):
        of = {one.id for one in self.arrivals if one.expected == expected and one.lane == lane}
        return next(one for one in self.decisions if one.passage[2:] in of)

    def test_a_gate_without_fault_is_right(self):
        counted = tally.judge(self.arrivals, self.decisions, 60)
        self.assertEqual(counted.objections, [])
        self.assertEqual((counted.vehicles, counted.persons, counted.misread), (20, 40, []))
        self.assertEqual(counted.verdicts, {"admit": 51, "hold": 4, "refuse": 5})

    def test_a_missing_decision_is_found(self):
        self.decisions.pop()
        self.assertEqual(len(self.objections()), 1)

    def test_a_second_decision_is_found(self):
        self.decisions.append(self.decisions[3])
        self.assertEqual(len(self.objections()), 1)

    def test_a_wrong_admission_is_found_twice_over(self):
        self.of("hold").verdict = "admit"
        self.assertEqual(len(self.objections()), 2)

    def test_a_wrong_admission_of_one_not_yet_counted_is_found(self):
        self.of("hold").verdict = "admit"
        counted = tally.judge(self.arrivals, self.decisions, 4)
        self.assertTrue(any("wrongly admitted" in one for one in counted.objections))

    def test_a_wrong_refusal_is_found(self):
        self.of("admit", "walk-1").verdict = "refuse"
        self.assertEqual(len(self.objections()), 1)

    def test_one_misread_plate_is_forgiven_two_are_not(self):
        vehicles = [one for one in self.decisions if one.lane == "in-1"]
        vehicles[0].plate, vehicles[0].verdict = "闽C99999", "hold"
        self.assertEqual(self.objections(), [])
        self.setUp()
        vehicles = [one for one in self.decisions if one.lane == "in-1"]
        vehicles[0].plate, vehicles[0].verdict = "闽C99999", "hold"
        vehicles[1].plate, vehicles[1].verdict = None, "hold"
        self.assertEqual(len(self.objections()), 1)

    def test_a_misread_vehicle_is_named_and_may_only_be_held_or_decided_by_the_truth(self):
        one = self.of("admit")
        one.plate, one.verdict = "闽C99999", "refuse"
        counted = tally.judge(self.arrivals, self.decisions, 60)
        self.assertEqual(counted.misread, ["in-1-0, decided refuse"])
        self.assertEqual(len(counted.objections), 1)
        for verdict in ["hold", "admit"]:
            self.setUp()
            one = self.of("admit")
            one.plate, one.verdict = "闽C99999", verdict
            self.assertEqual(self.objections(), [])

    def test_a_decision_without_an_arrival_is_found(self):
        self.decisions.append(Decided("in-1", "p-x", 300_000, "admit", "粤B00000"))
        self.assertEqual(len(self.objections()), 1)

    def test_too_few_are_found(self):
        self.arrivals = [one for one in self.arrivals if one.lane == "walk-1"]
        self.decisions = [one for one in self.decisions if one.lane == "walk-1"]
        self.assertEqual(len(self.objections()), 1)


if __name__ == "__main__":
    unittest.main()
