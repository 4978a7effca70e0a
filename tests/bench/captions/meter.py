# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What did each reading cost? The engine with a meter: processor seconds, and readings of the same audio done once.

Processor seconds of this process (one thread works in it) do not change when other programs want the processor, as
seconds on the wall do. A reading that was done before, of the same samples with the same arguments, is not done again:
it gives the same answer at the same price.
"""

import hashlib
import time
from collections.abc import Callable, Mapping
from typing import Any

from bots.engines.contract import Decoded, Samples, SpeechEngine


class Meter:
    """A ``SpeechEngine`` around another one; ``spent_s`` grows by what each call costs."""

    def __init__(self, engine: SpeechEngine) -> None:
        self.engine = engine
        self.spent_s = 0.0
        self._known: dict[tuple[Any, ...], tuple[Any, float]] = {}

    def load(self) -> None:
        self.engine.load()

    def identify(self, samples: Samples, *rest: Any, **named: Any) -> Mapping[str, float]:
        return self.priced("identify", self.engine.identify, samples, *rest, **named)

    def transcribe(self, samples: Samples, lang: str, **named: Any) -> Decoded:
        return self.priced("transcribe", self.engine.transcribe, samples, lang, **named)

    def priced(self, name: str, call: Callable[..., Any], samples: Samples, *rest: Any, **named: Any) -> Any:
        """Make a call or remember it, and count its price either way."""
        answer, price = self.remembered(name, call, samples, *rest, **named)
        self.spent_s += price
        return answer

    def remembered(
        self, name: str, call: Callable[..., Any], samples: Samples, *rest: Any, **named: Any
    ) -> tuple[Any, float]:
        """Make a call or remember it; return its answer and its price without counting it."""
        key = (name, hashlib.blake2b(samples.tobytes(), digest_size=16).digest(), rest, tuple(sorted(named.items())))
        if key not in self._known:
            began = time.process_time()
            answer = call(samples, *rest, **named)
            self._known[key] = answer, time.process_time() - began
        return self._known[key]
