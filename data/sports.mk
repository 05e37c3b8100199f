# Amazon Sports and Outdoors 2014, 5-core, in the neutral form: $(SIDMILL_DATA)/sports/items.jsonl and interactions.tsv.
SIDMILL_DATA ?= ../shared/data
DATA ?= $(SIDMILL_DATA)/sports
PUBLISHED ?= amazon-sports-2014

# No pictures, hence no captions.
TASKS ?= 1-6
