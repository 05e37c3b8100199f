# What suites share that fetch from tests/helpers/file_server.py. They call http_setup from their setup(), and http_teardown.
# shellcheck shell=bash disable=SC2034 # url is for the suites

load suite.bash

http_setup() {
    suite_setup
    servers=()
    unset XDG_CACHE_HOME https_proxy http_proxy all_proxy
    export HOME=$PWD/home NO_PROXY='*'
    mkdir home www
}

http_teardown() {
    local pid
    for pid in "${servers[@]}"; do kill "$pid" 2>/dev/null || true; done
}

serve() { # serve [flags]: a server over www; its address in $url, its log in server.log
    rm -f port
    "$HELPERS/file_server.py" --idle 20 --log server.log "$@" www >port 2>server.err 3>&- &
    servers+=($!)
    for _ in $(seq 200); do
        [ -s port ] && break
        sleep 0.05
    done
    [ -s port ] || fail "no server: $(cat server.err)"
    port=$(cat port)
    url=http://127.0.0.1:$port
}

# What the server's log says, by a Python expression over the list `log` of requests in the order of their coming.
log() {
    /usr/bin/python3 - "$1" <<'PY'
import json, sys
log = sorted(map(json.loads, open("server.log")), key=lambda request: request["number"])
print(eval(sys.argv[1]))
PY
}
