# Ablations, for `make ablation`: DeepInterestGR, or another PIPELINE, with parts of it left out, a row each, over SEEDS. Rows
# share what they have in common with each other and with `make run`. A table gives every row's gain over its first.
#
#     make ablation DATASET=demo                             every table, three seeds
#     make ablation DATASET=demo ABLATION=evidence           one of them
#     make ablation PIPELINE=s2gr ABLATION=codebooks         that of another pipeline's parts
#     make ablation DATASET=demo ROWS="text full"            some rows; the first is what the others are compared with
#
# A row of your own: `label.NAME`, and `row.NAME`, an expression for its metrics.json.

ABLATION ?= $(if $(ROWS),rows,evidence bodies rewards)
rows.rows = $(ROWS)

# What the Semantic IDs are made of; every row fits its own weights.
rows.evidence = text caption image cmsa intents mined full
label.text    = text only
label.caption = + caption text
label.image   = + image embedding
label.cmsa    = + both (CMSA)
label.intents = + intents (DCIM)
label.mined   = + intents of captions
label.full    = full
row.text      = $(call tell,$(items),$(text_fields))
row.caption   = $(call tell,$(captioned),$(text_fields)$(,)$(caption_field))
row.image     = $(call show,$(items),$(text_fields))
row.cmsa      = $(call show,$(captioned),$(text_fields)$(,)$(caption_field))
row.intents   = $(call tell,$(call mine-intent,$(items),--judge builtin),$(text_fields)$(,)$(intents_field))
row.mined     = $(call tell,$(mined),$(text_fields)$(,)$(intents_field))
row.full      = $(call supervised,$(sids))

# ITEMS and their text's fields, without the images and with them: the generator without its RL stage.
tell       = $(call supervised,$(call rqvae,$(call embed,$1,--fields $2,$(interactions))))
show       = $(call supervised,$(call rqvae,$(call embed,$1,--fields $2 $(image_embedding),$(interactions))))
supervised = $(call evaluate,$(call sidgen-train,$1,$(body)),$1)

# What the generator is made of, over the pipeline's own Semantic IDs: ABLATION=bodies PIPELINE=sidmill has those of the text.
rows.bodies    = flat timeline items nodes among blended without
label.flat     = flat
label.timeline = timeline
label.items    = + item vectors
label.nodes    = + node vectors
label.among    = + items among items
label.blended  = + blend
label.without  = blend without it
row.flat       = $(call of-body,)
row.timeline   = $(call of-body,--body timeline)
row.items      = $(call of-body,--body timeline --item-vectors)
row.nodes      = $(call of-body,$(vectors))
row.among      = $(call of-body,$(timeline))
row.blended    = $(call evaluate,$(whole),$(sids),,$(call blend,$(whole),$(sids),$(embeddings),$(even)))
row.without    = $(call evaluate,,,,$(call blend,,,$(embeddings),$(even)))
of-body        = $(call evaluate,$(call sidgen-train,$(sids),$1),$(sids))
whole          = $(call sidgen-train,$(sids),$(timeline))

# ABLATION=thoughts: what thinking is worth, and what of it is not that it means something but that there are more steps.
rows.thoughts  = among extra aligned guided thinking
label.extra    = + plain extra steps
label.aligned  = + aligned
label.guided   = + guided
label.thinking = + aligned and guided
row.extra      = $(call of-body,$(timeline) --think --think-align 0 --think-guide 0)
row.aligned    = $(call of-body,$(timeline) --think --think-guide 0)
row.guided     = $(call of-body,$(timeline) --think --think-align 0)
row.thinking   = $(call of-body,$(timeline) --think)

# ABLATION=tmt PIPELINE=trialigngr: what its tasks are worth for the next item, in as many epochs.
rows.tmt     = next words visual
label.next   = next item alone
label.words  = + titles and descriptions
label.visual = + captions
row.next     = $(call of-body,)
row.words    = $(call of-tasks,1-6)
row.visual   = $(call of-tasks,1-8)
of-tasks     = $(call evaluate,$(call learning,$1),$(sids))

# What S2GR's codebooks are made of, and pairs of neighbours beside that: ABLATION=codebooks PIPELINE=s2gr. Its generators do not
# think: ABLATION=thoughts goes on from the row `uniformity`.
rows.codebooks   = plain coba balance uniformity contrast
label.plain      = plain RQ-VAE
label.coba       = + neighbours (CoBa)
label.balance    = + balance
label.uniformity = + uniformity
label.contrast   = + pairs (COSETTE)
row.plain        = $(call of-sids,$(call rqvae,$(embeddings),--balance 0))
row.coba         = $(call of-sids,$(call rqvae,$(embeddings),--balance 0,$(interactions)))
row.balance      = $(call of-sids,$(call rqvae,$(embeddings),$(balance),$(interactions)))
row.uniformity   = $(call of-sids,$(call rqvae,$(embeddings),$(balance) $(uniformity),$(interactions)))
row.contrast     = $(call of-sids,$(call rqvae,$(embeddings),$(balance) $(uniformity) --contrast 0.01,$(interactions)))
balance         ?= --balance 0.3
uniformity      ?= --uniformity 0.01
of-sids          = $(call evaluate,$(call sidgen-train,$1,$(timeline)),$1)

