# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What the bot says to a room in its own name."""

from typing import Any

from bots.captions.commands import Command, text_of
from bots.captions.ending import Ending
from bots.captions.health import Cause, Telling

NOTICE = "org.passerelle.captions.notice"
_OFF = text_of(Command.OFF)
_TILE = text_of(Command.TILE)


def text_event(body: str) -> dict[str, Any]:
    """Return a message nobody is called by."""
    return {"msgtype": "m.notice", "body": body, "m.mentions": {}}


def asked(name: str, user_id: str) -> dict[str, Any]:
    """Return the notice that comes before any audio is received."""
    body = (
        f"{name} asks for captions of this call. Only what you say is written down, and only if you agree: react to"
        " this message with ✅, or agree on the call page. Take it back there at any time, and it stops at once."
        f" To see captions as a picture in the call: {_TILE}. To end captions for everybody: {_OFF}\n"
        f"{name} demande le sous-titrage de cet appel. Vos paroles ne sont transcrites que si vous êtes d'accord :"
        " réagissez à ce message par ✅, ou acceptez sur la page de l'appel. Vous pouvez revenir sur cet accord à tout"
        f" moment, avec effet immédiat. Pour voir les sous-titres en image dans l'appel : {_TILE}. Pour tout arrêter :"
        f" {_OFF}"
    )
    return text_event(body) | {NOTICE: {"asked_by": user_id}}


def thread_root(title: str) -> dict[str, Any]:
    """Return the event that the captions hang below."""
    of = f" · {title}" if title else ""
    return text_event(f"Captions · Sous-titres{of}")


NOT_ENTITLED = (
    "Only somebody with power level 50 or more can ask me in. Goodbye. · Seules les personnes de niveau 50 ou plus"
    " peuvent m'inviter."
)
OTHER_SERVER = "I only write captions in rooms of my own homeserver. · Je ne sous-titre que les salons de mon serveur."
ENCRYPTED = "This room is encrypted: I can't hear its calls. · Ce salon est chiffré : je n'entends pas ses appels."

FAILED = "Something went wrong on my side; ask me in again. · Une erreur s'est produite ; invitez-moi de nouveau."

_WORSE = {
    Cause.ENGINE: "nothing can be read at the moment · rien ne peut être transcrit pour l'instant",
    Cause.OVERLOAD: (
        "there is more speech than can be read: words come late, sentence by sentence · il y a plus de paroles que de"
        " capacité : elles arrivent en retard, phrase par phrase"
    ),
    Cause.DRIFT: "more words are wrong than usual · plus de mots sont faux que d'habitude",
}
_BETTER = "Captions are as usual again. · Le sous-titrage est redevenu normal."


def health(telling: Telling, cause: Cause | None) -> str:
    """Return what to say when captions become worse than promised, and when that is over."""
    if telling is Telling.OVER or cause is None:
        return _BETTER
    english, french = _WORSE[cause].split(" · ")
    return f"Captions are degraded: {english}. The call itself is not. · Sous-titrage dégradé : {french}."


FAREWELLS = {
    Ending.ASKED: "Captions are off. · Sous-titrage arrêté.",
    Ending.EMPTY: "The call is over. · L'appel est terminé.",
    Ending.UNUSED: "Nobody came to the call. · Personne n'est venu à l'appel.",
    Ending.REFUSED: (
        "I may not join the call of this room: its power level for org.matrix.msc3401.call.member is above mine. ·"
        " Je n'ai pas le droit de rejoindre l'appel de ce salon."
    ),
}
