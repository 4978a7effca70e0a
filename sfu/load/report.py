# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How is the outcome written, for people and as JSON?"""

from dataclasses import asdict
from typing import Any

from sfu.load.meeting import Outcome, percentile
from sfu.load.plan import Plan
from sfu.load.server import Server


def as_json(plan: Plan, server: Server, make: str, outcome: Outcome) -> dict[str, Any]:
    """Lay out every figure; times in seconds where the name does not say otherwise."""
    seconds = outcome.measured_s or 1.0
    return {
        "plan": asdict(plan),
        "server": {"url": server.url, "pid": server.pid, "engine": server.engine},
        "light_media": make,
        "joins": {
            "took_s": round(outcome.joining_s, 3),
            "per_second": round(plan.people / outcome.joining_s, 1) if outcome.joining_s else None,
            "connected_s": _spread(outcome.connected),
            "first_media_s": _spread(outcome.first_media),
            "without_media": outcome.without_media,
            "server_cpu_s": outcome.joining_cpu,
            "messages": outcome.messages,
            "signal_bytes": outcome.signal_bytes,
            "offers": outcome.offers,
        },
        "media": {
            "seconds": round(outcome.measured_s, 2),
            "in_pps": round(outcome.sent / seconds),
            "out_pps": round(outcome.received / seconds),
            "out_mbps": round(outcome.octets * 8 / seconds / 1e6, 1),
            "lost": max(0, outcome.expected - outcome.received),
            "lost_share": round(max(0, outcome.expected - outcome.received) / max(1, outcome.expected), 6),
            "send_errors": outcome.counts.send_errors,
            "checked": outcome.good,
            "wrong": outcome.bad,
            "not_checked": outcome.counts.samples_lost,
            "added_ms": _spread(outcome.latencies_ms),
            "server_cpu_s": outcome.measured_cpu,
            "server_cores": {name: round(spent / seconds, 3) for name, spent in outcome.measured_cpu.items()},
            "stolen_s": outcome.stolen_s,
        },
    }


def as_text(figures: dict[str, Any]) -> str:
    """Say the same in a few lines."""
    joins, media = figures["joins"], figures["media"]
    lines = [
        f"joined          {figures['plan']['people']} in {joins['took_s']} s ({joins['per_second']} a second)",
        f"connected       p50 {_s(joins['connected_s'], 'p50')} p95 {_s(joins['connected_s'], 'p95')}",
        f"first media     p50 {_s(joins['first_media_s'], 'p50')} p95 {_s(joins['first_media_s'], 'p95')}",
        f"without media   {joins['without_media']} people",
        f"signalling      {joins['messages']} messages, {joins['offers']} offers, {joins['signal_bytes']} bytes",
        f"packets         {media['in_pps']}/s in, {media['out_pps']}/s out, {media['out_mbps']} Mbit/s out",
        f"lost            {media['lost']} ({100 * media['lost_share']:.3f} %)",
        f"checked         {media['checked']} packets decrypted, {media['wrong']} wrong",
        f"added latency   p50 {_ms(media['added_ms'], 'p50')} p99 {_ms(media['added_ms'], 'p99')}",
    ]
    for name, cores in sorted(media["server_cores"].items(), key=lambda item: -item[1]):
        lines.append(f"server thread   {name}: {cores} of a core")
    if not media["server_cores"]:
        lines.append("server thread   unknown: name the server's process with --pid")
    return "\n".join(lines)


def _spread(values: list[float]) -> dict[str, float | None]:
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    found = {name: percentile(values, share) for name, share in shares.items()}
    return {name: None if value is None else round(value, 3) for name, value in found.items()}


def _s(spread: dict[str, float | None], name: str) -> str:
    return "-" if spread[name] is None else f"{spread[name]} s"


def _ms(spread: dict[str, float | None], name: str) -> str:
    return "-" if spread[name] is None else f"{spread[name]} ms"
