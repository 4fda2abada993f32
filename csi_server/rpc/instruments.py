# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counters, gauges and histograms, each kept by the values of its labels.

Not prometheus_client's: that brings HTTP clients and TLS along, 7 MiB of each node's memory.

Source: OpenMetrics 1.0, "Metric Types" and "Exemplars".
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, Protocol, TypeVar

Kind = Literal["counter", "gauge", "histogram", "info"]


@dataclass(frozen=True)
class Exemplar:
    """One observation that stands for others.

    :ivar at: seconds since the epoch.
    """

    labels: Mapping[str, str]
    value: float
    at: float


@dataclass(frozen=True)
class Sample:
    """One value.

    :ivar suffix: what its name has behind its family's: ``_total``, ``_bucket``...
    """

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    suffix: str = ""
    exemplar: Exemplar | None = None


@dataclass(frozen=True)
class Family:
    """The samples of one metric. A counter's name is without ``_total``, an info's without ``_info``."""

    name: str
    kind: Kind
    help: str
    samples: Sequence[Sample]

    @property
    def prometheus_name(self) -> str:
        """Its name where the suffix of a counter or an info is part of that, as in Prometheus' own format."""
        return self.name + {"counter": "_total", "info": "_info"}.get(self.kind, "")


class Source(Protocol):
    """Has metrics to tell."""

    def collect(self) -> Iterable[Family]:
        """Return them as they are now."""


class Child(Protocol):
    """What is counted for one set of labels."""

    def samples(self, labels: Mapping[str, str]) -> Iterator[Sample]:
        """Yield its values."""


C = TypeVar("C", bound=Child)


class Instrument(ABC, Generic[C]):
    """A metric that is written to.

    :param labels: the names of its labels.
    """

    kind: Kind

    def __init__(self, name: str, help: str, labels: Sequence[str]) -> None:
        self._name = name
        self._help = help
        self._labels = tuple(labels)
        self._lock = threading.Lock()
        self._children: dict[tuple[str, ...], C] = {}

    def labels(self, *values: str) -> C:
        """Return what is counted for these values, which is told from now on."""
        if len(values) != len(self._labels):
            raise ValueError(f"{self._name} has the labels {self._labels}, not {len(values)}")
        with self._lock:
            if values not in self._children:
                self._children[values] = self._made()
            return self._children[values]

    def collect(self) -> Iterator[Family]:
        with self._lock:
            children = list(self._children.items())
        samples = [
            sample
            for values, child in children
            for sample in child.samples(dict(zip(self._labels, values, strict=True)))
        ]
        yield Family(self._name, self.kind, self._help, samples)

    @abstractmethod
    def _made(self) -> C:
        """Make what is counted for one more set of labels."""


class Count:
    """Goes up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._value = 0.0
        self._exemplar: Exemplar | None = None

    def inc(self, amount: float = 1.0, exemplar: Mapping[str, str] | None = None) -> None:
        with self._lock:
            self._value += amount
            if exemplar:
                self._exemplar = Exemplar(exemplar, amount, time.time())

    def samples(self, labels: Mapping[str, str]) -> Iterator[Sample]:
        with self._lock:
            yield Sample(self._value, labels, "_total", self._exemplar)


class Counter(Instrument[Count]):
    """Counts what happened."""

    kind = "counter"

    def _made(self) -> Count:
        return Count()


class Level:
    """Goes up and down."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._value = 0.0

    def inc(self, amount: float = 1.0) -> None:
        with self._lock:
            self._value += amount

    def dec(self) -> None:
        self.inc(-1.0)

    @contextlib.contextmanager
    def one_more(self) -> Iterator[None]:
        """Be one higher inside of the block."""
        self.inc()
        try:
            yield
        finally:
            self.dec()

    def samples(self, labels: Mapping[str, str]) -> Iterator[Sample]:
        yield Sample(self._value, labels)


class Gauge(Instrument[Level]):
    """Shows how many there are now."""

    kind = "gauge"

    def _made(self) -> Level:
        return Level()


class Distribution:
    """How many observations there were, up to each bound."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._lock = threading.Lock()
        self._bounds = (*bounds, math.inf)
        self._counts = [0] * len(self._bounds)
        self._exemplars: list[Exemplar | None] = [None] * len(self._bounds)
        self._sum = 0.0

    def observe(self, value: float, exemplar: Mapping[str, str] | None = None) -> None:
        bucket = bisect_left(self._bounds, value)
        with self._lock:
            self._counts[bucket] += 1
            self._sum += value
            if exemplar:
                self._exemplars[bucket] = Exemplar(exemplar, value, time.time())

    def samples(self, labels: Mapping[str, str]) -> Iterator[Sample]:
        with self._lock:
            counts, exemplars, total = list(self._counts), list(self._exemplars), self._sum
        seen = 0
        for bound, count, exemplar in zip(self._bounds, counts, exemplars, strict=True):
            seen += count
            yield Sample(seen, {**labels, "le": written(bound)}, "_bucket", exemplar)
        yield Sample(seen, labels, "_count")
        yield Sample(total, labels, "_sum")


class Histogram(Instrument[Distribution]):
    """Shows how observations are distributed.

    :param buckets: upper bounds, ascending; one without a bound is added.
    """

    kind = "histogram"

    def __init__(self, name: str, help: str, labels: Sequence[str], buckets: Sequence[float]) -> None:
        super().__init__(name, help, labels)
        self._buckets = tuple(buckets)

    def _made(self) -> Distribution:
        return Distribution(self._buckets)


def written(value: float) -> str:
    """A number as Prometheus and OpenMetrics read it."""
    return "+Inf" if value == math.inf else repr(float(value))
