# Building, installing, and the packages that are needed: on a small tree with the real Makefile and base library.
bats_require_minimum_version 1.5.0

load suite.bash

setup()
{
    suite_setup
    [ -z "${SANITIZE:-}" ] || skip "the same under the sanitizers"
    unset WERROR CC DEPS
    mkdir -p lib tools tests/unit man pipelines data
    cp -r "$ROOT/Makefile" "$ROOT/scripts" .
    cp -r "$ROOT/lib/base" lib/
    cp "$ROOT/tests/run" tests/
    cp "$ROOT/tests/unit/unit.h" tests/unit/
    cat > tools/hello.c <<'C'
#include "base/err.h"
int main(void)
{
    note("hello");
    return 0;
}
C
    # As tests of base go: one that passes, and on request one that does not.
    cat > tests/unit/test_hello.c <<'C'
#include "../unit/unit.h"
TEST(adds) { CHECK(1 + 1 == 2); }
UNIT_MAIN(UNIT(adds))
C
}

build() { command make --no-print-directory CFLAGS=-O0 "$@" < /dev/null 3>&-; }

compiled() { grep -c '^  CC ' <<< "$output" || true; }

@test "builds library and tools; a second make compiles nothing" {
    run build -j4
    assert_success
    assert_file_executable build/bin/hello
    assert_exist build/lib/libsidmill.a
    refute_output --partial "warning"
    assert_line --regexp '^sidmill: 1 tools in build/bin; .*; oneDNN: (yes|no); seccomp: (yes|no); WebP: (yes|no); AVIF: (yes|no); TIFF: (yes|no); MPI: (yes|no)$'
    run build
    assert_success
    assert_equal "$(compiled)" 0
    run build -q build/bin/hello build/lib/libsidmill.a
    assert_success
}

