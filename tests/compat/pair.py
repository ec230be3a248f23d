"""Two Alertmanagers side by side: Debian's and our edge, each with the same configuration, its own sink for webhooks and a small
client that notes when each request was under way. Everything is driven by one asyncio loop, so that hundreds of scenarios can
run at the same time."""
import asyncio
import json
import os
import shutil
import subprocess
import sys
import time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
sys.path.insert(0, os.path.join(ROOT, "deploy/lib"))

from cluster import HOST, free_port_base, request, wait_for  # noqa: E402

OURS, PEER = "ours", "peer"
PEER_WITH_ITSELF = os.environ.get("PEER_WITH_ITSELF", "") != ""  # shows what differs from one run to the next
EXTERNAL_URL = "http://alertmanager.example:9093"


def fetch_alertmanager(folder):
    """The path of Debian's Alertmanager, unpacked below the folder and not installed. Debian's build reads its default template
    from /usr/share, where nothing is: the copy that runs has that path made relative, to its working folder."""
    folder = os.path.abspath(folder)
    os.makedirs(folder, exist_ok=True)
    subprocess.run(["bash", "-ec", '. deploy/lib/packages.sh; fetch_package prometheus-alertmanager "$1"', "fetch", folder],
                   check=True, cwd=ROOT)
    usr = os.path.join(folder, "prometheus-alertmanager", "usr")
    program = os.path.join(usr, "alertmanager")
    if not os.path.exists(program):
        with open(os.path.join(usr, "bin", "prometheus-alertmanager"), "rb") as f:
            code = f.read()
        with open(program + ".new", "wb") as f:
            f.write(code.replace(b"/usr/share/prometheus", b"././/share/prometheus"))
        os.chmod(program + ".new", 0o755)
        os.rename(program + ".new", program)
    return program


class Connection:
    """One keep-alive connection of the client; answers are read whole."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, port):
        return cls(*await asyncio.open_connection(HOST, port, limit=1 << 24))

    async def ask(self, method, path, body, headers):
        lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}"] + [f"{k}: {v}" for k, v in headers.items()]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        self.writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b""))
        status, answer = await read_head(self.reader)
        status = int(status.split()[1])
        chunks = b""
        if method != "HEAD" and status not in (204, 304):
            chunks = await read_body(self.reader, answer)
        return status, answer, chunks


async def read_head(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {}
    for line in head[1:]:
        name, _, value = line.partition(":")
        if name:
            headers.setdefault(name.lower(), value.strip())
    return head[0], headers


async def read_body(reader, headers):
    if headers.get("transfer-encoding", "").lower() == "chunked":
        chunks = []
        while (n := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)) > 0:
            chunks.append(await reader.readexactly(n))
            await reader.readexactly(2)
        await reader.readuntil(b"\r\n")
        return b"".join(chunks)
    return await reader.readexactly(int(headers.get("content-length", 0)))


class Sink:
    """Takes the webhooks of one of the two. The path says what to answer: /RUN/RECEIVER/INDEX/POLICY, where the policy is ok, or
    NxS: the first N attempts for a group are answered S; the clock's run is /clock/NAME. Every attempt is kept, in the order of arrival."""

    def __init__(self):
        self.attempts, self.waiting, self.failed = {}, {}, {}

    async def start(self, port):
        self.server = await asyncio.start_server(self.serve, HOST, port, limit=1 << 24)

    async def serve(self, reader, writer):
        try:
            while True:
                line, headers = await read_head(reader)
                at = time.time()
                body = json.loads(await read_body(reader, headers))
                path = line.split()[1]
                status = self.take(path, body, headers, at)
                writer.write(f"HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n".encode())
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            writer.close()

    def take(self, path, body, headers, at):
        run, receiver, index, policy = path.strip("/").split("/")
        key = (path, body.get("groupKey"))
        status = 200
        if policy != "ok":
            times, answer = policy.split("x")
            self.failed[key] = self.failed.get(key, 0) + 1
            if self.failed[key] <= int(times):
                status = int(answer)
        if run == "clock":
            run = "clock/" + body["groupLabels"]["clock"]
        self.attempts.setdefault(run, []).append({"receiver": receiver, "index": index, "status": status, "body": body, "at": at,
                                                  "content_type": headers.get("content-type"),
                                                  "user_agent": headers.get("user-agent")})
        for event in self.waiting.get(run, []):
            event.set()
        return status

    def of(self, run):
        return self.attempts.get(run, [])

    async def until(self, run, seconds, condition):
        """Waits until condition(attempts of the run); each arrival is looked at, nothing is polled."""
        event = asyncio.Event()
        self.waiting.setdefault(run, []).append(event)
        try:
            end = time.monotonic() + seconds
            while not condition(self.of(run)):
                event.clear()
                try:
                    await asyncio.wait_for(event.wait(), max(0.001, end - time.monotonic()))
                except asyncio.TimeoutError:
                    return False
            return True
        finally:
            self.waiting[run].remove(event)


