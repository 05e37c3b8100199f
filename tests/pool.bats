#!/usr/bin/env bats
# Several servers of one model: they share the work, one that is gone is left and tried again later, and the answers are those of one.
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines

bats_require_minimum_version 1.5.0

load model_server.bash
setup() {
    model_setup
    for i in $(seq 60); do echo "{\"id\":\"i$i\",\"title\":\"Thing $i\",\"caption\":\"caption of $i\"}"; done >items.jsonl
}
teardown() { end_servers; }

# Starts two servers, whose addresses are in $first and $second, their logs in a.log and b.log: pair [flags of the first] -- [of the second]
pair() {
    local flags=()
    while [ "$1" != -- ]; do flags+=("$1"); shift; done
    serve "${flags[@]}" --log a.log
    first=$url
    serve "${@:2}" --log b.log
    second=$url
}

embed() { "$BIN/embed" --text http --model m --batch 3 --retry-wait 0.001 --cache none "$@" items.jsonl; }
answered() { grep -c '"kind": "ok"' "$1" || true; }

@test "two servers share the work evenly, and give the bytes of one" {
    pair --delay 0.02 -- --delay 0.02
    embed -q --url "$first" -o one.st
    : >a.log
    run --separate-stderr embed --jobs 4 --url "$first" --url "$second" -o two.st
    assert_success
    cmp one.st two.st
    [[ $stderr == *"20 sent"*" 0 of them retries"* ]] || fail "$stderr"
    assert_equal "$(($(answered a.log) + $(answered b.log)))" 20
    [ "$(answered a.log)" -ge 8 ] && [ "$(answered b.log)" -ge 8 ]
}

@test "the quicker of two gets more" {
    pair --delay 0.01 -- --delay 0.3
    embed -q --jobs 4 --url "$first" --url "$second" -o two.st
    [ "$(answered a.log)" -gt "$(answered b.log)" ]
}

@test "a server that is not there from the start: the other one answers, which is said once" {
    pair -- --delay 0.005
    end_servers
    serve --delay 0.005 --log b.log
    run --separate-stderr embed --jobs 4 --url "$first" --url "$url" -o two.st
    assert_success
    assert_equal "$(answered b.log)" 20
    assert_equal "$(grep -c "$first does not answer, and is left alone for 5 seconds" <<<"$stderr")" 1
}

@test "a server that dies under way loses no request" {
    pair --delay 0.05 -- --delay 0.05
    embed -q --url "$second" -o one.st
    : >b.log
    embed -q --jobs 2 --url "$first" --url "$second" -o two.st &
    local pid=$!
    until [ "$(answered a.log)" -ge 2 ]; do sleep 0.01; done
    kill -9 "${servers[0]}"
    wait $pid
    cmp one.st two.st
    [ "$(answered b.log)" -lt 20 ]
}

@test "a server that says that it is busy passes its request on" {
    pair --faults 1 --kinds 429 -- --delay 0.001
    embed -q --jobs 4 --max-retries 0 --url "$first" --url "$second" -o two.st
    assert_equal "$(answered b.log)" 20
}

@test "where none is there the run ends, in one line" {
    pair --
    end_servers
    fails_with 69 '/embeddings: ' embed -q --url "$first" --url "$second" --max-retries 0 -o two.st
    assert_one_line
    assert_none_written two.st
}

@test "several servers and one model in mine-intent are a pool, for the judge as well" {
    pair --delay 0.01 -- --delay 0.01
    "$BIN/mine-intent" -q --engine http --judge http --model m --url "$first" --url "$second" --cache none items.jsonl -o mined.jsonl
    [ "$(answered a.log)" -ge 40 ] && [ "$(answered b.log)" -ge 40 ]
    fails_with 64 'expected as many of both, or one of either' "$BIN/mine-intent" --engine http --model m --model n --url "$first" --url "$second" \
        --url http://127.0.0.1:1/v1 items.jsonl
}

@test "an address that is there twice is refused" {
    fails_with 64 'is there twice' embed --url http://127.0.0.1:1/v1 --url http://127.0.0.1:1/v1/ -o two.st
    assert_one_line
}