@test "a header's change rebuilds what includes it, and only that" {
    build > /dev/null
    touch lib/base/simd.h
    users=$(grep -l 'base/simd.h' lib/base/*.c tools/*.c | wc -l)
    run build
    assert_equal "$(compiled)" "$users"
    touch lib/base/err.h
    run build
    assert_success
    assert [ "$(compiled)" -gt "$users" ]
}

@test "other flags rebuild everything; the same flags nothing" {
    run build
    all=$(compiled)
    run build CFLAGS="-O0 -DNAMED='a \"b\"'"
    assert_success
    assert_equal "$(compiled)" "$all"
    run build CFLAGS="-O0 -DNAMED='a \"b\"'"
    assert_equal "$(compiled)" 0
    run build ONEDNN=no
    assert_equal "$(compiled)" "$all"
    assert_line --partial "oneDNN: no"
}

@test "a source file that is gone is gone from the library" {
    echo 'int gone(void); int gone(void) { return 1; }' > lib/base/gone.c
    build > /dev/null
    run ar t build/lib/libsidmill.a
    assert_line gone.o
    rm lib/base/gone.c
    build > /dev/null
    run ar t build/lib/libsidmill.a
    refute_line gone.o
}

@test "clang builds it too" {
    command -v clang > /dev/null || skip "no clang here"
    run build CC=clang WERROR=1
    assert_success
}

@test "WERROR=1 makes a warning an error" {
    echo 'int main(void) { int unused; return 0; }' > tools/hello.c
    run build
    assert_success
    run build WERROR=1
    assert_failure
}

@test "help and clean need no compiler, and look for nothing" {
    for target in help clean; do
        run build "$target" CC=/nonexistent/cc
        assert_success
        refute_output --partial "nonexistent"
    done
    assert_not_exist build
}

@test "make help names every documented target" {
    run build help
    assert_success
    for target in demo check run plan watch data deps check-fresh check-san check-torch check-peers check-browser lint bench html install uninstall clean; do
        assert_output --partial "make $target"
    done
}

@test "demo says what comes, and about how long it takes, before anything is looked for" {
    run build -n demo # which ends where pipelines/ is missing here
    assert_line --index 0 --partial "demo: packages that are missing, the build"
    assert_line --index 1 --partial "about two minutes on two fast cores"
}

@test "a missing header is named before anything is compiled" {
    printf '#!/bin/sh\ncase "$*" in *-E*) if grep -q cJSON; then exit 1; fi ;; esac\nexec cc "$@"\n' > cc-without
    chmod +x cc-without
    run build CC=./cc-without
    assert_failure
    assert_output --partial "missing libcjson-dev; make deps installs it"
    refute_output --partial "  CC "
}

@test "install and uninstall" {
    cp -r "$ROOT/pipelines" "$ROOT/data" .
    printf '.Dd November 21, 2026\n' > man/hello.1
    printf '.Dd November 21, 2026\n' > man/hello-format.5
    run build install PREFIX=/usr DESTDIR="$PWD/a b"
    assert_success
    assert_file_executable "a b/usr/bin/hello"
    assert_exist "a b/usr/share/man/man1/hello.1"
    assert_exist "a b/usr/share/man/man5/hello-format.5"
    assert_equal "$(readlink "a b/usr/share/bash-completion/completions/hello")" sidmill
    tail -n 1 "a b/usr/share/bash-completion/completions/sidmill" | grep -qx 'complete -F _sidmill hello'
    head -n 1 "a b/usr/share/zsh/site-functions/_sidmill" | grep -qx '#compdef hello'
    mv "a b" root
    mkdir away && cd away
    run make -f ../root/usr/share/sidmill/pipelines/stages.mk plan
    assert_success
    assert_line --regexp '^to do  work/demo/evaluate-[0-9a-f]{12}$'
    cd ..
    run build uninstall PREFIX=/usr DESTDIR="$PWD/root"
    assert_success
    assert_equal "$(find root ! -type d)" ""
}

# --- make deps, with stand-ins for the package manager -----------------------------------------------------------------

# A system on which the package manager knows $1 installed, and has the lists of packages if $2 says so.
fake_debian()
{
    mkdir -p fake
    printf '#!/bin/sh\nfor p in %s; do echo "installed:$p"; done\n' "$1" > fake/dpkg-query
    printf '#!/bin/sh\n[ -e lists ]\n' > fake/apt-cache
    cat > fake/apt-get <<'SH'
#!/bin/sh
case " $* " in
    *" --print-uris "*)
        echo "1 upgraded, 2 newly installed, 0 to remove and 9 not upgraded."
        echo "Need to get 12.3 MB/20.1 MB of archives."
        echo "After this operation, 1204 MB of additional disk space will be used."
        echo "'http://mirror/a.deb' a.deb 12000000 MD5Sum:0"
        echo "'http://mirror/b.deb' b.deb 300000 MD5Sum:0"
        exit ;;
    *" update "*) touch lists ;;
esac
echo "$*" >> apt.log
SH
    chmod +x fake/*
    rm -f lists apt.log
    [ -z "${2:-}" ] || touch lists
    PATH=$PWD/fake:$PATH
    [ -e /etc/debian_version ] || skip "not a Debian system"
}

@test "deps: what is missing is installed, said beforehand, the optional with it" {
    fake_debian "here" lists
    run scripts/deps ensure here:/nonexistent/1 needed:/nonexistent/2 -- optional:/nonexistent/3
    assert_success
    assert_output --regexp 'installing \(DEPS=no stops this\): (sudo )?apt-get install -y --no-install-recommends needed optional'
    assert_line "sidmill: 3 packages in all, 12 MB to download, 1204 MB on disk: about 3 minutes"
    run cat apt.log
    assert_equal "${#lines[@]}" 1
    assert_output --partial "install -y --no-install-recommends needed optional"
}

@test "deps: where apt does not say what it takes, something is said all the same" {
    fake_debian "here" lists
    sed -i 's/^        echo .*$/        :/' fake/apt-get
    run scripts/deps ensure needed:/nonexistent/2 -- optional:/nonexistent/3
    assert_success
    assert_line "sidmill: 2 packages and what they need: some minutes"
}

@test "deps: without package lists, as in a fresh container, they are read first" {
    fake_debian "here"
    run scripts/deps ensure needed:/nonexistent/1
    assert_success
    run cat apt.log
    assert_line --index 0 --partial "update"
    assert_line --index 1 --partial "install -y --no-install-recommends needed"
}

@test "deps: nothing missing, nothing done; an optional one alone only on request" {
    fake_debian "here" lists
    run scripts/deps ensure here:/nonexistent/1 other:/dev/null -- optional:/nonexistent/2
    assert_success
    assert_output ""
    assert_not_exist apt.log
    run scripts/deps install here:/nonexistent/1 -- optional:/nonexistent/2
    assert_success
    assert_exist apt.log
}

@test "deps: DEPS=no installs nothing, and fails if something needed is missing" {
    fake_debian "here" lists
    DEPS=no run scripts/deps ensure needed:/nonexistent/1 here:/nonexistent/2
    assert_failure
    assert_output "sidmill: missing: needed; nothing installed because of DEPS=no"
    assert_not_exist apt.log
    DEPS=no run scripts/deps install here:/nonexistent/1 -- optional:/nonexistent/2
    assert_success
    DEPS=no run build check NEED_TEST=needed:/nonexistent/1
    assert_failure
    assert_output --partial "missing: needed"
    assert_not_exist build
}

@test "deps: a failed installation is a failure" {
    fake_debian "here" lists
    printf '#!/bin/sh\nexit 100\n' > fake/apt-get
    run scripts/deps ensure needed:/nonexistent/1
    assert_failure
    assert_output --partial "installation failed"
}

@test "deps: no compiler is something missing too" {
    fake_debian "here" lists
    CC=clang-999 run scripts/deps ensure here:/nonexistent/1
    assert_success
    run cat apt.log
    assert_output --partial "clang-999"
}

@test "deps: elsewhere, what to install is printed" {
    mkdir bare
    for command in sh sed grep id cc; do ln -s "$(command -v $command)" bare/; done
    PATH=$PWD/bare run scripts/deps install needed:/nonexistent/1 there:/dev/null -- optional:/nonexistent/2
    assert_failure
    assert_output "sidmill: not a Debian system. Please install (Debian's names): needed (optional: optional)"
}

# --- make check-fresh, with a stand-in for debootstrap: a root that borrows this machine's /usr -----------------------------

# A repository in repo/ whose two commands are $1 and $2.
fake_fresh()
{
    fake_debian debootstrap lists
    [ "$(id -u)" -eq 0 ] || skip "not root"
    unshare --mount --pid --fork --mount-proc true || skip "root may not mount here"
    printf '#!/bin/sh\necho "%s http://mirror/debian/"\n' "$(. /etc/os-release && echo "$VERSION_CODENAME")" > fake/apt-get
    cat > fake/debootstrap <<'SH'
#!/bin/sh
for root; do case $root in */root) break ;; esac; done
mkdir -p "$root/dev" "$root/proc" "$root/sys" "$root/root" "$root/usr" "$root/etc/ssl/certs" "$root/etc/apt/apt.conf.d" "$root/var/cache/apt/archives"
for link in bin lib lib64; do ln -s "usr/$link" "$root/$link"; done
mount --rbind -o ro /usr "$root/usr"
SH
    chmod +x fake/debootstrap
    mkdir repo tmp
    cp -r scripts repo/
    printf '# tool\n\n## Two commands\n\nText:\n\n    make demo  # first\n    make check\n\nMore:\n\n    make other\n' > repo/README.md
    printf 'demo:\n\t%s\ncheck:\n\t%s\n' "$1" "$2" > repo/Makefile
    git -C repo init -q
    git -C repo add .
    git -C repo -c user.name=a -c user.email=a@b commit -q -m a
    fresh=(env TMPDIR="$PWD/tmp" SIDMILL_DATA="$PWD/data" repo/scripts/fresh debootstrap:debootstrap)
}

