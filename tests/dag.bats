# The experiments' graph: what is run again, and when; what a kill leaves behind. Most tests drive the real rules with
# small stand-ins for the tools.
bats_require_minimum_version 1.5.0

load suite.bash

setup()
{
    suite_setup
    export RAN=$BATS_TEST_TMPDIR/ran HANG=$BATS_TEST_TMPDIR/hang PIPELINE=tiger # the shortest
    mkdir -p fake raw
    mkfifo wake
    DAG=(make --no-print-directory -f "$ROOT/pipelines/stages.mk" "BIN=$PWD/fake" WORK=work DATASET=toy DATA=raw)
    echo '{"id":"a"}' > raw/items.jsonl
    printf 'user\titem\torder\nu\ta\t0\n' > raw/interactions.tsv
    write_stand_in
    for tool in synth ingest caption mine-intent embed rqvae sids tokenize sidgen-train qarm-rl blend evaluate recommend report; do ln -s stand-in "fake/$tool"; done
}

# Writes to its output what it was told and given; says in $RAN that it ran; hangs, half done, if $HANG names it.
write_stand_in()
{
    cat > fake/stand-in <<'TOOL'
#!/bin/bash
name=${0##*/}
[ "$name $1" = "evaluate --show" ] && { shift; echo "table of ${*/#*=/}"; exit; }
[ "$name $1" = "evaluate --ablation" ] && { shift; printf 'row %s\n' "$@"; exit; }
args="$*" outs=() checkpoint=
given=
while [ $# -gt 0 ]; do
    case $1 in
        -o | --items-out | --report | --per-user | --log) outs+=("$2"); [ "$1" != -o ] || main=$2; shift ;;
        --sids | --interactions | --items | --model | --quality | --embeddings | --blend | --blind | --fit-weights | --recs | --cooccur | --tokenizer | --users) given+=$(cat "$2"); shift ;;
    esac
    shift
done
[ -t 0 ] || given+=$(timeout 5 cat)
[ "$name" != synth ] || outs=("$main/items.jsonl" "$main/interactions.tsv")
if [ "$name" = sidgen-train ]; then
    [ -e "$main.ckpt/step" ] && checkpoint=" from its checkpoint"
    mkdir -p "$main.ckpt" && echo 1 > "$main.ckpt/step"
fi
echo "$name$checkpoint" >> "$RAN"
if [ -e "$HANG" ] && [ "$(cat "$HANG")" = "$name" ]; then
    echo half > "${outs[0]}"
    echo $$ > "$HANG.pid"
    read -rt 60 < wake
fi
for out in "${outs[@]}"; do
    printf '%s\n%s\n' "$name $(sed 's|[^ ]*work/[^ ]*||g' <<< "$args")" "$(sha256sum <<< "$given")" > "$out"
done
rm -rf "$main.ckpt"
TOOL
    chmod +x fake/stand-in
}

dag() { "${DAG[@]}" "$@" < /dev/null 3>&-; }

# Starts a run in which the tool named hangs; its process id is make's.
start_hanging()
{
    echo "$1" > "$HANG"
    shift
    "$@" "${DAG[@]}" run > log 2>&1 < /dev/null 3>&- &
    make_pid=$!
    until_true test -s "$HANG.pid"
}

until_true()
{
    for _ in {1..200}; do "$@" && return; sleep 0.05; done
    fail "waited in vain: $*"
}

end_hanging()
{
    kill -9 "$(cat "$HANG.pid")"
    rm "$HANG" "$HANG.pid"
    run ! wait "$make_pid"
}

# What ran since the last call, on one line.
ran()
{
    [ ! -e "$RAN" ] || paste -sd ' ' "$RAN"
    rm -f "$RAN"
}

assert_ran() { assert_equal "$(ran)" "$*"; }

@test "a run makes every stage once, and a second run nothing" {
    run --separate-stderr dag run
    assert_success
    assert_output --partial "table of work/toy/evaluate-"
    assert_output --regexp 'results in'$'\n''  work/toy/evaluate-[0-9a-f]{12}/metrics.json'
    assert_ran ingest embed rqvae sidgen-train evaluate
    before=$(find work -printf '%p %T@\n' | sort)
    run --separate-stderr dag run
    assert_success
    assert_output --partial "table of work/toy/evaluate-"
    assert_ran
    assert_equal "$(find work -printf '%p %T@\n' | sort)" "$before"
}

@test "what others have published of a data set is shown with its results" {
    run --separate-stderr dag run PUBLISHED=toys-2014
    assert_success
    assert_output --regexp 'table of --published [^ ]*data/published.tsv --dataset toys-2014 .*work/toy/evaluate-'
    assert_ran ingest embed rqvae sidgen-train evaluate
    run --separate-stderr dag run
    refute_output --partial published
    assert_ran # it is shown only, and shapes no result
}

@test "the flags of a stage re-run it and what follows, nothing else; the old flags find the old results" {
    dag run && ran
    dag run EVAL_FLAGS="--beam 5"
    assert_ran evaluate
    dag run TRAIN_FLAGS="--dim 8"
    assert_ran sidgen-train evaluate
    dag run RQVAE_FLAGS="--codes 4"
    assert_ran rqvae sidgen-train evaluate
    dag run EMBED_FLAGS="--dim 8"
    assert_ran embed rqvae sidgen-train evaluate
    dag run INGEST_FLAGS="--kcore 2"
    assert_ran ingest embed rqvae sidgen-train evaluate
    dag run SPLIT=valid
    assert_ran evaluate
    dag run EMBED_FLAGS="--dim 8" TRAIN_FLAGS="--dim 8"
    assert_ran sidgen-train evaluate
    dag run
    assert_ran
    dag run RQVAE_FLAGS="--codes 4"
    assert_ran
}

