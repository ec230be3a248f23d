"""What the stages of tests/bench/run share: the two programs, a server of each, the load and what it cost."""
import json
import os
import shutil
import socket
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "deploy", "lib"))
from cluster import HOST, request, wait_for  # noqa: E402  pylint: disable=wrong-import-position

BUILD = os.path.join(ROOT, "build", "release")
WORK = os.path.join(ROOT, "build", "bench")
LOADGEN = os.path.join(BUILD, "tests", "bench", "bench_loadgen")
OURS, PEER = "tocsin-edge", "alertmanager"
CONFIG = """route: {receiver: hook, group_by: [alertname, namespace], group_wait: %s, group_interval: 10m, repeat_interval: 4h}
receivers: [{name: hook, webhook_configs: [{url: "http://127.0.0.1:%d/"}]}]
"""
started = time.monotonic()
results = {}  # (stage, figure, program) -> values, one a round
over = set()  # of those, where a value is what it was given up after
disturbed = []


def say(text):
    print(f"== {time.monotonic() - started:4.0f}s  {text}", flush=True)


def note(stage, figure, program, value):
    results.setdefault((stage, figure, program), []).append(value)


def build():
    say("build the release preset")
    steps = [["cmake", "--preset", "release"],
             ["cmake", "--build", "--preset", "release", "--target", "tocsin-edge", "tocsin-global", "tocsinctl", "bench_loadgen"]]
    os.makedirs(WORK, exist_ok=True)
    with open(os.path.join(WORK, "build.log"), "w", encoding="utf-8") as log:
        for argv in steps:
            if subprocess.run(argv, cwd=ROOT, stdout=log, stderr=log, check=False).returncode != 0:
                sys.exit(f"the build failed: see {log.name}")


def fetch_peer():
    """The path of Debian's Alertmanager; None when the package cannot be had. Debian's build reads its default template from
    /usr/share, where nothing is installed: the copy that runs has that path made relative, to its working folder."""
    folder = os.path.join(WORK, "alertmanager")
    packaged = os.path.join(folder, "usr", "bin", "prometheus-alertmanager")
    program = os.path.join(folder, "usr", "alertmanager")
    if os.path.exists(program):
        return program
    say("fetch Debian's prometheus-alertmanager")
    subprocess.run(["apt-get", "download", "prometheus-alertmanager"], cwd=WORK, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=False)
    packages = [f for f in os.listdir(WORK) if f.startswith("prometheus-alertmanager_") and f.endswith(".deb")]
    if not packages:
        return None
    subprocess.run(["dpkg-deb", "-x", packages[0], folder], cwd=WORK, check=True)
    with open(packaged, "rb") as f:
        code = f.read()
    with open(program + ".new", "wb") as f:
        f.write(code.replace(b"/usr/share/prometheus", b"././/share/prometheus"))
    os.chmod(program + ".new", 0o755)
    os.rename(program + ".new", program)
    return program


def free_port(n=1):
    """The first of n free ports in a row, below the range that outgoing connections take theirs from."""
    for base in range(21000 + os.getpid() % 500 * 20, 32000, 20):
        socks = []
        try:
            for i in range(n):
                socks.append(socket.create_server((HOST, base + i)))
            return base
        except OSError:
            continue
        finally:
            for s in socks:
                s.close()
    sys.exit("no free port")


# ---- measuring ----

def cpu_of(pid):
    """CPU seconds of all threads of a process, those that have ended included: its CPU clock."""
    return time.clock_gettime((~pid << 3) | 2)


def rss_of(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS:"))


def machine_busy():
    with open("/proc/stat", encoding="utf-8") as f:
        ticks = [int(x) for x in f.readline().split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


def calm(pid, seconds=8):
    """Waits until the process uses less than 2 % of a core, as it does when everything taken in has been worked off."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        before = cpu_of(pid)
        time.sleep(0.1)
        if cpu_of(pid) - before < 0.002:
            return


def loadgen(mode, give_up_s=900, **options):
    argv = [LOADGEN, mode]
    for name, value in options.items():
        argv += [f"--{name.replace('_', '-')}", str(value)]
    out = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=give_up_s)
    if out.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {out.stderr.strip()}")
    return json.loads(out.stdout)


def loaded(pids, what, mode, **options):
    """Runs a load; its figures and the CPU seconds that the processes took until they were calm again."""
    before, machine, wall = [cpu_of(p) for p in pids], machine_busy(), time.monotonic()
    figures = loadgen(mode, **options)
    wall = time.monotonic() - wall
    spent = sum(cpu_of(p) - b for p, b in zip(pids, before))
    others = (machine_busy() - machine - spent - figures["own_cpu_s"]) / max(wall, 0.1)
    for p in pids:
        calm(p)
    figures["cpu_s"] = sum(cpu_of(p) - b for p, b in zip(pids, before))
    figures["others"] = others
    if others > 0.5:
        disturbed.append(f"{what}: others took {others:.1f} cores")
    return figures


class Server:
    """One Alertmanager, ours or theirs, with a fresh state folder."""

    def __init__(self, name, program, group_wait, sink_port=9, config=None):
        self.name, self.program, self.port = name, program, free_port()
        self.folder = os.path.join(WORK, f"run-{name}")
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        with open(os.path.join(self.folder, "alertmanager.yml"), "w", encoding="utf-8") as f:
            f.write(config or CONFIG % (group_wait, sink_port))
        self.start()
        calm(self.pid)

    def start(self):
        """Starts it on the state that its folder has; the seconds until it was ready."""
        argv = [self.program, f"--config.file={self.folder}/alertmanager.yml", f"--storage.path={self.folder}/data",
                "--log.level=warn", f"--web.listen-address={HOST}:{self.port}", "--cluster.listen-address="]
        begin = time.monotonic()
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            cwd=os.path.dirname(self.program) if self.name == PEER else self.folder)
        self.pid = self.process.pid
        try:
            wait_for(f"{self.name} to be ready", 120, self.ready, every=0.02)
        except TimeoutError:
            self.stop()
            raise
        return time.monotonic() - begin

    def ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended: see {self.folder}/log")
        return request(f"http://{HOST}:{self.port}/-/ready")[0] == 200

    def load(self, mode, **options):
        return loaded([self.pid], f"{self.name} {mode}", mode, port=self.port, **options)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.name == OURS and self.process.returncode != 0:
            raise RuntimeError(f"{self.name} stopped with {self.process.returncode}: see {self.folder}/log")
