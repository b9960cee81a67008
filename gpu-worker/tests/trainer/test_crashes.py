"""Real processes, really killed: what they left must be whole, and going on must give the same bits."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from belay_gpu.engine.errors import EngineError
from belay_gpu.engine.protocol import Snapshot
from belay_gpu.trainer.checkpoints import list_checkpoints, read_checkpoint, write_checkpoint
from belay_gpu.trainer.commands import Candidate
from belay_gpu.trainer.spool import Spool
from tests.support.servers import until
from tests.trainer.harness import Bench, events, losses, put, trainer, trainer_process, turn_until_done

LONG = 60


def newest(spool: Spool, job: str) -> Path:
    return list_checkpoints(spool.job_folder(job) / "checkpoints")[-1]


def test_killed_and_resumed_equals_uninterrupted_bit_for_bit(bench: Bench, tmp_path: Path) -> None:
    order: dict[str, Any] = {"total_steps": LONG, "target_step": LONG, "eval_steps": 20, "save_steps": 10}
    with trainer_process(tmp_path / "killed") as (process, spool):
        spool.put(bench.train_order("a", **order))
        until(lambda: len(list_checkpoints(spool.job_folder("a") / "checkpoints")) >= 2, "two checkpoints")
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert spool.result("a") is None
    before = losses(events(spool))
    assert before
    assert max(before) < LONG
    checkpoint = newest(spool, "a")
    step = int(checkpoint.name.split("-")[0])
    with trainer_process(tmp_path / "killed") as (_, again):
        until(lambda: again.result("a") is not None, "the lost job's result")
        assert again.result("a")["error"]["type"] == "EngineLost"
        again.put(bench.train_order("b", epoch=2, resume=[Candidate(str(checkpoint), step, 1)], **order))
        until(lambda: again.result("b") is not None, "the resumed trial")
    resumed = again.result("b")["output"]
    assert resumed["resumedFromStep"] == step
    straight = trainer(tmp_path / "straight")
    put(straight, bench.train_order("a", **order))
    [whole] = turn_until_done(straight, "a")
    assert resumed["adapterSha256"] == whole["output"]["adapterSha256"]
    assert resumed["metrics"] == whole["output"]["metrics"]
    expected = losses(events(straight))
    assert {**before, **losses(events(again), epoch=2)} == expected
    assert (newest(again, "b") / "trainer_state.safetensors").read_bytes() == (
        newest(straight.resources.spool, "a") / "trainer_state.safetensors"
    ).read_bytes()


def test_sigterm_checkpoints_and_exits(bench: Bench, tmp_path: Path) -> None:
    with trainer_process(tmp_path) as (process, spool):
        spool.put(
            bench.train_order("a", total_steps=5000, target_step=5000, eval_steps=5000, save_steps=5000)
        )
        spool.put(bench.train_order("w", subject="run/trial-1"))
        until(lambda: (spool.status("a") or {}).get("step", 0) > 2, "some steps")
        process.terminate()
        assert process.wait(30) == 0
    output = spool.result("a")["output"]
    assert output["status"] == "stopped"
    assert read_checkpoint(Path(output["checkpoint"]["folder"])).meta["step"] == output["step"] > 2
    assert spool.result("w")["error"]["type"] == "EngineLost"
    assert events(spool)[-1]["kind"] == "trial.left"


def test_a_trainer_leaves_with_its_parent(bench: Bench, tmp_path: Path) -> None:
    root = tmp_path / "spool"
    script = (
        "import os, subprocess, sys, time\n"
        "subprocess.Popen([sys.executable, '-m', 'belay_gpu.trainer', '--spool', sys.argv[1],"
        " '--device', 'cpu', '--threads', '1', '--parent', str(os.getpid())])\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, str(root)])
    spool = Spool(root)
    try:
        until(lambda: spool.ready() is not None, "the trainer", 120)
        spool.put(
            bench.train_order("a", total_steps=5000, target_step=5000, eval_steps=5000, save_steps=5000)
        )
        until(lambda: (spool.status("a") or {}).get("step", 0) > 2, "some steps")
    finally:
        parent.kill()
        parent.wait()
    until(lambda: spool.result("a") is not None, "the checkpoint of the orphan")
    assert spool.result("a")["output"]["status"] == "stopped"

    def unlocked() -> bool:
        handle = spool.lock()
        if handle is not None:
            os.close(handle)
        return handle is not None

    until(unlocked, "the orphan's end")


def test_one_spool_has_one_trainer(tmp_path: Path) -> None:
    held = Spool(tmp_path).lock()
    assert held is not None
    command = [sys.executable, "-m", "belay_gpu.trainer", "--spool", str(tmp_path), "--device", "cpu"]
    second = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    os.close(held)
    assert second.returncode == 1
    assert "another trainer" in second.stderr
    assert "Traceback" not in second.stderr


SNAPSHOT = Snapshot(b"{}", b"adapter" * 100, b"state" * 100, {"step": 8})
KILLED_AT = """
import os, signal, sys
from pathlib import Path
from belay_gpu.engine.protocol import Snapshot
from belay_gpu.trainer import checkpoints
count, stop = 0, int(sys.argv[2])
def boundary(real):
    def call(*a, **k):
        global count
        count += 1
        if count == stop:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*a, **k)
    return call
