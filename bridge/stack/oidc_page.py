# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The OIDC provider's pages: choose who you are, and what went wrong. No scripts, one small style sheet."""

import base64
import hashlib
from collections.abc import Sequence
from urllib.parse import urlsplit

from jinja2 import Environment, StrictUndefined

from bridge.domain.languages import negotiate
from bridge.locales import catalogue
from bridge.stack.people import Person

_STYLE = """
:root { color-scheme: light dark; }
body { font: 1.05rem/1.5 system-ui, sans-serif; margin: 0 auto; padding: 8vh 1.25rem 2rem; max-width: 30rem;
  background: #f6f6fb; color: #1b1b35; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; }
p { margin: 0 0 1.5rem; }
ul { list-style: none; margin: 0; padding: 0; }
li { margin: 0 0 .75rem; }
button { all: unset; box-sizing: border-box; width: 100%; padding: .9rem 1.1rem; border: 1px solid #9191c5;
  border-radius: .5rem; background: #fff; color: inherit; cursor: pointer; }
button:hover { border-color: #000091; box-shadow: 0 0 0 1px #000091; }
button:focus-visible { outline: 3px solid #0a76f6; outline-offset: 2px; }
strong { display: block; font-size: 1.1rem; }
small { display: block; color: #4a4a68; }
@media (prefers-color-scheme: dark) {
  body { background: #16161f; color: #f0f0fa; }
  button { background: #22222f; border-color: #6a6a9c; }
  button:hover { border-color: #aaaaff; box-shadow: 0 0 0 1px #aaaaff; }
  small { color: #b9b9d0; }
}
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode("ascii")

_LAYOUT = """<!doctype html>
<html lang="{{ lang }}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>{{ style | safe }}</style>
<main>
<h1>{{ title }}</h1>
<p>{{ text }}</p>
{%- if people %}
<form method="post">
<ul>
{%- for person in people %}
<li><button name="sub" value="{{ person.sub }}"><strong>{{ person.name }}</strong>
<small>{{ person.organizational_unit }}</small></button></li>
{%- endfor %}
</ul>
</form>
{%- endif %}
</main>
</html>
"""
_TEMPLATE = Environment(autoescape=True, undefined=StrictUndefined).from_string(_LAYOUT)


def language(accept_language: str) -> str:
    """The one that the browser prefers of those that the pages speak."""
    return negotiate(accept_language)


def choose_page(lang: str, people: Sequence[Person]) -> str:
    """The sign-in page: one button a person. It posts to its own address."""
    words = catalogue(lang).demo
    return _render(lang, words["choose"], words["choose_text"], people)


def error_page(lang: str, reason: str) -> str:
    """For a request that can't be sent back to anybody."""
    return _render(lang, catalogue(lang).demo["error"], reason)


def signed_out_page(lang: str) -> str:
    """After a sign-out that leads nowhere else."""
    words = catalogue(lang).demo
    return _render(lang, words["signed_out"], words["signed_out_text"])


def security_headers(form_target: str | None) -> dict[str, str]:
    """Headers of every page. Browsers hold redirects after a form to `form-action`, so it names the client."""
    actions = "'self'"
    if form_target is not None:
        target = urlsplit(form_target)
        actions += f" {target.scheme}://{target.netloc}"
    return {
        "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action {actions}; "
        "base-uri 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }


def _render(lang: str, title: str, text: str, people: Sequence[Person] = ()) -> str:
    return _TEMPLATE.render(lang=lang, title=title, text=text, people=people, style=_STYLE)