# Nothing runs there, and nothing is mounted.
assert_quiet()
{
    run grep -slz '[7]6543$' /proc/[0-9]*/cmdline
    assert_output ""
    run grep -F "$PWD/tmp/" /proc/self/mountinfo
    assert_output ""
}

@test "check-fresh: README's commands run there as they stand; one that fails is a failure; nothing is left" {
    fake_fresh '@pwd; cat ../shared/data/*; test ! -e later; : changed' '@echo second; exit 3'
    echo "real data" > data/file
    sed -i 's/: changed/echo changed/' repo/Makefile
    touch repo/later
    run "${fresh[@]}"
    assert_failure 1
    assert_line "--- fresh machine: make demo  # first"
    for line in /root/sidmill "real data" changed second; do assert_line "$line"; done
    refute_output --partial other
    assert_equal "$(ls tmp)" ""
    assert_quiet
    sed -i 's/exit 3/true/' repo/Makefile
    run "${fresh[@]}"
    assert_success
}

@test "check-fresh: ended by a signal, it leaves nothing; by kill -9, nothing that runs or is mounted" {
    fake_fresh '@touch begun; sleep 76543' '@true'
    for signal in TERM KILL; do
        "${fresh[@]}" > log 2>&1 3>&- &
        for _ in {1..300}; do compgen -G "tmp/*/root/root/sidmill/begun" > /dev/null && break || sleep 0.1; done
        kill -$signal $!
        wait $! || true
        [ $signal = KILL ] || assert_equal "$(ls tmp)" ""
        sleep 0.5
        assert_quiet
    done
}

