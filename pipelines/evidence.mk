# What sidmill.mk mixes in, without its generator: what was met together, what is alike, what is popular. Nothing is trained but
# weights; what a generator is worth is to be measured from here.

include $(here)sidmill.mk

mixture = $(call blend,,,$(embeddings),$(even))
result  = $(call evaluate,,,,$(mixture))
shown   = $(system)=$(result)
