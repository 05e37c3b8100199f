# shellcheck shell=bash
# Completes what sidmill's tools take: their commands, options and choices, as --help tells them, so that a tool is never ahead.

# The commands of a tool that has them.
_sidmill_commands() { "$1" --help 2>/dev/null | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p'; }

_sidmill() {
    local tool=$1 word=$2 last=$3 line takes=
    local -a command=() commands=() options=()
    mapfile -t commands < <(_sidmill_commands "$tool")
    ((COMP_CWORD > 1)) && [[ " ${commands[*]} " == *" ${COMP_WORDS[1]} "* ]] && command=("${COMP_WORDS[1]}")
    while IFS= read -r line; do
        [[ $line =~ ^\ \ (-(.),|\ \ \ )\ --([a-z0-9-]+)(\ ([^\ ]+))? ]] || continue
        options+=("--${BASH_REMATCH[3]}")
        [[ $last == "--${BASH_REMATCH[3]}" || $last == "-${BASH_REMATCH[2]:-none}" ]] && takes=${BASH_REMATCH[5]}
    done < <("$tool" "${command[@]}" --help 2>/dev/null)
    COMPREPLY=()
    case $takes in
        '' | FILE | DIR) ;;
        *[[:upper:]]*) return ;;
        *) mapfile -t COMPREPLY < <(compgen -W "${takes//|/ }" -- "$word"); return ;;
    esac
    if [[ ! $takes && $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "${options[*]}" -- "$word")
    elif [[ ! $takes && ${#commands[@]} -gt 0 && $COMP_CWORD -eq 1 ]]; then
        mapfile -t COMPREPLY < <(compgen -W "${commands[*]}" -- "$word")
    else
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    fi
}
complete -F _sidmill @TOOLS@
