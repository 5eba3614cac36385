#!/usr/bin/env python3
"""DNS over TLS and the PROXY protocol: handshakes good, slow and wrong, resumption, reloads, and whose client it is."""
import base64, datetime, hashlib, os, random, re, signal, socket, ssl, struct, subprocess, threading

from lab import FIRST_SESSION, HOST_AND_BIG, TOR, Failed, closed_within, free_port, main, until
import wire

ZONE, WWW = "gslb.example.com", "www.gslb.example.com"
NAME = "ns1.example.com"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def certificate(lab, stem, days=30):
    """A self-signed certificate of NAME and its key, in two files."""
    cert, key = lab.dir / f"{stem}.crt", lab.dir / f"{stem}.key"
    made = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", str(days),
                           "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}", "-out", cert, "-keyout", key],
                          capture_output=True, text=True)
    if made.returncode != 0:
        raise Failed(made.stderr)
    os.chmod(key, 0o600)
    return cert, key


def not_after(cert):
    """When it ends, as the log writes it."""
    text = subprocess.run(["openssl", "x509", "-in", cert, "-noout", "-enddate", "-dateopt", "iso_8601"], capture_output=True, text=True).stdout
    return text.strip().partition("=")[2].replace(" ", "T")


def serve(lab, *more, **options):
    lab.init()
    lab.sql(FIRST_SESSION)
    lab.sql(HOST_AND_BIG)
    lab.cert, lab.key = certificate(lab, "dot")
    lab.tls = free_port()
    return lab.serve("--listen-tls", f"127.0.0.1@{lab.tls}", "--tls-cert", lab.cert, "--tls-key", lab.key, *more, **options)


def message(name, qtype=1, ident=1):
    return wire.stamped(wire.query(wire.name_wire(name), qtype), ident)


def take(stream, count):
    got = b""
    while len(got) < count:
        more = stream.recv(count - len(got))
        if not more:
            raise OSError("the server has closed the connection")
        got += more
    return got


def ask(stream, name, qtype=1, ident=1):
    """One query and its reply on an open stream; returns how many answers there are."""
    stream.sendall(wire.framed(message(name, qtype, ident)))
    reply = take(stream, struct.unpack(">H", take(stream, 2))[0])
    assert struct.unpack(">H", reply[:2])[0] == ident, reply[:12]
    return struct.unpack(">H", reply[6:8])[0]


def client(lab, cafile=None):
    context = ssl.create_default_context(cafile=str(cafile or lab.cert))
    context.set_alpn_protocols(["dot"])
    return context


def connect(lab, context, session=None):
    return context.wrap_socket(socket.create_connection(("127.0.0.1", lab.tls), 5), server_hostname=NAME, session=session)


def counts(lab, series, at_least):
    until(f"{series} is at least {at_least}", lambda: lab.metric(series) >= at_least, 5)


def kdig_checks_who_it_talks_to(lab):
    serve(lab)
    der = subprocess.run(f"openssl x509 -in {lab.cert} -pubkey -noout | openssl pkey -pubin -outform der", shell=True,
                         capture_output=True).stdout
    pin = base64.b64encode(hashlib.sha256(der).digest()).decode()
    other, _ = certificate(lab, "other")
    def kdig(*words):
        done = subprocess.run(["kdig", "@127.0.0.1", "-p", str(lab.tls), "+timeout=3", "+retry=0", *words, f"host.{ZONE}"],
                              capture_output=True, text=True)
        return done.stdout
    assert "192.0.2.10" in kdig(f"+tls-ca={lab.cert}", f"+tls-hostname={NAME}")
    assert "192.0.2.10" in kdig("+tls", f"+tls-pin={pin}")
    assert "192.0.2.10" not in kdig(f"+tls-ca={lab.cert}", "+tls-hostname=ns2.example.com")
    assert "192.0.2.10" not in kdig(f"+tls-ca={other}", f"+tls-hostname={NAME}")
    counts(lab, 'gslbd_queries_total{transport="tls"}', 2)
    counts(lab, "gslbd_tls_handshakes_total", 2)


def only_dot_and_only_new_versions(lab):
    serve(lab)
    def s_client(*words):
        return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{lab.tls}", *words], input="", capture_output=True,
                              text=True, timeout=10)
    assert "ALPN protocol: dot" in s_client("-alpn", "dot").stdout
    assert "ALPN protocol: dot" in s_client("-alpn", "h2,dot", "-tls1_2").stdout
    assert "No ALPN negotiated" in s_client().stdout
    assert "no application protocol" in s_client("-alpn", "h2").stderr
    assert "Cipher is (NONE)" in s_client("-tls1_1", "-cipher", "ALL:@SECLEVEL=0").stdout
    assert "Cipher is (NONE)" in s_client("-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0").stdout # no forward secrecy
    counts(lab, "gslbd_tls_handshakes_failed_total", 3)


