"""Certificates against real daemons: what a site's certificate cannot do to another site, which certificates are let in, and
how long one that is revoked or expired stays connected. The hostile client speaks the federation protocol by hand."""
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from kill_run import ALERTMANAGER_YML, GLOBAL_YML
from cluster import HOST, TRUST_DOMAIN, Cluster, Receiver, free_port_base, request, wait_for

OWN_STREAM = "11111111-2222-4333-8444-555555555555"
ALERT = {"alertname": "DiskFull", "service": "db", "severity": "critical"}
OUT_WITHIN_S = 60  # an open connection of a revoked or expired certificate


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    c = Cluster(tmp_path_factory.mktemp("world"), os.environ["PROGRAMS"], free_port_base(12), {"fra1": ["e1"], "ams1": ["e1"]}, ["g1"])
    c.federation_extra = "duty: {lease: 30s, heartbeat: 1s}\n"
    receiver = Receiver(c.port("receiver"), c.path("pages.jsonl"))
    c.make_pki()
    c.write_configs(GLOBAL_YML.replace("delay: 15s", "delay: 1h"), ALERTMANAGER_YML)
    try:
        c.start_all()
        assert c.post_alerts("ams1", "e1", [{"labels": ALERT}]) == 200
        wait_for("a page for DiskFull", 90, receiver.pages)
        yield c
    finally:
        c.stop()
        receiver.close()


# ---- the hostile client ----

class Client:
    """One TLS connection with a certificate. Refused is what ends without an answer."""

    def __init__(self, c, cert, key=None, session=None, context=None):
        if context is None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.load_verify_locations(c.path("pki/ca.pem"))
            if cert:
                context.load_cert_chain(cert, key or cert[:-4] + ".key")
        self.context = context
        self.tcp = socket.create_connection((HOST, c.port("g1/federation")), timeout=OUT_WITHIN_S + 10)
        try:
            self.s = context.wrap_socket(self.tcp, session=session)
        except OSError:
            self.tcp.close()
            raise

    def ask(self, method, path, body=None):
        """(status, body); raises OSError when the connection ends instead."""
        data = b"" if body is None else json.dumps(body).encode()
        path = path if path.startswith("/") else "/federation/v1/" + path
        self.s.sendall(f"{method} {path} HTTP/1.1\r\nHost: g1\r\nContent-Type: application/json\r\n"
                       f"Content-Length: {len(data)}\r\n\r\n".encode() + data)
        got = b""
        while b"\r\n\r\n" not in got:
            got += self.more()
        head, got = got.split(b"\r\n\r\n", 1)
        length = int(re.search(rb"(?i)content-length: (\d+)", head).group(1))
        while len(got) < length:
            got += self.more()
        return int(head.split(b" ")[1]), json.loads(got)

    def more(self):
        data = self.s.recv(65536)
        if not data:
            raise ConnectionResetError("closed")
        return data

    def wait_closed(self):
        """Nothing is sent: the other side must end it. Time-outs of the socket are errors."""
        began = time.monotonic()
        try:
            while self.s.recv(65536):
                pass
        except TimeoutError:
            raise AssertionError(f"the connection is open after {time.monotonic() - began:.0f} s") from None
        except OSError:
            pass
        return time.monotonic() - began

    def close(self):
        self.s.close()


def heartbeat(stream=OWN_STREAM):
    return {"v": 1, "stream": stream, "epoch": 1, "boot": "b00", "high": 0, "settled": True, "firing": 0, "holder": "", "globals": []}


def batch(stream, rows):
    rows = [dict({"kind": "episode", "fp": "0123456789abcdef", "episode": 1, "state": "firing", "reason": "open", "suppressed": "",
                  "labels": ALERT, "annotations": {}, "generator_url": "", "starts_at_ms": 1, "ends_at_ms": 0, "first_seen_ms": 1,
                  "transitions": 1}, **r) for r in rows]
    return {"v": 1, "stream": stream, "epoch": 1, "settled": True, "lane": "backlog", "start": False, "from": rows[0]["seq"],
            "to": rows[-1]["seq"], "rows": rows, "voids": []}


def let_in(c, cert, key=None):
    try:
        client = Client(c, cert, key)
    except OSError:
        return False
    try:
        return client.ask("POST", "heartbeats", heartbeat("99999999-2222-4333-8444-555555555555"))[0] in (200, 403)
    except OSError:
        return False
    finally:
        client.close()


def metric(c, name):
    status, text = request(c.global_url("g1") + "/metrics", user="demo:demo")
    assert status == 200
    return float(re.search(rf"^{re.escape(name)} (\S+)$", text, re.M).group(1))


def refused(c, cause):
    return metric(c, f'tocsin_global_refused_total{{cause="{cause}"}}')


