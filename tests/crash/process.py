"""payoutd as a process: started, killed, asked."""

import http.client
import os
import signal
import subprocess
import time


class Payoutd:
    def __init__(self, binary, settings, port, ops_port, token, log):
        self.binary, self.port, self.ops_port, self.token = binary, port, ops_port, token
        self.settings, self.log_path, self.process = settings, log, None
        self.log = open(log, "ab")

    def environment(self, more=None):
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PAYOUTD_")}
        return kept | self.settings | (more or {})

    def run(self, *arguments):
        done = subprocess.run(
            [self.binary, *arguments], env=self.environment(), capture_output=True, text=True, timeout=120, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"payoutd {' '.join(arguments)}: {done.stderr}")
        return done.stdout.strip()

    def start(self, more=None):
        self.process = subprocess.Popen(
            [self.binary, "serve"],
            env=self.environment(more),
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
        )

    def ended(self):
        return self.process.poll()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        return self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def ask(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.ops_port, timeout=5)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {self.token}"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()

    def await_ready(self, seconds):
        """Whether it got ready; False as well where it ended."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.ended() is not None:
                return False
            if self.ask("/readyz")[0] == 200:
                return True
            time.sleep(0.03)
        return False

    def memory(self):
        """Resident memory in MiB."""
        try:
            with open(f"/proc/{self.process.pid}/status") as status:
                line = next(line for line in status if line.startswith("VmRSS"))
            return int(line.split()[1]) // 1024
        except (OSError, StopIteration):
            return 0
