# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics as text: Prometheus' own format, and OpenMetrics, which has exemplars.

Sources: Prometheus, "Exposition formats", version 0.0.4; OpenMetrics 1.0, "Text format".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from .instruments import Exemplar, Family, Sample, written


@dataclass(frozen=True)
class Form:
    """A form that metrics are written in."""

    content_type: str
    write: Callable[[Iterable[Family]], bytes]


def prometheus(families: Iterable[Family]) -> bytes:
    """Write families in Prometheus' format, which knows neither exemplars nor the kind info."""

    def lines() -> Iterator[str]:
        for family in families:
            name = family.prometheus_name
            described = family.help.replace("\\", r"\\").replace("\n", r"\n")
            yield f"# HELP {name} {described}"
            yield f"# TYPE {name} {'gauge' if family.kind == 'info' else family.kind}"
            yield from (_line(family.name, sample) for sample in family.samples)

    return _text(lines())


def openmetrics(families: Iterable[Family]) -> bytes:
    """Write families as OpenMetrics."""

    def lines() -> Iterator[str]:
        for family in families:
            yield f"# HELP {family.name} {_escaped(family.help)}"
            yield f"# TYPE {family.name} {family.kind}"
            for sample in family.samples:
                yield _line(family.name, sample) + _exemplar(sample.exemplar)
        yield "# EOF"

    return _text(lines())


PROMETHEUS = Form("text/plain; version=0.0.4; charset=utf-8", prometheus)
OPENMETRICS = Form("application/openmetrics-text; version=1.0.0; charset=utf-8", openmetrics)
#: By media type; and the versions that a client may ask for, which default to what we write.
_FORMS = {"application/openmetrics-text": (OPENMETRICS, ("", "1.0.0")), "text/plain": (PROMETHEUS, None)}


def chosen(accepted: str) -> Form:
    """Return the first form of an ``Accept`` header that can be written, Prometheus' if there is none."""
    for each in accepted.split(","):
        media_type, *parameters = (part.strip() for part in each.split(";"))
        given = dict(parameter.partition("=")[::2] for parameter in parameters)
        form, versions = _FORMS.get(media_type.lower(), (None, None))
        if form and (versions is None or given.get("version", "") in versions):
            return form
    return PROMETHEUS


def _text(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode(errors="backslashreplace")


def _line(family: str, sample: Sample) -> str:
    return f"{family}{sample.suffix}{_labels(sample.labels)} {written(sample.value)}"


def _labels(labels: Mapping[str, str]) -> str:
    inner = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{inner}}}" if inner else ""


def _exemplar(exemplar: Exemplar | None) -> str:
    if exemplar is None:
        return ""
    return f" # {_labels(exemplar.labels)} {written(exemplar.value)} {exemplar.at:.3f}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
