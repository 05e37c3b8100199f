# What suites begin with: the libraries, where the programs and helpers are, and a folder of the test's own to work in.
# shellcheck shell=bash disable=SC2034 # BIN, DATA and HELPERS are for the suites

suite_setup() {
    bats_load_library bats-support
    bats_load_library bats-assert
    bats_load_library bats-file
    BIN=$(cd "${SIDMILL_BIN:-$BATS_TEST_DIRNAME/../build/bin}" && pwd)
    DATA=${SIDMILL_DATA:-$BATS_TEST_DIRNAME/../../shared/data}
    [[ $DATA = /* ]] || DATA=$PWD/$DATA
    HELPERS=$BATS_TEST_DIRNAME/helpers
    cd "$BATS_TEST_TMPDIR" || return
}
