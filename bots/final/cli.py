# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""`passerelle transcribe FILE…`: recordings become transcripts on this machine, without a meeting or a server."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from bots.captions.export import FORMATS
from bots.captions.paragraphs import FinalTranscript
from bots.captions.parts import Speakers
from bots.captions.voices import SAME
from bots.engines.diarize import Diarizer, PipelineError
from bots.engines.silent_pyannote import DiarizationMissing
from bots.engines.weights import WeightsError, default_cache, find_model
from bots.final.hearing import ANY_NUMBER, LongHearing
from bots.final.recording import RecordingError
from bots.final.transcribing import Choices, Transcriber
from bots.models.catalogue import PIPELINE

Format = Literal["txt", "md", "vtt", "srt", "json", "odt"]

app = App(name="transcribe", help="Write what is said in recordings, on this machine alone.")


@app.default
def transcribe(
    *files: Annotated[Path, Parameter(allow_leading_hyphen=True)],
    model: str = "",
    language: tuple[str, ...] = (),
    format: Format = "txt",  # noqa: A002 - the option's name
    output: Path | None = None,
    diarize: bool = False,
    speakers: int | None = None,
    min_speakers: int | None = None,
    max_speakers: int | None = None,
    pipeline: Path | None = None,
    models: Annotated[Path | None, Parameter(env_var="PASSERELLE_MODELS")] = None,
) -> int:
    """Transcribe recordings; each becomes a file of the same name beside it.

    Args:
        files: Sound or video files, any format that FFmpeg reads.
        model: A model's directory or its name in `passerelle models list`; the base model if it is left out.
        language: The language spoken, "fr" for example, or several to choose among; found out if it is left out.
        format: What to write.
        output: A folder to write into, or - for standard output.
        diarize: Tell speakers apart; wants passerelle[diarization] and a pipeline.
        speakers: How many people speak in each recording, if that is known; it makes --diarize surer, and implies it.
        min_speakers: How many people speak at least; likewise.
        max_speakers: How many people speak at most; likewise.
        pipeline: A local pyannote pipeline; pyannote-community-1 among the models if it is left out.
        models: Where the models are.
    """
    console = Console(stderr=True)
    if not files:
        return _refuse(console, "Say which recordings to transcribe, for example: passerelle transcribe meeting.mp3")
    if Path("-") in files:
        return _refuse(console, "Standard input can't be transcribed: write it to a file, as its end is read first.")
    if unknown := next((path for path in files if str(path).startswith("-")), None):
        return _refuse(console, f"There is no option {unknown}; a file of that name is ./{unknown}.")
    to_stdout = output == Path("-")
    if to_stdout and format == "odt":
        return _refuse(console, "An ODT is no text: name a folder with --output.")
    try:
        if output is not None and not to_stdout:
            output.mkdir(parents=True, exist_ok=True)
        directory = models or default_cache()
        wanted = _speakers(speakers, min_speakers, max_speakers)
        diarize = diarize or wanted != ANY_NUMBER
        hearing = LongHearing(Diarizer(pipeline or directory / PIPELINE), SAME) if diarize else None
        transcriber = Transcriber(find_model(model, directory), Choices(language, wanted), hearing)
        with console.status("Loading the model"):
            transcriber.load()
    except (WeightsError, PipelineError, DiarizationMissing, OSError, ValueError, RuntimeError) as error:
        return _refuse(console, str(error))
    failed = 0
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), console=console
    )
    with bar:
        for path, target in zip(files, _targets(files, format, output), strict=True):
            task = bar.add_task(path.name, total=1.0)

            def progress(done: float, task: object = task) -> None:
                bar.update(task, completed=done)  # type: ignore[arg-type]  # rich's own id

            try:
                transcript = transcriber.transcribe(path, progress)
                made = FORMATS[format](transcript)
                if to_stdout:
                    sys.stdout.write(str(made))
                else:
                    _write(target, made)
                    bar.console.print(f"{path} → {target}", markup=False, highlight=False, soft_wrap=True)
                if doubt := _doubt(transcript, wanted):
                    bar.console.print(f"{path}: {doubt}", style="yellow", markup=False, highlight=False, soft_wrap=True)
            except RecordingError as error:
                failed += 1
                bar.remove_task(task)
                bar.console.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
    return 1 if failed else 0


def _speakers(exactly: int | None, least: int | None, most: int | None) -> Speakers:
    """Return what is known of how many people speak.

    Raises:
        ValueError: what was said contradicts itself.
    """
    if exactly is not None and (least, most) != (None, None):
        raise ValueError("Say --speakers, or --min-speakers and --max-speakers, not both.")
    if any(number is not None and number < 1 for number in (exactly, least, most)):
        raise ValueError("At least one person speaks: --speakers is 1 or more.")
    return Speakers(exactly or least or 0, exactly or most or 0)


def _doubt(transcript: FinalTranscript, wanted: Speakers) -> str:
    """Say that fewer people were found than there should be; nothing if all is well."""
    found = len({paragraph.voice for paragraph in transcript.paragraphs})
    return f"only {found} of {wanted.least} speakers could be told apart." if found < wanted.least else ""


def _targets(files: Sequence[Path], end: str, output: Path | None) -> Iterator[Path]:
    """Name the files to write; of two recordings whose names differ only in their ends, the second keeps its own."""
    taken = set(files)
    for path in files:
        folder = output or path.parent
        target = folder / f"{path.stem}.{end}"
        if target in taken:
            target = folder / f"{path.name}.{end}"
        taken.add(target)
        yield target


def _write(target: Path, made: str | bytes) -> None:
    """Write all or nothing.

    Raises:
        RecordingError: it can't be written.
    """
    part = target.with_name(f".{target.name}.part")
    try:
        part.write_bytes(made if isinstance(made, bytes) else made.encode())
        part.replace(target)
    except OSError as error:
        raise RecordingError(f"{target} can't be written ({error.strerror}): --output names another folder") from error


def _refuse(console: Console, reason: str) -> int:
    console.print(reason, style="red", markup=False, highlight=False, soft_wrap=True)
    return 2
