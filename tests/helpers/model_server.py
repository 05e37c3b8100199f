#!/usr/bin/python3
"""An OpenAI-compatible model server for tests, on 127.0.0.1. Answers are a function of the request alone.

model_server.py [options]    prints its port, serves until nothing has come for --idle seconds, then ends by itself

  /v1/chat/completions   --chat caption   a sentence
                         --chat intents   {"descriptors":[{"descriptor":..,"confidence":..},..]}
                         --chat judge     0 or 1
                         --chat auto      by the request: a picture or nothing else known: caption; "0 or 1" in a message: judge;
                                          "descriptors" in a message or the response format: intents
  /v1/embeddings         vectors of --dims numbers, one for each of `input`, or for `messages`

--log FILE gets one line for every request, just before it is answered in full: {"digest","path","status","kind"}, digest being SHA-256 of the
body without its seed and kind "ok" or the fault's name. A request that hangs or is cut is logged as well, with status 0.
"""
import argparse
import asyncio
import gzip
import hashlib
import json
import math
import random
import ssl
import sys
import zlib

FAULTS = ["429", "500", "hang", "cut", "close", "notjson", "html", "junk", "empty", "duplicate", "nan", "shape"]
CONTENT_FAULTS = {
    "caption": [""],
    "judge": ["2", "yes", "0 1", "1.0", ""],
    "intents": ['{"descriptors":[]}', '{"descriptors":[{"descriptor":"a","confidence":2}]}', "no JSON here",
                '{"descriptors":[{"descriptor":"a","descriptor":"b","confidence":0.5}]}',
                '{"descriptors":[{"descriptor":"a","confidence":NaN}]}', '{"descriptors":[{"descriptor":"","confidence":0.5}]}',
                '{"descriptors":[{"descriptor":"a","confidence":0.5},{"descriptor":" A ","confidence":0.4}]}'],
}
HABITS = ["think", "thinkend", "unused", "thinkcut", "thoughtcut", "reasoning", "parts", "refusal", "filter", "limit", "context"]
EMBEDDING_FAULTS = ["missing", "extra", "repeated", "width", "text", "huge", "zero"]
THOUGHT = "The request is about a thing. One answer is enough."


def habit_choice(habit, content):
    """The answer as servers have it that do not split reasoning off, or have other ways; None: it is no such habit."""
    message, finish = {"role": "assistant", "content": content}, "stop"
    if habit == "think":
        message["content"] = f"<think>\n{THOUGHT}\n</think>\n\n{content}"
    elif habit == "thinkend":
        message["content"] = f"\n{THOUGHT}\n</Thinking>\n{content}"
    elif habit == "unused":  # Gemma's tokens
        message["content"] = f"<unused94>thought\n{THOUGHT}<unused95>{content}"
    elif habit == "thinkcut":
        message["content"], finish = f"<reasoning>\n{THOUGHT}", "length"
    elif habit == "thoughtcut":  # the template has opened it
        message["content"], finish = THOUGHT, "length"
    elif habit == "reasoning":
        message |= {"content": None, "reasoning_content": content}
    elif habit == "parts":
        message["content"] = [{"type": "thinking", "thinking": THOUGHT}, {"type": "text", "text": content[:4]}, {"type": "text", "text": content[4:]}]
    elif habit == "refusal":
        message |= {"content": None, "refusal": "I will\x1b[31m not\u202e say."}
    elif habit == "filter":
        message["content"], finish = "", "content_filter"
    elif habit in ("limit", "context"):
        message["content"], finish = content[:7], "length"
    else:
        return None
    return {"index": 0, "finish_reason": finish, "message": message}


WORDS = ("bright dark round wooden small large red blue green soft metal plain striped tall shiny old new light heavy "
         "narrow wide smooth").split()
USES = ("hiking trips", "a gift for children", "daily skin care", "cooking at home", "repairing furniture", "summer holidays",
        "long train rides", "dry hair", "a tidy desk", "outdoor training", "quiet evenings", "festive dinners")


def messages_text(request):
    texts, pictures = [], 0
    for message in request.get("messages", []):
        content = message["content"]
        for part in [{"type": "text", "text": content}] if isinstance(content, str) else content:
            if part["type"] == "text":
                texts.append(part["text"])
            elif part["type"] == "image_url" and part["image_url"]["url"].startswith("data:image/"):
                pictures += 1
            else:
                raise ValueError("unknown content part")
    return "\n".join(texts), pictures