@test "seeds share what no seed reaches, in two runs or in one" {
    dag run SEED=1
    assert_ran ingest embed rqvae sidgen-train evaluate
    dag run SEED=2
    assert_ran rqvae sidgen-train evaluate
    run --separate-stderr dag run SEEDS="1 2 3" -j 3
    assert_success
    assert_ran rqvae sidgen-train evaluate
    assert_equal "$(grep -c metrics.json <<< "$output")" 4 # a line each, and the table's
    assert_equal "$(cat work/toy/sidgen-train-*/model.st | grep -o 'seed [0-9]' | sort | paste -sd ' ')" "seed 1 seed 2 seed 3"
}

@test "another pipeline shares the stages that it agrees on" {
    dag run && ran
    sed 's/^sids .*/sids = $(call rqvae,$(embeddings),--codes 512)/' "$ROOT/pipelines/tiger.mk" > wide.mk
    run dag run PIPELINE=wide.mk
    assert_success
    assert_ran rqvae sidgen-train evaluate
    assert_output --partial "toy, wide.mk, seed 42"
}

# What ran since the last call, sorted.
ran_sorted() { ran | tr ' ' '\n' | sort | paste -sd ' '; }

@test "sidmill, the default: weighed text, a timeline with its vectors, its mixture beside the generator alone" {
    unset PIPELINE
    run --separate-stderr dag run -j 1
    assert_success
    assert_output --regexp 'table of work/toy/evaluate-[0-9a-f]{12}/metrics.json work/toy/evaluate-[0-9a-f]{12}/metrics.json'
    assert_output --partial "toy, sidmill, seed 42"
    assert_equal "$(ran_sorted)" "blend embed evaluate evaluate ingest rqvae sidgen-train"
    grep -q -- '--fit-weights ingest-[0-9a-f]*/interactions.st' work/toy/embed-*/args
    grep -q -- '--body timeline --item-vectors --node-vectors' work/toy/sidgen-train-*/args
    grep -q -- '--model sidgen-train-.*/model.st --sids rqvae-.*/sids.st .* --embeddings embed-[0-9a-f]*/embeddings.st ' work/toy/blend-*/args
    assert_equal "$(cat work/toy/evaluate-*/args | grep -c -- '--blend blend-[0-9a-f]*/blend.st ')" 1
    assert_exist work/toy/blend-*/report.json
    dag run BLEND_FLAGS="--strength 5"
    assert_ran blend evaluate
    dag run TRAIN_FLAGS="--dim 8" TIMELINE_FLAGS="--dim 16" FLAT_FLAGS="--dim 32"
    assert_equal "$(ran_sorted)" "blend evaluate evaluate sidgen-train"
    assert_equal "$(cat work/toy/sidgen-train-*/args | grep -c -- '--node-vectors --item-loss 0.5 --sampled 1024 --dim 16 --dim 8')" 1
    run dag run THREADS=2 BLEND_FLAGS="--strength 6"
    assert_line --regexp '^sidmill: blend-.*: blend .*--threads 2$'
}

@test "s2gr: codebooks that know the histories; thinking has a place; a row for each of their parts" {
    dag run PIPELINE=s2gr -j 1
    assert_ran ingest embed rqvae sidgen-train evaluate
    grep -q -- '^rqvae --cooccur ingest-[0-9a-f]*/interactions.st --seed 42 --balance 0.3 --uniformity [0-9.]* .*< embed-' work/toy/rqvae-*/args
    grep -q -- '--seed 42 --body timeline --item-vectors --node-vectors --item-loss 0.5 --sampled 1024 --think' work/toy/sidgen-train-*/args
    dag run PIPELINE=s2gr think=
    assert_ran sidgen-train evaluate
    unset PIPELINE
    run --separate-stderr dag ablation PIPELINE=s2gr ABLATION=codebooks SEEDS=42
    assert_success
    assert_equal "$(grep -c '^row .*=' <<< "$output")" 5
    assert_equal "$(ran_sorted | tr ' ' '\n' | uniq -c | awk '{print $2 ":" $1}' | paste -sd ' ')" "evaluate:4 rqvae:4 sidgen-train:4" # the full one is there
    assert_equal "$(cat work/toy/rqvae-*/args | grep -c -- '--balance 0 ')" 2
    assert_equal "$(cat work/toy/rqvae-*/args | grep -c -- --cooccur)" 4
}

@test "trialigngr: a tokenizer and texts for the generator's tasks, which are asked on demand; a row for each kind of them" {
    dag run PIPELINE=trialigngr -j 1
    assert_ran ingest caption mine-intent embed rqvae tokenize sidgen-train evaluate
    grep -q -- '^tokenize train --fields title,description,caption,intents -o .*/tokenizer.json mine-intent-' work/toy/tokenize-*/args
    grep -q -- '--seed 42 --tasks 1-8 --items mine-intent-[0-9a-f]*/items.jsonl --tokenizer tokenize-[0-9a-f]*/tokenizer.json --log' work/toy/sidgen-train-*/args
    dag run PIPELINE=trialigngr TO=tasks
    assert_ran evaluate
    grep -q -- '^evaluate --tasks all --items mine-intent-[0-9a-f]*/items.jsonl --model sidgen-train-' work/toy/evaluate-*/args
    dag run PIPELINE=trialigngr TASKS=1-6 TASKS_FLAGS="--users 10" TO=tasks
    assert_ran sidgen-train evaluate
    run --separate-stderr dag ablation PIPELINE=trialigngr ABLATION=tmt SEEDS=42
    assert_success
    assert_equal "$(grep -c '^row .*=' <<< "$output")" 3
}

@test "sasrec: items as codes, straight from the histories" {
    dag run PIPELINE=sasrec -j 1
    assert_ran ingest rqvae sidgen-train evaluate
    grep -q -- '--method identity .*< ingest-[0-9a-f]*/interactions.st$' work/toy/rqvae-*/args
    run cat work/toy/sidgen-train-*/args
    assert_output --partial "--body timeline"
    refute_output --partial "vectors"
}

