# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What came of it: one JSON document, a table to read, and whether each target is met.

Delays, revisions and cost are of the clean recordings of both languages together; error rates are of each language
under each condition.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bots.demo.report import percentile
from tests.bench.captions.conditions import CLEAN, CONDITIONS
from tests.bench.captions.measure import LOCAL_AGREEMENT, OFFLINE, OURS, SHOW_ALL, Row
from tests.bench.captions.screen import Screened
from tests.bench.captions.wer import Errors, interval, rate

WORDS_MIN = 1000
WER_OVER_OFFLINE_MAX = 0.02
FIRST_P50_MAX_S = 1.0
FIRST_P90_MAX_S = 1.6
FIRST_OF_AGREEMENT_MAX = 0.5
FINAL_P95_MAX_S = 1.5
STABLE_REVISED_MAX = 0.02
TALKERS_MIN = 8
DER_MAX = 0.15


@dataclass(frozen=True, slots=True)
class Target:
    """One thing that has to be so."""

    text: str
    met: bool


def document(
    rows: Sequence[Row],
    *,
    talkers: int | None = None,
    der: Mapping[str, float] | None = None,
    der_reported: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Put the figures under the names that other tools read.

    ``talkers`` of the baselines is computed: as many as two processors carry at the cost measured here. Who speaks is
    no matter of the captions' policy, so ``der`` is the same beside each.
    """
    diarized = {"der": dict(der or {}), "der_reported": dict(der_reported or {})}
    ours = _figures(rows, OURS) | {"talkers": talkers} | diarized
    agreement, everything = (
        figures | {"talkers": int(2 / figures["cpu_per_audio_s"]) if figures["cpu_per_audio_s"] else None} | diarized
        for figures in (_figures(rows, LOCAL_AGREEMENT), _figures(rows, SHOW_ALL))
    )
    return ours | {
        "baseline": {LOCAL_AGREEMENT: agreement, SHOW_ALL: everything},
        "words": {
            lang: {condition: sum(each.words for each in found) for condition, found in by_condition.items()}
            for lang, by_condition in _errors(rows, OURS).items()
        },
    }


def targets(found: Mapping[str, Any]) -> list[Target]:
    """Compare a document with what is asked of it."""
    agreement = found["baseline"][LOCAL_AGREEMENT]
    rows: list[tuple[str, float | None, float]] = []
    met: list[Target] = []
    for lang, by_condition in found["wer"].items():
        said = found["words"][lang].get(CLEAN, 0)
        met.append(Target(f"{said} words of clean speech in {lang}, at least {WORDS_MIN}", said >= WORDS_MIN))
        met.append(Target(f"every condition in {lang}", set(by_condition) == set(CONDITIONS)))
        if CLEAN in by_condition:
            over = by_condition[CLEAN] - found["offline_wer"][lang][CLEAN]
            rows.append((f"wer.{lang}.clean above offline", over, WER_OVER_OFFLINE_MAX))
    first, usual = found["first_word_s"], agreement["first_word_s"]
    rows += [
        ("first_word_s.p50", first["p50"], FIRST_P50_MAX_S),
        ("first_word_s.p90", first["p90"], FIRST_P90_MAX_S),
        ("first_word_s.p50 of LocalAgreement-2's", _ratio(first["p50"], usual["p50"]), FIRST_OF_AGREEMENT_MAX),
        ("first_word_s.p90 of LocalAgreement-2's", _ratio(first["p90"], usual["p90"]), FIRST_OF_AGREEMENT_MAX),
        ("final_s.p95", found["final_s"]["p95"], FINAL_P95_MAX_S),
        ("stable_revised_per_word", found["stable_revised_per_word"], STABLE_REVISED_MAX),
        *((f"der.{name}", value, DER_MAX) for name, value in found["der"].items()),
    ]
    met += [
        Target(f"{name} {_number(value)}, at most {most}", value is not None and value <= most)
        for name, value, most in rows
    ]
    talkers = found["talkers"]
    met.append(Target(f"talkers {talkers}, at least {TALKERS_MIN}", talkers is not None and talkers >= TALKERS_MIN))
    return met


def table(found: Mapping[str, Any]) -> str:
    """Lay the document out for people."""
    columns = {
        "ours": found,
        "LocalAgreement-2": found["baseline"][LOCAL_AGREEMENT],
        "show all": found["baseline"][SHOW_ALL],
    }
    lines = [_line("", [*columns, "offline"])]
    for lang, by_condition in found["wer"].items():
        for condition in by_condition:
            cells = [
                f"{each['wer'][lang][condition]:.3f} [{each['wer_interval'][lang][condition][0]:.3f}, "
                f"{each['wer_interval'][lang][condition][1]:.3f}]"
                if condition in each["wer"].get(lang, {})
                else "-"
                for each in columns.values()
            ]
            offline = found["offline_wer"].get(lang, {}).get(condition)
            lines.append(
                _line(f"WER {lang} {condition} ({found['words'][lang][condition]} words)", [*cells, _number(offline)])
            )
    for name, path in (
        ("first word p50, s", ("first_word_s", "p50")),
        ("first word p90, s", ("first_word_s", "p90")),
        ("final text p95, s", ("final_s", "p95")),
        ("revised per word", ("revised_per_word",)),
        ("stable words revised per word", ("stable_revised_per_word",)),
        ("CPU s per s of audio", ("cpu_per_audio_s",)),
        ("talkers on two cores", ("talkers",)),
    ):
        lines.append(_line(name, [_number(_at(each, path)) for each in columns.values()]))
    for name, value in {**found["der"], **found["der_reported"]}.items():
        lines.append(_line(f"DER {name}{'' if name in found['der'] else ' (reported)'}", [_number(value)]))
    return "\n".join(lines)


def _figures(rows: Iterable[Row], way: str) -> dict[str, Any]:
    total = Screened()
    for row in rows:
        if row.way == way and row.condition == CLEAN and row.screened is not None:
            total.add(row.screened)
    found = _errors(rows, way)
    return {
        "wer": {lang: {name: rate(each) for name, each in of.items()} for lang, of in found.items()},
        "wer_interval": {lang: {name: list(interval(each)) for name, each in of.items()} for lang, of in found.items()},
        "offline_wer": {
            lang: {name: rate(each) for name, each in of.items()} for lang, of in _errors(rows, OFFLINE).items()
        },
        "first_word_s": {"p50": percentile(total.first_word_s, 0.5), "p90": percentile(total.first_word_s, 0.9)},
        "final_s": {"p95": percentile(total.final_s, 0.95)},
        "stable_revised_per_word": _ratio(total.stable_revised, total.words),
        "revised_per_word": _ratio(total.revised, total.words),
        "cpu_per_audio_s": _ratio(total.cpu_s, total.audio_s),
    }


def _errors(rows: Iterable[Row], way: str) -> dict[str, dict[str, list[Errors]]]:
    found: dict[str, dict[str, list[Errors]]] = {}
    for row in rows:
        if row.way == way:
            found.setdefault(row.lang, {}).setdefault(row.condition, []).extend(row.errors)
    return found


def _at(found: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = found
    for step in path:
        value = value[step]
    return value


def _ratio(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def _number(value: float | None) -> str:
    return "-" if value is None else str(value) if isinstance(value, int) else f"{value:.3f}"


def _line(name: str, cells: Sequence[str]) -> str:
    return f"{name:<34}" + "".join(f"{cell:>24}" for cell in cells)
