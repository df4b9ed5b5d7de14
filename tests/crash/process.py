"""The payoutd process under test."""

import http.client
import os
import signal
import subprocess
import time


class PayoutdProcess:
    def __init__(self, binary, settings, ops_port, ops_token, log_path):
        self.binary, self.ops_port, self.ops_token = binary, ops_port, ops_token
        self.settings, self.log_path, self.process = settings, log_path, None
        self.log = open(log_path, "ab")

    def environment(self, extra=None):
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("PAYOUTD_")}
        return inherited | self.settings | (extra or {})

    def run(self, *arguments):
        """Runs a command to its end and returns its output. Raises `RuntimeError` if it fails."""
        result = subprocess.run(
            [self.binary, *arguments],
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if result.returncode != 0:
            raise RuntimeError(f"payoutd {' '.join(arguments)}: {result.stderr}")
        return result.stdout.strip()

    def start(self, extra=None):
        self.process = subprocess.Popen(
            [self.binary, "serve"],
            env=self.environment(extra),
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
        )

    def exit_code(self):
        """None while the process runs; the negated signal number if a signal ended it."""
        return self.process.poll()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        return self.process.wait()

    def stop(self):
        """Stops the process with SIGTERM and returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def get_ops(self, path):
        """The status and body of the operators' endpoint at `path`; status 0 if there is no response."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ops_port, timeout=5)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {self.ops_token}"})
            response = connection.getresponse()
            return response.status, response.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()

    def await_ready(self, seconds):
        """Returns whether the process is ready. Returns False early if it exited."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.exit_code() is not None:
                return False
            if self.get_ops("/readyz")[0] == 200:
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

    def log_tail(self, length):
        """The last `length` bytes of the log."""
        return self.log_path.read_bytes()[-length:].decode(errors="replace")
