# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What the transcript page and the search page talk to in tests that need no stack."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

MODEL = {
    "name": "faster-whisper-large-v3",
    "version": "1.0",
    "sha256": "ab" * 32,
    "licence": "MIT",
    "host": "speech.example.org",
    "engine": "faster-whisper 1.2.1",
    "not_used_for_training": True,
}
STARTED_MS = 1_795_338_000_000
CORRECTED_MS = STARTED_MS + 300_000
CORRECTED = {"corrected_by": "@marie:here", "corrected_name": "Marie Curie", "corrected_at": CORRECTED_MS}


def paragraph(number: int, name: str, text: str, **changes: Any) -> dict[str, Any]:
    start = STARTED_MS + 15_000 * number
    return {
        "id": f"p{number}",
        "start_ms": start,
        "end_ms": start + 9_000,
        "user_id": f"@{name.split()[0].lower()}:here",
        "display_name": name,
        "voice": "",
        "lang": "fr",
        "text": text,
        "words": [],
    } | changes


def hit(word: str, **changes: Any) -> dict[str, Any]:
    """A line in which a word was found."""
    parts = [{"text": "Le ", "hit": False}, {"text": word, "hit": True}, {"text": " ouvre lundi.", "hit": False}]
    where = {"meeting_id": "m1", "title": "Weekly with Lyon", "call_id": "$call", "id": "p3"}
    return where | {"start_ms": STARTED_MS, "display_name": "Jean Perrin", "lang": "fr", "parts": parts} | changes


def past(before: str, text: str, name: str = "Marie Curie") -> dict[str, Any]:
    """A correction in a line's history."""
    return {"by": "@marie:here", "name": name, "at": CORRECTED_MS, "before": before, "text": text}


@dataclass
class SmallArchive:
    """One call of one meeting, a glossary and one page of hits."""

    call: dict[str, Any] = field(
        default_factory=lambda: {
            "call_id": "$call",
            "started_ms": STARTED_MS,
            "ended_ms": STARTED_MS + 3_000_000,
            "state": "done",
            "done": 1.0,
            "final": True,
        }
    )
    title: str = "Weekly with Lyon"
    me: dict[str, Any] = field(default_factory=lambda: {"user_id": "@marie:here", "host": True})
    paragraphs: list[dict[str, Any]] = field(
        default_factory=lambda: [
            paragraph(1, "Marie Curie", "Bonjour à toutes et à tous, nous commençons par le pont de la Guillotière."),
            paragraph(2, "Marie Curie", "Il ouvre lundi si l’essai de charge réussit."),
            paragraph(3, "Jean Perrin", "The load test is planned for Friday night.", lang="en"),
            paragraph(4, "Ada (Guest)", "Et la déviation ?", **CORRECTED),
        ]
    )
    terms: list[str] = field(default_factory=lambda: ["Guillotière"])
    hits: list[dict[str, Any]] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    refuse: int = 0
    asked: list[dict[str, str]] = field(default_factory=list)

    def routes(self) -> list[web.RouteDef]:
        calls = "/api/v1/meetings/{id}/transcripts"
        return [
            web.get(calls, self._calls),
            web.get(calls + "/{call}", self._read),
            web.get(calls + "/{call}/export", self._export),
            web.patch(calls + "/{call}/paragraphs/{line}", self.correct),
            web.get(calls + "/{call}/paragraphs/{line}/corrections", self._history),
            web.get("/api/v1/meetings/{id}/glossary", self._glossary),
            web.put("/api/v1/meetings/{id}/glossary", self._write_glossary),
            web.get("/api/v1/search", self._search),
        ]

    async def _calls(self, _request: web.Request) -> web.Response:
        if self.refuse:
            return web.json_response({"errcode": "M_NOT_FOUND", "error": "Not yours."}, status=self.refuse)
        return web.json_response({"title": self.title, "calls": [self.call]})

    async def _read(self, _request: web.Request) -> web.Response:
        model = MODEL if self.call["final"] else None
        whole = {"title": self.title, "model": model, "paragraphs": self.paragraphs, "me": self.me}
        whole["delete_at_ms"] = self.call["ended_ms"] + 30 * 86_400_000
        return web.json_response(self.call | whole)

    async def _export(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.query))
        name = "attachment; filename=\"Week.txt\"; filename*=UTF-8''Semaine%20%C3%A0%20Lyon.txt"
        return web.Response(body=b"text", headers={"Content-Disposition": name})

    async def _history(self, _request: web.Request) -> web.Response:
        return web.json_response({"corrections": self.history})

    async def correct(self, request: web.Request) -> web.Response:
        text = (await request.json())["text"]
        (line,) = [one for one in self.paragraphs if one["id"] == request.match_info["line"]]
        self.asked.append({"path": request.path, "text": text})
        line |= {"text": text} | CORRECTED
        return web.json_response(line)

    async def _glossary(self, _request: web.Request) -> web.Response:
        return web.json_response({"terms": self.terms})

    async def _write_glossary(self, request: web.Request) -> web.Response:
        self.terms = [term for term in (await request.json())["terms"] if term]
        return web.json_response({"terms": self.terms})

    async def _search(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.query))
        following = None if "after" in request.query else "1.s"
        return web.json_response({"hits": self.hits, "next": following if self.hits else None})
