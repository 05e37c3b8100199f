# What suites begin with: the libraries, where the programs and helpers are, a folder to work in, and what several of them do.
# shellcheck shell=bash disable=SC2034,SC2154 # BIN, DATA and the like are for the suites; bats sets stderr and stderr_lines

suite_paths() {
    bats_load_library bats-support
    bats_load_library bats-assert
    bats_load_library bats-file
    ROOT=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
    BIN=$(realpath -m "${SIDMILL_BIN:-$ROOT/build/bin}")
    DATA=$(realpath -m "${SIDMILL_DATA:-$ROOT/../shared/data}")
    HELPERS=$BATS_TEST_DIRNAME/helpers
    export PYTHONPATH=$HELPERS PYTHONDONTWRITEBYTECODE=1
}

# For setup(): a folder of the test's own, with copies of the *.st that setup_file() has made.
suite_setup() {
    suite_paths
    cd "$BATS_TEST_TMPDIR" || return
    [ -z "$(compgen -G "$BATS_FILE_TMPDIR/*.st")" ] || cp "$BATS_FILE_TMPDIR"/*.st .
}

# For setup_file(): the folder for what all tests of a suite share.
suite_setup_file() {
    suite_paths
    cd "$BATS_FILE_TMPDIR" || return
}

# The exit status, and a message on standard error: fails_with CODE MESSAGE COMMAND...
fails_with() {
    run --separate-stderr "${@:3}"
    [ "$status" -eq "$1" ] || fail "exit status $status, expected $1: $stderr"
    [[ $stderr == *"$2"* ]] || fail "message: $stderr, expected $2"
}

assert_one_line() { [ "${#stderr_lines[@]}" -eq 1 ] || fail "more than one line: $stderr"; }

# No file or temporary file whose name begins with one of these stands anywhere below.
assert_none_written() {
    local name
    for name; do
        run find . -name "$name*"
        assert_output ''
    done
}

# Runs Python lines from standard input with everything of a module of tests/helpers in sight: python_with MODULE [ARGUMENTS]
python_with() {
    { echo "from $1 import *"; cat; } > test.py
    /usr/bin/python3 test.py "${@:2}"
}

# The same with a tensor file's tensors as t (arrays by name), its metadata as meta, and its items' ids, if it has any.
with_tensors() { # with_tensors FILE < script
    { echo 'import sys; t, meta = load(sys.argv[1]); ids = strings(t.get("item_ids", np.zeros(0)))'; cat; } | python_with tensors "$1"
}

# One value of a file's metadata: meta FILE ENTRY [KEY].
meta() {
    /usr/bin/python3 - "$@" <<'PY'
import json, sys
from tensors import load
entry = load(sys.argv[1])[1][sys.argv[2]]
print(json.loads(entry)[sys.argv[3]] if len(sys.argv) > 3 else entry)
PY
}

# The bytes of all tensors, without the header, as a digest.
weights() { /usr/bin/python3 -c 'import struct,sys; b=open(sys.argv[1],"rb").read(); sys.stdout.buffer.write(b[8+struct.unpack("<Q",b[:8])[0]:])' "$1" | sha256sum; }

# A training log without its one measured number.
untimed() { sed 's/,"\(tokens\|candidates\)_per_second":[0-9]*}$/}/' "$1"; }

# Runs the command over and over, killed with SIGKILL within TENTHS of a second, until it ends by itself; counts in kills.
killed_often() { # killed_often TENTHS COMMAND...
    local tenths=$1 pid status
    shift
    kills=0
    while :; do
        "$@" &
        pid=$!
        if [ $kills -lt 8 ]; then
            sleep "0.$((kills < 2 ? 0 : RANDOM % tenths))$((RANDOM % (kills < 2 ? 6 : 10)))" # soon at first, so that a fast machine is not done before
            kill -9 $pid 2>/dev/null || true # it may have ended
        fi
        status=0
        wait $pid 2>/dev/null || status=$?
        [ $status -eq 137 ] || return $status
        kills=$((kills + 1))
    done
}

# Starts a server that prints its port; what is in `servers` is ended by end_servers, for teardown().
servers=()
start_server() { # start_server COMMAND...: sets port
    rm -f port
    "$@" >port 2>server.err 3>&- </dev/null &
    servers+=($!)
    for _ in $(seq 200); do
        [ -s port ] && break
        sleep 0.05
    done
    [ -s port ] || fail "no server: $(cat server.err)"
    port=$(cat port)
}

end_servers() {
    local pid
    for pid in "${servers[@]}"; do kill "$pid" 2>/dev/null || true; done
    servers=()
}