def chat_kind(request, wanted):
    if wanted != "auto":
        return wanted
    text, pictures = messages_text(request)
    if pictures:
        return "caption"
    if "0 or 1" in text:
        return "judge"
    return "intents" if "descriptors" in text + json.dumps(request.get("response_format", "")) else "caption"


def chat_content(kind, draw):
    if kind == "caption":
        return "A " + " ".join(draw.sample(WORDS, 3)) + " thing on a " + draw.choice(WORDS) + " ground."
    if kind == "judge":
        return str(draw.randrange(2))
    uses = draw.sample(USES, draw.randint(1, 4))
    return json.dumps({"descriptors": [{"descriptor": use, "confidence": round(0.9 - 0.1 * i, 2)} for i, use in enumerate(uses)]})


def embedding(seed, dims):
    draw = random.Random(hashlib.sha256(seed).digest())
    return [round(draw.gauss(0, 1), 6) for _ in range(dims)]


def embeddings_data(request, dims, fault):
    if "messages" in request:
        messages_text(request)
        inputs = [json.dumps(request["messages"])]
    else:
        inputs = request["input"]
    data = [{"object": "embedding", "index": i, "embedding": embedding(text.encode(), dims)} for i, text in enumerate(inputs)]
    if fault == "order" or fault is None and len(data) > 2:
        data.reverse()  # legal: the index says which is which
    if fault == "missing":
        data.pop()
    elif fault == "extra":
        data.append(dict(data[0], index=len(data)))
    elif fault == "repeated":
        data[-1]["index"] = data[0]["index"] if len(data) > 1 else 1
    elif fault == "width":
        data[0]["embedding"].pop()
    elif fault == "text":
        data[0]["embedding"][0] = "0.5"
    elif fault == "huge":
        data[0]["embedding"][0] = 1e300
    elif fault == "zero":
        data[0]["embedding"] = [0] * dims
    return data


def body_digest(body):
    """Of what is asked: another seed makes no other request."""
    if b'"seed":' in body:
        asked = json.loads(body)
        del asked["seed"]
        body = json.dumps(asked, separators=(",", ":"), ensure_ascii=False).encode()
    return hashlib.sha256(body).hexdigest()


class Server:
    def __init__(self, options):
        self.options = options
        self.attempts = {}
        self.answered = 0
        self.busy = 0
        self.last = 0.0
        self.connections = []
        self.log = open(options.log, "a", buffering=1) if options.log else None

    def serve(self):
        """Takes connections into the pool, in the order of their coming."""
        for connection in self.connections[:self.options.pool or None]:
            if not connection.served:
                connection.served = True
                connection.read()

    def note(self, digest, path, status, kind):
        if self.log:
            self.log.write(json.dumps({"digest": digest, "path": path, "status": status, "kind": kind}) + "\n")

    def fault(self, digest):
        """The fault of this attempt, None for none; the same for every run with the same seed."""
        o = self.options
        attempt = self.attempts[digest] = self.attempts.get(digest, 0) + 1
        draw = random.Random(f"{o.seed} {digest} {attempt}")
        if attempt > o.faults_until or draw.random() >= o.faults:
            return None
        return draw.choice(o.kinds.split(","))

    def body(self, path, request, digest, fault):
        draw = random.Random(digest)
        if path.endswith("/embeddings"):
            wrong = fault if fault in EMBEDDING_FAULTS else draw.choice(EMBEDDING_FAULTS) if fault == "content" else None
            reply = {"object": "list", "model": request["model"], "usage": {"prompt_tokens": 7, "total_tokens": 7},
                     "data": embeddings_data(request, self.options.dims, wrong)}
        else:
            kind = chat_kind(request, self.options.chat)
            content = draw.choice(CONTENT_FAULTS[kind]) + " " * self.attempts[digest] if fault == "content" else chat_content(kind, draw)
            reply = {"object": "chat.completion", "model": request["model"],
                     "usage": {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25},
                     "choices": [habit_choice(fault, content) or
                                 {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}]}
            if fault in ("limit", "thinkcut", "thoughtcut"):
                reply["usage"]["completion_tokens"] = request.get("max_tokens", request.get("max_completion_tokens", 0))
        text = json.dumps(reply)
        if fault == "duplicate":
            text = text.replace('"choices":', '"choices": [], "choices":').replace('"data":', '"data": [], "data":')
        elif fault == "nan":
            text = text.replace('"index": 0', '"index": NaN', 1)
        elif fault == "shape":
            text = '{"object": "chat.completion"}'
        return text


