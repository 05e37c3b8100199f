#!/bin/bash
# Experiments as jobs of a real Slurm: a controller, a daemon of one node and munge, all in a folder of this script's own. The demo's pipeline
# is submitted with training as two MPI ranks; the training is killed, which ends what waits for it; the same command submits the rest; and
# every file is the same as that of a run without Slurm. Arguments: PACKAGE:PROBE... needed, as for scripts/deps. Where they cannot be had,
# nothing is run, which is said loudly.
#
# From the environment: BUILD (build).
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(realpath -m "${BUILD:-$root/build}")
bin=$build/bin
export SLURM_CONF

skipped() { echo "check-cluster: NOTHING SUBMITTED: $*" >&2; exit 0; }
failed() { echo "check-cluster: FAILED: $*" >&2; tail -n 20 "$work"/*.log "$work"/work/demo/*.out 2> /dev/null >&2; exit 1; }
ok() { passed=$((passed + 1)); echo "ok $passed - $*"; }
passed=0

cleanup()
{
    scancel --quiet --signal=KILL --full --user="$(id -un)" 2> /dev/null
    for daemon in slurmd slurmctld munged; do
        [ ! -s "$work/$daemon.pid" ] || kill "$(cat "$work/$daemon.pid")" 2> /dev/null
    done
    sleep 0.5
    rm -rf "$work"
}

# A port that nothing listens on.
free_port() { /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

start_slurm()
{
    local host user
    host=$(hostname -s) user=$(id -un)
    mkdir "$work/state" "$work/spool" && chmod 700 "$work" && head -c 1024 /dev/urandom > "$work/key" && chmod 600 "$work/key" || exit 1
    cat > "$SLURM_CONF" << CONF
ClusterName=check
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$work/munge.socket
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
ReturnToService=2
JobRequeue=0
KillWait=2
SlurmdParameters=config_overrides
NodeName=$host NodeAddr=127.0.0.1 CPUs=4 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES State=UP
CONF
    munged --force --key-file="$work/key" --socket="$work/munge.socket" --pid-file="$work/munged.pid" --log-file="$work/munged.log" \
        --seed-file="$work/munged.seed" || failed "munge does not start"
    { slurmctld && slurmd; } || failed "Slurm does not start"
    for _ in $(seq 60); do
        sinfo -h -o %T 2> /dev/null | grep -q idle && return
        sleep 0.5
    done
    failed "the node does not come up"
}

# More ranks than processors, root, a container: only memory is shared, and no network asked.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_btl=self,vader OMPI_MCA_btl_vader_single_copy_mechanism=none
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_oob_tcp_if_include=lo

experiment() # experiment WORK [make's arguments]
{
    make --no-print-directory -C "$root" -f pipelines/stages.mk run DATASET=demo PIPELINE=sidmill BIN="$bin" WORK="$1" SYNTH_FLAGS="--items 400 --users 1500" \
        TRAIN_FLAGS="--epochs 6 --patience 0 --valid-users 0 --save-seconds 0.2" "${@:2}" < /dev/null
}

submit() { experiment "$work/work" RUNNER=slurm RANKS=2 JOB_TIME=10 > "$work/submit.log" 2>&1 || failed "$(cat "$work/submit.log")"; }

wait_for_jobs()
{
    for _ in $(seq 600); do
        [ -n "$(squeue -h)" ] || return
        sleep 0.5
    done
    failed "jobs do not end: $(squeue)"
}

training() { echo "$work"/work/demo/sidgen-train-*.part; }

"$root/scripts/deps" ensure "$@" || skipped "missing $*"
[ -x "$bin/sidgen-train" ] || skipped "nothing is built in $bin"
work=$(mktemp -d) || exit 1
SLURM_CONF=$work/slurm.conf
trap cleanup EXIT
start_slurm

submit
grep -q 'submitted what is to be made' "$work/submit.log" || failed "$(cat "$work/submit.log")"
jobs=$(grep -c ': job [0-9]' "$work/submit.log")
[ "$jobs" -ge 6 ] || failed "$jobs jobs"
ok "the whole graph is submitted: $jobs jobs, with what each waits for"

submit
[ "$(grep -c ', as before$' "$work/submit.log")" -gt 0 ] || failed "submitted again: $(cat "$work/submit.log")"
ok "the same command submits nothing twice"

for _ in $(seq 600); do
    # shellcheck disable=SC2144 # one folder
    [ ! -e "$(training)/model.st.ckpt/state.st" ] || break
    sleep 0.1
done
rank=$(pgrep -f "^sidgen-train .*$work/work" | tail -n 1) # of this run, and of no other
[ -n "$rank" ] || failed "no rank is to be found"
kill -9 "$rank"
wait_for_jobs
[ -e "$(training)/model.st.ckpt/state.st" ] || failed "the kill came too late"
[ -z "$(find "$work/work/demo" -type d -name 'evaluate-*')" ] || failed "what waits for the killed job went on"
ok "a rank that is killed ends its job, and what waits for it"

submit
again=$(grep -c ': job [0-9]*\(, after.*\)\?$' "$work/submit.log")
[ "$again" -lt "$jobs" ] || failed "all $again jobs once more"
wait_for_jobs
grep -q 'going on from' "$work"/work/demo/sidgen-train-*.out || failed "the training began anew"
ok "the same command submits what failed and what waited for it: $again jobs; training goes on from its checkpoint"
[ -z "$(find "$work/work" -name '*.job' -o -name '*.part')" ] || failed "left over: $(find "$work/work" -name '*.job' -o -name '*.part')"

experiment "$work/plain" > "$work/plain.log" 2>&1 || failed "$(cat "$work/plain.log")"
compared=0
while read -r file; do
    case $file in *.log | *.out | */args | */seconds | */memory | *.jsonl) continue ;; esac
    cmp "$work/plain/$file" "$work/work/$file" || failed "$file differs"
    compared=$((compared + 1))
done < <(cd "$work/plain" && find . -type f)
[ "$compared" -ge 6 ] || failed "only $compared files compared"
ok "every file is that of a run without Slurm: $compared compared"

experiment "$work/work" > "$work/show.log" 2>&1 || failed "$(cat "$work/show.log")"
grep -q '^hr@10' "$work/show.log" || failed "$(cat "$work/show.log")"
! grep -q 'sidmill: [a-z-]*-[0-9a-f]*: ' "$work/show.log" || failed "something was made again: $(cat "$work/show.log")"
ok "the command without RUNNER makes nothing more, and shows the results"
echo "$passed passed, 0 failed"