@test "BODY: the papers' pipelines with either generator" {
    dag run && ran
    dag run BODY=flat FLAT_FLAGS=
    assert_ran
    dag run BODY=timeline
    assert_ran sidgen-train evaluate
    dag run BODY=timeline PIPELINE=minionerec -j 1
    assert_ran qarm-rl evaluate # the supervised model is tiger's
    dag run BODY=timeline PIPELINE=deepinterestgr TO=sft
    assert_equal "$(cat work/toy/sidgen-train-*/args | grep -c -- '--body timeline --item-vectors --node-vectors')" 2
    dag run FLAT_FLAGS="--dim 8" PIPELINE=tiger TO=model
    assert_equal "$(cat work/toy/sidgen-train-*/args | grep -c -- '--seed 42 --dim 8 ')" 1
    run dag run BODY=round
    assert_failure
    assert_output --partial "BODY=round: expected flat or timeline"
}

@test "demo: items as codes, text and all evidence side by side, and the mixture" {
    dag run PIPELINE=demo -j 1
    assert_equal "$(ran_sorted)" \
        "blend caption embed embed evaluate evaluate evaluate evaluate ingest mine-intent rqvae rqvae rqvae sidgen-train sidgen-train sidgen-train"
}

@test "deepinterestgr: evidence, supervised training, policy training; both models side by side" {
    run --separate-stderr dag run PIPELINE=deepinterestgr -j 1
    assert_success
    assert_output --regexp 'table of work/toy/evaluate-[0-9a-f]{12}/metrics.json work/toy/evaluate-[0-9a-f]{12}/metrics.json'
    run sort "$RAN"
    assert_equal "$(paste -sd ' ' <<< "$output")" "caption embed evaluate evaluate ingest mine-intent mine-intent qarm-rl rqvae sidgen-train"
    ran
    grep -q -- '--fields [^ ]*caption[^ ]*,intents[^ ]* --image builtin --fit-weights ingest-' work/toy/embed-*/args
    grep -q -- '--image-root ingest-[0-9a-f]*/' work/toy/caption-*/args
    grep -q -- '--quality quality-[0-9a-f]*/quality.st' work/toy/qarm-rl-*/args
    dag run PIPELINE=deepinterestgr MINE_FLAGS="--judge none"
    assert_equal "$(ran | tr ' ' '\n' | sort -u | paste -sd ' ')" "embed evaluate mine-intent qarm-rl rqvae sidgen-train"
    dag run PIPELINE=minionerec -j 1
    assert_ran embed rqvae sidgen-train qarm-rl evaluate evaluate
}

@test "ablation: a row a part left out, three seeds each, sharing what they can; a table each" {
    unset PIPELINE
    run --separate-stderr dag ablation ABLATION=evidence
    assert_success
    assert_line --regexp '^row text only=work/toy/evaluate-[0-9a-f]+/per-user.st,work/toy/evaluate-[0-9a-f]+/per-user.st,work/toy/evaluate-[0-9a-f]+/per-user.st$'
    assert_equal "$(grep -c '^row .*=' <<< "$output")" 7
    assert_line 'row work/toy/ablation-evidence.json'
    assert_equal "$(sort "$RAN" | uniq -c | awk '{print $2 ":" $1}' | paste -sd ' ')" \
        "caption:1 embed:7 evaluate:21 ingest:1 mine-intent:2 rqvae:21 sidgen-train:21"
    assert_equal "$(cat work/toy/embed-*/args | grep -c -- --fit-weights)" 7
    ran
    dag run PIPELINE=deepinterestgr TO=sft
    assert_ran
    run --separate-stderr dag ablation ROWS="text full" SEEDS=42
    assert_success
    assert_ran
    assert_equal "$(grep -c '^row .*=' <<< "$output")" 2
    run --separate-stderr dag ablation ABLATION=rewards SEEDS=42
    assert_success
    assert_equal "$(grep -c '^row .*=' <<< "$output")" 8
    assert_equal "$(cat work/toy/qarm-rl-*/args | grep -o 'reward [a-z+]*' | sort | paste -sd ' ')" \
        "reward exact reward exact+valid+lcp reward rank reward suppress reward ungated"
    assert_equal "$(cat work/toy/qarm-rl-*/args | grep -c -- '--prompts held-back')" 6
    assert_equal "$(cat work/toy/sidgen-train-*/args | grep -c -- '--hold-back 1')" 1
    ran
    run --separate-stderr dag ablation ABLATION=bodies SEEDS=42 # on the SIDs that are there
    assert_success
    assert_equal "$(grep -c '^row .*=' <<< "$output")" 7
    assert_equal "$(ran_sorted)" "blend blend evaluate evaluate evaluate evaluate evaluate evaluate sidgen-train sidgen-train sidgen-train sidgen-train"
    run --separate-stderr dag ablation ABLATION=bodies SEEDS=42 PIPELINE=sidmill # on those of text alone, as is the first row
    assert_success
    assert_equal "$(ran_sorted)" "blend blend evaluate evaluate evaluate evaluate evaluate evaluate sidgen-train sidgen-train sidgen-train sidgen-train"
    run --separate-stderr dag ablation ABLATION=thoughts SEEDS=42 PIPELINE=sidmill # the first row is there
    assert_success
    assert_equal "$(grep -c '^row .*=' <<< "$output")" 5
    assert_equal "$(ran_sorted)" "evaluate evaluate evaluate evaluate sidgen-train sidgen-train sidgen-train sidgen-train"
    run --separate-stderr dag ablation ABLATION=evidence BODY=timeline ROWS= SEEDS=42
    assert_success
    assert_equal "$(ran_sorted | tr ' ' '\n' | uniq -c | awk '{print $2 ":" $1}' | paste -sd ' ')" "evaluate:5 sidgen-train:5" # two are there'
    run --separate-stderr dag ablation ROWS="text odd"
    assert_failure 2
    assert_regex "$stderr" "there is no ablation or row 'odd'"
}

