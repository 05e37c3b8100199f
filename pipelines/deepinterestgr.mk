# DeepInterestGR: what an item looks like (a caption, an image embedding) and what it is for (mined intents) enter its
# Semantic ID; a generator trained on the histories' next items; then qarm-rl, whose reward pays for an item's quality only
# where the right item was generated.

# How much a field counts, and the image, is fitted to the histories; the weights are those of the space that this begins in, and
# make up for a field's length.
text_fields     = title,description:0.5,categories,brand
caption_field   = caption:0.5
intents_field   = intents:4
evidence_fields = $(text_fields),$(caption_field),$(intents_field)
image_embedding = --image builtin

captioned  = $(call caption,$(items))
mined      = $(call mine-intent,$(captioned),--judge builtin)
quality_of = $(call quality,$(mined))
embeddings = $(call embed,$(mined),--fields $(evidence_fields) $(image_embedding),$(interactions))
sids       = $(call rqvae,$(embeddings))
sft        = $(call sidgen-train,$(sids),$(hold_back) $(body))
model      = $(call qarm-rl,$(sft),$(sids),$(quality_of),$(prompts),$(blind))
result     = $(call evaluate,$(model),$(sids))
shown      = $(pipeline-name)-sft$(seeded)=$(call evaluate,$(sft),$(sids)) $(system)=$(result)
