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


_KEPT = (
    " Until the transcript is written after the call, the sound of those who agree is kept on this server; then it is"
    " deleted. Whoever takes it back before has no part in it."
)
_KEPT_FR = (
    " Jusqu'à la rédaction de la transcription après l'appel, le son des personnes d'accord est conservé sur ce"
    " serveur, puis effacé. Qui revient sur son accord avant cela n'y figure pas."
)


def asked(name: str, user_id: str, *, keeps_sound: bool) -> dict[str, Any]:
    """Return the notice that comes before any audio is received; it says whether sound is kept."""
    kept, kept_fr = (_KEPT, _KEPT_FR) if keeps_sound else ("", "")
    body = (
        f"{name} asks for captions of this call. Only what you say is written down, and only if you agree: react to"
        " this message with ✅, or agree on the call page. Take it back there at any time, and it stops at once."
        f"{kept}"
        f" To see captions as a picture in the call: {_TILE}. To end captions for everybody: {_OFF}\n"
        f"{name} demande le sous-titrage de cet appel. Vos paroles ne sont transcrites que si vous êtes d'accord :"
        " réagissez à ce message par ✅, ou acceptez sur la page de l'appel. Vous pouvez revenir sur cet accord à tout"
        f" moment, avec effet immédiat.{kept_fr} Pour voir les sous-titres en image dans l'appel : {_TILE}."
        f" Pour tout arrêter : {_OFF}"
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

NO_DIARIZATION = (
    "I can't tell voices apart here: [diarization] is not set up. · Je ne sais pas distinguer les voix ici :"
    " [diarization] n'est pas configuré."
)
WHOSE_MICROPHONE = (
    f"Whose microphone? Say {text_of(Command.SHARED)} for yours, or name one person of this room after it. ·"
    f" Le micro de qui ? Écrivez {text_of(Command.SHARED)} pour le vôtre, ou nommez ensuite une personne de ce salon."
)
NOT_YOUR_MICROPHONE = (
    "Only its owner or a host says whether a microphone is shared. · Seuls son propriétaire ou un animateur disent si"
    " un micro est partagé."
)
WHICH_VOICE = (
    f"Which voice? {text_of(Command.ME)} Voice 1, or 🙋 on a line where one voice speaks; hosts:"
    f" {text_of(Command.NAME)} Voice 1 = a name. · Quelle voix ? {text_of(Command.ME)} Voix 1, ou 🙋 sur une ligne où"
    f" parle une seule voix ; animateurs : {text_of(Command.NAME)} Voix 1 = un nom."
)
CLAIMED = (
    f"Somebody else said they are this voice; a host can decide: {text_of(Command.NAME)} Voice 1 = a name. · Quelqu'un"
    f" d'autre s'est reconnu dans cette voix ; un animateur peut trancher : {text_of(Command.NAME)} Voix 1 = un nom."
)


def several_voices(name: str) -> str:
    """Return what the bot says when it hears by itself that a microphone is shared."""
    off = f"{text_of(Command.SHARED)} @… off"
    return (
        f"I hear several people at the microphone of {name} and tell their voices apart from now on. Is one of them"
        f" yours? React with 🙋 to a line of yours, or say {text_of(Command.ME)} Voice 1. If I am wrong: {off}. ·"
        f" J'entends plusieurs personnes au micro de {name} et distingue désormais leurs voix. L'une est la vôtre ?"
        f" Réagissez par 🙋 à l'une de vos lignes, ou écrivez {text_of(Command.ME)} Voix 1. Si je me trompe : {off}."
    )


def marked(name: str, *, shared: bool) -> str:
    """Return the answer to somebody who said whether a microphone is shared."""
    if not shared:
        return f"What is said there is {name}'s again. · Ce qui s'y dit est de nouveau de {name}."
    return (
        f"I tell the voices at the microphone of {name} apart, and forget them when the meeting ends. Is one of them"
        f" yours? React with 🙋 to a line of yours, or say {text_of(Command.ME)} Voice 1. · Je distingue les voix au"
        f" micro de {name}, et les oublie à la fin de la réunion. L'une est la vôtre ? Réagissez par 🙋 à l'une de vos"
        f" lignes, ou écrivez {text_of(Command.ME)} Voix 1."
    )