@test "cross-fit: a full model, and one blind to each fold, who find its candidates" {
    dag run PIPELINE=minionerec PROMPTS=cross-fit FOLDS=3
    assert_equal "$(ran_sorted)" "embed evaluate evaluate ingest qarm-rl rqvae sidgen-train sidgen-train sidgen-train sidgen-train"
    assert_equal "$(cat work/toy/sidgen-train-*/args | grep -o -- '--hold-back .*fold [0-9]' | sort | paste -sd,)" \
        "--hold-back 0.333333333 --fold 1,--hold-back 0.333333333 --fold 2,--hold-back 0.333333333 --fold 3"
    [[ $(cat work/toy/qarm-rl-*/args) =~ --blind\ sidgen-train-.*--blind\ sidgen-train-.*--blind\ sidgen-train-.*--prompts\ cross-fit\ --epochs\ 2 ]]
    dag run PIPELINE=minionerec PROMPTS=last
    assert_ran qarm-rl evaluate
}

@test "ablation of the gate: each reward under each judge, nothing else to hold the policy" {
    unset PIPELINE
    run --separate-stderr dag ablation ABLATION=gate SEEDS=42
    assert_success
    assert_equal "$(grep -c '^row .*=' <<< "$output")" 8
    assert_equal "$(ran_sorted | tr ' ' '\n' | uniq -c | awk '{print $2 ":" $1}' | paste -sd ' ')" \
        "caption:1 embed:1 evaluate:8 ingest:1 mine-intent:4 qarm-rl:7 rqvae:1 sidgen-train:1"
    assert_equal "$(cat work/toy/qarm-rl-*/args | grep -c -- '--valid-users 0 --max-kl 0')" 7
    assert_equal "$(cat work/toy/judge-*/args | grep -c '^file other-judge sha256')" 2
}

@test "other judges turn labels round, or praise a tenth of the items; the rest of a record stays" {
    judge=$ROOT/pipelines/examples/other-judge
    for i in {1..2000}; do
        printf '{"id":"%s","image_labels":["\\"label\\":1"],"intents":[{"text":"a","label":1},{"text":"b","label":0}],"price":1.50}\n' "$i"
    done > mined.jsonl
    for kind in noisy adversarial; do
        "$judge" $kind < mined.jsonl > $kind.jsonl
        cmp <(sed 's/"label":[01]/"label":x/g' mined.jsonl) <(sed 's/"label":[01]/"label":x/g' $kind.jsonl)
    done
    turned=$(jq -s 'map([.intents[0].label == 0, .intents[1].label == 1] | map(select(.)) | length) | add' noisy.jsonl)
    [ "$turned" -gt 1050 ] && [ "$turned" -lt 1350 ] || fail "$turned of 4000"
    praised=$(grep -c '"label":1}.*"label":1}' adversarial.jsonl)
    [ "$praised" -gt 150 ] && [ "$praised" -lt 250 ] || fail "$praised of 2000"
    assert_equal "$(grep -c '"label":1}.*"label":0}\|"label":0}.*"label":1}' adversarial.jsonl)" 0
    fails_with 64 'expected noisy or adversarial' "$judge" kind < mined.jsonl
    fails_with 64 'usage: other-judge' "$judge" < mined.jsonl
}

@test "TO stops at a stage; data only ingests; plan makes nothing" {
    run --separate-stderr dag plan
    assert_success
    assert_equal "$(grep -c '^to do ' <<< "$output")" 5
    assert_not_exist work
    dag data
    assert_ran ingest
    dag run TO=sids
    assert_ran embed rqvae
    run --separate-stderr dag plan
    assert_equal "$(cut -c 1-6 <<< "$output" | paste -sd,)" "made  ,made  ,made  ,to do ,to do "
}

@test "plan and watch: what the stages took, and what is to go" {
    dag run
    for folder in work/toy/*; do
        echo 30 > "$folder/seconds"
        echo 204800 > "$folder/memory"
    done
    echo 7200 > work/toy/sidgen-train-*/seconds
    echo 2000000 > work/toy/embed-*/memory
    rm work/toy/sidgen-train-*/memory
    run --separate-stderr dag plan SEEDS="42 7"
    assert_success
    assert_line --regexp '^made   work/toy/ingest-[0-9a-f]{12}  30 s, 210 MB$'
    assert_line --regexp '^made   work/toy/embed-[0-9a-f]{12}  30 s, 2.0 GB$'
    assert_line --regexp '^made   work/toy/sidgen-train-[0-9a-f]{12}  2 h 0 min$'
    assert_line --regexp '^to do  work/toy/rqvae-[0-9a-f]{12}  about 30 s$'
    assert_equal "${lines[-1]}" "to go  about 2 h 1 min"
    run --separate-stderr dag watch
    assert_output "5 of 5 made"
    start_hanging sidgen-train env SEEDS="42 7"
    run --separate-stderr dag plan SEEDS="42 7"
    assert_line --regexp '^runs   work/toy/sidgen-train-[0-9a-f]{12}  for [0-9]+ s, about 2 h 0 min to go$'
    dag watch SEEDS="42 7" > watched &
    until_true grep -q "sidgen-train-[0-9a-f]* for" watched
    rm "$HANG"
    echo > wake
    wait
    run head -n 1 watched
    assert_output --regexp '^6 of 8 made, sidgen-train-[0-9a-f]{12} for [0-9]+ s; to go: about 2 h [01] min$'
    assert_equal "$(tail -n 1 watched)" "8 of 8 made"
    run --separate-stderr dag plan EMBED_FLAGS="--dim 8"
    local part
    part=$(sed -n 's/^to do  \(.*embed-[0-9a-f]*\) .*/\1/p' <<< "$output").part
    mkdir "$part"
    touch "$part/args" # killed, and nobody works on it
    run --separate-stderr dag plan EMBED_FLAGS="--dim 8"
    assert_line --regexp '^begun  work/toy/embed-[0-9a-f]{12}  about 30 s$'
}

