# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A participant of the Python SDK as a program: plays a tone, and prints which tone it hears of somebody."""

import argparse
import asyncio
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from conftest import Person
from livekit import rtc


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("token")
    parser.add_argument("listen_to")
    parser.add_argument("hertz", type=float)
    parser.add_argument("--relay", action="store_true")
    arguments = parser.parse_args()
    person = Person("caller")
    kind = rtc.IceTransportType.TRANSPORT_RELAY if arguments.relay else rtc.IceTransportType.TRANSPORT_ALL
    await person.join(arguments.url, arguments.token, rtc_config=rtc.RtcConfiguration(ice_transport_type=kind))
    await person.speak(arguments.hertz)
    while True:
        print(json.dumps({"hears": person.hears(arguments.listen_to)}), flush=True)
        await asyncio.sleep(0.1)


asyncio.run(main())
