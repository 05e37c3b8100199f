# The demo catalogue, made by synth(1): small enough for `make demo` to end within two minutes on two cores. For so few
# histories, smaller codebooks, a smaller model and shorter steps than the defaults; chosen on the validation split.
ITEMS        = $(synth)/items.jsonl
INTERACTIONS = $(synth)/interactions.tsv

SYNTH_FLAGS ?= --items 2000 --users 5000 --seed 1
RQVAE_FLAGS ?= --codes 128 --hidden 256,128 --epochs 100 --warmup 30
FLAT_FLAGS  ?= --layers 2 --epochs 12 --batch-tokens 2048 --warmup 50 --lr 0.001 --dropout 0.3 --label-smoothing 0.1 \
	--average 0.98
TIMELINE_FLAGS ?= --dim 64 --ffn 128 --depth-ffn 64 --epochs 14 --settle 0 --lr 0.004 --dropout 0.3
RL_FLAGS    ?= --prompts-per-step 256 --valid-every 5