# What the policy is paid for: all from one model, trained on all but what it is then asked for; and the model of `full`, which
# has learnt that as well.
HOLD_BACK     ?= 1
rows.rewards   = sft exact valid ungated gated suppress rank full
label.sft      = supervised, held back
label.exact    = exact
label.valid    = exact + valid + lcp
label.ungated  = ungated quality
label.gated    = gated quality
label.suppress = suppress
label.rank     = rank-aware
row.sft        = $(call evaluate,$(sft),$(sids))
row.exact      = $(call pay,exact)
row.valid      = $(call pay,exact+valid+lcp)
row.ungated    = $(call pay,ungated)
row.gated      = $(result)
row.suppress   = $(call pay,suppress)
row.rank       = $(call pay,rank)
pay = $(call evaluate,$(call qarm-rl,$(sft),$(sids),$(quality_of),$(prompts) --reward $1,$(blind)),$(sids))

# ABLATION=paid PIPELINE=sidmill: what rewards add to the best generator, behind perturbed prompts, and where who draws the candidates has
# not been trained on the target.
rows.paid      = among list cross
label.list     = + rewards of lists
label.cross    = + the same, cross-fit
row.list       = $(call paid,--prompts perturbed)
row.cross      = $(call paid,--prompts cross-fit --epochs 2,$(halves))
halves         = $(foreach fold,1 2,$(call sidgen-train,$(sids),$(timeline) --hold-back 0.5 --fold $(fold)))
paid           = $(call evaluate,$(call qarm-rl,$(whole),$(sids),,$1 --reward list --advantages centred --sft-weight 0.1,$2),$(sids))

# ABLATION=gate: what becomes of relevance where quality is paid for, as judged by mine-intent's own judge, a noisy one, and one that
# praises whatever it likes. Nothing but the reward is to hold the policy: no validation, no bounds.
rows.gate       = unpaid unrewarded gated-own gated-noisy gated-adversarial ungated-own ungated-noisy ungated-adversarial
label.unpaid    = no quality term
label.unrewarded = supervised, held back
label.gated-own = gated, own judge
label.gated-noisy = gated, noisy
label.gated-adversarial = gated, adversarial
label.ungated-own = ungated, own judge
label.ungated-noisy = ungated, noisy
label.ungated-adversarial = ungated, adversarial
row.unpaid      = $(call unguarded,exact+valid+lcp)
row.unrewarded  = $(row.sft)
row.gated-own   = $(call unguarded,gated,$(mined))
row.gated-noisy = $(call unguarded,gated,$(call judged,noisy))
row.gated-adversarial = $(call unguarded,gated,$(call judged,adversarial))
row.ungated-own = $(call unguarded,ungated,$(mined))
row.ungated-noisy = $(call unguarded,ungated,$(call judged,noisy))
row.ungated-adversarial = $(call unguarded,ungated,$(call judged,adversarial))
JUDGE          ?= $(here)examples/other-judge
judged          = $(call stage,judge,$(RUN),$(JUDGE),$1 < $(mined) > @/items.jsonl,$(mined),items.jsonl)/items.jsonl
unguarded       = $(call evaluate,$(call qarm-rl,$(sft),$(sids),$(if $2,$(call quality,$2)),$(prompts) --reward $1 \
	--valid-users 0 --max-kl 0 --min-entropy 0 --max-entropy 0,$(blind)),$(sids))

, := ,
ranks     = $(foreach SEED,$(SEEDS),$(dir $(row.$1))per-user.st)
operand   = $(call quoted,$(label.$1)=$(subst $(space),$(,),$(strip $(ranks))))
unknown  := $(strip $(foreach t,$(ABLATION),$(if $(rows.$t),$(foreach r,$(rows.$t),$(if $(value row.$r),,$r)),$t)))
$(if $(unknown),$(error there is no ablation or row '$(unknown)': $(here)ablation.mk lists them))

goals := $(foreach t,$(ABLATION),$(foreach r,$(rows.$t),$(foreach SEED,$(SEEDS),$(row.$r))))

ablation: $(goals)
ifneq ($(RUNNER),)
	@$(submitted)
else
	@for table in $(ABLATION); do \
		case $$table in $(foreach t,$(ABLATION),($t) set -- $(foreach r,$(rows.$t),$(call operand,$r)) ;;) esac; \
		echo; echo "$(DATASET), seeds $(SEEDS): $$table"; \
		$(in-path) evaluate --ablation "$$@" -o $(root)/ablation-$$table.json || exit; \
	done
	@echo; echo "in full:"; printf '  %s\n' $(ABLATION:%=$(root)/ablation-%.json)
endif
