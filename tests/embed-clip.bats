#!/usr/bin/env bats
# embed --image clip:DIR: vectors of a tower with random weights, whatever form its folder has, and folders with something wrong.
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines

bats_require_minimum_version 1.5.0

load suite.bash
setup() { suite_setup; }

embed() { "$BIN/embed" "$@"; }
tower() { "$HELPERS/clip_folder.py" "$@"; }

# Twelve items with pictures of many sizes; item 5 has none and item 7's is damaged.
pictures() {
    python_with pictures <<'PY'
rng = np.random.default_rng(3)
with open("items.jsonl", "w") as f:
    for i in range(12):
        record = {"id": f"i{i}", "title": f"thing number {i} of many"}
        if i != 5:
            record["image"] = f"{i}.png"
            png(f"{i}.png", rng.integers(0, 256, (1 + i * i, 40 - 3 * i, 3), dtype=np.uint8))
        f.write(json.dumps(record) + "\n")
with open("7.png", "r+b") as f:
    f.truncate(60)
PY
}

# The tower in "bad" is refused with CODE and a message, one line and no output.
refused() { # refused CODE MESSAGE
    fails_with "$1" "$2" embed -q --image clip:bad -o out.st items.jsonl
    assert_one_line
    assert_none_written out.st
}

broken() { # broken CODE MESSAGE [name=value ...]
    rm -rf bad
    tower bad "${@:3}"
    refused "$1" "$2"
}

@test "rows of length one where there is a picture" {
    pictures
    tower clip
    run --separate-stderr embed --image clip:clip -o out.st items.jsonl
    assert_success
    run with_tensors out.st <<'PY'
x, mask = t["image"], t["image_mask"]
assert x.shape == (12, 32) and mask.tolist() == [i not in (5, 7) for i in range(12)], mask
assert np.abs((x * x).sum(1) - mask).max() < 1e-5
assert np.abs((x[mask == 1] @ x[mask == 1].T) - np.eye(10)).max() > 0.01
PY
    assert_success
}

@test "the same bytes whatever --threads says, and from shards of the weights" {
    pictures
    tower one
    tower many shards=3
    embed -q --threads 1 --image clip:one -o one.st items.jsonl 2>/dev/null
    embed -q --threads 2 --image clip:one -o two.st items.jsonl 2>/dev/null
    cmp one.st two.st
    embed -q --image clip:many -o many.st items.jsonl 2>/dev/null
    run with_tensors one.st <<<'assert (t["image"] == load("many.st")[0]["image"]).all()'
    assert_success
}

@test "folders of the tower alone, and in half precision" {
    pictures
    tower full
    embed -q --image clip:full -o full.st items.jsonl 2>/dev/null
    tower alone kind=vision
    embed -q --image clip:alone -o alone.st items.jsonl 2>/dev/null
    tower f16 dtype=F16
    embed -q --image clip:f16 -o f16.st items.jsonl 2>/dev/null
    tower bf16 dtype=BF16
    embed -q --image clip:bf16 -o bf16.st items.jsonl 2>/dev/null
    tower gelu act=gelu
    embed -q --image clip:gelu -o gelu.st items.jsonl 2>/dev/null
    run with_tensors full.st <<'PY'
apart = {name: np.abs(t["image"] - load(name + ".st")[0]["image"]).max() for name in ("alone", "f16", "bf16", "gelu")}
assert apart["alone"] == 0 and 0 < apart["f16"] < 2e-3 and apart["f16"] < apart["bf16"] < 2e-2 and apart["gelu"] > 1e-4, apart
PY
    assert_success
}

