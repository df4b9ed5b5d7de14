"""A small disk for the database, which gets full: nothing may be lost, and all goes on once there is space again."""

import os
import subprocess
import threading
import time
from pathlib import Path

SIGNS = ("No space left on device", "disk is full", "could not extend file")
PANIC = "crash of another server process"  # what those are told whose server died of it
MEGABYTE = b"\0" * 2**20


class Disk:
    """A file system of its own, in memory. Only root can mount one."""

    def __init__(self, directory, megabytes):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True)
        options = f"size={megabytes}m,mode=755"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "payoutd-crash", self.directory], check=True)
        self.ballast = self.directory / "ballast"
        self.full = threading.Event()
        threading.Thread(target=self.keep_full, daemon=True, name="disk").start()

    @staticmethod
    def possible():
        return os.geteuid() == 0

    def keep_full(self):
        """Whatever is given back is taken again for as long as the disk is to be full."""
        while True:
            self.full.wait()
            try:
                with open(self.ballast, "ab", buffering=0) as file:
                    for size in (2**20, 2**12):
                        while self.full.is_set() and file.write(MEGABYTE[:size]) == size:
                            pass
            except OSError:
                pass
            time.sleep(0.02)

    def free(self):
        self.full.clear()
        time.sleep(0.1)
        self.ballast.unlink(missing_ok=True)

    def end(self):
        self.full.clear()
        subprocess.run(["umount", "-l", self.directory], check=False)


def all_disk_full(run, wanted):
    """So many times over: it gets full, is full for a while, and there is space again."""
    for number in range(1, wanted + 1):
        refused, took_effect = fill(run, number)
        run.neighbours.disk.free()
        run.neighbours.revive_database()
        run.kills.counts["disk full"] += took_effect
        run.kills.counts["refused with 503 while the disk was full"] += refused
        if not works_again(run):
            run.history.violate("I10", f"no payout could be made in 40 s after there was space again ({number})")
        run.kills.note_life()
        run.say(f"disk full {number} times, {refused} calls refused; {run.figures()}")


def fill(run, number):
    """Fills the disk until partners are refused, and for some seconds more."""
    counts, disk = run.history.counts, run.neighbours.disk
    before, deadline = counts["answered 503"], time.monotonic() + 30
    disk.full.set()
    while counts["answered 503"] - before < 3 and time.monotonic() < deadline:
        run.kills.still_there()
        if number % 2 == 0:
            run.neighbours.use_up_the_log()
        time.sleep(0.1)
    ends = time.monotonic() + run.rng.uniform(1, 5)
    while time.monotonic() < ends:
        run.kills.still_there()
        time.sleep(0.1)
    refused = counts["answered 503"] - before
    return refused, refused >= 3


def works_again(run):
    counts = run.history.counts
    before, deadline = counts["creates acknowledged"], time.monotonic() + 40
    while counts["creates acknowledged"] - before < 10:
        if time.monotonic() > deadline:
            return False
        run.kills.get_ready()
        time.sleep(0.1)
    return True


def gates(run, wanted):
    """Why this proves nothing, if it does not."""
    full, log = run.kills.counts["disk full"], run.payoutd.log_path.read_text(errors="replace")
    why = [] if full == wanted else [f"the disk was full {full} of {wanted} times"]
    if not any(sign in log for sign in SIGNS):
        why.append("payoutd's log has no word of a full disk")
    if run.options.store == "postgres" and wanted > 1 and PANIC not in log:
        why.append("PostgreSQL never had to give up for want of space for its log")
    return why
