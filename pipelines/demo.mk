# What `make demo` shows: three generators of one form, whose codes are the items themselves (sasrec), Semantic IDs of the items'
# text alone (text), and Semantic IDs that know all of DeepInterestGR's evidence (evidence); and the last of these with what else
# speaks for a next item mixed in (sidmill).

include $(here)deepinterestgr.mk

over    = $(call sidgen-train,$1,$(timeline))
rate    = $(call evaluate,$(call over,$1),$1)
id_sids = $(call rqvae,$(interactions),--method identity)
sasrec  = $(call evaluate,$(call sidgen-train,$(id_sids),--body timeline),$(id_sids))
text    = $(call rate,$(call rqvae,$(call embed,$(items),--fields $(text_fields),$(interactions))))
result  = $(call evaluate,$(call over,$(sids)),$(sids),,$(call blend,$(call over,$(sids)),$(sids),$(embeddings)))
shown   = sasrec$(seeded)=$(sasrec) text$(seeded)=$(text) evidence$(seeded)=$(call rate,$(sids)) sidmill$(seeded)=$(result)