def a_session_of_one_worker_is_resumed_by_another(lab):
    serve(lab, workers=2)
    kept = [] # open, so that descriptors only become more
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = client(lab)
        context.maximum_version = version
        first = connect(lab, context)
        assert ask(first, f"host.{ZONE}") == 1 and not first.session_reused
        workers = lab.server.named("gslbd:worker")
        before = [len(os.listdir(f"/proc/{pid}/fd")) for pid in workers]
        streams = [connect(lab, context, first.session) for _ in range(24)]
        kept += [first, *streams]
        for stream in streams:
            assert ask(stream, f"host.{ZONE}") == 1
            assert stream.session_reused
        after = [len(os.listdir(f"/proc/{pid}/fd")) for pid in workers]
        assert all(b > a for a, b in zip(before, after)), "one worker took them all"


def slow_handshakes_make_room(lab):
    serve(lab, "--tcp-connections", 1000)
    silent = [socket.create_connection(("127.0.0.1", lab.tls), 5) for _ in range(140)] # more than may greet at once
    slow = socket.create_connection(("127.0.0.1", lab.tls), 5)
    slow.sendall(b"\x16\x03\x01\x02\x00\x01") # the beginning of a ClientHello
    with connect(lab, client(lab)) as stream:
        assert ask(stream, f"host.{ZONE}") == 1
        assert closed_within(slow, 8) > 3
        for sock in silent:
            closed_within(sock, 3)
            sock.close()
        assert ask(stream, f"host.{ZONE}") == 1 # that one has done its handshake
    counts(lab, "gslbd_tls_handshakes_failed_total", 141)


def tls_leaves_room_for_plain_connections(lab):
    serve(lab, "--tcp-connections", 16, "--tls-connections", 5)
    context = client(lab)
    streams = [connect(lab, context) for _ in range(5)]
    assert all(ask(stream, f"host.{ZONE}") == 1 for stream in streams)
    assert closed_within(socket.create_connection(("127.0.0.1", lab.tls), 5), 3) < 2 # the sixth is closed at once
    assert lab.query(f"host.{ZONE}", "A", "IN", None, "+tcp") == "NOERROR"
    until("five are counted", lambda: all(ask(stream, f"host.{ZONE}") == 1 for stream in streams) and lab.metric("gslbd_tls_open") == 5,
          6, 0.2)
    until("those that are idle go soon, since TLS is full", lambda: lab.metric("gslbd_tls_open") < 5, 6, 0.2)
    with connect(lab, context) as stream:
        assert ask(stream, f"host.{ZONE}") == 1
    for stream in streams:
        stream.close()


def plain_bytes_on_the_tls_port_end_the_connection(lab):
    serve(lab)
    for hello in (wire.framed(message(f"host.{ZONE}")), b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + bytes(1000), os.urandom(3000)):
        with socket.create_connection(("127.0.0.1", lab.tls), 5) as sock:
            sock.sendall(hello)
            assert closed_within(sock, 8) < 6.5
    with socket.create_connection(("127.0.0.1", lab.port), 5) as sock: # and TLS on the plain one
        sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64))
        closed_within(sock, 3)
    assert lab.answer(f"host.{ZONE}", "A", None, "+tcp") == ["192.0.2.10"]


def hostile_handshakes_do_no_harm(lab):
    server = serve(lab)
    workers = server.named("gslbd:worker")
    rng = random.Random(7)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    hello = client(lab).wrap_bio(incoming, outgoing, server_hostname=NAME)
    try:
        hello.do_handshake()
    except ssl.SSLWantReadError:
        pass
    good = outgoing.read()
    for number in range(600):
        packet = bytearray(good)
        for _ in range(rng.randrange(1, 8)):
            packet[rng.randrange(len(packet))] = rng.randrange(256)
        sock = socket.create_connection(("127.0.0.1", lab.tls), 5)
        sock.sendall(packet if number % 3 else packet[: rng.randrange(len(packet))])
        if number % 2: # reset, while the server has something to say
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
    with connect(lab, client(lab)) as stream:
        assert ask(stream, f"host.{ZONE}") == 1
    assert server.named("gslbd:worker") == workers, "a worker died"


