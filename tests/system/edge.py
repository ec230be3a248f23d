"""A tocsin-edge on loopback, for tests: start it, wait for its log, ask it, end it."""

import http.client
import os
import re
import select
import signal
import subprocess
import time

EDGE = os.path.join(os.environ["PROGRAMS"], "tocsin-edge")
GOOD = """\
route: {receiver: team, group_wait: 1h}
receivers: [{name: team, webhook_configs: [{url: "http://127.0.0.1:9/"}]}]
"""


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


class Edge:
    def __init__(self, folder, *args, env=None, pass_fds=(), preexec_fn=None, listen=True):
        self.log = ""
        where = ["--web.listen-address=127.0.0.1:0"] if listen else []
        self.process = subprocess.Popen(
            [EDGE, f"--config.file={folder}/am.yml", f"--storage.path={folder}/data",
             *([] if any(a.startswith("--cluster.listen-address") for a in args) else ["--cluster.listen-address="]),
             *where, *args],
            stderr=subprocess.PIPE, env=env, pass_fds=pass_fds, preexec_fn=preexec_fn)

    def wait_log(self, text, after=0, seconds=60):
        """The log once it has the text behind the position; waits for it, not for time."""
        deadline = time.monotonic() + seconds
        while text not in self.log[after:]:
            left = deadline - time.monotonic()
            assert left > 0, f"no {text!r} in:\n{self.log}"
            if select.select([self.process.stderr], [], [], left)[0]:
                chunk = os.read(self.process.stderr.fileno(), 65536).decode()
                assert chunk, f"ended without {text!r}:\n{self.log}"
                self.log += chunk
        return self.log

    def ready(self):
        log = self.wait_log("msg=ready")
        found = re.search(r'msg="Listening on" address=127\.0\.0\.1:(\d+)', log)
        assert found, log
        self.port = int(found[1])
        return self

    def send(self, method, path, body=None, headers=None):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        c.request(method, path, body, headers or {})
        r = c.getresponse()
        answer = Answer(r.status, r.headers, r.read().decode())
        c.close()
        return answer

    def ask(self, method, path, body=None):
        r = self.send(method, path, body, {"Content-Type": "application/json"})
        return r.status, r.body

    def metric(self, name):
        return float(re.search(rf"^{re.escape(name)} (\S+)$", self.ask("GET", "/metrics")[1], re.M)[1])

    def end(self, signo=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(signo)
        self.log += self.process.communicate(timeout=60)[1].decode()
        return self.process.returncode


def run(*args):
    return subprocess.run([EDGE, *args], capture_output=True, text=True, timeout=60)
