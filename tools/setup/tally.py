"""Compares what the platform received with what really came to the gate.

The oracle is the grid simulator: its copy of the events, checked by code of its own, against the
traffic's ground truth. What the daemon says of itself is not asked, but for how far its journal goes.
"""

import dataclasses
import json

# A decision may come this much before its arrival stands at the arm, and this much after it appeared.
EARLY_MS = 300
LATE_MS = 12_000
# So long after it stands at the arm or reader an arrival must have been decided.
DECIDED_WITHIN_MS = 4_500
# For each minute.
LEAST_VEHICLES = 12
LEAST_PERSONS = 20
MOST_MISREAD = 1


@dataclasses.dataclass
class Decided:
    """One decision as the platform holds it. `at_ms` counts from the start of the traffic."""

    lane: str
    passage: str
    at_ms: int
    verdict: str
    plate: str | None = None
    card: str | None = None


@dataclasses.dataclass
class Arrival:
    """One line of the ground truth with the decisions that belong to it."""

    lane: str
    id: str
    from_ms: int
    due_ms: int
    expected: str
    plate: str | None
    card: str | None
    decisions: list = dataclasses.field(default_factory=list)

    def knows(self, decided):
        key = self.plate or self.card
        if key is None or key not in (decided.plate, decided.card):
            return False
        return -EARLY_MS <= decided.at_ms - self.from_ms <= LATE_MS

    def misread(self):
        return self.plate is not None and any(one.plate != self.plate for one in self.decisions)


@dataclasses.dataclass
class Tally:
    """What was counted, and every objection in words; no objection means success."""

    vehicles: int = 0
    persons: int = 0
    verdicts: dict = dataclasses.field(default_factory=dict)
    # The misread vehicles in words.
    misread: list = dataclasses.field(default_factory=list)
    objections: list = dataclasses.field(default_factory=list)


def read_truth(path):
    """The arrivals of `truth.jsonl`, each lane in order."""
    arrivals = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            truth = json.loads(line)
            plate = truth.get("plate")
            arrivals.append(
                Arrival(
                    lane=truth["lane"],
                    id=truth["id"],
                    from_ms=truth["appear_ms"],
                    due_ms=truth["at_ms"] + DECIDED_WITHIN_MS,
                    expected=truth["expected"],
                    plate=plate["text"] if isinstance(plate, dict) else plate,
                    card=truth.get("card"),
                )
            )
    return sorted(arrivals, key=lambda one: (one.lane, one.from_ms))


def judge(arrivals, decisions, seconds):
    """Counts and objects. Arrivals that could not be decided within `seconds` are left out of the
    count, but nobody among them may be wrongly admitted either."""
    tally = Tally()
    for decided in decisions:
        arrival = belongs(decided, arrivals)
        if arrival is None:
            tally.objections.append(f"{decided.lane}: decision {decided.passage} belongs to no arrival")
        else:
            arrival.decisions.append(decided)
    for arrival in arrivals:
        look_at(arrival, tally, due=arrival.due_ms <= seconds * 1000)
    for what, counted, least in [
        ("vehicles", tally.vehicles, LEAST_VEHICLES * seconds // 60),
        ("persons", tally.persons, LEAST_PERSONS * seconds // 60),
    ]:
        if counted < least:
            tally.objections.append(f"{counted} {what} were decided, {least} are the least")
    if len(tally.misread) > MOST_MISREAD:
        tally.objections.append(f"{len(tally.misread)} plates were misread, {MOST_MISREAD} is the most")
    return tally


def belongs(decided, arrivals):
    """By plate or card where one was read right, else by the time at which it came."""
    here = [one for one in arrivals if one.lane == decided.lane]
    known = [one for one in here if one.knows(decided)]
    if known:
        return min(known, key=lambda one: abs(decided.at_ms - one.from_ms))
    came = [one for one in here if one.from_ms - EARLY_MS <= decided.at_ms]
    return came[-1] if came and decided.at_ms - came[-1].from_ms <= LATE_MS else None


def look_at(arrival, tally, due):
    verdicts = [one.verdict for one in arrival.decisions]
    name = f"{arrival.id} ({arrival.expected} expected)"
    if "admit" in verdicts and arrival.expected != "admit":
        tally.objections.append(f"{name} was wrongly admitted")
    if not due:
        return
    if len(verdicts) != 1:
        tally.objections.append(f"{name} has {len(verdicts)} decisions: {', '.join(verdicts) or 'none'}")
        return
    tally.verdicts[verdicts[0]] = tally.verdicts.get(verdicts[0], 0) + 1
    if arrival.plate is not None:
        tally.vehicles += 1
    else:
        tally.persons += 1
    allowed = [arrival.expected]
    if arrival.misread():
        tally.misread.append(f"{arrival.id}, decided {verdicts[0]}")
        # Whom nobody could read, a person looks at.
        allowed.append("hold")
    if verdicts[0] not in allowed:
        tally.objections.append(f"{name} was decided {verdicts[0]}")


def decisions(events, start_ms):
    """The platform's decision events; its times are wall times, ours count from the traffic's start."""
    return [decided(event, start_ms) for event in events]


def decided(event, start_ms):
    header = event["header"]
    bodies = [part["body"] or {} for part in event["parts"]]
    facts = {fact["name"]: fact["state"] for body in bodies for fact in body.get("facts", [])}
    return Decided(
        lane=header["lane"],
        passage=header["passage"],
        at_ms=header["wall_ms"] - start_ms,
        verdict=next((body["verdict"] for body in bodies if "verdict" in body), "unknown"),
        plate=text(facts.get("plate.text")),
        card=text(facts.get("card.id")),
    )


def text(state):
    return state.get("text") if isinstance(state, dict) else None


def alerts(events):
    """The passages for which an alert was raised; None for alerts of a lane or a device."""
    return [event["header"].get("passage") for event in events]


def without_alert(decided_all, alerted):
    """Each hold calls a person."""
    return [
        f"{one.lane}: the hold of passage {one.passage} raised no alert"
        for one in decided_all
        if one.verdict == "hold" and one.passage not in alerted
    ]


def received(book):
    return sum(one["received"] for one in book.get("gateways", []))


def upstream(book, last, waiting):
    """What is wrong between the journal's last number and what the platform holds and confirmed."""
    objections = []
    for one in book.get("gateways", []):
        if one["missing"]:
            objections.append(f"the platform misses the events {one['missing']}")
        if one["altered"]:
            objections.append(f"{one['altered']} events reached the platform altered")
    highest = max((one["highest"] for one in book.get("gateways", [])), default=0)
    if last == 0 or waiting is None:
        objections.append("the gateway does not say how far its journal goes")
    elif highest < last:
        objections.append(f"the journal has {last} events, the platform knows of {highest}")
    if waiting:
        objections.append(f"{waiting} events are without receipt")
    return objections
