# Amazon Beauty 2014, 5-core, in the neutral form: $(SIDMILL_DATA)/beauty/items.jsonl and interactions.tsv.
SIDMILL_DATA ?= ../shared/data
DATA ?= $(SIDMILL_DATA)/beauty
