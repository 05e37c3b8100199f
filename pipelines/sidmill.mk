# What measured best here: Semantic IDs of the items' text, its fields weighed by what follows what in the histories; a timeline
# generator with vectors for items and for prefixes of their Semantic IDs; and what else speaks for a next item, mixed in, rare items
# raised a little among others.

text_fields = title,description:0.5,categories,brand

even      ?= --even 0.05

embeddings = $(call embed,$(items),--fields $(text_fields),$(interactions))
sids       = $(call rqvae,$(embeddings))
model      = $(call sidgen-train,$(sids),$(timeline))
mixture    = $(call blend,$(model),$(sids),$(embeddings),$(even))
result     = $(call evaluate,$(model),$(sids),,$(mixture))
shown      = generator$(seeded)=$(call evaluate,$(model),$(sids)) $(system)=$(result)
