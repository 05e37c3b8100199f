# Experiments as a graph of stages. A pipeline (tiger.mk is the simplest) says which stage feeds which, as expressions:
#
#     embeddings = $(call embed,$(items))
#     sids       = $(call rqvae,$(embeddings))
#
# A stage is a function of its input files that returns its output file. Its folder is work/DATASET/STAGE-HASH/, the hash
# taken over the command with its flags and the names of its inputs' folders, that is, over everything upstream. Two
# pipelines, seeds or flag sets that agree up to a stage therefore share it, and nothing is ever run that need not be.
#
#     make run DATASET=beauty PIPELINE=sidmill SEED=42       (SEEDS="1 2 3": one graph, early stages shared)
#     make run ... TRAIN_FLAGS="--dim 192"                   every stage has STAGE_FLAGS, added last: they win
#     make run ... EMBED=./my-embed.py                       and a command; the text of a script counts in the hash
#     make run ... THREADS=2                                 embed to evaluate are told --threads 2: a command of your own
#                                                            in their place must take the option, and may ignore it
#     make run ... RUN="srun -c 8"                           launches every stage, TRAIN_RUN those that train, as one process
#                                                            each, but rqvae, sidgen-train and qarm-rl as any number of MPI
#                                                            ranks; not part of the hash, nor is THREADS
#     make run ... BASE=DIR                                  the papers' pipelines on a pretrained language model
#     make run ... BODY=timeline                             the papers' pipelines with the generator of sidmill.mk
#     make run ... TO=sids                                   only as far as that name of the pipeline's
#     make run ... RUNNER=slurm                              as jobs of a cluster: slurm.mk
#     make run ... SHARDS=4                                  caption and mine-intent in so many stages, side by side with make -j or as jobs;
#                                                            and embed, where EMBED_FLAGS ask a server
#     make plan ...                                          the stages and their folders, made or not, and what is to go
#     make watch ...                                         the same in one line, in another terminal, until all is made
#     make ablation ...                                      a pipeline with parts of it left out, as a table: ablation.mk
#     make report ...                                        all of it as one page for a browser, with the ablations made so far: report.mk
#
# A rebuilt tool invalidates nothing, or every edit of a comment would repeat weeks of training; TRACK_TOOLS=1 puts the
# programs' contents into the hash. A file named in FLAGS counts by its name.

here     := $(dir $(lastword $(MAKEFILE_LIST)))
DATASET  ?= demo
ablation := $(filter ablation,$(MAKECMDGOALS))
PIPELINE ?= $(if $(ablation),deepinterestgr,sidmill)
SEED     ?= 42
SEEDS    ?= $(if $(ablation),42 2333 6666,$(SEED))
WORK     ?= work
TO       ?= result
BIN      ?=

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.PHONY: run data plan watch ablation report
run:

# --- How a stage is made -------------------------------------------------------------------------------------------------

empty    :=
space    := $(empty) $(empty)
quoted    = '$(subst ','\'',$1)'
flags     = $(if $(strip $1), $(strip $1))
root     := $(WORK)/$(DATASET)
stages   :=

# $(call stage,NAME,LAUNCHER,COMMAND,ARGUMENTS,INPUTS,OUTPUTS): the stage's folder; defines its rule when first asked for.
# In ARGUMENTS, @/ stands for the folder. The recipe works in FOLDER.part and renames it at the end: see pipelines/stage.
stage     = $(call stage-at,$(root)/$1-$(call hash,$3,$(call identity,$3$(call flags,$4))),$1,$2,$3,$4,$5,$6)
stage-at  = $(if $(filter $1,$(stages)),,$(eval $(stage-rule)))$1
identity  = $(subst $(root)/,,$1)

define stage-rule
stages += $1
identity.$1 := $$(call identity,$$4$$(call flags,$$5))
inputs.$1 := $6
outputs.$1 := $(addprefix $1/,$7)
command.$1 := $$(if $$3,$$(strip $$3) )$$4$$(subst @/,$1.part/,$$(call flags,$$5))$$(call threads,$2)
scripts.$1 := $$(call scripts,$$4)
$(addprefix $1/,$7) &: $6
	@$$(in-path) $$(call submit,$1,$2) $(here)stage run $1 $$(call quoted,$$(identity.$1)) $$(call quoted,$$(command.$1)) '$7' $$(scripts.$1)

endef

