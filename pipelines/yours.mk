# A system of yours beside ours, on the same users: its Semantic IDs (SIDS_FROM) under the generator that sidmill.mk trains over its
# own; and lists that it made (RECS), as they are.
#
#     make run DATASET=beauty PIPELINE=yours SIDS_FROM=Beauty.index.json SIDS_FLAGS="--item-map Beauty.item2id"
#     make run DATASET=beauty PIPELINE=yours RECS="theirs=run.trec.gz lists.tsv" RECS_FLAGS="--missing-lists empty"
#
# The form of the SIDs is what the file's name ends in, npy or tsv, or else index.json; SIDS_FORM says otherwise. Lists without a label
# are called by their file.

include $(here)sidmill.mk

SIDS_FORM  ?= $(or $(patsubst .%,%,$(filter .npy .tsv,$(suffix $(SIDS_FROM)))),index.json)
label-of    = $(if $(findstring =,$1),$(firstword $(subst =, ,$1)),$(basename $(notdir $1)))
file-of     = $(lastword $(subst =, ,$1))

your_sids   = $(call foreign-sids,$(SIDS_FROM),--from $(SIDS_FORM))
over        = $(call evaluate,$(call sidgen-train,$1,$(timeline)),$1)
by_sids     = $(if $(SIDS_FROM),$(call over,$(your_sids)))
by_lists    = $(foreach r,$(RECS),$(call evaluate-lists,$(call file-of,$r)))
result      = $(by_sids) $(by_lists)

# Lists know no seed: they stand in the table once.
first_seed  = $(filter $(SEED),$(firstword $(SEEDS)))
shown       = ours$(seeded)=$(call over,$(sids)) $(if $(SIDS_FROM),your-sids$(seeded)=$(by_sids)) \
	$(if $(first_seed),$(foreach r,$(RECS),$(call label-of,$r)=$(call evaluate-lists,$(call file-of,$r))))

$(if $(or $(SIDS_FROM),$(RECS)),,$(error nothing of yours: give SIDS_FROM=FILE, or RECS="[LABEL=]FILE ..."))
$(foreach file,$(SIDS_FROM) $(foreach r,$(RECS),$(call file-of,$r)),$(call check-name,your file,$(file)))
