# S2GR: Semantic IDs of the items' text in which items take part in their neighbours of the training histories, over codebooks whose
# codes are used evenly and keep apart; a timeline generator that thinks before each code.
#
#     make ablation DATASET=beauty PIPELINE=s2gr ABLATION="codebooks thoughts"
#     make run DATASET=beauty PIPELINE=s2gr timeline=        a flat generator that thinks, as the paper has it

text_fields = title,description:0.5,categories,brand
balance     = --balance 0.3
uniformity  = --uniformity 0.01
think       = --think

embeddings = $(call embed,$(items),--fields $(text_fields),$(interactions))
sids       = $(call rqvae,$(embeddings),$(balance) $(uniformity),$(interactions))
model      = $(call sidgen-train,$(sids),$(timeline) $(think))
result     = $(call evaluate,$(model),$(sids))
