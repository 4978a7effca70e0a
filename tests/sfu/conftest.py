# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What all tests of the SFU share: ports, and patience with examples on a busy machine."""

import pytest
from hypothesis import settings

from tests import ports

settings.register_profile("passerelle", deadline=None)
settings.load_profile("passerelle")


@pytest.fixture(scope="session")
def free_ports():
    """Gives a port for HTTP and one for media."""
    return ports.free_ports