def much_is_sent_to_a_slow_reader_whole(lab):
    serve(lab)
    count = 300
    with connect(lab, client(lab)) as stream:
        stream.settimeout(10)
        for i in range(count): # a few bytes each: they wait in the sockets
            stream.sendall(wire.framed(message(f"big.{ZONE}", 16, i)))
        with connect(lab, client(lab)) as quick:
            assert ask(quick, f"host.{ZONE}") == 1
        for i in range(count):
            reply = take(stream, struct.unpack(">H", take(stream, 2))[0])
            assert struct.unpack(">H", reply[:2])[0] == i and struct.unpack(">H", reply[6:8])[0] == 300
        assert ask(stream, f"host.{ZONE}") == 1


def a_zone_is_transferred_over_tls(lab):
    serve(lab)
    lab.sql(f"INSERT INTO transfer(zone, net) VALUES ('{ZONE}', '127.0.0.1')")
    rows = ",".join(f"('{ZONE}', 'many{i}', 'TXT', '\"{i:0>200}\"')" for i in range(3000))
    lab.sql(f"INSERT INTO record(zone, name, type, data) VALUES {rows}")
    def copied():
        done = subprocess.run(["kdig", "@127.0.0.1", "-p", str(lab.tls), f"+tls-ca={lab.cert}", f"+tls-hostname={NAME}", "+timeout=3",
                               "+retry=0", ZONE, "AXFR"],
                              capture_output=True, text=True)
        return len(re.findall(r"\bTXT\b", done.stdout)) == 3300
    until("all records come", copied, 10)


def a_new_certificate_is_used_at_once_and_nobody_notices(lab):
    server = serve(lab, workers=2)
    everybody = ssl.create_default_context()
    everybody.check_hostname, everybody.verify_mode = False, ssl.CERT_NONE
    stop, asked, failures = threading.Event(), [0], []
    def load():
        while not stop.is_set():
            try:
                with connect(lab, everybody) as stream:
                    assert ask(stream, f"host.{ZONE}") == 1
                    asked[0] += 1
            except (OSError, AssertionError) as error:
                failures.append(repr(error))
    old = connect(lab, client(lab))
    assert ask(old, f"host.{ZONE}") == 1
    thread = threading.Thread(target=load)
    thread.start()
    def served():
        with connect(lab, everybody) as stream:
            return ssl.DER_cert_to_PEM_cert(stream.getpeercert(True))
    try:
        end = not_after(lab.cert)
        for step, days in (("one", 40), ("two", 50)):
            cert, key = certificate(lab, step, days)
            os.replace(key, lab.key)
            if step == "one": # for a while the two do not fit
                until("the mismatch is logged", lambda: "not the certificate's" in server.log(), 5)
                failure = next(line for line in server.log().split("\n") if "not the certificate's" in line)
                assert f'state="the old one is still served" not_after={end} do="correct the files' in failure, failure
                assert ask(old, f"host.{ZONE}") == 1
            text, end = cert.read_text(), not_after(cert)
            os.replace(cert, lab.cert)
            if step == "two":
                server.popen.send_signal(signal.SIGHUP)
            until(f"certificate {step} is served by both workers", lambda: all(served() == text for _ in range(12)), 5)
            assert f" not_after={end}\n" in server.log(), end
        assert ask(old, f"host.{ZONE}") == 1 # it goes on with what it began with
    finally:
        stop.set()
        thread.join()
    assert not failures and asked[0] > 20, (asked, failures[:3])


def what_is_wrong_with_the_files_is_said(lab):
    lab.init()
    cert, key = certificate(lab, "good")
    other, _ = certificate(lab, "other")
    (lab.dir / "nonsense").write_text("nonsense")
    public = lab.dir / "public.key"
    public.write_bytes(key.read_bytes())
    os.chmod(public, 0o644)
    os.chmod(lab.dir / "nonsense", 0o600)
    port = free_port()
    for number, (crt, pkey, sentence) in enumerate([(cert, public, "can be read or written by others"),
                                                    (other, key, "the key is not the certificate's"),
                                                    (cert, lab.dir / "missing", "cannot read"),
                                                    (lab.dir / "nonsense", key, "the certificate cannot be used"),
                                                    (cert, lab.dir / "nonsense", "the key cannot be read")]):
        server = lab.serve("--listen-tls", f"127.0.0.1@{port}", "--tls-cert", crt, "--tls-key", pkey, wait=False, name=f"gslbd-{number}")
        assert server.popen.wait(10) != 0
        assert sentence in server.log(), (sentence, server.log())
    for words, sentence in ((["--listen-tls", f"127.0.0.1@{port}"], "--tls-cert is missing"), (["--tls-cert", cert], "--listen-tls"),
                            (["--listen-proxy", f"127.0.0.1@{port}"], "--proxy-from"), (["--proxy-from", "127.0.0.0/8"], "--listen-proxy")):
        server = lab.serve(*words, wait=False, name=f"gslbd-{len(lab.processes)}")
        assert server.popen.wait(10) == 2 and sentence in server.log(), server.log()