def members(c, site):
    found = [c.ask("g1", f"/api/v1/incidents/{i['id']}")[1] for i in c.incidents("g1", "?state=open")]
    return sorted(((i["id"], i["state"], m["site"], m["node"], m["fingerprint"], m["state"], m["holds_open"], m["reason"])
                   for i in found for m in i["members"] if m["site"] == site))


def issue(c, name, *options, kind="site"):
    """The path of a new certificate of the cluster's PKI."""
    out = c.path("extra-" + re.sub(r"[^a-z0-9]", "-", name) + f"-{time.monotonic_ns()}")
    c.tocsinctl("pki", "issue", kind, name, "--dir", c.path("pki"), "--out", out, *options)
    return out + ".pem"


def rfc3339(seconds_ahead):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds_ahead))


# ---- site A against site B ----

def stream_of(c, site):
    _, body = c.ask("g1", "/api/v1/sites")
    return next(s["streams"][0]["stream"] for s in body["sites"] if s["site"] == site)


def test_a_spoofed_site_label_stays_with_the_certificate(world):
    before, overwritten = members(world, "ams1"), metric(world, "tocsin_global_site_overwritten_total")
    fp, client = before[0][4], Client(world, issue(world, "fra1/evil"))
    status, answer = client.ask("POST", "batches", batch(OWN_STREAM, [{"seq": 1, "fp": fp, "labels": dict(ALERT, site="ams1")}]))
    assert (status, answer["cursor"]) == (200, 1)
    assert [m[2:6] for m in members(world, "fra1")] == [("fra1", "evil", fp, "firing")]
    assert members(world, "ams1") == before
    assert metric(world, "tocsin_global_site_overwritten_total") == overwritten + 1
    # … and its resolve ends what is fra1's only.
    status, _ = client.ask("POST", "batches", batch(OWN_STREAM, [
        {"seq": 2, "fp": fp, "state": "resolved", "reason": "explicit", "labels": dict(ALERT, site="ams1"), "ends_at_ms": 2}]))
    assert status == 200
    assert [m[5] for m in members(world, "fra1")] == ["resolved"]
    assert members(world, "ams1") == before
    client.close()


@pytest.mark.parametrize("what", ["batches", "resolve", "heartbeats", "digests", "journal", "directives"])
def test_a_foreign_stream_is_refused_and_counted(world, what):
    before, count, stream = members(world, "ams1"), refused(world, "foreign_stream"), stream_of(world, "ams1")
    client = Client(world, issue(world, "fra1/evil"))
    row = {"seq": 2, "fp": before[0][4]}
    body = {"batches": batch(stream, [row]),
            "resolve": batch(stream, [dict(row, state="resolved", reason="explicit")]),
            "heartbeats": heartbeat(stream),
            "digests": {"v": 1, "stream": stream, "epoch": 1, "high": 1, "settled": True, "buckets": ["0" * 16] * 256},
            "journal": {"v": 1, "stream": stream, "mirrors": []}}.get(what)
    status, answer = client.ask("GET", f"directives?stream={stream}&epoch=0&since=0") if what == "directives" else \
        client.ask("POST", "batches" if what == "resolve" else what, body)
    assert (status, answer["error"]) == (403, "foreign_stream")
    assert refused(world, "foreign_stream") == count + 1
    assert members(world, "ams1") == before
    client.close()


def test_another_edge_of_the_same_site_cannot_take_a_stream_either(world):
    client = Client(world, issue(world, "ams1/e2"))
    assert client.ask("POST", "heartbeats", heartbeat(stream_of(world, "ams1")))[0] == 403
    client.close()


def test_a_forged_ack_in_the_journal_is_refused_and_counted(world):
    before, count = members(world, "ams1"), refused(world, "mac")
    incident = before[0][0]
    _, shown = world.ask("g1", f"/api/v1/incidents/{incident}")
    body = {"dedup_key": shown["dedup_key"], "generation": shown["generation"], "team": "root", "opened_at_ms": 1, "state": "acknowledged",
            "sites": ["ams1"], "phase": 1, "round": 9, "step": 9, "step_at_ms": 1, "pages": [], "severity": 4, "sites_paged": 1,
            "acks": [{"id": "f" * 32, "user": "mallory", "at_ms": 1}], "revoked": [], "forced": True}
    client = Client(world, issue(world, "fra1/evil"))
    for n, origin in enumerate(("g1", "g2")):
        status, answer = client.ask("POST", "journal", {"v": 1, "stream": OWN_STREAM, "mirrors": [
            {"incident": incident, "origin": origin, "epoch": 99, "ver": 99, "body": json.dumps(body), "mac": "ab" * 32}]})
        assert (status, answer.get("receipt")) == (200, True)
        assert refused(world, "mac") == count + n + 1
    _, after = world.ask("g1", f"/api/v1/incidents/{incident}")
    assert (after["state"], after["step"], after["timeline"]) == (shown["state"], shown["step"], shown["timeline"])
    client.close()


