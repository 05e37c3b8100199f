#!/bin/bash
# Requests a second and memory of an http engine (mine-intent's) on a server on this machine that answers after a while, beside
# a plain client's on the same server. See README.
#
# tests/bench/http.sh     from the environment: HTTP_JOBS (64), DELAY (0.05 seconds), SIZES ("5000 20000" items), BUILD (build)
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
jobs=${HTTP_JOBS:-64} delay=${DELAY:-0.05}
read -ra sizes <<<"${SIZES:-5000 20000}"
mine=$(realpath "${BUILD:-$root/build}")/bin/mine-intent

work=$(mktemp -d)
trap 'kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
"$root/tests/helpers/model_server.py" --chat intents --delay "$delay" --idle 120 >"$work/port" &
server=$!
until [ -s "$work/port" ]; do sleep 0.1; done
port=$(cat "$work/port")

# shellcheck source=/dev/null
. "$root/tests/bench/busy.bash"

# Runs a command; its seconds and its peak memory in MiB.
measured() {
    /usr/bin/python3 - "$@" <<'PY'
import os, sys, time
start = time.time()
pid = os.spawnvp(os.P_NOWAIT, sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(pid, 0)
print(f"{time.time() - start:.3f} {usage.ru_maxrss / 1024:.1f}")
sys.exit(status != 0)
PY
}

echo "requests/s with $jobs in flight, replies after $delay s (at most $(awk -v j="$jobs" -v d="$delay" 'BEGIN { print j / d }')), and peak memory"
for n in "${sizes[@]}"; do
    awk -v n="$n" 'BEGIN { for (i = 1; i <= n; i++) printf "{\"id\":\"i%d\",\"title\":\"A thing number %d for the house\"}\n", i, i }' >"$work/items.jsonl"
    read -r seconds memory < <(measured "$mine" -q --engine http --url "http://127.0.0.1:$port/v1" --model "m$n" --jobs "$jobs" \
        --cache "$work/$n.db" -o "$work/out.jsonl" "$work/items.jsonl")
    awk -v n="$n" -v s="$seconds" -v m="$memory" 'BEGIN { printf "%-28s %8.0f  %6.1f MiB\n", "mine-intent, " n " items", n / s, m }'
    read -r seconds memory < <(measured "$mine" -q --engine http --url "http://127.0.0.1:$port/v1" --model "m$n" --jobs "$jobs" \
        --cache "$work/$n.db" -o "$work/again.jsonl" "$work/items.jsonl")
    awk -v n="$n" -v s="$seconds" -v m="$memory" 'BEGIN { printf "%-28s %8.0f  %6.1f MiB\n", "  again, from the cache", n / s, m }'
    cmp "$work/out.jsonl" "$work/again.jsonl"
done

/usr/bin/python3 - "$port" "$jobs" "${sizes[0]}" <<'PY'
import asyncio, json, sys, time
port, jobs, count = map(int, sys.argv[1:])
body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x" * 1000}]}).encode()
request = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
left = count

class Client(asyncio.Protocol):
    def __init__(self, done):
        self.done = done
    def connection_made(self, transport):
        self.transport = transport
        self.ask()
    def ask(self):
        global left
        if left == 0:
            self.transport.close()
            return self.done.set_result(None)
        left -= 1
        self.buffer = b""
        self.transport.write(request)
    def data_received(self, data):
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end >= 0 and len(self.buffer) >= end + 4 + int(self.buffer[:end].split(b"Content-Length: ")[1].split(b"\r")[0]):
            self.ask()

async def main():
    loop = asyncio.get_running_loop()
    ends = [loop.create_future() for _ in range(jobs)]
    start = time.time()
    for end in ends:
        await loop.create_connection(lambda: Client(end), "127.0.0.1", port)
    await asyncio.gather(*ends)
    print(f"{'a plain client':28} {count / (time.time() - start):8.0f}")
asyncio.run(main())
PY
