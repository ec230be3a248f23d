"""A hierarchy of real daemons on loopback: certificates, configuration files, processes, links that can be cut, and a
receiver that writes down every page. Used by deploy/quickstart and by the system tests."""
import base64
import crypt
import http.server
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import warnings

warnings.filterwarnings("ignore", category=DeprecationWarning)
HOST = "127.0.0.1"
TRUST_DOMAIN = "demo.example"
USER, PASSWORD = "demo", "demo"


def say(text):
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


def wait_for(what, seconds, condition, every=0.1):
    """The first true value of condition(); TimeoutError names what was waited for."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(every)


def request(url, body=None, user=None, method=None, timeout=10):
    """(status, JSON or text); status 0 when nobody answers."""
    data = None if body is None else json.dumps(body).encode()
    r = urllib.request.Request(url, data=data, method=method or ("GET" if data is None else "POST"))
    if data is not None:
        r.add_header("Content-Type", "application/json")
    if user:
        r.add_header("Authorization", "Basic " + base64.b64encode(user.encode()).decode())
    try:
        with urllib.request.urlopen(r, timeout=timeout) as answer:
            status, text = answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        status, text = e.code, e.read().decode()
    except (urllib.error.URLError, OSError, http.client.HTTPException):
        return 0, None
    try:
        return status, json.loads(text)
    except ValueError:
        return status, text


def free_port_base(count):
    """The first of so many free ports in a row, below those the kernel gives out by itself."""
    for _ in range(200):
        base = random.randrange(20000, 32000 - count)
        held = []
        try:
            for port in range(base, base + count):
                held.append(socket.create_server((HOST, port)))
            return base
        except OSError:
            continue
        finally:
            for s in held:
                s.close()
    raise RuntimeError("no free ports")


class Receiver:
    """Every POST as a line of JSON in a file, in the order of arrival: path, time, body. `answer` may change the status."""

    def __init__(self, port, path, answer=None):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status = outer.take(self.path, body)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, request, client_address):
                pass  # a sender that was killed

        self.lock, self.rows, self.path, self.answer = threading.Lock(), [], path, answer
        self.server = Server((HOST, port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, path, body):
        row = {"at": time.time(), "path": path, "body": json.loads(body)}
        status = self.answer(row) if self.answer else 200
        row["status"] = status
        with self.lock:
            self.rows.append(row)
            with open(self.path, "a", encoding="utf-8") as f:
                f.write(json.dumps(row) + "\n")
        return status

    def pages(self):
        with self.lock:
            return [r for r in self.rows if "tocsin" in r["body"] and 200 <= r["status"] < 300]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Link:
    """A TCP path from port to target that can be cut: while cut, nothing passes and nothing connects."""

    def __init__(self, port, target):
        self.target, self.open, self.pairs, self.lock = target, True, set(), threading.Lock()
        self.listener = socket.create_server((HOST, port), reuse_port=False)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            if not self.open:
                near.close()
                continue
            try:
                far = socket.create_connection((HOST, self.target), timeout=5)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            with self.lock:
                self.pairs.add((near, far))
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self.pump, args=(a, b, (near, far)), daemon=True).start()

    def pump(self, a, b, pair):
        try:
            while data := a.recv(65536):
                b.sendall(data)
        except OSError:
            pass
        with self.lock:
            self.pairs.discard(pair)
        for s in pair:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    def cut(self):
        self.open = False
        with self.lock:
            pairs, self.pairs = self.pairs, set()
        for pair in pairs:
            for s in pair:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def heal(self):
        self.open = True

    def close(self):
        self.cut()
        self.listener.close()


class Cluster:
    """sites: name -> edge node names; globals: node names. Ports count up from port_base."""

    def __init__(self, folder, programs, port_base, sites, global_nodes, environment=None):
        self.folder, self.programs = os.path.abspath(folder), os.path.abspath(programs)
        self.sites, self.globals = sites, global_nodes
        self.environment = dict(os.environ, **(environment or {}))
        self.federation_extra = ""  # appended to each edge's federation file
        self.processes, self.links, self.next_port = {}, {}, port_base
        self.ports = {}
        os.makedirs(self.folder, exist_ok=True)
        for name in global_nodes:
            self.port(f"{name}/web")
            self.port(f"{name}/federation")
        for site, nodes in sites.items():
            for node in nodes:
                self.port(f"{site}/{node}")
            for name in global_nodes:
                self.port(f"{site}>{name}")
        self.port("receiver")

    def port(self, name):
        if name not in self.ports:
            self.ports[name] = self.next_port
            self.next_port += 1
        return self.ports[name]

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)

    def program(self, name):
        return os.path.join(self.programs, name)

    def tocsinctl(self, *args, check=True):
        env = dict(self.environment, TOCSIN_GLOBAL_URL=self.global_url(self.globals[0], credentials=True))
        out = subprocess.run([self.program("tocsinctl"), *args], capture_output=True, text=True, env=env)
        if check and out.returncode != 0:
            raise RuntimeError(f"tocsinctl {' '.join(args)}: {out.stderr.strip()}")
        return out

    # ---- what they run by ----

    def make_pki(self):
        self.tocsinctl("pki", "init", "--dir", self.path("pki"), "--trust-domain", TRUST_DOMAIN)
        for site, nodes in self.sites.items():
            for node in nodes:
                self.tocsinctl("pki", "issue", "site", f"{site}/{node}", "--dir", self.path("pki"))
        for name in self.globals:
            self.tocsinctl("pki", "issue", "global", name, "--dir", self.path("pki"), "--ip", HOST)

    def write_configs(self, global_yml, alertmanager_yml):
        """Texts with @RECEIVER@ for the receiver's URL and @GLOBALS@ for the list of nodes."""
        receiver = f"http://{HOST}:{self.port('receiver')}"
        nodes = ", ".join(f"{{name: {n}, url: \"{self.global_url(n)}\"}}" for n in self.globals)
        hashed = crypt.crypt(PASSWORD, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16))
        self.write("web.yml", f"basic_auth_users:\n  {USER}: {hashed}\n")
        self.write("cluster.key", base64.b64encode(os.urandom(32)).decode() + "\n")
        self.write("global.yml", global_yml.replace("@RECEIVER@", receiver).replace("@GLOBALS@", f"[{nodes}]"))
        self.write("alertmanager.yml", alertmanager_yml.replace("@RECEIVER@", receiver))
        for site, edges in self.sites.items():
            for node in edges:
                self.write(f"{site}-{node}.yml", self.federation_yml(site, node))

    def federation_yml(self, site, node, cert=None):
        cert = cert or f"pki/site.{site}.edge.{node}"
        nodes = ", ".join(f"{{name: {n}, url: \"https://{HOST}:{self.port(f'{site}>{n}')}\"}}" for n in self.globals)
        return (f"version: 1\nsite: {site}\nuplink:\n  trust_domain: {TRUST_DOMAIN}\n"
                f"  tls: {{cert_file: {cert}.pem, key_file: {cert}.key, ca_file: pki/ca.pem, crl_file: pki/ca.crl}}\n"
                f"  globals: [{nodes}]\n{self.federation_extra}")

    # ---- processes ----

    def start(self, name, argv):
        log = open(self.path(name.replace("/", "-") + ".log"), "ab")
        process = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder,
                                   env=self.environment, start_new_session=True)
        log.close()
        self.processes[name] = process
        with open(self.path("pids"), "a", encoding="utf-8") as f:
            f.write(f"{process.pid} {argv[0]}\n")

    def start_link(self, site, node):
        name = f"{site}>{node}"
        if name not in self.links:
            self.links[name] = Link(self.port(name), self.port(f"{node}/federation"))

    def start_global(self, name):
        cert = f"pki/global.{name}"
        self.start(name, [self.program("tocsin-global"), "--config.file=global.yml", f"--storage.path=data-{name}",
                          f"--web.listen-address={HOST}:{self.port(f'{name}/web')}", "--web.config.file=web.yml",
                          f"--web.external-url={self.global_url(name)}",
                          f"--federation.listen-address={HOST}:{self.port(f'{name}/federation')}",
                          f"--federation.trust-domain={TRUST_DOMAIN}", f"--federation.cert-file={cert}.pem",
                          f"--federation.key-file={cert}.key", "--federation.ca-file=pki/ca.pem",
                          "--federation.crl-file=pki/ca.crl"])

    def start_edge(self, site, node):
        self.start(f"{site}/{node}",
                   [self.program("tocsin-edge"), "--config.file=alertmanager.yml",
                    f"--federation.config={site}-{node}.yml", f"--storage.path=data-{site}-{node}",
                    f"--web.listen-address={HOST}:{self.port(f'{site}/{node}')}"])

    def start_all(self):
        for name in self.globals:
            self.start_global(name)
        for site, nodes in self.sites.items():
            for name in self.globals:
                self.start_link(site, name)
            for node in nodes:
                self.start_edge(site, node)
        for name in [*self.globals, *(f"{s}/{n}" for s, ns in self.sites.items() for n in ns)]:
            self.wait_ready(name)

    def url(self, name):
        return self.global_url(name) if name in self.globals else self.edge_url(*name.split("/"))

    def wait_ready(self, name, seconds=30):
        def ready():
            if self.processes[name].poll() is not None:
                raise RuntimeError(f"{name} ended: see {self.path(name.replace('/', '-') + '.log')}")
            return request(self.url(name) + "/-/ready")[0] == 200
        wait_for(f"{name} to be ready", seconds, ready)

    def kill(self, name, how=signal.SIGKILL):
        process = self.processes.pop(name)
        process.send_signal(how)
        return process.wait(timeout=30)

    def cut(self, site):
        for name in self.globals:
            self.links[f"{site}>{name}"].cut()

    def heal(self, site):
        for name in self.globals:
            self.links[f"{site}>{name}"].heal()

    def stop(self):
        for process in self.processes.values():
            process.terminate()
        for name, process in self.processes.items():
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                print(f"{name} did not stop in time", file=sys.stderr)
                process.kill()
                process.wait()
        self.processes = {}
        for link in self.links.values():
            link.close()
        self.links = {}
        if os.path.exists(self.path("pids")):
            os.remove(self.path("pids"))

    # ---- talking to them ----

    def edge_url(self, site, node):
        return f"http://{HOST}:{self.port(f'{site}/{node}')}"

    def global_url(self, name, credentials=False):
        user = f"{USER}:{PASSWORD}@" if credentials else ""
        return f"http://{user}{HOST}:{self.port(f'{name}/web')}"

    def ask(self, name, path, body=None, method=None):
        return request(self.global_url(name) + path, body, user=f"{USER}:{PASSWORD}", method=method)

    def post_alerts(self, site, node, alerts):
        return request(self.edge_url(site, node) + "/api/v2/alerts", alerts)[0]

    def incidents(self, name, query=""):
        status, body = self.ask(name, "/api/v1/incidents" + query)
        return body["incidents"] if status == 200 else []

    def duty_holder(self, site):
        """The node that says that it holds the site's duty; None."""
        for name in self.globals:
            status, body = self.ask(name, "/api/v1/sites")
            if status == 200 and any(s["site"] == site and s["duty_here"] for s in body["sites"]):
                return name
        return None


def stop_leftovers(folder):
    """Ends the processes that an earlier run left behind: those of its pid list that still run the same program."""
    path = os.path.join(folder, "pids")
    if not os.path.exists(path):
        return 0
    ended = 0
    with open(path, encoding="utf-8") as f:
        rows = [line.split(" ", 1) for line in f.read().splitlines()]
    for pid, program in rows:
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                argv = f.read().split(b"\0")
            cwd = os.readlink(f"/proc/{pid}/cwd")
        except OSError:
            continue
        if argv[0].decode() == program and cwd == os.path.abspath(folder):
            os.kill(int(pid), signal.SIGTERM)
            ended += 1
            wait_for(f"process {pid} to end", 20, lambda p=pid: not os.path.exists(f"/proc/{p}/cmdline")
                     or open(f"/proc/{p}/cmdline", "rb").read() == b"")
    os.remove(path)
    return ended
