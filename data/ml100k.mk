# MovieLens 100K with posters, in the neutral form: $(SIDMILL_DATA)/ml100k/items.jsonl and interactions.tsv.
SIDMILL_DATA ?= ../shared/data
DATA ?= $(SIDMILL_DATA)/ml100k
