"""The load that `record_load.py` recorded, read again, and the gateway that it was recorded from."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

import msgspec

RECORDED = Path(__file__).parent / "recorded" / "day.csv"
DAY_S = 20 * 3600
"""The recorded day goes from four in the morning to midnight."""
LONGEST_WAIT_S = 10
"""`lanes.interactive.max_wait_s`: who would wait longer is refused."""
_SMOOTH_S = 5
_BEST_S = 60


class Replica(msgspec.Struct, frozen=True):
    """What one replica can do."""

    per_s: float
    queue: int
    """Requests that may wait at each before more are refused."""


class Recording(msgspec.Struct, frozen=True):
    """What a real gateway saw, second by second."""

    came: list[float]
    answered: list[float]
    refused: list[float]
    queue: list[float]

    @property
    def replica(self) -> Replica:
        """That gateway as one of many: the most it answered over a minute."""
        per_s = max(_means(self.answered, _BEST_S))
        return Replica(per_s, queue=round(per_s * LONGEST_WAIT_S))

    def day(self, times: float) -> list[float]:
        """Requests a second for every second of the day, so many times what was recorded."""
        smooth = _means(self.came, _SMOOTH_S)
        return [times * smooth[second * len(smooth) // DAY_S] for second in range(DAY_S)]


def recorded(file: Path = RECORDED) -> Recording:
    with file.open(newline="") as lines:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(lines)]
    came = [row["finished"] + row["inflight"] for row in rows]
    answered = [row["finished"] - row["refused"] for row in rows]
    refused = [row["refused"] for row in rows]
    gained = (_gains(totals) for totals in (came, answered, refused))
    return Recording(*gained, queue=[row["queue"] for row in rows[1:]])


def _gains(totals: list[float]) -> list[float]:
    return [after - before for before, after in itertools.pairwise(totals)]


def _means(values: list[float], width: int) -> list[float]:
    """Of so many values up to each; the first ones have fewer before them."""
    sums = [0.0, *itertools.accumulate(values)]
    starts = (max(0, end - width) for end in range(1, len(sums)))
    return [(sums[end] - sums[start]) / width for end, start in enumerate(starts, 1)]


def one_gateway(recording: Recording) -> list[float]:
    """The queue of the recorded gateway by the arithmetic of `replay`."""
    replica, queue, out = recording.replica, 0.0, []
    for came in recording.came:
        queue = min(max(0.0, queue + came - replica.per_s), replica.queue)
        out.append(queue)
    return out


def plot_recording(recording: Recording, file: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, (above, below) = plt.subplots(2, 1, figsize=(10, 6), sharex=True, layout="constrained")
    for values, label, colour in (
        (recording.came, "came", "tab:blue"),
        (recording.answered, "answered", "tab:green"),
        (recording.refused, "refused", "tab:red"),
    ):
        above.plot(_means(values, _SMOOTH_S), label=label, color=colour)
    above.axhline(recording.replica.per_s, color="black", linestyle="--", linewidth=1)
    above.set_ylabel("requests / s")
    above.legend()
    below.plot(recording.queue, label="gateway_queue_depth, as scraped")
    below.plot(one_gateway(recording), label="by the replay's arithmetic", linestyle="--")
    below.set_ylabel("queue depth")
    below.set_xlabel("second of the recording")
    below.legend()
    figure.savefig(file, dpi=110)
