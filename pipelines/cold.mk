# What reaching new items costs. A share COLD of the items that the test asks for is kept from all training (ingest --cold); then they
# get Semantic IDs and neighbours from what is known of them, nothing being trained again, and stand in the lists beside all others.
# `known` is the same model before, without them: those who look for other items have lost places since. BLEND_FLAGS="--favour 1"
# moves new items up, at the others' expense.
COLD ?= 0.05

include $(here)sidmill.mk

fit              = $(call embed-fit,$(items),--fields $(text_fields),$(interactions))
embeddings       = $(call embed-by,$(items),$(fit))
new_embeddings   = $(call embed-by,$(cold_items),$(fit))
grown_sids       = $(call assign,$(sids),$(new_embeddings))
grown_embeddings = $(call joined,$(embeddings) $(new_embeddings))
grown_mixture    = $(call blend,$(model),$(grown_sids),$(grown_embeddings),,$(with_cold),$(mixture))
known            = $(call evaluate,$(model),$(sids),,$(mixture))
result           = $(call evaluate,$(model),$(grown_sids),,$(grown_mixture),$(with_cold))
shown            = known$(seeded)=$(known) $(system)=$(result)
