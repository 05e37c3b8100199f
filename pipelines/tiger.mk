# TIGER: what the items' text says, as Semantic IDs; a generator trained on the histories' next items. Nothing else.

text_fields = title,description:0.5,categories

embeddings = $(call embed,$(items),--fields $(text_fields))
sids       = $(call rqvae,$(embeddings))
model      = $(call sidgen-train,$(sids),$(body))
result     = $(call evaluate,$(model),$(sids))