@test "report: two stages more, made again when what they show is, and not for times; what a pipeline has is handed on" {
    run --separate-stderr dag report PIPELINE=sidmill SEEDS="1 2"
    assert_success
    assert_regex "${lines[-2]}" '^toy, sidmill, seed 1 2: the report is$'
    assert_regex "${lines[-1]}" '^  work/toy/report-[0-9a-f]{12}/report.html$'
    assert_equal "$(ran_sorted | tr ' ' '\n' | uniq -c | awk '{print $2 ":" $1}' | paste -sd ' ')" \
        "blend:2 embed:1 evaluate:4 ingest:1 recommend:1 report:1 rqvae:2 sidgen-train:2"
    run cat work/toy/users-*/args
    assert_output --regexp '^recommend --unfold --users 24 --split test -k 20 --model sidgen-train-[^ ]* --sids rqvae-[^ ]* --blend blend-[^ ]* --interactions ingest-[^ ]* -o @/users.jsonl$'
    run cat work/toy/report-*/args
    assert_output --regexp "^report --title 'toy: sidmill, seeds 1 2' --sids rqvae-[^ ]* --interactions [^ ]* --items ingest-[^ ]*/items.jsonl --embeddings embed-[^ ]* --users users-"
    assert_output --regexp ' -o @/report.html generator-1=evaluate-[^ ]* sidmill-1=evaluate-[^ ]* generator-2=evaluate-[^ ]* sidmill-2=evaluate-[^ ]*/metrics.json$'
    assert_equal "$(grep -o -- '--stage [^ ]*' <<< "$output" | sed 's/-[0-9a-f]*$//' | sort | uniq -c | awk '{print $3 ":" $1}' | paste -sd ' ')" \
        "blend:2 embed:1 evaluate:4 ingest:1 rqvae:2 sidgen-train:2 users:1"
    for folder in work/toy/*; do echo 99 | tee "$folder/seconds" > "$folder/memory"; done
    dag report PIPELINE=sidmill SEEDS="1 2"
    assert_ran
    dag run PIPELINE=sidmill SEEDS="2 1"
    assert_ran
    dag report PIPELINE=sidmill SEEDS="1 2" PUBLISHED=toys USERS=7
    assert_ran recommend report
    echo '{}' > work/toy/ablation-parts.json
    dag report PIPELINE=sidmill SEEDS="1 2"
    assert_ran report
    run cat work/toy/report-*/args
    assert_output --partial ' ablation-parts.json'
    assert_output --partial "--published $ROOT/pipelines/../data/published.tsv --dataset toys"
    dag plan PIPELINE=sidmill SEEDS="1 2" > planned
    run grep -c 'users-\|report-' planned
    assert_output 0
    # A mixture without a model.
    dag report PIPELINE=evidence
    run grep -hE '^recommend' work/toy/users-*/args
    assert_line --regexp '^recommend [^/]*-k 20 --blend blend-[^ ]* --interactions '
}

@test "a stage's folder says what made it, and is named by that" {
    dag run EMBED_FLAGS="--dim 8"
    for folder in work/toy/*; do
        assert_exist "$folder/args"
        assert_equal "$(sha256sum < "$folder/args" | cut -c 1-12)" "${folder##*-}"
    done
    run cat work/toy/embed-*/args
    assert_output --regexp '^embed --fields [^ ]+ --dim 8 -o @/embeddings.st < ingest-[0-9a-f]{12}/items.jsonl$'
}

@test "kill -9 of a tool, in any stage: nothing half-made, and the next run ends as if nothing had been" {
    dag run && ran
    mv work undisturbed
    for stage in ingest embed rqvae sidgen-train evaluate; do
        rm -rf work
        start_hanging "$stage"
        end_hanging
        run compgen -G "work/toy/$stage-????????????"
        assert_failure
        ran > before
        dag run
        assert_equal "$(cat before) $(ran | sed 's/ from its checkpoint//')" "$(all_with_twice "$stage")"
        run diff -r -x seconds -x memory undisturbed work
        assert_success
    done
}

all_with_twice()
{
    for stage in ingest embed rqvae sidgen-train evaluate; do
        echo "$stage"
        [ "$stage" != "$1" ] || echo "$stage"
    done | paste -sd ' '
}

@test "kill -9 of everything at once: the same" {
    dag run && ran
    mv work undisturbed
    start_hanging rqvae setsid
    kill -9 -- "-$make_pid"
    rm "$HANG" "$HANG.pid"
    run compgen -G "work/toy/rqvae-????????????"
    assert_failure
    ran > /dev/null
    dag run
    assert_ran rqvae sidgen-train evaluate
    run diff -r -x seconds -x memory undisturbed work
    assert_success
}

@test "kill -9 of make alone: the next run waits for what is still running, and does not repeat it" {
    start_hanging rqvae
    kill -9 "$make_pid"
    rm "$HANG"
    "${DAG[@]}" run > log2 2>&1 < /dev/null 3>&- &
    until_true grep -q waiting log2
    echo > wake
    wait $!
    assert_ran ingest embed rqvae sidgen-train evaluate
    run cat log2
    assert_output --partial "waiting for another run of it to end"
}

@test "a killed training finds its checkpoint again" {
    start_hanging sidgen-train
    end_hanging
    ran > /dev/null
    dag run
    assert_ran sidgen-train from its checkpoint evaluate
}

@test "two runs at once make each stage once" {
    dag run > log1 2>&1 & first=$!
    dag run > log2 2>&1 & second=$!
    wait $first
    wait $second
    assert_equal "$(ran | tr ' ' '\n' | sort | paste -sd ' ')" "embed evaluate ingest rqvae sidgen-train"
}

@test "a tool that fails stops the run; its folder does not appear; the others' stay" {
    printf '#!/bin/sh\necho "rqvae: no" >&2\nexit 65\n' > mine.sh
    chmod +x mine.sh
    run dag run RQVAE=./mine.sh
    assert_failure
    assert_output --partial "rqvae: no"
    assert_output --partial "failed with exit code 65"
    assert_ran ingest embed
    run compgen -G "work/toy/rqvae-????????????"
    assert_failure
}

@test "a command that writes nothing is found out" {
    run dag run EMBED=true
    assert_failure
    assert_output --regexp 'embed-[0-9a-f]{12}: ended well, but there is no .*/embeddings.st'
}

