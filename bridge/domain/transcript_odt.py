# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A transcript as a text document (OpenDocument 1.3), which every office program opens."""

from __future__ import annotations

import io
import zipfile
from xml.sax.saxutils import escape

from bridge.domain.plain import one_line
from bridge.domain.transcript_text import Page, corrected_line

MIMETYPE = "application/vnd.oasis.opendocument.text"

_NAMES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{path}:1.0"'
    for name, path in (("office", "office"), ("text", "text"), ("style", "style"), ("fo", "xsl-fo-compatible"))
)
_META_NAMES = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:dc="http://purl.org/dc/elements/1.1/"'
)
_MANIFEST = f"""<?xml version="1.0" encoding="UTF-8"?>
<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.3">\
<manifest:file-entry manifest:full-path="/" manifest:version="1.3" manifest:media-type="{MIMETYPE}"/>\
<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/>\
<manifest:file-entry manifest:full-path="styles.xml" manifest:media-type="text/xml"/>\
<manifest:file-entry manifest:full-path="meta.xml" manifest:media-type="text/xml"/>\
</manifest:manifest>"""
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of every entry, so that the same transcript is the same file."""


def open_document(page: Page) -> bytes:
    """Return the transcript as the bytes of an .odt file."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        _put(archive, "mimetype", MIMETYPE, zipfile.ZIP_STORED)  # first and plain, says OpenDocument 1.3, part 2, 3.3
        _put(archive, "META-INF/manifest.xml", _MANIFEST)
        _put(archive, "content.xml", _content(page))
        _put(archive, "styles.xml", _styles(page.labels.lang))
        _put(archive, "meta.xml", _meta(page))
    return made.getvalue()


def _put(archive: zipfile.ZipFile, name: str, text: str, compression: int = zipfile.ZIP_DEFLATED) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = compression
    archive.writestr(entry, text.encode())


def _content(page: Page) -> str:
    body = [_heading(page.title)]
    body += [
        _paragraph("Fact", _span("Strong", f"{label}{page.labels.colon} ") + _escaped(value))
        for label, value in page.facts
    ]
    if page.note:
        body.append(_paragraph("Note", _escaped(page.note)))
    for turn in page.turns:
        time = _span("Time", f"  {page.clock(turn.start_ms)}")
        body.append(_paragraph("Speaker", _span("Strong", turn.name) + time))
        for said in turn.texts:
            who = corrected_line(said, page.labels)
            mark = _span("Time", f" ({who})") if who else ""
            body.append(_paragraph("Standard", _escaped(one_line(said.text)) + mark))
    return _document("document-content", f"<office:body><office:text>{''.join(body)}</office:text></office:body>")


def _styles(lang: str) -> str:
    country = {"fr": "FR", "de": "DE"}.get(lang, "GB")
    language = f'fo:language="{lang}" fo:country="{country}"'
    sheet = [
        _style(
            "Standard", f'<style:paragraph-properties fo:margin-bottom="0.2cm"/><style:text-properties {language}/>'
        ),
        _style("Heading_20_1", '<style:text-properties fo:font-size="18pt" fo:font-weight="bold"/>'),
        _style("Fact", '<style:paragraph-properties fo:margin-bottom="0.05cm"/>'),
        _style("Note", '<style:text-properties fo:font-style="italic"/>'),
        _style("Speaker", '<style:paragraph-properties fo:margin-top="0.4cm" fo:keep-with-next="always"/>'),
        _style("Strong", '<style:text-properties fo:font-weight="bold"/>', family="text"),
        _style("Time", '<style:text-properties fo:font-size="9pt" fo:color="#4b5d64"/>', family="text"),
    ]
    return _document("document-styles", f"<office:styles>{''.join(sheet)}</office:styles>")


def _meta(page: Page) -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<office:document-meta {_META_NAMES} office:version="1.3">'
        "<office:meta>"
        f"<dc:title>{_escaped(page.title)}</dc:title><dc:language>{page.labels.lang}</dc:language>"
        "</office:meta></office:document-meta>"
    )


def _document(kind: str, inner: str) -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<office:{kind} {_NAMES} office:version="1.3">{inner}</office:{kind}>'
    )


def _style(name: str, properties: str, family: str = "paragraph") -> str:
    return f'<style:style style:name="{name}" style:family="{family}">{properties}</style:style>'


def _heading(text: str) -> str:
    return f'<text:h text:style-name="Heading_20_1" text:outline-level="1">{_escaped(text)}</text:h>'


def _paragraph(style: str, inner: str) -> str:
    return f'<text:p text:style-name="{style}">{inner}</text:p>'


def _span(style: str, text: str) -> str:
    return f'<text:span text:style-name="{style}">{_escaped(text)}</text:span>'


def _escaped(text: str) -> str:
    """Escape text; every text here is one line without control signs, so XML can hold it."""
    spaced = escape(text)
    return spaced.replace("  ", " <text:s/>")
