# DeepInterestGR: what an item looks like (a caption, an image embedding) and what it is for (mined intents) enter its
# Semantic ID; a generator trained on the histories' next items; then qarm-rl, whose reward pays for an item's quality only
# where the right item was generated.

# The weights were chosen on the demo's validation split. Intents count most: they are what an item's other words lead to.
# A caption goes in again through them, and an image through its caption, so that both count less.
text_fields     = title,description:0.5,categories
caption_field   = caption:0.5
intents_field   = intents:4
evidence_fields = $(text_fields),$(caption_field),$(intents_field)
image_embedding = --image builtin
image_weight    = --image-weight 0.05

captioned  = $(call caption,$(items))
mined      = $(call mine-intent,$(captioned),--judge builtin)
quality_of = $(call quality,$(mined))
embeddings = $(call embed,$(mined),--fields $(evidence_fields) $(image_embedding))
sids       = $(call rqvae,$(embeddings),$(image_weight))
sft        = $(call sidgen-train,$(sids),$(hold_back))
model      = $(call qarm-rl,$(sft),$(sids),$(quality_of),$(prompts))
result     = $(call evaluate,$(model),$(sids))
shown      = $(system)-sft=$(call evaluate,$(sft),$(sids)) $(system)=$(result)