# RUNNER=NAME: NAME.mk says how a stage is started elsewhere.
RUNNER   ?=
submit    =
ifneq ($(RUNNER),)
$(if $(wildcard $(here)$(RUNNER).mk),,$(error RUNNER=$(RUNNER): there is no $(here)$(RUNNER).mk))
include $(here)$(RUNNER).mk
endif

# Commands are looked for in BIN first.
in-path   = PATH=$(if $(BIN),$(call quoted,$(BIN)):)"$$PATH"

# The files that a command's words name: scripts, whose text counts. The tools themselves only if TRACK_TOOLS says so.
scripts   = $(wildcard $1)$(if $(TRACK_TOOLS),$(foreach word,$1,$(if $(BIN),$(wildcard $(BIN)/$(word)))))
threads   = $(if $(THREADS),$(if $(filter caption mine-intent embed rqvae sidgen-train qarm-rl blend evaluate users report,$1), --threads $(THREADS)))

# A pipeline's expressions mention a stage many times; its hash is computed once, and kept in a variable named by the text
# (in which a colon would be read as make syntax).
hash       = $(call hash-once,hash of $(subst :,;,$2),$1,$2)
hash-once  = $(if $($1),,$(eval $$1 := $$(shell $(here)stage hash $$(call quoted,$$3) $$(call scripts,$$2))))$($1)

