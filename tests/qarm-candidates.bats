#!/usr/bin/env bats
# qarm-rl's candidates from others than the policy: of a blend, of models that are blind to a prompt's target; folds of supervised
# training; and what bad input gets.
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0

load suite.bash

setup_file() {
    suite_setup_file
    "$HELPERS/toy.py" .
    train() { "$BIN/sidgen-train" -q -s sids.st -i interactions.st --dim 16 --layers 1 --ffn 32 --max-items 8 --epochs 2 --batch-tokens 512 --shards 4 --lr 0.01 "$@"; }
    train -o model.st
    train --hold-back 0.5 -o fold1.st
    train --hold-back 0.5 --fold 2 --body timeline -o fold2.st
    train --body timeline -o timeline.st
    "$BIN/blend" -q -i interactions.st -o blend.st
    "$BIN/blend" -q -i interactions.st -m model.st -s sids.st -o mixture.st
}

setup() { suite_setup; }

COMMON=(-s sids.st -i interactions.st --prompts-per-step 32 --valid-every 4 --valid-users 50 --epochs 1 --lr 0.002 --patience 0)
BLIND=(--prompts cross-fit --blind fold1.st --blind fold2.st)

rl() { "$BIN/qarm-rl" -q "${COMMON[@]}" "$@"; }

refused() { # refused CODE MESSAGE OPTIONS...: in one line, and nothing written
    fails_with "$1" "$2" rl -m model.st --reward exact -o rl.st "${@:3}"
    assert_one_line
    assert_none_written rl.st
}

# The same bytes with one thread and two, and after kills: same_bytes OPTIONS...
same_bytes() {
    for t in 1 2; do rl "$@" --threads $t --log log$t -o t$t.st; done
    cmp t1.st t2.st
    cmp <(untimed log1) <(untimed log2)
    killed_often 2 "$BIN/qarm-rl" -q "${COMMON[@]}" "$@" --save-seconds 0 --threads 1 --log log3 -o t3.st
    cmp t1.st t3.st
    cmp <(untimed log1) <(untimed log3)
}

