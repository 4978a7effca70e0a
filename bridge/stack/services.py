# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The processes of a stack: the command of each, and how it is seen to be ready."""

import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bridge.stack import postgres
from bridge.stack.accounts import Admin
from bridge.stack.people import CAPTIONS_DEVICE, CAPTIONS_LOCALPART
from bridge.stack.ports import LOOPBACK
from bridge.stack.probes import device_is_active, http_answers
from bridge.stack.render import Addresses, Rendered, templates_folder
from bridge.stack.supervisor import Service


@dataclass(frozen=True, slots=True)
class Services:
    """Makes the description of each process."""

    http: aiohttp.ClientSession
    where: Addresses
    files: Rendered

    def postgres(self, cluster: postgres.Cluster, superuser_password: str) -> Service:
        """The database of everybody else."""

        async def ready(_started_at: float) -> bool:
            return await postgres.accepts_connections(cluster.port, superuser_password)

        environment = postgres.clean_environment()
        return Service("postgres", cluster.command(), ready, signal.SIGINT, environment)

    def home(self) -> Service:
        """The homeserver of staff and guests."""
        return self._synapse("home", self.files.home, self.where.ports.home_client)

    def partner(self) -> Service:
        """The homeserver of the partner organisation."""
        return self._synapse("partner", self.files.partner, self.where.ports.partner_client)

    def oidc(self) -> Service:
        """Where staff sign in."""
        command = _python("bridge.stack.oidc_provider", "--config", str(self.files.oidc))
        port = self.where.ports.oidc
        ready = http_answers(self.http, f"http://{LOOPBACK}:{port}/.well-known/openid-configuration")
        return Service("oidc", command, ready)

    def sfu(self) -> Service:
        """Media."""
        command = _python("sfu", "serve", "--config", str(self.files.sfu))
        return Service("sfu", command, http_answers(self.http, f"{self.where.sfu_api}/"))

    def bridge(self) -> Service:
        """Pages, doors, authorisation."""
        command = _python("bridge", "serve", "--config", str(self.files.bridge))
        ready = http_answers(self.http, f"http://{LOOPBACK}:{self.where.ports.bridge}/ready")
        return Service("bridge", command, ready)

    def bots(self, admin: Admin) -> Service:
        """Captions."""
        command = _python("bots", "serve", "--config", str(self.files.bots))
        user_id = f"@{CAPTIONS_LOCALPART}:{self.where.home_name}"
        return Service("bots", command, device_is_active(admin, user_id, CAPTIONS_DEVICE))

    def worker(self) -> Service:
        """Final transcripts; it has no door to knock at, and what it can't reach it waits for."""

        async def ready(_started_at: float) -> bool:
            return True

        return Service("worker", _python("bots", "work", "--config", str(self.files.bots)), ready)

    def _synapse(self, name: str, config: Path, client_port: int) -> Service:
        command = _python("synapse.app.homeserver", "-c", str(config))
        ready = http_answers(self.http, f"http://{LOOPBACK}:{client_port}/health")
        return Service(name, command, ready, environment=_synapse_environment())


def _python(module: str, *arguments: str) -> list[str]:
    """A module of this very installation; the working directory stays off its path."""
    return [sys.executable, "-P", "-m", module, *arguments]


def _synapse_environment() -> Mapping[str, str]:
    """Our module on its path; an operator installs it instead: `pip install homeserver-config/synapse`."""
    path = os.pathsep.join(filter(None, (str(templates_folder() / "synapse"), os.environ.get("PYTHONPATH"))))
    # Its dependency on authlib prints a deprecation at each start, which would be the end of every short log.
    return {**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "ignore"}