# Names go into make rules and shell commands as they are.
odd        = $(strip $(if $(word 2,$1),space) $(foreach c,: % @ ; ' " & | * ? [ ] { } < > \ ` =,$(findstring $c,$1)))
check-name = $(if $(call odd,$2),$(error $1 '$2': such a name cannot be handled ($(call odd,$2)); please use another, or a symbolic link))
$(call check-name,WORK,$(WORK))
$(call check-name,DATASET,$(DATASET))
$(call check-name,the pipelines' folder,$(here))

# --- The stages ------------------------------------------------------------------------------------------------------------

SYNTH    ?= synth
INGEST   ?= ingest
CAPTION  ?= caption
MINE     ?= mine-intent
QUALITY  ?= mine-intent --quality-only
EMBED    ?= embed
RQVAE    ?= rqvae
SIDS     ?= sids
TOKENIZE ?= tokenize train
TRAIN    ?= sidgen-train
RL       ?= qarm-rl
BLEND    ?= blend
EVAL     ?= evaluate
TENSOR   ?= tensor
TRAIN_RUN ?= $(RUN)
SPLIT    ?= test
BASELINES ?= popular,cooccur

# No input: the demo catalogue.
synth = $(call stage,synth,$(RUN),$(SYNTH),$(SYNTH_FLAGS) -o @/,,items.jsonl interactions.tsv)

# ITEMS, INTERACTIONS: paths or URLs. Pictures are shared by all that is made of the data set.
url    = $(findstring ://,$1)
place  = $(if $(call url,$1),$(call quoted,$1),$1)
local  = $(foreach file,$1,$(if $(call url,$(file)),,$(file)))
ingest = $(call stage,ingest,$(RUN),$(INGEST),$(addprefix --format ,$(FORMAT)) --items $(call place,$1) --interactions $(call place,$2)$(if $(IMAGES), --images $(root)/images) \
	$(cold_out) $(INGEST_FLAGS) --report @/report.json --items-out @/items.jsonl -o @/interactions.st,$(call local,$1 $2),\
	items.jsonl interactions.st$(if $(COLD), cold-items.jsonl with-cold.st))
items        = $(call ingest,$(ITEMS),$(INTERACTIONS))/items.jsonl
interactions = $(call ingest,$(ITEMS),$(INTERACTIONS))/interactions.st

# COLD=X: a share X of the test's items is kept from training; their records, and the histories with them.
cold_out   = $(if $(COLD),--cold $(COLD) --cold-items @/cold-items.jsonl --cold-out @/with-cold.st)
cold_items = $(call ingest,$(ITEMS),$(INTERACTIONS))/cold-items.jsonl
with_cold  = $(call ingest,$(ITEMS),$(INTERACTIONS))/with-cold.st

# ITEMS, pipeline's own flags, and for embed the INTERACTIONS to fit weights to (or none). Paths of pictures are relative to a
# stage's folder, and stay right in any other.
pictures = --image-root $(dir $1)
caption-all     = $(call stage,caption,$(RUN),$(CAPTION),$(pictures) $2 $(CAPTION_FLAGS) -o @/items.jsonl < $1,$1,items.jsonl)/items.jsonl
mine-intent-all = $(call stage,mine-intent,$(RUN),$(MINE),$2 $(MINE_FLAGS) -o @/items.jsonl < $1,$1,items.jsonl)/items.jsonl
caption         = $(if $(sharded),$(call lines,$(foreach part,$(call parts,$1),$(call caption-all,$(part),$2))),$(caption-all))
mine-intent     = $(if $(sharded),$(call lines,$(foreach part,$(call parts,$1),$(call mine-intent-all,$(part),$2))),$(mine-intent-all))

# SHARDS=N: ITEMS in N parts of whole lines, about as many bytes each; and lines of several files in one.
SHARDS  ?= 1
sharded  = $(filter-out 1,$(SHARDS))
part_ids = $(addsuffix .jsonl,$(addprefix part-,$(shell seq -f %03g 0 $$(($(SHARDS) - 1)))))
parts    = $(addprefix $(call stage,cut,$(RUN),split,--number l/$(SHARDS) --numeric-suffixes --suffix-length 3 --additional-suffix .jsonl $1 @/part-,$1,\
	$(part_ids))/,$(part_ids))
lines    = $(call stage,lines,$(RUN),cat,$1 > @/items.jsonl,$1,items.jsonl)/items.jsonl
quality     = $(call stage,quality,$(RUN),$(QUALITY),$2 $(QUALITY_FLAGS) -o @/quality.st < $1,$1,quality.st)/quality.st
# EMBED_FLAGS that choose another encoder, or a space that is there already, leave no weights to fit.
own_space   = $(filter --fit --fit=% --joint --joint=% --text --text=%,$(EMBED_FLAGS))
fitted_to   = $(if $(own_space),,$1)
embed-all   = $(call stage,embed,$(RUN),$(EMBED),$(if $(findstring --image ,$2),$(pictures)) $2 $(addprefix --fit-weights ,$(call fitted_to,$3)) \
	$(EMBED_FLAGS) -o @/embeddings.st < $1,$1 $(call fitted_to,$3),embeddings.st)/embeddings.st
by_server   = $(and $(sharded),$(filter http --text=http --joint=http,$(EMBED_FLAGS)))
embed       = $(if $(by_server),$(call joined,$(foreach part,$(call parts,$1),$(call embed-all,$(part),$2))),$(embed-all))

# What is fitted to ITEMS, pipeline's own flags, INTERACTIONS to fit weights to; other ITEMS by such a FIT; tables of the same kind, one
# behind the other.
embed-fit   = $(call stage,embed,$(RUN),$(EMBED),$2 $(addprefix --fit-weights ,$3) $(EMBED_FLAGS) --fit-only -o @/fit.st < $1,$1 $3,fit.st)/fit.st
embed-by    = $(call stage,embed,$(RUN),$(EMBED),$(pictures) --fit $2 -o @/embeddings.st < $1,$1 $2,embeddings.st)/embeddings.st
joined      = $(call stage,join,$(RUN),$(TENSOR),join -o @/joined.st $1,$1,joined.st)/joined.st

# EMBEDDINGS (or, for --method identity, INTERACTIONS), pipeline's own flags, INTERACTIONS whose neighbours items take part in (or none)
rqvae = $(call stage,rqvae,$(TRAIN_RUN),$(RQVAE),$(addprefix --cooccur ,$3) --seed $(SEED) $2 $(RQVAE_FLAGS) --log @/log.jsonl -o @/sids.st < $1,\
	$1 $3,sids.st)/sids.st

# FILE of another system's SIDs, pipeline's own flags
foreign-sids = $(call stage,sids,$(RUN),$(SIDS),$2 --interactions $(interactions) $(SIDS_FLAGS) -o @/sids.st < $1,$1 $(interactions),sids.st)/sids.st

# SIDS, and the EMBEDDINGS of items to be added to them
assign = $(call stage,rqvae,$(RUN),$(RQVAE),--assign $1 -o @/sids.st < $2,$1 $2,sids.st)/sids.st

# ITEMS, pipeline's own flags
tokenize = $(call stage,tokenize,$(RUN),$(TOKENIZE),$2 $(TOKENIZE_FLAGS) -o @/tokenizer.json $1,$1,tokenizer.json)/tokenizer.json

# SIDS, pipeline's own flags, ITEMS and a TOKENIZER of their texts (or neither). A data set may have flags for each of the two bodies.
sidgen-train = $(call stage,sidgen-train,$(TRAIN_RUN),$(TRAIN),--sids $1 --interactions $(interactions) --seed $(SEED) $2 \
	$(addprefix --items ,$3) $(addprefix --tokenizer ,$4) \
	$(if $(findstring --base,$2),,$(if $(findstring --body timeline,$(subst =, ,$2 $(TRAIN_FLAGS))),$(TIMELINE_FLAGS),$(FLAT_FLAGS))) $(TRAIN_FLAGS) \
	--log @/log.jsonl -o @/model.st,$1 $3 $4 $(interactions),model.st)/model.st

# BODY: `flat`, a row a token, is the papers'; `timeline`, a row an item, with vectors for items and for prefixes of SIDs, and a
# loss of items among items.
#
# BASE=DIR: the papers' generators stand on the pretrained language model in that folder; what is not said is as sidgen-train has it for
# one, and GRPO learns at the papers' 1e-5.
BODY    ?= flat
BASE    ?=
vectors  = --body timeline --item-vectors --node-vectors
timeline = $(vectors) --item-loss 0.5 --sampled 1024
body     = $(if $(BASE),--base $(BASE),$(if $(filter timeline,$(BODY)),$(timeline)))
$(if $(filter flat timeline,$(BODY)),,$(error BODY=$(BODY): expected flat or timeline))
$(if $(and $(BASE),$(filter timeline,$(BODY))),$(error BASE=$(BASE): a pretrained model reads a row a token: expected BODY=flat))
$(call check-name,BASE,$(BASE))

# HOLD_BACK=F: supervised training leaves the last training item of that share of users for qarm-rl's prompts. Without, they
# are items that the model has learnt by heart: it starts higher and has less to learn from its rewards.
hold_back = $(if $(crossed),,$(addprefix --hold-back ,$(HOLD_BACK)))
PROMPTS  ?= $(if $(HOLD_BACK),held-back)
prompts   = $(if $(PROMPTS),--prompts $(PROMPTS)$(if $(filter held-back cross-fit,$(PROMPTS)), --epochs 2))

# PROMPTS=cross-fit: the model has been trained on everything; who draws its candidates is, of FOLDS more models of the pipeline's
# SIDs, the one that has not seen the target.
FOLDS    ?= 2
crossed   = $(filter cross-fit,$(PROMPTS))
share     = $(shell awk 'BEGIN { printf "%.9f", 1 / $(FOLDS) }')
blind     = $(if $(crossed),$(foreach fold,$(shell seq $(FOLDS)),$(call sidgen-train,$(sids),--hold-back $(share) --fold $(fold) $(body))))

# MODEL, SIDS, QUALITY (or none), pipeline's own flags, models that are BLIND to what is asked (or none)
qarm-rl = $(call stage,qarm-rl,$(TRAIN_RUN),$(RL),--model $1 --sids $2 --interactions $(interactions)$(addprefix $(space)--quality ,$3)$(addprefix $(space)--blind ,$5) --seed $(SEED) \
	$4 $(if $(BASE),--group 16 --lr 1e-5 --kl 0.001) $(RL_FLAGS) --log @/log.jsonl -o @/model.st,$1 $2 $3 $5 $(interactions),model.st)/model.st

# MODEL and SIDS (or neither), EMBEDDINGS (or none), pipeline's own flags, other INTERACTIONS and a BLEND fitted before (or neither)
blend = $(call stage,blend,$(RUN),$(BLEND),$(addprefix --model ,$1) $(addprefix --sids ,$2) --interactions $(or $5,$(interactions)) \
	$(addprefix --embeddings ,$3) --seed $(SEED) $(addprefix --fitted ,$6) $4 $(BLEND_FLAGS) --report @/report.json -o @/blend.st,\
	$1 $2 $3 $(or $5,$(interactions)) $6,blend.st report.json)/blend.st

# MODEL, SIDS (or neither, with a BLEND that was fitted without), pipeline's own flags, BLEND (or none), other INTERACTIONS (or none)
evaluate = $(call stage,evaluate,$(RUN),$(EVAL),$(addprefix --model ,$1) $(addprefix --sids ,$2) $(addprefix --blend ,$4) \
	--interactions $(or $5,$(interactions)) --split $(SPLIT) $(addprefix --baseline ,$(BASELINES)) $3 $(EVAL_FLAGS) \
	--per-user @/per-user.st -o @/metrics.json,$1 $2 $4 $(or $5,$(interactions)),metrics.json per-user.st)/metrics.json

# MODEL, SIDS and ITEMS whose texts it knows
evaluate-tasks = $(call stage,evaluate,$(RUN),$(EVAL),--tasks all --items $3 --model $1 --sids $2 --interactions $(interactions) --split $(SPLIT) \
	$(TASKS_FLAGS) -o @/tasks.json,$1 $2 $3 $(interactions),tasks.json)/tasks.json

# LISTS of anyone's, pipeline's own flags
evaluate-lists = $(call stage,evaluate,$(RUN),$(EVAL),--recs $1 --interactions $(interactions) --split $(SPLIT) \
	$(addprefix --baseline ,$(BASELINES)) $2 $(RECS_FLAGS) $(EVAL_FLAGS) --per-user @/per-user.st -o @/metrics.json,\
	$1 $(interactions),metrics.json per-user.st)/metrics.json

# --- The experiment -------------------------------------------------------------------------------------------------------

# data/DATASET.mk, or for DATASET=FAMILY-NAME data/FAMILY-any.mk, says where the data are: in the folder DATA in the neutral form, or
# ITEMS and INTERACTIONS in some FORMAT of ingest(1)'s. The command line can say the same.
dataset := $(firstword $(foreach name,$(DATASET) $(firstword $(subst -,$(space),$(DATASET)))-any,$(wildcard $(here)../data/$(name).mk)))
ifneq ($(dataset),)
include $(dataset)
endif
ITEMS        ?= $(addsuffix /items.jsonl,$(DATA))
INTERACTIONS ?= $(addsuffix /interactions.tsv,$(DATA))
$(if $(and $(ITEMS),$(INTERACTIONS)),,$(error no data set '$(DATASET)': there is no $(here)../data/$(DATASET).mk; give \
	DATA=FOLDER with items.jsonl and interactions.tsv, or ITEMS=FILE INTERACTIONS=FILE FORMAT=NAME))
$(call check-name,the data folder,$(DATA))
check-place = $(if $(call url,$2),$(if $(word 2,$2),$(error $1 '$2': a URL has no blanks)),$(call check-name,$1,$2))
$(foreach name,ITEMS INTERACTIONS,$(call check-place,$(name),$($(name))))

pipeline := $(firstword $(wildcard $(PIPELINE) $(here)$(PIPELINE).mk))
$(if $(pipeline),,$(error no pipeline '$(PIPELINE)': there is no $(here)$(PIPELINE).mk))
include $(pipeline)

seeded = $(if $(word 2,$(SEEDS)),-$(SEED))
pipeline-name = $(basename $(notdir $(pipeline)))
system = $(pipeline-name)$(seeded)
shown ?= $(system)=$(result)

# PUBLISHED, of data/DATASET.mk: what ../data/published.tsv calls the data; its figures then stand under the table.
published = $(addprefix --published $(here)../data/published.tsv --dataset ,$(PUBLISHED))

ifneq ($(ablation),)
include $(here)ablation.mk
else
$(if $(foreach SEED,$(firstword $(SEEDS)),$($(TO))),,$(error TO=$(TO): $(pipeline) has no such name))
goals := $(foreach SEED,$(SEEDS),$($(TO)))
endif

ifneq ($(filter report,$(MAKECMDGOALS)),)
include $(here)report.mk
endif

submitted = echo; echo "$(DATASET), $(PIPELINE), seed $(SEEDS): submitted what is to be made; 'make watch' tells how far it is"
$(if $(and $(RUNNER),$(filter report,$(MAKECMDGOALS))),$(error make report is made here: first make run, then it without RUNNER))

run: $(goals) $(if $(filter result,$(TO)),$(foreach SEED,$(SEEDS),$(foreach s,$(shown),$(lastword $(subst =, ,$s)))))
ifneq ($(RUNNER),)
	@$(submitted)
else
	@$(if $(filter result,$(TO)),echo; $(in-path) evaluate --show $(published) $(foreach SEED,$(SEEDS),$(shown)))
	@echo; echo "$(DATASET), $(PIPELINE), seed $(SEEDS): results in"; printf '  %s\n' $(goals)
endif

data: $(items) $(interactions)
	@echo; echo "$(DATASET): results in"; printf '  %s\n' $^

plan watch:
	@$(here)stage $@ $(stages)