def http(status, body, kind="application/json", extra=""):
    raw = body if isinstance(body, bytes) else body.encode()
    return f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\n{extra}Content-Length: {len(raw)}\r\n\r\n".encode() + raw


def error(status, message, extra=""):
    return http(status, json.dumps({"error": {"message": message, "type": "error"}}), extra=extra)


class Connection(asyncio.Protocol):
    def __init__(self, server):
        self.server, self.buffer, self.need, self.served = server, bytearray(), 0, False

    def connection_made(self, transport):
        self.transport = transport
        self.server.connections.append(self)
        self.server.serve()

    def connection_lost(self, problem):
        self.server.connections.remove(self)
        self.server.serve()

    def data_received(self, data):
        self.buffer += data
        if self.served:
            self.read()

    def read(self):
        while len(self.buffer) >= self.need:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self.buffer[:end]).decode("latin-1").split("\r\n")
            fields = {k.lower(): v for k, v in (line.split(": ", 1) for line in head[1:] if ": " in line)}
            self.need = end + 4 + int(fields.get("content-length", 0))
            if len(self.buffer) < self.need:
                return
            body = bytes(self.buffer[end + 4:self.need])
            del self.buffer[:self.need]
            self.need = 0
            self.request(head[0].split(" ")[1], fields, body)

    def request(self, path, fields, body):
        s, o = self.server, self.server.options
        loop = asyncio.get_running_loop()
        s.last = loop.time()
        digest = body_digest(body)
        if o.headers:
            with open(o.headers, "a") as file:
                file.write(json.dumps(dict(fields, path=path)) + "\n")
        if o.bodies:
            with open(o.bodies, "ab") as file:
                file.write(body + b"\n")
        key = fields.get("authorization", "")
        if o.status:
            reply, kind = error(o.status, f"no: {key}", f"Location: http://127.0.0.1/\r\nRetry-After: {o.retry_after}\r\n"), str(o.status)
        elif o.key and key != "Bearer " + o.key:
            reply, kind = error(401, f"wrong key: {key}"), "401"
        elif not path.startswith("/v1/"):
            reply, kind = error(404, f"no such path: {path}"), "404"
        elif o.stall_after is not None and s.answered >= o.stall_after:
            s.note(digest, path, 0, "stall")
            return
        else:
            s.answered += 1
            self.answer(path, body, digest, s.fault(digest), key)
            return
        self.finish(reply, path, digest, kind, loop)

    def answer(self, path, body, digest, fault, key):
        s, o = self.server, self.server.options
        loop = asyncio.get_running_loop()
        simple = {
            "429": lambda: error(429, "slow down", f"Retry-After: {o.retry_after}\r\n"),
            "500": lambda: error(500, "it broke"),
            "503": lambda: error(503, "busy", f"Retry-After: {o.retry_after}\r\n"),
            "400": lambda: error(400, "this one I do not like\nat all"),
            "notjson": lambda: http(200, '{"choices": [{"message": {"content": "unfinished'),
            "html": lambda: http(200, "<!DOCTYPE html><title>Welcome</title>", "text/html"),
            "junk": lambda: http(200, bytes(random.Random(digest).randrange(256) for _ in range(1 << 10)) * (1 << 10)),
            "empty": lambda: http(200, ""),
            "err200": lambda: http(200, json.dumps({"error": {"message": "Rate limit exceeded", "code": 429}})),
            "detail": lambda: http(422, json.dumps({"detail": [{"loc": ["body", "messages"], "msg": "Input should be\na valid string"}]})),
            "model": lambda: error(400, "The model `m` does not exist"),
            "parameter": lambda: error(400, "Unrecognized request argument supplied: top_q"),
            "temperature": lambda: error(400, "Unsupported value: 'temperature' does not support 0 with this model."),
            "501": lambda: error(501, "This server does not support embeddings"),
            "picture": lambda: error(500, "image input is not supported"),
            "large": lambda: error(500, "input is too large to process. increase the physical batch size"),
            "redirect": lambda: http(308, "moved", extra="Location: http://127.0.0.1:1/v2/chat?key=hidden\r\n"),
            "echo": lambda: http(200, json.dumps({"choices": [{"message": {"content": f"your key is {key}"}}]})),
        }
        if o.needs and o.needs not in json.loads(body):
            other = {"max_completion_tokens": "max_tokens"}.get(o.needs, o.needs)
            self.finish(error(400, f"Unsupported parameter: '{other}' is not supported with this model. Use '{o.needs}' instead."), path, digest, "needs", loop)
            return
        if o.refuses and o.refuses in json.loads(body):
            self.finish(error(400, f"Unknown parameter: '{o.refuses}'."), path, digest, "refuses", loop)
            return
        if fault in ("hang", "close"):
            s.note(digest, path, 0, fault)
            if fault == "close":
                self.transport.abort()
            return
        if fault == "huge-reply":
            s.note(digest, path, 0, fault)
            self.transport.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b" " * (8 << 20))
            return
        if fault in simple:
            reply = simple[fault]()
        else:
            try:
                reply = self.packed(s.body(path, json.loads(body), digest, fault), json.loads(body), fault)
            except (ValueError, KeyError, TypeError, IndexError) as problem:
                reply, fault = error(400, f"bad request: {problem}"), "400"
        if fault == "cut":
            s.note(digest, path, 0, fault)
            self.transport.write(reply[:len(reply) // 2])
            self.transport.close()
            return
        self.finish(reply, path, digest, fault or "ok", loop)

    def packed(self, text, request, fault):
        """The reply in ways that not everybody expects."""
        if fault == "sse" and request.get("stream") is not False:
            return http(200, f"data: {text}\n\ndata: {text}\n\ndata: [DONE]\n\n", "text/event-stream")
        if fault == "ended":
            return http(200, f"data: {text}\r\n\r\ndata: [DONE]\r\n\r\n")
        if fault == "ended2":
            return http(200, text + "\n[DONE]")
        if fault == "gzip":
            return http(200, gzip.compress(text.encode()), extra="Content-Encoding: gzip\r\n")
        if fault == "deflate":
            return http(200, zlib.compress(text.encode()), extra="Content-Encoding: deflate\r\n")
        if fault == "bomb":
            return http(200, gzip.compress(b" " * (64 << 20)), extra="Content-Encoding: gzip\r\n")
        return http(200, text)

    def finish(self, reply, path, digest, kind, loop):
        o = self.server.options
        if o.delay:
            self.server.busy += 1
            loop.call_later(o.delay, self.write, reply, path, digest, kind, True)
        else:
            self.write(reply, path, digest, kind, False)

    def write(self, reply, path, digest, kind, counted):
        s = self.server
        s.busy -= counted
        if self.transport.is_closing():
            return
        s.note(digest, path, int(reply[9:12]), kind)
        self.transport.write(reply)


async def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--chat", default="auto", choices=["auto", "caption", "intents", "judge"])
    p.add_argument("--dims", type=int, default=8, help="width of embeddings")
    p.add_argument("--delay", type=float, default=0, help="seconds before each reply")
    p.add_argument("--faults", type=float, default=0, help="share of attempts that go wrong")
    p.add_argument("--faults-until", type=float, default=math.inf, help="a body's attempts after this many go well")
    p.add_argument("--kinds", default=",".join(FAULTS), help="of: " + ", ".join(
        FAULTS + ["503", "400", "content", "echo", "huge-reply", "sse", "ended", "ended2", "gzip", "deflate", "bomb", "err200", "detail", "model",
                  "parameter", "temperature", "501", "picture", "large", "redirect"] + HABITS + EMBEDDING_FAULTS))
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--retry-after", default="0", help="value of that header, on 429 and 503")
    p.add_argument("--status", type=int, default=0, help="answer everything with this status and an error that repeats the key")
    p.add_argument("--key", default="", help="answer 401 to requests without this API key")
    p.add_argument("--stall-after", type=int, help="leave all requests after the first N without an answer")
    p.add_argument("--needs", help="answer 400 to requests without this member, which is to be used in place of another")
    p.add_argument("--refuses", help="answer 400 to requests with this member")
    p.add_argument("--headers", help="append each request's headers, as a JSON object a line")
    p.add_argument("--pool", type=int, default=0, help="so many connections are served at a time; others wait until one of them ends")
    p.add_argument("--log", help="append a line for each request")
    p.add_argument("--certificate", help="speak TLS with the certificate and key in this PEM file")
    p.add_argument("--bodies", help="append each request's body, a line each")
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--idle", type=float, default=30, help="end after so many seconds without a request")
    options = p.parse_args()
    server = Server(options)
    loop = asyncio.get_running_loop()
    server.last = loop.time()
    tls = None
    if options.certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(options.certificate)
    listener = await loop.create_server(lambda: Connection(server), "127.0.0.1", options.port, backlog=1024, ssl=tls)
    print(listener.sockets[0].getsockname()[1], flush=True)
    while loop.time() - server.last < options.idle or server.busy:
        await asyncio.sleep(min(1, options.idle / 4))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
