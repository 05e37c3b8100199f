# Amazon Beauty 2014, 5-core, in the neutral form: $(SIDMILL_DATA)/beauty/items.jsonl and interactions.tsv.
SIDMILL_DATA ?= ../shared/data
DATA ?= $(SIDMILL_DATA)/beauty
PUBLISHED ?= amazon-beauty-2014

# Chosen on the validation split.
RL_FLAGS ?= $(if $(HOLD_BACK),--group 16 --valid-every 11 --valid-users 12000)

# No pictures, hence no captions.
TASKS ?= 1-6