checkpoints.write_synced = boundary(checkpoints.write_synced)
checkpoints.sync_folder = boundary(checkpoints.sync_folder)
checkpoints.remove_tree = boundary(checkpoints.remove_tree)
snapshot = Snapshot(b"{}", b"adapter" * 100, b"state" * 100, {"step": 8})
checkpoints.write_checkpoint(Path(sys.argv[1]), snapshot, 2, {})
"""


def test_killed_at_every_file_boundary_the_checkpoint_is_whole_or_not_there(tmp_path: Path) -> None:
    earlier = write_checkpoint(tmp_path / "c", Snapshot(b"{}", b"old", b"old", {"step": 4}), 1, {})
    appeared: list[bool] = []
    stop = 0
    for stop in range(1, 30):
        folder = tmp_path / f"at-{stop}"
        shutil.copytree(earlier.parent, folder)
        run = subprocess.run(
            [sys.executable, "-c", KILLED_AT, str(folder), str(stop)], check=False, capture_output=True
        )
        found = list_checkpoints(folder)
        assert found[0].name == earlier.name
        assert read_checkpoint(found[0]).adapter == b"old"
        for checkpoint in found[1:]:
            assert read_checkpoint(checkpoint).adapter == SNAPSHOT.adapter
        appeared.append(len(found) == 2)
        # Whatever lies there, writing it again works.
        assert read_checkpoint(write_checkpoint(folder, SNAPSHOT, 2, {})).state == SNAPSHOT.state
        if run.returncode == 0:
            break
        assert run.returncode == -signal.SIGKILL
    assert stop > 8
    assert appeared[0] is False
    assert appeared[-1] is True
    assert appeared == sorted(appeared)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_on_a_full_disk_the_checkpoint_before_is_intact(small_disk: Path) -> None:
    folder = small_disk / "checkpoints"
    first = write_checkpoint(folder, Snapshot(b"{}", b"a" * 60_000, b"s" * 60_000, {"step": 4}), 1, {})
    with pytest.raises(EngineError) as raised:
        write_checkpoint(folder, Snapshot(b"{}", b"b" * 60_000, b"t" * 90_000, {"step": 8}), 1, {})
    assert raised.value.type == "DiskFull"
    assert "step 8" in raised.value.message
    assert [entry.name for entry in folder.iterdir()] == [first.name]
    assert read_checkpoint(first).adapter == b"a" * 60_000
    assert shutil.disk_usage(small_disk).free > 90_000