def without_a_usable_key_the_rest_is_served_and_tls_comes_back(lab):
    serve(lab)
    until("the world is kept", lambda: (lab.state / "manifest.json").exists())
    lab.server.stop()
    os.chmod(lab.key, 0o644)
    argv = lab.server.argv
    lab.server = lab.start("gslbd-again", argv)
    until("the last world is served", lambda: lab.alive() and lab.answer(f"host.{ZONE}") == ["192.0.2.10"])
    assert "can be read or written by others" in lab.server.log()
    with socket.create_connection(("127.0.0.1", lab.tls), 5) as sock: # refused at once, not kept waiting
        assert closed_within(sock, 3) < 1
    os.chmod(lab.key, 0o640) # for its group, as Debian's ssl-cert has it
    until("TLS is served", lambda: ask(connect(lab, client(lab)), f"host.{ZONE}") == 1, 5)
    workers = lab.server.named("gslbd:worker")
    for pid in workers: # the next one has it from the supervisor
        os.kill(pid, signal.SIGKILL)
    until("another worker runs", lambda: set(lab.server.named("gslbd:worker")).isdisjoint(workers) and lab.server.named("gslbd:worker"))
    until("TLS is served again", lambda: ask(connect(lab, client(lab)), f"host.{ZONE}") == 1, 5)


def a_certificate_that_ends_soon_is_served_with_a_warning(lab):
    server = serve(lab)
    cert, key = certificate(lab, "short", days=1)
    os.replace(key, lab.key)
    os.replace(cert, lab.cert)
    until("the warning", lambda: "expires soon" in server.log(), 5)
    until("the new one is served", lambda: ask(connect(lab, client(lab)), f"host.{ZONE}") == 1, 5)


def the_metrics_say_when_the_certificate_ends(lab):
    series = "gslbd_tls_certificate_not_after_timestamp_seconds"
    server = serve(lab)
    def end(cert):
        return datetime.datetime.fromisoformat(not_after(cert)).timestamp()
    assert lab.metric(series) == end(lab.cert)
    cert, key = certificate(lab, "renewed", 60)
    os.replace(key, lab.key)
    os.replace(cert, lab.cert)
    renewed = end(lab.cert)
    until("the new one's end", lambda: lab.metric(series) == renewed, 5)
    with connect(lab, client(lab)) as stream: # it is what is served
        assert ssl.cert_time_to_seconds(stream.getpeercert()["notAfter"]) == renewed
    certificate(lab, "mismatched", 90)[0].replace(lab.cert)
    server.popen.send_signal(signal.SIGHUP)
    until("the failure is logged", lambda: "not the certificate's" in server.log(), 5)
    assert lab.metric(series) == renewed
    server.stop()
    lab.serve(name="gslbd-plain")
    assert series not in lab.metrics()


# PROXY ---------------------------------------------------------------------------------------------------------------


def header(address, port=4660, command=1, transport=2):
    family, length = (2, 36) if ":" in address else (1, 12)
    packed = socket.inet_pton(socket.AF_INET6 if family == 2 else socket.AF_INET, address)
    kind = bytes([0x20 | command, family << 4 | transport])
    return SIGNATURE + kind + struct.pack(">H", length) + packed + packed + struct.pack(">2H", port, 53)


def proxied(lab, *more):
    serve(lab, "--listen-proxy", f"127.0.0.1@{free_port()}", *more, geoip=TOR)
    lab.proxy = int(re.search(r"--listen-proxy 127\.0\.0\.1@(\d+)", " ".join(lab.server.argv)).group(1))


def address_of(reply):
    return socket.inet_ntoa(reply[-4:])


def udp_ask(lab, head, source="127.0.0.1", seconds=3):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((source, 0))
        sock.connect(("127.0.0.1", lab.proxy))
        sock.settimeout(seconds)
        sock.send(head + message(WWW))
        try:
            return sock.recv(4096)
        except TimeoutError:
            return None


