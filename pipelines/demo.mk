# What `make demo` shows: a generator whose Semantic IDs know all of DeepInterestGR's evidence, beside TIGER's, which know the
# items' text only; both by supervised training alone.

include $(here)deepinterestgr.mk

tiger_sids = $(call rqvae,$(call embed,$(items),--fields $(text_fields)))
tiger      = $(call evaluate,$(call sidgen-train,$(tiger_sids)),$(tiger_sids))
result     = $(call evaluate,$(call sidgen-train,$(sids)),$(sids))
shown      = tiger=$(tiger) evidence=$(result)
