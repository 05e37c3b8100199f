# Completions of bash and zsh: made of what the tools' own --help says.
# shellcheck disable=SC2034 # the completion reads what is set for it

bats_require_minimum_version 1.5.0

load suite.bash

setup()
{
    suite_setup
    PATH=$BIN:$PATH
    sed 's/@TOOLS@/tensor evaluate/' "$ROOT/scripts/completions/sidmill.bash" > sidmill.bash
}

# What is offered for the last of these words: completed TOOL WORD...
completed()
{
    # shellcheck disable=SC1091 # made above
    source ./sidmill.bash
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    _sidmill "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    printf '%s\n' "${COMPREPLY[@]}"
}

@test "options, by what they begin with" {
    run completed evaluate --rec
    assert_output "$(printf '%s\n' --recs --recs-format --recs-values --recs-out)"
    run completed qarm-rl --inner
    assert_output "--inner-steps"
    for tool in "$BIN"/*; do # every option of every tool that has no commands
        expected=$("$tool" --help | grep -oE '^  (-.,|   ) --[a-z0-9-]+' | sed 's/.* //' | sort)
        assert_equal "$(completed "${tool##*/}" -- | sort)" "$expected"
    done
}

@test "choices, of an option in full or in short" {
    run completed evaluate --show --format ''
    assert_output "$(printf '%s\n' text tsv json markdown latex)"
    run completed qarm-rl --objective s
    assert_output "$(printf '%s\n' sdpo sdpo-rank)"
    run completed sids -f i
    assert_output "index.json"
}

@test "commands, and the options of one" {
    run completed tensor ''
    assert_output "$(printf '%s\n' ls get put join verify)"
    run completed tensor get --r
    assert_output "--rows"
    run completed tokenize encode --form j
    assert_output "json"
    run completed tensor nothing --r
    assert_output ""
}

@test "files where a file is wanted, and nothing for a number or a name" {
    touch 'a model.st' sids.st
    run completed evaluate -m a
    assert_output "a model.st"
    run completed evaluate --model=x si
    assert_line sids.st
    assert_line sidmill.bash
    run completed evaluate --beam ''
    assert_output ""
    run completed ./nothing --x
    assert_output ""
}

@test "zsh reads its own" {
    command -v zsh > /dev/null || skip "no zsh"
    zsh -n "$ROOT/scripts/completions/_sidmill"
    cat > ask.zsh <<'Z'
autoload -Uz compinit && compinit -u -d zcompdump
_arguments() { print -rl -- "$@"; }
_describe() { print -r -- ${(P)2}; }
ask() { source $1 }
words=(qarm-rl --ob) CURRENT=2
ask $1
words=(tensor '') CURRENT=2
ask $1
Z
    run zsh -f ask.zsh "$ROOT/scripts/completions/_sidmill"
    assert_line '*--objective:choice:(grpo sdpo sdpo-rank)'
    assert_line '*--model:FILE:_files'
    assert_line 'ls get put join verify'
}
