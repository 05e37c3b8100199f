# The report, for `make report`: what an experiment has measured, how it came about, and its catalogue to be explored, as one page for
# a browser. Two more stages: users as examples, and the page. Times and memory that stages took are shown, and no part of the hash.
#
#     make report DATASET=demo PIPELINE=demo REPORT_FLAGS=--pictures
#     make report ... USERS=100 USERS_FLAGS="--exclude-seen"
#
# Tables of `make ablation` that are there already are shown in it. The page links to the manual where `make html` has made it.

RECOMMEND ?= recommend
REPORT    ?= report
USERS     ?= 24
MANUAL    ?= $(firstword $(wildcard $(addsuffix /../html,$(BIN)) $(here)../../doc/sidmill/html))

page.results  = $(foreach SEED,$(SEEDS),$(shown))
page.metrics  = $(foreach s,$(page.results),$(lastword $(subst =, ,$s)))
page.tables   = $(wildcard $(root)/ablation-*.json)
page.title    = $(DATASET): $(pipeline-name), seed$(if $(word 2,$(SEEDS)),s) $(SEEDS)

# The explorer shows the first result that comes from a model or a mixture, by what its evaluation has read and the vectors behind that.
page.read     = $(filter $2,$(inputs.$(patsubst %/,%,$(dir $1))))
page.asks     = $(foreach m,$1,$(if $(call page.read,$m,%/model.st %/blend.st),$m))
page.shown    = $(firstword $(call page.asks,$(foreach SEED,$(firstword $(SEEDS)),$(result))) $(call page.asks,$(page.metrics)))
page.its      = $(call page.read,$(page.shown),$1)
page.asked    = $(call page.its,%/model.st %/sids.st %/blend.st)
page.events   = $(or $(call page.its,%/interactions.st %/with-cold.st),$(interactions))
page.sids     = $(call page.its,%/sids.st)
page.vectors  = $(firstword $(foreach f,$(call page.its,%/blend.st) $(page.sids),$(call page.read,$f,%/embeddings.st %/joined.st)))
page.made     = $(filter $1,$(foreach s,$(stages),$(outputs.$s)))
page.items    = $(lastword $(call page.made,%/items.jsonl)) $(call page.made,%/cold-items.jsonl)

# USERS of the split: their histories, what is made of them step by step, and what came.
page.users    = $(if $(page.shown),$(call stage,users,$(RUN),$(RECOMMEND),--unfold --users $(USERS) --split $(SPLIT) -k 20 \
	$(foreach f,$(page.asked),--$(basename $(notdir $f)) $f) --interactions $(page.events) $(USERS_FLAGS) -o @/users.jsonl,\
	$(page.asked) $(page.events),users.jsonl)/users.jsonl)

# Given the USERS, which are a stage to be shown as well.
page.of       = $(call stage,report,$(RUN),$(REPORT),--title $(call quoted,$(page.title)) $(published) $(addprefix --manual ,$(MANUAL)) \
	$(addprefix --sids ,$(page.sids)) --interactions $(page.events) $(addprefix --items ,$(page.items)) \
	$(addprefix --embeddings ,$(page.vectors)) $(addprefix --users ,$1) $(addprefix --stage ,$(stages)) $(REPORT_FLAGS) \
	-o @/report.html $(page.results) $(page.tables),\
	$(page.metrics) $(page.sids) $(page.events) $(page.items) $(page.vectors) $1 $(page.tables) $(filter %.tsv,$(published)),\
	report.html)/report.html
page         := $(page.metrics) $(call page.of,$(page.users))

report: $(page)
	@echo; echo "$(DATASET), $(PIPELINE), seed $(SEEDS): the report is"; printf '  %s\n' $(lastword $(page))