@test "newer, prefixed and open_clip's folders give the same vectors" {
    pictures
    tower full
    embed -q --image clip:full -o full.st items.jsonl 2>/dev/null
    tower new preprocessor=new
    tower nested prefix=model.clip.
    tower sharded prefix=model. shards=2
    tower own kind=open_clip
    tower own-prefixed kind=open_clip prefix=module.
    for name in new nested sharded own own-prefixed; do embed -q --image clip:$name -o $name.st items.jsonl 2>/dev/null; done
    run with_tensors full.st <<'PY'
for name in "new", "nested", "sharded", "own", "own-prefixed":
    assert (t["image"] == load(name + ".st")[0]["image"]).all(), name
PY
    assert_success
    # What the newer file says counts.
    tower shifted preprocessor=new 'break=pre.image_mean:[0,0,0]'
    embed -q --image clip:shifted -o shifted.st items.jsonl 2>/dev/null
    run with_tensors full.st <<<'assert np.abs(t["image"] - load("shifted.st")[0]["image"]).max() > 1e-3'
    assert_success
    # A folder that has both is read as its config.json says.
    cp own/* full/
    embed -q --image clip:full -o both.st items.jsonl 2>/dev/null
    run with_tensors full.st <<<'assert (t["image"] == load("both.st")[0]["image"]).all()'
    assert_success
}

@test "preprocessing is never guessed" {
    pictures
    broken 66 'bad: neither preprocessor_config.json nor processor_config.json says what becomes of a picture' preprocessor=no
    echo '{"processor_class":"CLIPProcessor"}' >bad/processor_config.json
    refused 66 'neither preprocessor_config.json nor processor_config.json'
    echo '{"image_processor":7}' >bad/processor_config.json
    refused 65 'bad/processor_config.json: "image_processor": expected an object'
    echo '{"image_mean":[0,0,0]}' >bad/preprocessor_config.json
    refused 65 '"image_processor_type": expected "CLIPImageProcessor", or all that it does'
    broken 65 '"image_processor.crop_size": expected 16 x 16' preprocessor=new break=pre.crop_size:224
    tower other 'break=pre.image_processor_type:"ViTImageProcessor"' # which says all that it does
    embed -q --image clip:other -o other.st items.jsonl 2>/dev/null
    /usr/bin/python3 -c 'import json
pre = json.load(open("other/preprocessor_config.json")); del pre["image_std"]; json.dump(pre, open("bad/preprocessor_config.json", "w"))'
    refused 65 '"image_processor_type": expected "CLIPImageProcessor", or all that it does, not "ViTImageProcessor"'
    broken 65 '"preprocess_cfg.mean": expected three numbers' kind=open_clip break=own.preprocess_cfg.mean:null
    broken 65 '"preprocess_cfg.interpolation": expected "bicubic", not "bilinear"' kind=open_clip 'break=own.preprocess_cfg.interpolation:"bilinear"'
    broken 65 '"preprocess_cfg.resize_mode": expected "shortest", not "squash"' kind=open_clip 'break=own.preprocess_cfg.resize_mode:"squash"'
}

@test "towers that are not CLIP's are refused by name" {
    pictures
    broken 65 '"model_type": expected "clip" or "clip_vision_model", not "siglip"' 'break=top.model_type:"siglip"'
    broken 65 "bad/model.safetensors: the tensors are those of SigLIP's vision tower" break=siglip
    broken 65 "bad/model.safetensors.index.json: the tensors are those of SigLIP's vision tower" shards=2 break=siglip
    broken 65 "the tensors are those of a tower of timm's" break=timm
    broken 65 "no tensors of CLIP's vision tower" break=strangers
    broken 65 "two towers, of 'vision_model.' and of 'other.vision_model.', expected one" break=two
    broken 65 "a tower with LayerScale" kind=open_clip break=scale
    broken 65 '"vision_cfg.timm_model_name": expected none' kind=open_clip 'break=own.vision_cfg.timm_model_name:"vit_base"'
    broken 65 '"vision_cfg.layers": expected a whole number' kind=open_clip 'break=own.vision_cfg.layers:[3,4,6,3]'
    broken 65 '"vision_cfg.pool_type": expected "tok", not "avg"' kind=open_clip 'break=own.vision_cfg.pool_type:"avg"'
}

@test "folders that lack something" {
    pictures
    mkdir bad
    refused 66 "bad/config.json"
    tower bad
    rm bad/model.safetensors
    refused 66 "bad: no model.safetensors and no model.safetensors.index.json"
    touch bad/pytorch_model.bin
    refused 66 "convert it to safetensors"
    run --separate-stderr embed -q --image clip:nowhere -o out.st items.jsonl
    [ "$status" -eq 66 ]
    run --separate-stderr embed -q --image clip: -o out.st items.jsonl
    [ "$status" -eq 64 ] || fail "$status $stderr"
}

@test "configs that are no JSON, or not ours" {
    pictures
    tower bad
    cp bad/config.json good.json
    head -c 100 good.json >bad/config.json
    refused 65 "bad/config.json: not JSON at byte"
    echo '[1]' >bad/config.json
    refused 65 "not a JSON object"
    printf '{"a":"\xff"}' >bad/config.json
    refused 65 "not valid UTF-8"
    : >bad/config.json
    refused 65 "not JSON"
    echo '{}' >bad/config.json
    refused 65 '"vision_config": expected an object'
    echo '{"vision_config":[]}' >bad/config.json
    refused 65 '"vision_config": expected an object'
    cp good.json bad/config.json
    echo 'null' >bad/preprocessor_config.json
    refused 65 "bad/preprocessor_config.json: not a JSON object"
    broken 65 '"model_type": expected "clip"' break='top.model_type:"siglip"'
    broken 65 '"vision_config.hidden_act": expected' break='config.hidden_act:"relu"'
}

@test "absurd numbers" {
    pictures
    local value
    for value in 0 -1 1e30 2.5 '"768"' 16385 '[32]' true; do
        broken 65 '"vision_config.hidden_size": expected a whole number from 1 to 16384' break="config.hidden_size:$value"
    done
    broken 65 '"vision_config.intermediate_size": expected' break=config.intermediate_size:65537
    broken 65 '"vision_config.num_hidden_layers": expected' break=config.num_hidden_layers:100000
    broken 65 '"vision_config.num_attention_heads": expected a number that divides' break=config.num_attention_heads:5
    broken 65 '"vision_config.image_size": expected' break=config.image_size:4096
    broken 65 '"vision_config.patch_size": expected image_size at most' break=config.patch_size:17
    broken 65 '"vision_config.patch_size": expected at most 64' image=2048 patch=64 break=config.patch_size:1
    broken 65 '"vision_config.num_channels": expected 3' break=config.num_channels:1
    broken 65 '"vision_config.layer_norm_eps": expected' break=config.layer_norm_eps:0
    broken 65 '"vision_config.layer_norm_eps": expected' kind=clip break=config.layer_norm_eps:1e300
}

@test "preprocessing that is not CLIP's" {
    pictures
    broken 65 '"crop_size": expected 16 x 16' break='pre.crop_size:{"height":16,"width":17}'
    broken 65 '"crop_size": expected 16 x 16' break=pre.crop_size:224
    broken 65 '"resample": expected 3' break=pre.resample:2
    broken 65 '"do_center_crop": expected true' break=pre.do_center_crop:false
    broken 65 '"do_resize": expected true or false' break=pre.do_resize:1
    broken 65 '"size": expected at least the size of the crop' break='pre.size:{"shortest_edge":15}'
    broken 65 '"size": expected a number' break='pre.size:"big"'
    broken 65 '"size.shortest_edge": expected a whole number from 1 to 4096' break='pre.size:{"shortest_edge":1e9}'
    broken 65 '"image_std": expected three numbers above 0' break='pre.image_std:[1,0,1]'
    broken 65 '"image_mean": expected three numbers' break='pre.image_mean:[1,2]'
    broken 65 '"rescale_factor": expected' break=pre.rescale_factor:-1
}

@test "other sizes and values, as the preprocessor says" {
    pictures
    tower clip
    tower square 'break=pre.size:{"height":24,"width":30}'
    tower number break=pre.size:16
    tower shifted 'break=pre.image_mean:[0,0,0]'
    for name in clip square number shifted; do embed -q --image clip:$name -o $name.st items.jsonl 2>/dev/null; done
    run with_tensors clip.st <<'PY'
apart = {name: np.abs(t["image"] - load(name + ".st")[0]["image"]).max() for name in ("square", "number", "shifted")}
assert apart["number"] == 0 and apart["square"] > 1e-3 and apart["shifted"] > 1e-3, apart
PY
    assert_success
}

@test "weights that are damaged, missing, misshapen" {
    pictures
    local fc1=vision_model.encoder.layers.0.mlp.fc1.weight
    broken 65 "no tensor '$fc1'" break=missing
    broken 65 "tensor '$fc1': found F32 [32,64], expected any type [64,32]" break=shape
    broken 65 "tensor '$fc1': row 3 holds NaN" break=nan
    broken 65 "tensor '$fc1': is of type I32, expected a float type" break=integers
    broken 65 "no tensor 'vision_model.encoder.layers.2.layer_norm1.weight'" break=config.num_hidden_layers:3
    rm -rf bad
    tower bad break=config.image_size:8
    sed -i 's/: 16/: 8/' bad/preprocessor_config.json
    refused 65 "position_embedding.weight': found F32 [17,32], expected any type [5,32]"
    tower good
    cp good/*.json bad/
    head -c 1000 good/model.safetensors >bad/model.safetensors
    refused 65 "bad/model.safetensors: header length"
    broken 65 "weight_map: no tensor '$fc1'" shards=2 break=unlisted
    broken 65 "is not in a file NAME.safetensors of this folder" shards=2 break=elsewhere
    broken 65 "no tensor '$fc1'" shards=2 break=missing
    rm bad/*
    tower bad shards=2
    rm bad/model-00002-of-00002.safetensors
    refused 66 "model-00002-of-00002.safetensors"
    echo '{"weight_map":7}' >bad/model.safetensors.index.json
    refused 65 'no object "weight_map"'
}
