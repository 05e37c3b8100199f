# What suites share that fetch from tests/helpers/file_server.py. They call http_setup from their setup(), and end_servers from
# their teardown().
# shellcheck shell=bash disable=SC2034,SC2154 # url is for the suites; port and HELPERS are suite.bash's

load suite.bash

http_setup() {
    suite_setup
    unset XDG_CACHE_HOME https_proxy http_proxy all_proxy
    export HOME=$PWD/home NO_PROXY='*'
    mkdir home www
}

serve() { # serve [flags]: a server over www; its address in $url, its log in server.log
    start_server "$HELPERS/file_server.py" --idle 20 --log server.log "$@" www
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
