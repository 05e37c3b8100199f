# TriAlignGR: Semantic IDs of items' texts, pictures and mined intents, as in deepinterestgr.mk; and a flat generator that learns, beside
# the histories, what SIDs, texts and pictures' captions say of each other: eight tasks in one loss, none with a head of its own.
#
#     make run DATASET=ml100k PIPELINE=trialigngr
#     make run ... RQVAE_FLAGS="--levels 4 --codes 1024"     codes as published
#     make run ... TASKS=1-6                                 without the tasks of captions
#     make run ... MINE_FLAGS="--engine http --reasoning"    intents by a model that is asked to reason first (MDIM)
#     make run ... EMBED_FLAGS="--joint http --model NAME"   text and picture embedded as one (CMSA's second path)
#     make run ... TO=tasks                                  what the generator says to its tasks

text_fields     = title,description:0.5,categories,brand
evidence_fields = $(text_fields),caption:0.5,intents:4
image_embedding = --image builtin
words           = title,description,caption,intents
TASKS          ?= 1-8

captioned  = $(call caption,$(items))
mined      = $(call mine-intent,$(captioned),--judge builtin)
embeddings = $(call embed,$(mined),--fields $(evidence_fields) $(image_embedding),$(interactions))
sids       = $(call rqvae,$(embeddings))
tokenizer  = $(call tokenize,$(mined),--fields $(words))
learning   = $(call sidgen-train,$(sids),--tasks $1,$(mined),$(tokenizer))
model      = $(call learning,$(TASKS))
tasks      = $(call evaluate-tasks,$(model),$(sids),$(mined))
result     = $(call evaluate,$(model),$(sids))
