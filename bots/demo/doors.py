# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How each person of the demo gets in: over HTTP, as a browser does it, through the stack's published addresses."""

from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any, Self
from urllib.parse import parse_qs, urljoin, urlsplit

import aiohttp

REDIRECTS_MAX = 10
"""stops: a sign-in that sends us round in circles."""


class DoorError(Exception):
    """A door did not open; the text says which, and what it answered."""


@dataclass(frozen=True, slots=True)
class Account:
    """A Matrix session that a door gave."""

    user_id: str
    device_id: str
    access_token: str
    base_url: str

    @classmethod
    def from_session(cls, session: dict[str, Any]) -> Self:
        """Take it out of the bridge's Session object."""
        matrix = session["matrix"]
        return cls(matrix["user_id"], matrix["device_id"], matrix["access_token"], matrix["base_url"])


class SignInForm(HTMLParser):
    """The buttons and hidden fields of a provider's sign-in page."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.hidden: dict[str, str] = {}
        self.choices: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note one tag of the page."""
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = values.get("action", "")
        elif tag == "input" and values.get("type") == "hidden":
            self.hidden[values["name"]] = values.get("value", "")
        elif values.get("name") and (tag == "button" or values.get("type") in {"radio", "submit"}):
            self.choices.append((values["name"], values.get("value", "")))


async def staff(http: aiohttp.ClientSession, url: str, subject: str) -> dict[str, Any]:
    """Sign in at the OIDC provider as one of the demo staff; returns the bridge's Session object.

    `http` needs a cookie jar of its own: the sign-in's state is bound to it.
    """
    target = f"{url}/auth/login?next=/"
    form: dict[str, str] | None = None
    for _ in range(REDIRECTS_MAX):
        method = "POST" if form else "GET"
        async with http.request(method, target, data=form, allow_redirects=False) as response:
            form = None
            location = response.headers.get("Location")
            if location:
                target = urljoin(target, location)
                if code := parse_qs(urlsplit(target).fragment).get("code"):
                    return await post(http, f"{url}/auth/session", {"code": code[0]})
                continue
            page = SignInForm()
            page.feed(await response.text())
            chosen = next((choice for choice in page.choices if choice[1] == subject), None)
            if response.status != 200 or chosen is None:
                raise DoorError(f"the sign-in page ({response.status}) does not offer {subject}")
            form = {**page.hidden, chosen[0]: chosen[1]}
            target = urljoin(target, page.action)
    raise DoorError(f"the sign-in did not end after {REDIRECTS_MAX} redirects")


async def partner(http: aiohttp.ClientSession, base_url: str, user_id: str, password: str) -> Account:
    """Sign in at the partner's own homeserver."""
    answer = await post(
        http,
        f"{base_url}/_matrix/client/v3/login",
        {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": user_id},
            "password": password,
            "initial_device_display_name": "Demo",
        },
    )
    return Account(answer["user_id"], answer["device_id"], answer["access_token"], base_url)


async def guest(http: aiohttp.ClientSession, link: str, name: str) -> dict[str, Any]:
    """Open the invite link and give a name; returns the bridge's Session object with its meeting."""
    async with http.get(link) as page:
        if page.status != 200:
            raise DoorError(f"the invite link answered {page.status}")
    return await post(http, link, {"display_name": name})


async def post(http: aiohttp.ClientSession, url: str, body: object, token: str = "") -> dict[str, Any]:
    """POST JSON, get JSON.

    Raises:
        DoorError: any other status than 2xx, with what the answer says.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with http.post(url, json=body, headers=headers) as response:
        answer: dict[str, Any] = await response.json(content_type=None)
        if response.status // 100 != 2:
            raise DoorError(f"{urlsplit(url).path.split('/')[1]}: {response.status} {answer.get('error', answer)}")
        return answer
