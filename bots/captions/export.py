# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A final transcript in the formats that people ask for."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

import webvtt

from bots.captions.paragraphs import FinalTranscript, Paragraph, Word, joined
from bots.captions.transcript import cue_text, one_line, timestamp

_CUE_CHARS = 84
"""Two lines of 42 characters, what subtitles are usually kept to."""
_CUE_MS = 7_000
_CUE_PAUSE_MS = 1_200


@dataclass(frozen=True, slots=True)
class _Cue:
    paragraph: Paragraph
    words: tuple[Word, ...]

    @property
    def end_ms(self) -> int:
        return max(self.words[-1].end_ms, self.words[0].start_ms + 1)


def text(transcript: FinalTranscript) -> str:
    """One line a paragraph: time, name, words; the model that wrote it first."""
    lines = [
        f"[{_clock(paragraph, transcript)}] {_prefix(paragraph)}{one_line(paragraph.text)}\n"
        for paragraph in transcript.paragraphs
    ]
    return "".join([f"{one_line(transcript.about)}\n\n", *lines])


def markdown(transcript: FinalTranscript) -> str:
    """Paragraphs below names, for minutes."""
    parts = [f"_{_escape_markdown(transcript.about)}_\n\n"]
    for paragraph in transcript.paragraphs:
        name = _escape_markdown(paragraph.voice.display_name)
        head = f"**{name}** " if name else ""
        parts.append(f"{head}_{_clock(paragraph, transcript)}_\n\n{_escape_markdown(paragraph.text)}\n\n")
    return "".join(parts)


def vtt(transcript: FinalTranscript) -> str:
    """WebVTT of short cues; names are voices."""
    document = webvtt.WebVTT()
    document.header_comments.append(cue_text(transcript.about))
    for cue in _cues(transcript.paragraphs):
        name = cue.paragraph.voice.display_name
        voice = f"<v {cue_text(name)}>" if one_line(name) else ""
        start_ms = cue.words[0].start_ms - transcript.started_ms
        end_ms = cue.end_ms - transcript.started_ms
        document.captions.append(
            webvtt.Caption(start=timestamp(start_ms), end=timestamp(end_ms), text=voice + cue_text(joined(cue.words)))
        )
    return str(document.content)


def srt(transcript: FinalTranscript) -> str:
    """SubRip of the same cues; it has no escaping, so whatever could be a tag or a timing is replaced."""
    return "".join(
        f"{number}\n{_comma(cue.words[0].start_ms - transcript.started_ms)} -->"
        f" {_comma(cue.end_ms - transcript.started_ms)}\n"
        f"{_plain(_prefix(cue.paragraph) + joined(cue.words))}\n\n"
        for number, cue in enumerate(_cues(transcript.paragraphs), 1)
    )


def as_json(transcript: FinalTranscript) -> str:
    """Everything, each word with its times."""
    return json.dumps(transcript.content(), ensure_ascii=False, indent=1) + "\n"


def odt(transcript: FinalTranscript) -> bytes:
    """An OpenDocument text of the paragraphs, the same bytes for the same transcript."""
    body = [f"<text:p>{_xml(one_line(transcript.about))}</text:p>"]
    for paragraph in transcript.paragraphs:
        head = f"{one_line(paragraph.voice.display_name)} · {_clock(paragraph, transcript)}".removeprefix(" · ")
        body.append(f'<text:h text:style-name="Heading_20_2" text:outline-level="2">{_xml(head)}</text:h>')
        body.append(f"<text:p>{_xml(one_line(paragraph.text))}</text:p>")
    return _open_document("".join(body))


FORMATS: Mapping[str, Callable[[FinalTranscript], str | bytes]] = {
    "txt": text,
    "md": markdown,
    "vtt": vtt,
    "srt": srt,
    "json": as_json,
    "odt": odt,
}
"""By the end of the file's name."""


def _cues(paragraphs: Sequence[Paragraph]) -> Iterator[_Cue]:
    """Part paragraphs into what fits on two lines of a screen and stays long enough to be read."""
    for paragraph in paragraphs:
        held: list[Word] = []
        for word in paragraph.words:
            if held and (
                len(joined([*held, word])) > _CUE_CHARS
                or word.end_ms - held[0].start_ms > _CUE_MS
                or word.start_ms - held[-1].end_ms > _CUE_PAUSE_MS
            ):
                yield _Cue(paragraph, tuple(held))
                held = []
            held.append(word)
        if held:
            yield _Cue(paragraph, tuple(held))


def _prefix(paragraph: Paragraph) -> str:
    name = one_line(paragraph.voice.display_name)
    return f"{name}: " if name else ""


def _clock(paragraph: Paragraph, transcript: FinalTranscript) -> str:
    return timestamp(max(0, paragraph.start_ms - transcript.started_ms))[:8]


def _comma(ms: int) -> str:
    return timestamp(ms).replace(".", ",")


def _plain(line: str) -> str:
    return one_line(line).replace("<", "‹").replace(">", "›").replace("{", "(").replace("}", ")")


def _escape_markdown(line: str) -> str:
    plain = "".join(f"\\{char}" if char in "\\`*_[]<>#|~" else char for char in one_line(line))
    head, mark, rest = plain.partition(" ")
    # At the beginning of a line these would make a list or a rule.
    if head in {"-", "+", "="} or (head.rstrip(".)").isdigit() and head[-1:] in {".", ")"}):
        head = f"{head[:-1]}\\{head[-1]}"
    return head + mark + rest


def _xml(line: str) -> str:
    return escape("".join(char for char in line if char >= " " and char not in "\ufffe\uffff"))


_ODT = "application/vnd.oasis.opendocument.text"
_OFFICE = "urn:oasis:names:tc:opendocument:xmlns:office:1.0"
_TEXT = "urn:oasis:names:tc:opendocument:xmlns:text:1.0"
_MANIFEST = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
_XML = '<?xml version="1.0" encoding="UTF-8"?>'


def _open_document(body: str) -> bytes:
    """Pack OpenDocument 1.3: its type first and uncompressed (part 2, 3.3)."""
    content = (
        f'{_XML}<office:document-content xmlns:office="{_OFFICE}" xmlns:text="{_TEXT}" office:version="1.3">'
        f"<office:body><office:text>{body}</office:text></office:body></office:document-content>"
    )
    manifest = (
        f'{_XML}<manifest:manifest xmlns:manifest="{_MANIFEST}" manifest:version="1.3">'
        f'<manifest:file-entry manifest:full-path="/" manifest:version="1.3" manifest:media-type="{_ODT}"/>'
        '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>'
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in (("mimetype", _ODT), ("content.xml", content), ("META-INF/manifest.xml", manifest)):
            how = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data.encode(), compress_type=how)
    return packed.getvalue()