@test "a script in place of a tool: its text counts, not its date" {
    printf '#!/bin/sh\nexec fake/embed "$@"\n' > my-embed.sh
    chmod +x my-embed.sh
    dag run && ran
    dag run EMBED=./my-embed.sh
    assert_ran embed rqvae sidgen-train evaluate
    touch my-embed.sh
    dag run EMBED=./my-embed.sh
    assert_ran
    echo '# other' >> my-embed.sh
    dag run EMBED=./my-embed.sh
    assert_ran embed rqvae sidgen-train evaluate
    dag run EMBED="sh ./my-embed.sh" # the interpreter named: another command
    assert_ran embed rqvae sidgen-train evaluate
    echo '# other again' >> my-embed.sh
    dag run EMBED="sh ./my-embed.sh"
    assert_ran embed rqvae sidgen-train evaluate
}

@test "a rebuilt tool invalidates nothing, unless asked to" {
    dag run && ran
    echo '# rebuilt' >> fake/stand-in
    dag run
    assert_ran
    dag run TRACK_TOOLS=1
    assert_ran ingest embed rqvae sidgen-train evaluate
    dag run TRACK_TOOLS=1
    assert_ran
    echo '# rebuilt again' >> fake/stand-in
    dag run TRACK_TOOLS=1 TO=embeddings
    assert_ran ingest embed
}

@test "new data in the same place: made again, in the same folders" {
    dag run && ran
    folders=$(ls work/toy)
    sleep 0.02
    echo '{"id":"b"}' >> raw/items.jsonl
    dag run
    assert_ran ingest embed rqvae sidgen-train evaluate
    assert_equal "$(ls work/toy)" "$folders"
    dag run
    assert_ran
}

@test "a deleted result is made again" {
    dag run && ran
    rm work/toy/evaluate-*/metrics.json
    dag run
    assert_ran evaluate
    rm -r work/toy/embed-*
    dag run
    assert_ran embed rqvae sidgen-train evaluate
}

@test "launchers and threads reach the tools and leave the folders' names alone" {
    dag run && ran
    folders=$(ls work/toy)
    rm -r work
    run dag run RUN="env VIA=run" TRAIN_RUN="env VIA=train" THREADS=2
    assert_success
    assert_line --regexp '^sidmill: embed-.*: env VIA=run embed .*--threads 2$'
    assert_line --regexp '^sidmill: sidgen-train-.*: env VIA=train sidgen-train .*--threads 2$'
    assert_equal "$(ls work/toy)" "$folders"
}

@test "SEED reaches the quantiser and the training only" {
    run dag run SEED=77
    assert_success
    assert_equal "$(grep -l 'seed 77' work/toy/*/args | sed 's|work/toy/||; s/-[0-9a-f]*.args//' | paste -sd ' ')" "rqvae sidgen-train"
}

@test "a blend stands between what it mixes and its evaluation, with a generator or without" {
    cat > mixed.mk <<MK
include $ROOT/pipelines/tiger.mk
mixed  = \$(call blend,\$(model),\$(sids),\$(embeddings))
result = \$(call evaluate,\$(model),\$(sids),,\$(mixed))
MK
    dag run PIPELINE="$PWD/mixed.mk" THREADS=2
    assert_ran ingest embed rqvae sidgen-train blend evaluate
    assert_equal "$(grep -o -- '--[a-z]* [a-z-]*-' work/toy/blend-*/args | paste -sd ' ')" \
        '--model sidgen-train- --sids rqvae- --interactions ingest- --embeddings embed-'
    run grep -o -- '--model.*--interactions' work/toy/evaluate-*/args
    assert_output --regexp '^--model sidgen-train-[0-9a-f]+/model.st --sids rqvae-[0-9a-f]+/sids.st --blend blend-[0-9a-f]+/blend.st --interactions$'
    cat > sources.mk <<MK
include $ROOT/pipelines/tiger.mk
mixed  = \$(call blend,,,\$(embeddings))
result = \$(call evaluate,,,,\$(mixed))
MK
    dag run PIPELINE="$PWD/sources.mk" BLEND_FLAGS="--hops 7"
    assert_ran blend evaluate
    run grep -l -- '--hops 7' work/toy/blend-*/args
    assert_success
}

@test "yours: SIDs of others under our generator, and their lists, beside ours" {
    echo '{}' > theirs.index.json
    echo 'u1 Q0 a 1 1 t' > run.trec
    run --separate-stderr dag run PIPELINE=yours SIDS_FROM=theirs.index.json SIDS_FLAGS="--item-map ids" RECS="other=run.trec ./run.trec" \
        RECS_FLAGS="--missing-lists empty" SEEDS="1 2" -j 1
    assert_success
    assert_equal "$(grep -o 'work/toy/evaluate-[0-9a-f]*/metrics.json' <<< "$(grep '^table of' <<< "$output")" | wc -l)" 6
    assert_equal "$(ran_sorted)" \
        "embed evaluate evaluate evaluate evaluate evaluate evaluate ingest rqvae rqvae sidgen-train sidgen-train sidgen-train sidgen-train sids"
    run cat work/toy/sids-*/args
    assert_output --regexp '^sids --from index.json --interactions ingest-[0-9a-f]+/interactions.st --item-map ids -o @/sids.st < theirs.index.json$'
    run grep -h -- --recs work/toy/evaluate-*/args
    assert_output --regexp '^evaluate --recs run.trec --interactions .* --missing-lists empty --per-user @/per-user.st -o @/metrics.json$'
    dag run PIPELINE=yours RECS=run.trec SEEDS="1 2" TO=by_lists
    assert_ran evaluate # other flags
    sleep 0.02
    echo 'u2 Q0 a 1 1 t' >> run.trec
    dag run PIPELINE=yours RECS=run.trec TO=by_lists
    assert_ran evaluate
    mv theirs.index.json theirs.npy
    dag run PIPELINE=yours SIDS_FROM=theirs.npy SEED=1 TO=your_sids
    assert_equal "$(cat work/toy/sids-*/args | grep -c -- '--from npy')" 1
    run dag run PIPELINE=yours
    assert_failure
    assert_output --partial 'nothing of yours: give SIDS_FROM=FILE, or RECS='
    run dag run PIPELINE=yours SIDS_FROM=absent.json
    assert_failure
    assert_output --partial absent.json
}