class Daemon:
    """One of the two: its process, its client and its sink."""

    def __init__(self, name, folder, port, argv, cwd=None):
        self.name, self.folder, self.argv, self.cwd = name, folder, argv, cwd
        self.sink, self.idle, self.process = Sink(), [], None
        self.port, self.sink_port = port, port + 1

    def write_config(self, text):
        with open(os.path.join(self.folder, "alertmanager.yml"), "w", encoding="utf-8") as f:
            f.write(text.replace("@SINK@", f"http://{HOST}:{self.sink_port}"))

    async def start(self, text):
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        self.write_config(text)
        await self.sink.start(self.sink_port)
        with open(os.path.join(self.folder, "log"), "wb") as log:
            self.process = subprocess.Popen(
                [*self.argv, f"--config.file={self.folder}/alertmanager.yml", f"--storage.path={self.folder}/data",
                 f"--web.listen-address={HOST}:{self.port}", f"--web.external-url={EXTERNAL_URL}", "--log.level=warn",
                 "--cluster.listen-address="],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.cwd or self.folder)
        await asyncio.get_running_loop().run_in_executor(None, wait_for, f"{self.name} to be ready", 60, self.ready)

    def ready(self):
        if self.process.poll() is not None:
            with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as f:
                raise RuntimeError(f"{self.name} ended with {self.process.returncode}: {f.read()[-2000:]}")
        return request(f"http://{HOST}:{self.port}/-/ready")[0] == 200

    async def ask(self, method, path, body=None, headers=None):
        """(status, headers, body as JSON or text, from, to): the last two are when the request was under way, in ms."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None and "Content-Type" not in headers:
            headers["Content-Type"] = "application/json"
        headers = {k: v for k, v in headers.items() if v is not None}
        start = int(time.time() * 1000)
        for again in (False, True):
            c = self.idle.pop() if self.idle and not again else await Connection.open(self.port)
            try:
                status, answer, text = await asyncio.wait_for(c.ask(method, path, body, headers), 60)
                break
            except (asyncio.IncompleteReadError, ConnectionError):
                c.writer.close()
                if again:
                    raise
        end = int(time.time() * 1000)
        if answer.get("connection") == "close":
            c.writer.close()
        else:
            self.idle.append(c)
        text = text.decode("utf-8", "replace")
        try:
            value = json.loads(text) if text else ""
        except ValueError:
            value = text
        return status, answer, value, start, end

    def stop(self):
        for c in self.idle:
            c.writer.close()
        self.sink.server.close()
        if self.process is None:
            return 0
        self.process.terminate()
        try:
            return self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class Pair:
    def __init__(self, folder, programs, peer_program):
        port, many = free_port_base(4), "--web.get-concurrency=500"
        self.ours = Daemon(OURS, os.path.join(folder, "ours"), port,
                           [os.path.join(os.path.abspath(programs), "tocsin-edge"), many])
        self.peer = Daemon(PEER, os.path.join(folder, "peer"), port + 2, [peer_program, many], os.path.dirname(peer_program))
        if PEER_WITH_ITSELF:
            self.ours.argv, self.ours.cwd = self.peer.argv, self.peer.cwd
        self.both = (self.peer, self.ours)

    async def start(self, text):
        await asyncio.gather(*(d.start(text) for d in self.both))

    async def ask(self, *args, **kwargs):
        return await asyncio.gather(*(d.ask(*args, **kwargs) for d in self.both))

    def stop(self):
        """The exit status of ours."""
        self.peer.stop()
        return self.ours.stop()