def test_an_edge_has_no_other_door(world):
    """Acks want a person's credentials, and the federation port has no API for people."""
    incident = members(world, "ams1")[0][0]
    client = Client(world, issue(world, "fra1/evil"))
    assert client.ask("POST", f"/api/v1/incidents/{incident}/ack", {})[0] == 404
    assert request(world.global_url("g1") + f"/api/v1/incidents/{incident}/ack", {})[0] == 401
    assert members(world, "ams1")[0][1] == "triggered"
    client.close()


def test_directives_tell_a_site_of_its_own_incidents_only(world):
    alert = dict(ALERT, alertname="OnlyAms")
    assert world.post_alerts("ams1", "e1", [{"labels": alert}]) == 200
    theirs = wait_for("the incident OnlyAms, paged", 30, lambda: [
        i for i in world.incidents("g1", "?site=ams1") if i["title"] == "OnlyAms" and i["step"] >= 0])[0]
    client = Client(world, issue(world, "fra1/curious"))
    status, answer = client.ask("GET", "directives?stream=11111111-2222-4333-8444-666666666666&epoch=0&since=0")
    assert status == 200
    assert theirs["id"] not in [m["incident"] for m in answer["mirrors"]]
    client.close()


# ---- which certificates are let in ----

def openssl(c, *args):
    subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=c.folder)


def make(c, name, extensions, ca="pki/ca"):
    """A certificate by the openssl command, with exactly these extensions."""
    c.write(name + ".ext", "\n".join(extensions) + "\n")
    openssl(c, "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", name + ".key",
            "-out", name + ".csr", "-subj", "/CN=" + name)
    openssl(c, "x509", "-req", "-in", name + ".csr", "-CA", ca + ".pem", "-CAkey", ca + ".key", "-set_serial", str(time.time_ns()),
            "-days", "2", "-extfile", name + ".ext", "-out", name + ".pem")
    return c.path(name + ".pem")


SAN = f"subjectAltName=URI:spiffe://{TRUST_DOMAIN}/site/fra1/edge/odd"
LEAF = ["basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature", "extendedKeyUsage=clientAuth"]
ODD = {
    "two-sans": LEAF + [SAN + f",URI:spiffe://{TRUST_DOMAIN}/site/ams1/edge/e1"],
    "no-san": LEAF,
    "dns-san": LEAF + ["subjectAltName=DNS:e1.fra1.example"],
    "ca-true": ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,digitalSignature,keyCertSign", "extendedKeyUsage=clientAuth", SAN],
    "trust-domain": LEAF + ["subjectAltName=URI:spiffe://other.example/site/fra1/edge/odd"],
    "upper-case": LEAF + [f"subjectAltName=URI:spiffe://{TRUST_DOMAIN}/site/FRA1/edge/odd"],
    "path": LEAF + [f"subjectAltName=URI:spiffe://{TRUST_DOMAIN}/site/fra1/edge/odd/site/ams1"],
    "server-only": LEAF[:2] + ["extendedKeyUsage=serverAuth", SAN],
}


def test_a_certificate_made_by_openssl_is_as_good(world):
    assert let_in(world, make(world, "plain", LEAF + [SAN]))


@pytest.mark.parametrize("name", list(ODD))
def test_odd_certificates_are_refused_and_counted(world, name):
    count = metric(world, 'tocsin_http_refused_total{reason="handshake"}')
    assert not let_in(world, make(world, name, ODD[name]))
    assert metric(world, 'tocsin_http_refused_total{reason="handshake"}') == count + 1


def test_another_ca_is_refused(world):
    world.tocsinctl("pki", "init", "--dir", world.path("pki2"), "--trust-domain", TRUST_DOMAIN)
    assert not let_in(world, make(world, "foreign", LEAF + [SAN], ca="pki2/ca"))


def test_no_certificate_is_refused(world):
    assert not let_in(world, None)


def test_expired_and_future_certificates_are_refused(world):
    assert not let_in(world, issue(world, "fra1/old", "--not-before", rfc3339(-9000), "--not-after", rfc3339(-60)))
    assert not let_in(world, issue(world, "fra1/new", "--not-before", rfc3339(3600), "--not-after", rfc3339(7200)))


