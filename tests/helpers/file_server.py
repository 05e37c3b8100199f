#!/usr/bin/python3
"""A web server for tests, on 127.0.0.1: serves a folder's files, with Range and ETag, and goes wrong where it is told to.

file_server.py [options] FOLDER    prints its port, serves until nothing has come for --idle seconds, then ends by itself

GET and HEAD; keep-alive; ETag (of the bytes), Last-Modified, Accept-Ranges, one byte range, If-Range, If-None-Match.

--fault GLOB=KIND[:VALUE][@FIRST][*TIMES]   may be given often. It applies to the paths that match GLOB (the query left out), from a
path's request number FIRST (1) on, TIMES times (always). All that apply to a request apply together, in the order given:

  cut:N           the connection is cut after N bytes of the body; a negative N: that many before its end
  close           the connection is cut without a reply
  hang            the head is sent, then nothing, for --hang seconds; with VALUE N, after N bytes of the body
  slow:N          the body comes at N bytes a second
  delay:S         S seconds before the reply
  length:N        Content-Length is wrong by N (a positive N: more is announced than comes, then the connection is cut)
  chunked         no Content-Length: Transfer-Encoding chunked
  norange         Range is ignored and not offered: always the whole file
  noifrange       If-Range is ignored: a range even where the file has changed
  wrongrange      a range other than the one asked for, honestly labelled
  unsatisfiable   416 to every request with Range
  noetag, weaketag, plainetag, nodate   without ETag; with a weak one; with one that has no quotes; without Last-Modified
  nototal         Content-Range does not say how long the whole is
  changed[:TEXT]  another file of the same length, with its own ETag and date: every byte plus 1; with TEXT: TEXT as a whole
  status:C[,R]    status C, with a short page as body and Retry-After R where given
  page:N          such a page, or that of a redirect, is N bytes long
  redirect:URL[,C]  status C (302) to URL; {port} becomes the server's port, {path} the path; a relative URL is fine
  type:T          Content-Type T
  html            a page of HTML under the file's own type
  gzip            the body compressed, with Content-Encoding, though nobody asked

Content types follow the names' ends. --log FILE gets one JSON line for every request when it has ended: number (of the request at
this server), path, host (its header), status, range, if_range (as asked), sent (bytes of the body handed to the network), faults, under_way
(requests for the same host unfinished when this one came, itself included), at and seconds (start and duration), and headers
(names of the request's headers, in lower case).
"""
import argparse
import email.utils
import fnmatch
import gzip
import hashlib
import http.server
import json
import mimetypes
import os
import re
import socket
import ssl
import sys
import threading
import time
import urllib.parse

CHUNK = 1 << 18
RULE = re.compile(r"(?P<glob>[^=]+)=(?P<kind>[a-z0-9]+)(:(?P<value>.*?))?(@(?P<first>\d+))?(\*(?P<times>\d+))?$")
KINDS = ("cut close hang slow delay length chunked norange noifrange wrongrange unsatisfiable noetag weaketag plainetag nodate nototal changed status "
         "page redirect type html gzip").split()
PAGE = b"<!DOCTYPE html>\n<title>Not what you asked for</title>\n<p>" + b"This page is no picture. " * 40 + b"\n"


class Rule:
    def __init__(self, text):
        found = RULE.match(text)
        if not found or found["kind"] not in KINDS:
            raise argparse.ArgumentTypeError(f"{text!r}: expected GLOB=KIND[:VALUE][@FIRST][*TIMES]")
        self.glob, self.kind, self.value = found["glob"], found["kind"], found["value"]
        self.first = int(found["first"] or 1)
        self.last = self.first + int(found["times"]) - 1 if found["times"] else float("inf")

    def applies(self, path, number):
        return fnmatch.fnmatchcase(path, self.glob) and self.first <= number <= self.last


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, options):
        super().__init__(("127.0.0.1", options.port), Handler)
        self.options = options
        self.lock = threading.Lock()
        self.last, self.busy, self.number = time.monotonic(), 0, 0
        self.asked, self.under_way, self.files = {}, {}, {}
        self.log = open(options.log, "a", buffering=1) if options.log else None

    def handle_error(self, request, client_address):
        pass  # clients that go away are what the tests are about

    def contents(self, path):
        """(bytes, ETag, time) of a file below the folder, None where there is none."""
        name = os.path.normpath(self.options.folder + "/" + urllib.parse.unquote(path))
        if not name.startswith(os.path.normpath(self.options.folder) + "/") or not os.path.isfile(name):
            return None
        stamp = os.stat(name).st_mtime_ns, os.path.getsize(name)
        with self.lock:
            known = self.files.get(name)
        if not known or known[0] != stamp:
            with open(name, "rb") as file:
                body = file.read()
            known = stamp, (body, etag(body), int(stamp[0] / 1e9))
            with self.lock:
                self.files[name] = known
        return known[1]