def tcp_ask(lab, head, source="127.0.0.1"):
    with socket.create_connection(("127.0.0.1", lab.proxy), 5, (source, 0)) as sock:
        try:
            sock.sendall(head[:5])
            sock.sendall(head[5:] + wire.framed(message(WWW)))
            return take(sock, struct.unpack(">H", take(sock, 2))[0])
        except OSError:
            return None


EU, US = "198.51.100.1", "203.0.113.1"


def the_client_is_who_the_proxy_says(lab):
    proxied(lab, "--proxy-from", "127.0.0.1/32")
    for asking in (udp_ask, tcp_ask):
        assert address_of(asking(lab, header("193.0.6.139"))) == EU
        assert address_of(asking(lab, header("8.8.8.8"))) == US
        assert address_of(asking(lab, header("2001:67c:2e8:22::c100:68b", transport=1))) == EU
        assert address_of(asking(lab, header("193.0.6.139", command=0))) == US # LOCAL: loopback, which is nowhere
        tlv = bytearray(header("193.0.6.139") + b"\x04\x00\x01\x00")
        tlv[15] += 4
        assert address_of(asking(lab, bytes(tlv))) == EU
    with socket.create_connection(("127.0.0.1", lab.proxy), 5) as sock: # pipelined behind the header
        sock.sendall(header("193.0.6.139") + b"".join(wire.framed(message(WWW, ident=i)) for i in range(50)))
        for i in range(50):
            assert struct.unpack(">H", take(sock, struct.unpack(">H", take(sock, 2))[0])[:2])[0] == i


def headers_that_are_not_to_be_believed_are_refused(lab):
    proxied(lab, "--proxy-from", "127.0.0.1", "--proxy-from", "2001:db8::/32")
    good = header("193.0.6.139")
    bad = [b"", b"PROXY TCP4 1.1.1.1 2.2.2.2 3 4\r\n", good[:12] + b"\x31" + good[13:], good[:14] + b"\xff\xff" + good[16:],
           header("193.0.6.139", transport=3)]
    for head in bad:
        assert tcp_ask(lab, head) is None, head
        assert udp_ask(lab, head, seconds=0.2) is None, head
    assert tcp_ask(lab, good, "127.0.0.2") is None and udp_ask(lab, good, "127.0.0.2", 0.2) is None
    counts(lab, "gslbd_proxy_refused_total", 2 * len(bad) + 2)
    assert address_of(tcp_ask(lab, good)) == EU and address_of(udp_ask(lab, good)) == EU
    assert lab.answer(f"host.{ZONE}") == ["192.0.2.10"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock: # the header means nothing elsewhere
        sock.connect(("127.0.0.1", lab.port))
        sock.settimeout(0.2)
        sock.send(good + message(WWW))
        try:
            assert sock.recv(4096)[3] & 15 != 0
        except TimeoutError:
            pass


def connections_are_limited_by_the_client_behind_the_proxy(lab):
    proxied(lab, "--proxy-from", "127.0.0.1/32", "--tcp-connections", "16") # of one client: 12
    def opened(address):
        sock = socket.create_connection(("127.0.0.1", lab.proxy), 5)
        sock.settimeout(3)
        sock.sendall(header(address))
        try:
            ask(sock, WWW)
        except OSError:
            return None
        return sock
    first = [opened("193.0.6.139") for _ in range(13)]
    assert all(first[:12]) and first[12] is None
    assert opened("8.8.8.8")


if __name__ == "__main__":
    main(kdig_checks_who_it_talks_to, only_dot_and_only_new_versions, a_session_of_one_worker_is_resumed_by_another,
         slow_handshakes_make_room, tls_leaves_room_for_plain_connections, a_zone_is_transferred_over_tls,
         plain_bytes_on_the_tls_port_end_the_connection, hostile_handshakes_do_no_harm, much_is_sent_to_a_slow_reader_whole,
         a_new_certificate_is_used_at_once_and_nobody_notices,
         what_is_wrong_with_the_files_is_said, without_a_usable_key_the_rest_is_served_and_tls_comes_back,
         a_certificate_that_ends_soon_is_served_with_a_warning, the_metrics_say_when_the_certificate_ends, the_client_is_who_the_proxy_says,
         headers_that_are_not_to_be_believed_are_refused, connections_are_limited_by_the_client_behind_the_proxy)