def test_a_global_node_or_a_person_is_no_edge(world):
    for kind, name in (("global", "g2"), ("user", "ann")):
        try:
            client = Client(world, issue(world, name, kind=kind))
            assert client.ask("POST", "heartbeats", heartbeat())[0] in (401, 403)
        except OSError:
            pass  # refused at the handshake already


# ---- open connections ----

def revoke(c, cert):
    serial = subprocess.run(["openssl", "x509", "-in", cert, "-noout", "-serial"], capture_output=True, text=True, check=True).stdout
    c.tocsinctl("pki", "revoke", serial.strip().split("=")[1].lower().zfill(32), "--dir", c.path("pki"))
    c.processes["g1"].send_signal(signal.SIGHUP)


def test_revoked_while_connected_and_by_a_resumed_session(world):
    cert = issue(world, "fra1/revoked")
    stream = "22222222-2222-4333-8444-555555555555"
    first, idle = Client(world, cert), Client(world, cert)
    assert first.ask("POST", "heartbeats", heartbeat(stream))[0] == 200
    session = first.s.session
    assert not session.has_ticket
    count = metric(world, 'tocsin_http_refused_total{reason="revoked"}')
    revoke(world, cert)
    assert idle.wait_closed() <= OUT_WITHIN_S
    with pytest.raises(OSError):
        first.ask("POST", "heartbeats", heartbeat(stream))
    assert metric(world, 'tocsin_http_refused_total{reason="revoked"}') >= count + 1
    assert not let_in(world, cert)
    with pytest.raises(OSError):  # with the session of before
        again = Client(world, cert, session=session, context=first.context)
        assert not again.s.session_reused
        again.ask("POST", "heartbeats", heartbeat(stream))
    assert let_in(world, issue(world, "fra1/good"))


def test_expired_while_connected(world):
    cert = issue(world, "fra1/short", "--not-after", rfc3339(4))
    client = Client(world, cert)
    assert client.ask("POST", "heartbeats", heartbeat("33333333-2222-4333-8444-555555555555"))[0] == 200
    assert client.wait_closed() <= OUT_WITHIN_S
    assert not let_in(world, cert)


# ---- an edge and a foreign global node ----

class FakeGlobal:
    """Ends TLS with a certificate and counts what comes of it."""

    def __init__(self, c, cert):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        self.context.load_cert_chain(cert, cert[:-4] + ".key")
        self.context.load_verify_locations(c.path("pki/ca.pem"))
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.refused = self.requests = 0
        self.listener = socket.create_server((HOST, 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                tcp, _ = self.listener.accept()
            except OSError:
                return
            try:
                with self.context.wrap_socket(tcp, server_side=True) as s:
                    if s.recv(65536):
                        self.requests += 1
                    else:
                        self.refused += 1
            except OSError:
                self.refused += 1


def foreign_certs(c):
    yield "other-node", issue(c, "g9", kind="global")
    yield "site", issue(c, "fra1/e1")
    yield "other-ca", make(c, "foreign-global", LEAF[:2] + [
        "extendedKeyUsage=serverAuth,clientAuth", f"subjectAltName=URI:spiffe://{TRUST_DOMAIN}/global/g1"], ca="pki2/ca")
    yield "two-sans", make(c, "double-global", LEAF[:2] + [
        "extendedKeyUsage=serverAuth,clientAuth",
        f"subjectAltName=URI:spiffe://{TRUST_DOMAIN}/global/g1,URI:spiffe://{TRUST_DOMAIN}/global/g2"])


def run_edge(c, name, cert):
    """An edge of its own whose g1 is a fake; (requests, refused connections) after some of either."""
    fake = FakeGlobal(c, cert)
    c.write(f"{name}.yml", c.federation_yml("fra1", "e1").replace(f":{c.port('fra1>g1')}\"", f":{fake.port}\""))
    c.start(name, [c.program("tocsin-edge"), "--config.file=alertmanager.yml", f"--federation.config={name}.yml",
                   f"--storage.path=data-{name}", f"--web.listen-address={HOST}:0"])
    try:
        wait_for("the edge's connections", 30, lambda: fake.requests > 0 or fake.refused > 1)
    finally:
        c.kill(name, signal.SIGTERM)
        fake.listener.close()
    return fake.requests, fake.refused


def test_an_edge_talks_to_the_right_node(world):
    assert run_edge(world, "right", issue(world, "g1", kind="global"))[0] > 0


def test_an_edge_says_nothing_to_a_foreign_global_node(world):
    if not os.path.exists(world.path("pki2")):
        world.tocsinctl("pki", "init", "--dir", world.path("pki2"), "--trust-domain", TRUST_DOMAIN)
    for name, cert in foreign_certs(world):
        requests, refusals = run_edge(world, "foreign-" + name, cert)
        assert (requests, refusals > 0) == (0, True), name
