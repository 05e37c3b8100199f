# SASRec with cross-entropy over all items: what Semantic IDs are to be measured by. The code is the item, so that the timeline's
# input and its softmax have a vector an item; nothing is known of items but who met them.

sids   = $(call rqvae,$(interactions),--method identity)
model  = $(call sidgen-train,$(sids),--body timeline --dropout 0.5 --epochs 24 --settle 0)
result = $(call evaluate,$(model),$(sids))
