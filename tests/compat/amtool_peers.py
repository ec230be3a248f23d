"""Debian's Alertmanager and amtool, and a tocsin-edge beside them, for tests that compare the tools. The package is fetched
and unpacked into $FETCHED, nothing is installed."""
import os
import re
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
sys.path.insert(0, os.path.join(ROOT, "deploy/lib"))

from cluster import HOST, free_port_base, request, wait_for  # noqa: E402

CONFIG = """\
route:
  receiver: desk
  group_by: [alertname]
  routes:
  - {matchers: [team=db], receiver: db, continue: true, routes: [{matchers: [severity=critical], receiver: sre}]}
  - {matchers: ['severity=~"critical|page"', 'env!="test"'], receiver: sre}
  - {matchers: ['zone=~"a|b"'], continue: true}
receivers: [{name: desk}, {name: db}, {name: sre}]
"""


def fetch():
    """The folder with the package's usr/."""
    folder = os.path.abspath(os.environ["FETCHED"])
    os.makedirs(folder, exist_ok=True)
    subprocess.run(["bash", "-ec", '. deploy/lib/packages.sh; fetch_package prometheus-alertmanager "$1"', "fetch", folder],
                   check=True, cwd=ROOT)
    return os.path.join(folder, "prometheus-alertmanager")


class Server:
    """One daemon on a loopback port, with a folder of its own."""

    def __init__(self, name, folder, argv):
        self.name, self.folder, self.port = name, folder, free_port_base(1)
        self.url = f"http://{HOST}:{self.port}"
        with open(os.path.join(folder, "am.yml"), "w", encoding="utf-8") as f:
            f.write(CONFIG)
        self.log = open(os.path.join(folder, "log"), "w", encoding="utf-8")
        self.process = subprocess.Popen([*argv, "--config.file=am.yml", "--storage.path=data", "--cluster.listen-address=",
                                         f"--web.listen-address={HOST}:{self.port}"],
                                        cwd=folder, stdout=self.log, stderr=self.log)
        wait_for(f"{name} to answer", 30, lambda: request(self.url + "/api/v2/status")[0] == 200 or self.ended())

    def ended(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended: {open(os.path.join(self.folder, 'log'), encoding='utf-8').read()[-2000:]}")
        return False

    def ask(self, path, body=None, method=None):
        return request(self.url + "/api/v2" + path, body, method=method)

    def serves(self, path):
        return self.ask(path)[0] != 404

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        self.log.close()


def start_alertmanager(package, folder):
    """Debian's build reads its default template from /usr/share, where nothing is installed: the copy that runs has that
    path made relative, to its working folder."""
    with open(os.path.join(package, "usr/bin/prometheus-alertmanager"), "rb") as f:
        code = f.read()
    program = os.path.join(folder, "alertmanager")
    with open(program, "wb") as f:
        f.write(code.replace(b"/usr/share/prometheus", b"././/share/prometheus"))
    os.chmod(program, 0o755)
    os.symlink(os.path.join(package, "usr/share"), os.path.join(folder, "share"))
    return Server("alertmanager", folder, [program])


def start_edge(folder):
    return Server("edge", folder, [os.path.join(os.environ["PROGRAMS"], "tocsin-edge")])


class Tool:
    """amtool or tocsinctl; each run gives (exit code, stdout, stderr without the tool's name)."""

    def __init__(self, program, home, url=None):
        self.program, self.home, self.url = program, home, url
        self.name = os.path.basename(program)

    def __call__(self, *args, stdin=None, cwd=None):
        own = ["--no-version-check"] + ([f"--alertmanager.url={self.url}"] if self.url else [])
        env = {"PATH": os.environ["PATH"], "HOME": self.home, "TZ": "UTC"}
        done = subprocess.run([self.program, *own, *args], env=env, capture_output=True, text=True, input=stdin, timeout=60,
                              cwd=cwd or self.home)
        return done.returncode, done.stdout, re.sub(rf"^{self.name}: error: ", "", done.stderr.rstrip("\n"), flags=re.M)