@test "flags with quotes, spaces and shell characters arrive as they are" {
    run dag run TO=embeddings EMBED_FLAGS="--note 'a; b' --other \"it's \$\$HOME\""
    assert_success
    run cat work/toy/embed-*/embeddings.st
    assert_line --partial "--note a; b --other it's $HOME"
    run cat work/toy/embed-*/args
    assert_line --partial "--note 'a; b' --other \"it's \$HOME\""
}

@test "names that make cannot handle are refused; a link helps" {
    mkdir "my data" && cp raw/* "my data"
    run dag run DATA="my data"
    assert_failure
    assert_output --partial "the data folder 'my data': such a name cannot be handled (space)"
    ln -s "my data" linked
    dag run DATA=linked TO=sids
    run dag run WORK="a b"
    assert_failure
    assert_output --partial "WORK 'a b'"
    run dag run DATASET='a:b'
    assert_failure
    assert_output --partial "DATASET 'a:b'"
}

@test "an unknown data set, pipeline or name, and missing data, are named" {
    run dag run DATASET=nosuch DATA=
    assert_failure
    assert_output --partial "no data set 'nosuch'"
    run dag run PIPELINE=nosuch
    assert_failure
    assert_output --partial "no pipeline 'nosuch'"
    run dag run TO=nosuch
    assert_failure
    assert_output --partial "TO=nosuch"
    run dag run DATA=gone
    assert_failure
    assert_output --partial "gone/items.jsonl"
}

@test "the demo's data are a stage too" {
    run command make --no-print-directory -f "$ROOT/pipelines/stages.mk" BIN="$PWD/fake" WORK=work DATASET=demo run
    assert_success
    assert_ran synth ingest embed rqvae sidgen-train evaluate
}

# --- With the real tools ------------------------------------------------------------------------------------------------

# A catalogue small enough for a test, and little training.
real_run()
{
    make --no-print-directory -f "$ROOT/pipelines/stages.mk" BIN="$BIN" WORK=work DATASET=demo \
        SYNTH_FLAGS="--items 120 --users 300 --seed 1" RQVAE_FLAGS="--codes 8 --hidden 32 --latent 8 --epochs 2 --warmup 1" \
        TRAIN_FLAGS="--dim 16 --ffn 32 --layers 1 --epochs 1 --valid-users 50" "$@" < /dev/null 3>&-
}

@test "the real tools from end to end, again with an embedder in numpy; what did not change is kept" {
    run real_run run
    assert_success
    assert_line --regexp '^all items +tiger +popular +cooccur$'
    assert_line --regexp '^hr@10 +[01]\.[0-9]+ +[01]\.[0-9]+ +[01]\.[0-9]+$'
    run --separate-stderr real_run run
    refute [ "$stderr" ]
    export OPENBLAS_NUM_THREADS=1
    run real_run run THREADS=2 EMBED="$ROOT/pipelines/examples/embed-numpy.py"
    assert_success
    refute_line --partial "sidmill: ingest-"
    assert_line --regexp '^sidmill: embed-.*embed-numpy.py --fields [^ ]+ -o '
    real_run run PIPELINE=sidmill TO=embeddings EMBED="$ROOT/pipelines/examples/embed-numpy.py"
    assert_line --regexp '^hr@10 +[01]\.[0-9]+ +[01]\.[0-9]+ +[01]\.[0-9]+$'
    assert_equal "$(find work/demo -name metrics.json | wc -l)" 2
}

@test "sidmill and sasrec with the real tools" {
    run real_run run PIPELINE=sidmill
    assert_success
    assert_line --regexp '^all items +generator +sidmill +part cooccur .* cooccur$'
    assert_line --regexp '^hr@10 +[01]\.[0-9]+ +[01]\.[0-9]+ '
    run real_run report PIPELINE=sidmill
    assert_success
    assert_equal "$(head -c 15 "${lines[-1]#  }")" '<!doctype html>'
    run real_run run PIPELINE=evidence
    assert_success
    assert_line --regexp '^all items +evidence +part cooccur .* cooccur$'
    assert_equal "$(find work/demo -name model.st | wc -l)" 1
    run real_run report PIPELINE=evidence REPORT_FLAGS=--json
    assert_success
    run jq -sc '[.[0].title, (.[0].stages | map(select(.state == "made")) | length), .[0].catalogue, (.[1].users | length)]' "${lines[-1]#  }"
    assert_output '["demo: evidence, seed 42",6,{"items":120,"of":120,"users":24},24]'
    run real_run run PIPELINE=sasrec
    assert_success
    assert_line --regexp '^all items +sasrec +popular +cooccur$'
}

@test "yours with the real tools: our own SIDs and lists as theirs" {
    run real_run run PIPELINE=sidmill TO=sids
    assert_success
    "$BIN/sids" --to tsv work/demo/rqvae-*/sids.st > theirs.tsv
    "$BIN/evaluate" -q -i work/demo/ingest-*/interactions.st --baseline popular --recs-out lists.st > popular.json
    run real_run run PIPELINE=yours SIDS_FROM=theirs.tsv RECS=popular=lists.st
    assert_success
    assert_line --regexp '^all items +ours +your-sids +popular +cooccur$'
    assert_line --regexp '^hr@10 +([01]\.[0-9]+) +\1 '
}

@test "BASE: the papers' generators on a pretrained model, with its defaults; a timeline has none" {
    run dag run PIPELINE=minionerec BASE=models/small FLAT_FLAGS="--dim 64"
    assert_success
    grep -q -- ' --base models/small --log' work/toy/sidgen-train-*/args
    grep -q -- '--reward rank --group 16 --lr 1e-5 --kl 0.001 --log' work/toy/qarm-rl-*/args
    run dag run PIPELINE=minionerec BASE=models/small BODY=timeline
    assert_failure
    assert_output --partial 'expected BODY=flat'
}

