# DeepInterestGR: what an item looks like (a caption, an image embedding) and what it is for (mined intents) enter its
# Semantic ID; a generator trained on the histories' next items; then qarm-rl, whose reward pays for an item's quality only
# where the right item was generated.

text_fields     = title,description:0.5,categories
evidence_fields = $(text_fields),caption,intents

captioned  = $(call caption,$(items))
mined      = $(call mine-intent,$(captioned),--judge builtin)
quality_of = $(call quality,$(mined))
embeddings = $(call embed,$(mined),--fields $(evidence_fields) --image builtin)
sids       = $(call rqvae,$(embeddings))
sft        = $(call sidgen-train,$(sids))
model      = $(call qarm-rl,$(sft),$(sids),$(quality_of))
result     = $(call evaluate,$(model),$(sids))
shown      = $(system)-sft=$(call evaluate,$(sft),$(sids)) $(system)=$(result)
