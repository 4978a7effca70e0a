# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""`passerelle models`: what there is, what is here, and whether it is whole."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console

from bots.engines.weights import default_cache
from bots.models import store
from bots.models.catalogue import CATALOGUE, Model, find

app = App(name="models", help="Speech models: list them, fetch them by name, verify them.")

Directory = Annotated[Path | None, Parameter(env_var="PASSERELLE_MODELS", help="The model directory.")]


@app.command(name="list")
def list_models(*, models: Directory = None) -> None:
    """Show the models that can be fetched and those that are here, with licence and hash."""
    directory = models or default_cache()
    here = {model.name: model for model in store.all_installed(directory)}
    lines = [f"In {directory}:" if here else f"There is no model in {directory} yet."]
    for model in CATALOGUE:
        found = here.pop(model.name, None)
        lines.append(f"\n{model.name}  for {', '.join(model.uses)}, {model.size_mb} MB, {model.licence}")
        lines += [f"  {_source(model)}", f"  here, {_hash(found)}" if found else f"  not here{_needs(model)}"]
    for other in here.values():
        lines += [f"\n{other.name}  {other.licence}", f"  {other.source}", f"  here, {_hash(other)}"]
    _say(Console(), "\n".join(lines))


@app.command
def fetch(*names: str, models: Directory = None) -> int:
    """Fetch models into the model directory; what is there already and whole is left alone."""
    console = Console(stderr=True)
    directory = models or default_cache()
    failed = not names
    if not names:
        _say(console, "Say which models to fetch; passerelle models list shows them.", bad=True)
    for name in names:
        model = find(name)
        if model is None:
            failed = True
            _say(console, f"There is no model {name}. There are: {', '.join(one.name for one in CATALOGUE)}.", bad=True)
            continue
        try:
            _say(console, f"{name}: {model.size_mb} MB from {_source(model)}")
            made = store.fetch(model, directory)
            _say(console, f"{name} is in {made.folder}: {_hash(made)}")
        except store.ModelError as error:
            failed = True
            _say(console, str(error), bad=True)
    return int(failed)


@app.command
def verify(*names: str, models: Directory = None) -> int:
    """Hash the files of models anew, of all if none is named; fails if one is not what it was."""
    console = Console(stderr=True)
    directory = models or default_cache()
    found = {model.name: model for model in store.all_installed(directory)}
    wanted = names or tuple(found)
    if not wanted:
        _say(console, f"There is no model in {directory}; passerelle models fetch brings one.", bad=True)
        return 1
    failed = False
    for name in wanted:
        model = found.get(name)
        wrong = store.damage(model, find(name)) if model else [f"it is not in {directory}"]
        failed = failed or bool(wrong)
        _say(console, f"{name}: {'; '.join(wrong) if wrong else 'whole'}", bad=bool(wrong))
    return int(failed)


def _source(model: Model) -> str:
    return f"{model.origin}: {model.source}" + (f"@{model.revision[:8]}" if model.revision else "")


def _needs(model: Model) -> str:
    return f"; first {model.needs}" if model.needs else ""


def _hash(model: store.Installed) -> str:
    return f"SHA-256 {model.sha256.get('model.bin', 'of each file in its manifest')}"


def _say(console: Console, text: str, *, bad: bool = False) -> None:
    console.print(text, style="red" if bad else None, markup=False, highlight=False, soft_wrap=True)