@test "candidates of a blend: each kind shapes the result, in both bodies and under every objective" {
    for model in model timeline; do
        for how in '--reward rank' '--reward exact --sampler constrained-sample' '--objective sdpo-rank --kl 1'; do
            for kind in own blend mix; do
                blend=()
                [ "$kind" = own ] || blend=(--candidates "$kind" --blend blend.st)
                # shellcheck disable=SC2086 # words
                rl -m $model.st $how "${blend[@]}" --valid-users 0 -o out-$kind.st
            done
            [ "$(for kind in own blend mix; do weights out-$kind.st; done | sort -u | wc -l)" -eq 3 ] || fail "$model $how: alike"
        done
    done
    digest=$(meta out-mix.st input.blend)
    assert_equal ${#digest} 32
}

@test "a blend's candidates are learnt from" {
    rl -m model.st --objective sdpo --kl 1 --candidates blend --blend mixture.st --epochs 3 --log log.jsonl -o rl.st
    run jq -s '(map(.["ndcg@10"]) | max) > .[0]["ndcg@10"] + 0.02' log.jsonl
    assert_output true
}

@test "the same bytes for any number of threads and after kills: a blend, and blind models" {
    same_bytes -m model.st --reward rank --candidates mix --blend mixture.st
    same_bytes -m timeline.st --reward exact "${BLIND[@]}" --epochs 4
}

@test "cross-fit: each target is drawn by who has not been trained on it, whatever the bodies" {
    rl -m model.st --reward exact "${BLIND[@]}" --valid-users 0 --prompts-per-step 50 --log log.jsonl -o rl.st
    both=$(jq -s 'map(.prompts) | add' log.jsonl)
    digest=$(meta rl.st input.blind.2)
    assert_equal ${#digest} 32
    rl -m fold1.st --reward exact --prompts held-back --prompts-per-step 1 --valid-users 0 --log log.jsonl -o one.st
    one=$(jq -s 'map(.prompts) | add' log.jsonl)
    rl -m fold2.st --reward exact --prompts held-back --prompts-per-step 1 --valid-users 0 --log log.jsonl -o two.st
    two=$(jq -s 'map(.prompts) | add' log.jsonl)
    [ "$one" -gt 30 ] && [ "$two" -gt 30 ] || fail "folds of $one and $two"
    [ $((both - one - two)) -ge 0 ] && [ $((both - one - two)) -lt 50 ] || fail "$both prompts of $one and $two"
    rl -m model.st --reward exact --prompts cross-fit --blind fold2.st --blind fold1.st --valid-users 0 --prompts-per-step 50 -o other.st
    assert_equal "$(weights rl.st)" "$(weights other.st)" # the order of those who draw nothing but their own prompts' candidates
}

@test "the log tells hits on targets that the model was trained on from those on others" {
    rl -m fold1.st --reward exact --valid-users 0 --log log.jsonl -o rl.st
    run jq -s '.[1:] | map(.prompts_known > 0 and .prompts_known < .prompts and .groups_with_hit_known != null and .groups_with_hit_unknown != null and
        (.groups_with_hit_known * .prompts_known + .groups_with_hit_unknown * (.prompts - .prompts_known) - .groups_with_hit * .prompts | fabs) < 0.01) | all' log.jsonl
    assert_output true
    rl -m model.st --reward exact --valid-users 0 --log log.jsonl -o rl.st
    run jq -s '.[1:] | map(.prompts_known == .prompts and .groups_with_hit_unknown == null) | all' log.jsonl
    assert_output true
    rl -m model.st --reward exact "${BLIND[@]}" --valid-users 0 --log log.jsonl -o rl.st
    run jq -s '.[1:] | map(.prompts_known == 0 and .groups_with_hit_known == null) | all' log.jsonl
    assert_output true
}

@test "folds: nothing that a fold holds back reaches its model, and all that it does not" {
    train() { "$BIN/sidgen-train" -q -s sids.st -i interactions.st --dim 16 --layers 1 --ffn 16 --epochs 1 --batch-tokens 512 --shards 4 --valid-users 0 "$@"; }
    for fold in 1 2 3; do train --hold-back 0.4 --fold $fold -o $fold.st; done
    [ "$(for fold in 1 2 3; do weights $fold.st; done | sort -u | wc -l)" -eq 3 ]
    fails_with 64 '--fold 4: there are fewer shares of 0.4' train --hold-back 0.4 --fold 4 -o x.st
    fails_with 64 '--fold needs --hold-back' train --fold 2 -o x.st
}

@test "wrong usage" {
    refused 64 '--candidates blend needs --blend FILE' --candidates blend
    refused 64 '--blend needs --candidates blend or mix' --blend blend.st
    refused 64 '--prompts cross-fit needs --blind FILE' --prompts cross-fit
    refused 64 '--blind needs --prompts cross-fit' --blind fold1.st
    refused 64 '--prompts cross-fit: model.st has been trained on everything' "${BLIND[@]}" --blind model.st
    refused 64 '--blind fold2.st: blind to the same users as fold2.st' "${BLIND[@]}" --blind fold2.st
    refused 64 'there are only 60 distinct candidates' --candidates blend --blend blend.st --group 61
    refused 64 'expected one of own, blend, mix' --candidates beam
}

@test "blends and models of other files" {
    refused 65 'is of schema model/1, expected blend/1' --candidates blend --blend model.st
    refused 65 'is of schema blend/1, expected model/1' --prompts cross-fit --blind blend.st
    refused 66 'none.st' --candidates blend --blend none.st
    fails_with 65 'mixture.st: fitted with another model than the one given' rl -m fold1.st --reward exact --candidates mix --blend mixture.st -o rl.st
    mkdir other
    "$HELPERS/toy.py" other seed=2
    "$BIN/blend" -q -i other/interactions.st -o other.st
    "$BIN/sidgen-train" -q -s other/sids.st -i other/interactions.st --dim 16 --layers 1 --ffn 16 --epochs 1 --valid-users 0 --hold-back 0.5 -o other-model.st
    refused 65 'other.st: fitted to other interactions' --candidates blend --blend other.st
    refused 65 'trained with other SIDs' "${BLIND[@]}" --blind other-model.st
    "$HELPERS/toy.py" other items=61
    "$BIN/blend" -q -i other/interactions.st -o other.st
    refused 65 'other.st: item_ids differ from those of sids.st' --candidates blend --blend other.st
    head -c 5000 blend.st >cut.st
    refused 65 'cut.st: ' --candidates blend --blend cut.st
}