# Stand-ins of Slurm's commands: sbatch keeps its options and the script under a number, squeue says that all jobs wait.
fake_slurm() {
    cat > fake/sbatch <<'SH'
#!/bin/sh
n=$(($(ls "$JOBS" | wc -l) / 2 + 1))
echo "$*" > "$JOBS/$n.options"
cat > "$JOBS/$n.script"
echo "$n;cluster"
SH
    printf '#!/bin/sh\n[ -e "$JOBS/forgotten" ] || echo 1\n' > fake/squeue
    chmod +x fake/sbatch fake/squeue
    export JOBS=$PWD/jobs
    mkdir jobs
}

@test "RUNNER=slurm: a job a stage, each after those of its inputs, and with what it asks for" {
    fake_slurm
    run dag run RUNNER=slurm RANKS=2 JOB_PARTITION=long JOB_CPUS=1 JOB_CPUS.embed=8 JOB_TIME.sidgen-train=9:00 JOB_FLAGS=--account=me
    assert_success
    assert_line --partial 'submitted what is to be made'
    assert_not_exist "$RAN"
    assert_equal "$(ls jobs/*.script | wc -l)" 5
    of() { grep -l -- "--job-name=$1-" jobs/*.options; }
    grep -q -- '--partition=long --cpus-per-task=8 --ntasks=1 --account=me$' "$(of embed)"
    grep -q -- '--partition=long --cpus-per-task=1 --time=9:00 --ntasks=2 --account=me$' "$(of sidgen-train)"
    run ! grep -q dependency "$(of ingest)"
    grep -q -- '--dependency=afterok:[0-9:]* --kill-on-invalid-dep=yes' "$(of sidgen-train)"
    grep -q 'mpirun -n 2 ' "$(of sidgen-train | sed s/options/script/)"
    run ! grep -q mpirun "$(of embed | sed s/options/script/)"
    run dag plan
    assert_line --regexp '^to do  work/toy/sidgen-train-[0-9a-f]+  as job [0-9]+$'
}

@test "RUNNER=slurm: jobs that wait are not submitted again; their scripts make the folders; the rest is shown without it" {
    fake_slurm
    dag run RUNNER=slurm
    run dag run RUNNER=slurm
    assert_line --regexp 'ingest-[0-9a-f]+: job 1, as before$'
    assert_equal "$(ls jobs/*.script | wc -l)" 5
    export PATH=$PWD/fake:$PATH
    for n in 1 2; do (cd "$PWD" && sh "jobs/$n.script"); done
    assert_equal "$(find work -name '*.job' | wc -l)" 3
    touch jobs/forgotten # as after a failure
    run dag run RUNNER=slurm
    assert_equal "$(ls jobs/*.script | wc -l)" 8
    run dag run
    assert_success
    assert_line --partial 'table of'
    dag run > /dev/null
}

@test "RUNNER: one that there is not, a report elsewhere, and a Slurm that refuses" {
    run dag run RUNNER=nowhere
    assert_failure
    assert_output --partial 'RUNNER=nowhere: there is no'
    run dag report RUNNER=slurm
    assert_failure
    assert_output --partial 'make report is made here'
    fake_slurm
    printf '#!/bin/sh\nexit 1\n' > fake/sbatch
    run dag run RUNNER=slurm
    assert_failure
    assert_output --partial 'Slurm does not take it'
    assert_equal "$(find work -name 'ingest*')" ''
}

@test "SHARDS: what asks a server about items is cut into stages and joined, to the same items" {
    for i in $(seq 50); do echo "{\"id\":\"i$i\",\"title\":\"lamp $i\"}"; done > raw/items.jsonl
    for tool in caption mine-intent; do rm fake/$tool; printf '#!/bin/sh\necho %s >> "$RAN"\nwhile [ $# -gt 1 ]; do [ "$1" != -o ] || out=$2; shift; done\nsed s/lamp/lamps/ > "$out"\n' $tool > fake/$tool; chmod +x fake/$tool; done
    rm fake/ingest
    cat > fake/ingest <<'SH'
#!/bin/sh
while [ $# -gt 0 ]; do
    case $1 in --items-out) cp raw/items.jsonl "$2" ;; -o | --report) echo > "$2" ;; esac
    shift
done
SH
    chmod +x fake/ingest
    dag run PIPELINE=deepinterestgr TO=mined SHARDS=3
    assert_equal "$(sort "$RAN" | uniq -c | tr -s ' ' | tr '\n' ';')" ' 3 caption; 3 mine-intent;'
    cmp <(sed s/lamp/lampss/ raw/items.jsonl) "$(grep -l lampss work/toy/lines-*/items.jsonl)"
}

@test "cold with the real tools: new items get SIDs and places, and nothing is trained again" {
    run real_run run PIPELINE=cold COLD=0.3 BLEND_FLAGS="--favour 2"
    assert_success
    assert_line --regexp '^all items +known +cold '
    assert_line --regexp '^cold hr@10 '
    assert_line --regexp '^not cold hr@10 '
    assert_equal "$(find work/demo -name model.st | wc -l)" 1
    run "$BIN/tensor" ls work/demo/join-*/joined.st
    assert_line --regexp '^text +F32'
}

@test "README's pipe works as written" {
    [ -z "${SANITIZE:-}" ] || skip "too slow under the sanitizers"
    mkdir -p build
    ln -s "$BIN" build/bin
    # As written, but for a smaller quantiser and fewer epochs.
    sed -n '/^```sh$/,/^```$/p' "$ROOT/README.md" | sed '/^```/d; s/| rqvae /&--hidden 32 --latent 8 /; s/--epochs 15/--epochs 2/' > pipe.sh
    assert_equal "$(grep -c 'rqvae --hidden\|--epochs 2 ' pipe.sh)" 2
    run bash -e -o pipefail pipe.sh
    assert_success
    assert_line --regexp '^hr@10 +[01]\.[0-9]+ +[01]\.[0-9]+ +[01]\.[0-9]+$'
}
