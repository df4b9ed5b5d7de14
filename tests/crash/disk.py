"""A full disk under the database: payoutd must lose nothing, and recover when space is available again."""

import os
import subprocess
import threading
import time
from pathlib import Path

DISK_FULL_MESSAGES = ("No space left on device", "disk is full", "could not extend file")
# PostgreSQL sends this to every other backend after it panics.
POSTGRES_PANIC_MESSAGE = "crash of another server process"
MEGABYTE = b"\0" * 2**20


class LimitedDisk:
    """A tmpfs of limited size. Mounting it needs root."""

    def __init__(self, directory, megabytes):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True)
        options = f"size={megabytes}m,mode=755"
        command = ["mount", "-t", "tmpfs", "-o", options, "payoutd-crash", self.directory]
        subprocess.run(command, check=True)
        self.ballast = self.directory / "ballast"
        self.filling = threading.Event()
        threading.Thread(target=self.fill_continuously, daemon=True, name="disk").start()

    @staticmethod
    def can_mount():
        return os.geteuid() == 0

    def fill_continuously(self):
        """Takes all free space, again and again, while `filling` is set."""
        while True:
            self.filling.wait()
            try:
                with open(self.ballast, "ab", buffering=0) as file:
                    for size in (2**20, 2**12):
                        while self.filling.is_set() and file.write(MEGABYTE[:size]) == size:
                            pass
            except OSError:
                pass
            time.sleep(0.02)

    def free(self):
        self.filling.clear()
        time.sleep(0.1)
        self.ballast.unlink(missing_ok=True)

    def unmount(self):
        self.filling.clear()
        subprocess.run(["umount", "-l", self.directory], check=False)


def run_disk_full_faults(run, wanted):
    """Fills the disk, frees it and waits for recovery, `wanted` times."""
    for number in range(1, wanted + 1):
        refused, took_effect = fill_disk(run, number)
        run.dependencies.disk.free()
        run.dependencies.restart_database_if_stopped()
        run.kills.counts["disk full"] += took_effect
        run.kills.counts["refused with 503 while the disk was full"] += refused
        if not recovers(run):
            run.history.add_violation("I10", f"no payout was created within 40 s of free space ({number})")
        run.kills.close_interval()
        run.log(f"disk full {number} times, {refused} calls refused; {run.progress()}")


def fill_disk(run, number):
    """Keeps the disk full until calls are refused, and for 1 to 5 s more. Every second fault also makes
    PostgreSQL panic. Returns the number of refused calls and whether the fault took effect."""
    counts, disk = run.history.counts, run.dependencies.disk
    before, deadline = counts["responses with 503"], time.monotonic() + 30
    disk.filling.set()
    while counts["responses with 503"] - before < 3 and time.monotonic() < deadline:
        run.kills.restart_if_exited()
        if number % 2 == 0:
            run.dependencies.switch_wal_segment()
        time.sleep(0.1)
    end = time.monotonic() + run.rng.uniform(1, 5)
    while time.monotonic() < end:
        run.kills.restart_if_exited()
        time.sleep(0.1)
    refused = counts["responses with 503"] - before
    return refused, refused >= 3


def recovers(run):
    counts = run.history.counts
    before, deadline = counts["creates acknowledged"], time.monotonic() + 40
    while counts["creates acknowledged"] - before < 10:
        if time.monotonic() > deadline:
            return False
        run.kills.await_ready()
        time.sleep(0.1)
    return True


def invalid_reasons(run, wanted):
    full, log = run.kills.counts["disk full"], run.payoutd.log_path.read_text(errors="replace")
    reasons = [] if full == wanted else [f"the disk was full {full} of {wanted} times"]
    if not any(message in log for message in DISK_FULL_MESSAGES):
        reasons.append("payoutd's log has no disk-full error")
    if run.options.store == "postgres" and wanted > 1 and POSTGRES_PANIC_MESSAGE not in log:
        reasons.append("PostgreSQL never panicked for lack of space for its write-ahead log")
    return reasons