def etag(body):
    return '"' + hashlib.sha256(body).hexdigest()[:16] + '"'


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        s = self.server
        host = self.headers.get("Host", "")
        path = self.path.split("?")[0]
        self.sent, self.status, start = 0, 0, time.time()
        with s.lock:
            s.busy += 1
            s.number += 1
            number = s.number
            s.asked[path] = s.asked.get(path, 0) + 1
            under_way = s.under_way[host] = s.under_way.get(host, 0) + 1
            self.faults = {r.kind: r.value for r in s.options.fault if r.applies(path, s.asked[path])}
        try:
            self.reply(path)
            self.wfile.flush()
        except OSError:
            self.close_connection = True
        finally:
            with s.lock:
                s.busy -= 1
                s.under_way[host] -= 1
                s.last = time.monotonic()
                if s.log:
                    s.log.write(json.dumps({
                        "number": number, "path": path, "host": host, "status": self.status, "range": self.headers.get("Range"),
                        "if_range": self.headers.get("If-Range"), "sent": self.sent, "faults": list(self.faults),
                        "under_way": under_way, "at": round(start, 3), "seconds": round(time.time() - start, 3),
                        "headers": sorted(name.lower() for name in self.headers)}) + "\n")

    def reply(self, path):
        faults = self.faults
        page = PAGE.ljust(int(faults.get("page", 0)))
        if "delay" in faults:
            time.sleep(float(faults["delay"]))
        if "close" in faults:
            self.cut()
            return
        if "redirect" in faults:
            url, code = (faults["redirect"].rsplit(",", 1) + ["302"])[:2]
            url = url.replace("{port}", str(self.server.server_address[1])).replace("{path}", path)
            self.send(int(code), b"moved\n".ljust(int(faults.get("page", 0))), {"Location": url, "Content-Type": "text/plain"})
            return
        if "status" in faults:
            code, wait = (faults["status"].split(",") + [None])[:2]
            self.send(int(code), page, {"Content-Type": "text/html", **({"Retry-After": wait} if wait else {})})
            return
        found = self.server.contents(path)
        if not found:
            self.send(404, page, {"Content-Type": "text/html"})
            return
        self.reply_file(path, *found)

    def reply_file(self, path, body, tag, date):
        faults = self.faults
        if "changed" in faults:
            body = faults["changed"].encode() if faults["changed"] is not None else bytes((b + 1) % 256 for b in body)
            tag, date = etag(body), date + 3600
        kind = mimetypes.guess_type(path)
        head = {"Content-Type": {"gzip": "application/gzip", "xz": "application/x-xz", "bzip2": "application/x-bzip2"}.get(
            kind[1]) or kind[0] or "application/octet-stream"}
        if "html" in faults:
            body = PAGE
        if "type" in faults:
            head["Content-Type"] = faults["type"]
        if "gzip" in faults:
            body, head["Content-Encoding"] = gzip.compress(body, mtime=0), "gzip"
        stamp = email.utils.formatdate(date, usegmt=True)
        if "noetag" not in faults:
            head["ETag"] = tag.strip('"') if "plainetag" in faults else ("W/" if "weaketag" in faults else "") + tag
        if "nodate" not in faults:
            head["Last-Modified"] = stamp
        if "norange" not in faults:
            head["Accept-Ranges"] = "bytes"
        if tag in self.headers.get("If-None-Match", ""):
            self.send(304, b"", head)
            return
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        condition = self.headers.get("If-Range")
        current = condition is None or condition in (head.get("ETag"), head.get("Last-Modified")) and not condition.startswith("W/")
        if not asked or "norange" in faults or not (current or "noifrange" in faults):
            self.send(200, body, head)
            return
        first, last = int(asked[1]), min(int(asked[2] or len(body)), len(body) - 1)
        if "wrongrange" in faults:
            first = first // 2
        if first > last or "unsatisfiable" in faults:
            self.send(416, PAGE, {"Content-Type": "text/html", "Content-Range": f"bytes */{len(body)}"})
            return
        head["Content-Range"] = f"bytes {first}-{last}/" + ("*" if "nototal" in faults else str(len(body)))
        self.send(206, body[first:last + 1], head)

    def send(self, status, body, head):
        faults = self.faults
        chunked = "chunked" in faults
        if chunked:
            head["Transfer-Encoding"] = "chunked"
        else:
            head["Content-Length"] = str(len(body) + int(faults.get("length", 0)))
        self.status = status
        self.send_response_only(status)
        for name, value in head.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD" or status == 304:
            return
        stop = len(body)
        for kind in ("cut", "hang"):
            if kind in faults:
                n = int(faults[kind] or 0)
                stop = max(0, len(body) + n if n < 0 else min(n, len(body)))
        self.send_body(body[:stop] if stop < len(body) else body, chunked)
        self.wfile.flush()
        if "hang" in faults:
            time.sleep(self.server.options.hang)
        if "hang" in faults or "cut" in faults or int(faults.get("length", 0)):
            self.cut()
        elif chunked:
            self.wfile.write(b"0\r\n\r\n")

    def send_body(self, body, chunked):
        speed = float(self.faults.get("slow", 0))
        step = max(1, int(speed / 20)) if speed else CHUNK
        view = memoryview(body)
        for at in range(0, len(body), step):
            part = view[at:at + step]
            if chunked:
                self.wfile.write(b"%x\r\n" % len(part))
            self.wfile.write(part)
            if chunked:
                self.wfile.write(b"\r\n")
            self.sent += len(part)
            if speed:
                self.wfile.flush()
                time.sleep(len(part) / speed)

    def cut(self):
        """Ends the connection after what was written so far."""
        self.close_connection = True
        try:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder", help="what is served")
    p.add_argument("--fault", type=Rule, action="append", default=[], help="GLOB=KIND[:VALUE][@FIRST][*TIMES]")
    p.add_argument("--hang", type=float, default=20, help="seconds that a hanging reply hangs")
    p.add_argument("--log", help="append a line for each request")
    p.add_argument("--certificate", help="speak TLS with the certificate and key in this PEM file")
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--idle", type=float, default=30, help="end after so many seconds without a request")
    options = p.parse_args()
    if not os.path.isdir(options.folder):
        p.error(f"{options.folder}: expected a folder")
    server = Server(options)
    if options.certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(options.certificate)
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    print(server.server_address[1], flush=True)
    while server.busy or time.monotonic() - server.last < options.idle:
        time.sleep(min(1, options.idle / 4))


if __name__ == "__main__":
    sys.exit(main())
