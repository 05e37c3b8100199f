# What `make demo` shows: DeepInterestGR, before and after its policy training, beside TIGER, which reads the items' text only.

include $(here)deepinterestgr.mk

tiger_sids = $(call rqvae,$(call embed,$(items),--fields $(text_fields)))
tiger      = $(call evaluate,$(call sidgen-train,$(tiger_sids)),$(tiger_sids))
shown      = tiger=$(tiger) supervised=$(call evaluate,$(sft),$(sids)) deepinterestgr=$(result)
