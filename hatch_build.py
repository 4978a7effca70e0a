# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What does the packaging add to Python's files? The engine in C, where there is a compiler; without one it says so."""

import os
import runpy
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUILD = Path("sfu", "native", "build.py")
PLATFORM = "WHEEL_PLATFORM"
"""Environment variable: the platform tag of a wheel whose compiler made it run on more than this system."""


class NativeEngine(BuildHookInterface[Any]):
    """Run by `pip install` and `pip wheel`; never the reason why they fail."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the engine beside its sources and put it into the wheel."""
        recipe = runpy.run_path(str(Path(self.root, BUILD)))
        try:
            built = recipe["build"](Path(self.root, BUILD.parent, recipe["BUILT"].name))
        except recipe["NotBuiltError"] as error:
            self.app.display_warning(f"The SFU will run its Python engine; the native one was not built: {error}")
            return
        if version != "editable":
            platform = os.environ.get(PLATFORM) or sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["artifacts"].append(built.relative_to(self.root).as_posix())
            build_data["pure_python"] = False
            build_data["tag"] = f"cp311-abi3-{platform}"