@test "check-fresh: where no machine can be made, it says so loudly and fails" {
    fake_debian debootstrap lists
    printf '#!/bin/sh\necho 1000\n' > fake/id
    chmod +x fake/id
    run scripts/fresh debootstrap:debootstrap
    assert_failure 69
    assert_output "sidmill: NO FRESH MACHINE: only root can make one"
    run build check-fresh
    assert_failure
    assert_output --partial "NO FRESH MACHINE"
    rm fake/id
    fake_fresh '@true' '@true'
    printf '#!/bin/sh\necho no mirror; exit 1\n' > fake/debootstrap
    run "${fresh[@]}"
    assert_failure 69
    assert_line "no mirror"
    assert_line "sidmill: NO FRESH MACHINE: debootstrap failed"
    assert_equal "$(ls tmp)" ""
}

# --- The runner of make check -------------------------------------------------------------------------------------------

runner()
{
    build tests all > /dev/null
    printf '@test "one" { true; }\n' > tests/fine.bats
    run env -u SANITIZE BUILD=build JOBS=2 TEST_TIMEOUT="${limit:-60}" tests/run "$@"
}

@test "runner: ends with the totals" {
    runner
    assert_success
    assert_line --index -1 "2 passed, 0 failed"
    runner fine
    assert_line --index -1 "1 passed, 0 failed"
    runner nosuch
    assert_failure
}

@test "runner: failures are shown in full, skips are named" {
    printf '@test "good" { true; }\n@test "bad" { echo "the reason"; false; }\n@test "left out" { skip "no data"; }\n' > tests/mixed.bats
    runner
    assert_failure
    assert_line --index -1 "3 passed, 1 failed, 1 skipped"
    assert_output --partial "the reason"
    assert_output --partial "skipped: mixed.bats: left out # skip no data"
}

@test "runner: a crash, a lost test and a suite out of time are failures" {
    cat > tests/unit/test_crash.c <<'C'
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    printf("1..3\nok 1 - first\n");
    fflush(stdout);
    abort();
}
C
    runner test_crash
    assert_failure
    assert_line --index -1 "1 passed, 2 failed"
    assert_output --partial "test_crash ended with exit code 134 after 1 of 3 tests"
    printf '@test "slow" { sleep 30; }\n' > tests/slow.bats
    limit=2 runner slow
    assert_failure
    assert_line --index -1 "0 passed, 1 failed"
    assert_output --partial "slow.bats ended with exit code 124 (over 2 s)"
}

@test "runner: what a failing program says on its way out is kept" {
    printf '#include <stdio.h>\nint main(void) { puts("1..1\\nok 1 - all"); return 7; }\n' > tests/unit/test_exit.c
    runner test_exit
    assert_failure
    assert_line --index -1 "1 passed, 1 failed"
}
