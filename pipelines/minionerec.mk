# MiniOneRec: Semantic IDs of the items' text, supervised training, then GRPO with the rank-aware reward.

text_fields = title,description:0.5,categories

embeddings = $(call embed,$(items),--fields $(text_fields))
sids       = $(call rqvae,$(embeddings))
sft        = $(call sidgen-train,$(sids),$(hold_back) $(body))
model      = $(call qarm-rl,$(sft),$(sids),,--reward rank $(prompts),$(blind))
result     = $(call evaluate,$(model),$(sids))
shown      = $(pipeline-name)-sft$(seeded)=$(call evaluate,$(sft),$(sids)) $(system)=$(result)
