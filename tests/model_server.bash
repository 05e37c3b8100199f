# What suites share that ask tests/helpers/model_server.py. They call model_setup from their setup(), and end_servers from their
# teardown().
# shellcheck shell=bash disable=SC2034,SC2154 # url is for the suites; port and HELPERS are suite.bash's

load suite.bash

model_setup() {
    suite_setup
    export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/home NO_PROXY=127.0.0.1
    unset SIDMILL_API_KEY OPENAI_API_KEY
}

serve() { # serve [flags]: a model server; its address in $url, its log in server.log unless the flags name another
    start_server "$HELPERS/model_server.py" --idle 20 --log server.log "$@"
    url=http://127.0.0.1:$port/v1
}

served() { grep -c "\"kind\": \"$1\"" server.log || true; } # served KIND: how many requests
