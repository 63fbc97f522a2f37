# The rules of the demo, run by pipelines/demo inside its output folder.  make is the dependency
# engine: a file is made again when something it is made from, or a setting that went into it, has
# changed.  The folder holds two links, recipe (to this folder) and wordnet (to data.noun ...).
# SEEDS and THREADS are given by the caller.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:
export LC_ALL := C

# --- settings ----------------------------------------------------------------------------------
# Distinct definitions to test on, to choose the learning rate with, to watch pre-training with, and
# with a label to learn from; `small` of the last make the small training set.
split    := test=5000 dev=1000 heldout=500 train=2000
small    := 500
vocab    := --size 8000
pack     := --max-length 128 --seed 1
passes   := 5
mask     := --mask-prob 0.3
pretrain := --size tiny --batch 32 --lr 1e-3 --steps 4500 --mlm-warmup 4275 --lanes 2
tune     := --epochs 15
rates    := 5e-4 1e-3 2e-3 4e-3

seeds    := $(shell seq 1 $(SEEDS))
large    := $(patsubst train=%,%,$(filter train=%,$(split)))
sizes    := $(small) $(large)
inits    := pretrained scratch
version  := $(shell wordpiece --version | head -n 1)
say       = @echo "demo: $(1)" >&2
comma    := ,

all: table.txt classifier

# A settings file changes only when its words, or the tools' version, do.
settings/%: FORCE
	@mkdir -p settings
	@echo '$(version): $($*)' | cmp -s - $@ || echo '$(version): $($*)' > $@

# --- text --------------------------------------------------------------------------------------
parts := noun verb adj adv
wordnet.syn: $(parts:%=wordnet/data.%) recipe/wordnet.awk
	$(call say,reading WordNet)
	awk -f recipe/wordnet.awk $(parts:%=wordnet/data.%) | sort > $@.tmp
	mv $@.tmp $@

# Before anything else is done: no synset that is tested on is in any corpus, nor another synset
# with the same definition.
test.tsv dev.tsv train.tsv heldout.syn corpus.syn &: wordnet.syn settings/split recipe/demo-split.awk
	$(call say,splitting by synset: $(split))
	awk -f recipe/demo-split.awk $(split:%=-v %) wordnet.syn
train-$(large).tsv: train.tsv
	cp $< $@
train-$(small).tsv: train.tsv settings/small
	head -n $$(($(small) + 1)) $< > $@

# A document is a definition with its examples and those of its sisters under one parent.
%.txt: %.syn recipe/demo-text.awk
	awk -F '\t' '{ print ($$3 == "-" ? $$2 : $$3) "\t" $$0 }' $< | sort -t '	' -k 1,1 -k 3,3 | \
	  awk -f recipe/demo-text.awk > $@.tmp
	mv $@.tmp $@

%.docs.zst: %.txt
	corpus-shard -f -o $@ $<

vocab.txt: corpus.docs.zst settings/vocab
	$(call say,learning a vocabulary: $(vocab))
	vocab-train $(vocab) -f -o $@ $<

# --- streams -----------------------------------------------------------------------------------
examples.ts.zst: corpus.docs.zst vocab.txt settings/pack
	$(call say,cutting into word pieces$(comma) packing$(comma) shuffling)
	wordpiece --vocab vocab.txt $< | seq-pack $(pack) | ts-shuf --seed 1 -f -o $@

heldout.ts.zst: heldout.docs.zst vocab.txt settings/pack settings/mask
	wordpiece --vocab vocab.txt $< | seq-pack $(pack) | mask-gen $(mask) --seed 1 -f -o $@

# --- pre-training ------------------------------------------------------------------------------
# What was interrupted is taken up again, unless something that it depends on has changed since.
# The trainer leaves its upstream to die of SIGPIPE (status 141) when it has made its last step.
define pretraining
seed-$(1)/pretrained/discriminator/config.json: examples.ts.zst heldout.ts.zst settings/mask settings/passes settings/pretrain
	$$(call say,pre-training$$(comma) seed $(1): $$(pretrain))
	@pipe_ok() { local last=$$$${!#} s; \
	  for s; do [ "$$$$s" -eq 0 ] || [ "$$$$s" -eq 141 ] || return "$$$$s"; done; return "$$$$last"; }; \
	mkdir -p seed-$(1); sha256sum $$^ > seed-$(1)/wanted; \
	if cmp -s seed-$(1)/wanted seed-$(1)/begun && \
	  [ -n "$$$$(find seed-$(1)/pretrained/checkpoint -name 'step-*' ! -name '*.tmp*' 2>/dev/null)" ]; then \
	  resume=--resume; echo "demo: taking up where it was interrupted" >&2; \
	else \
	  resume=; rm -rf seed-$(1)/pretrained; mv seed-$(1)/wanted seed-$(1)/begun; \
	fi; \
	ts-cat --repeat $$(passes) examples.ts.zst | mask-gen $$(mask) --seed $(1) | \
	  rtd-train $$(pretrain) --seed $(1) -j $$(THREADS) --eval heldout.ts.zst $$$$resume \
	    -o seed-$(1)/pretrained || pipe_ok "$$$${PIPESTATUS[@]}"
	@touch $$@
endef
$(foreach s,$(seeds),$(eval $(call pretraining,$(s))))

# --- fine-tuning -------------------------------------------------------------------------------
# Both networks get the same labels, epochs and choice of learning rates; what sets them apart is
# where their weights come from.
from_pretrained :=
from_scratch    := --from-scratch

define tuning # seed, network, labels, rate
seed-$(1)/tune/$(2)-$(3)-$(4)/dev.tsv: train-$(3).tsv dev.tsv settings/tune seed-$(1)/pretrained/discriminator/config.json
	$$(call say,fine-tuning$$(comma) seed $(1): $(2)$$(comma) $(3) labels$$(comma) learning rate $(4))
	@mkdir -p $$(@D)
	@finetune --task classify $$(tune) --lr $(4) --seed $(1) -j $$(THREADS) $$(from_$(2)) -f \
	  -m seed-$(1)/pretrained/discriminator -o $$(@D)/model train-$(3).tsv
	@classify -m $$(@D)/model --header --text text -j $$(THREADS) dev.tsv > $$(@D)/dev.predictions
	@evaluate --task classify --gold dev.tsv $$(@D)/dev.predictions > $$@
endef

# The rate that is best on dev (the smaller of equals) is the one that is tested.
define testing # seed, network, labels
seed-$(1)/$(2)-$(3).tsv: $(foreach r,$(rates),seed-$(1)/tune/$(2)-$(3)-$(r)/dev.tsv) test.tsv settings/rates
	@best=$$$$(for r in $$(rates); do \
	    echo "$$$$r $$$$(awk '$$$$1 == "accuracy" { print $$$$2 }' seed-$(1)/tune/$(2)-$(3)-$$$$r/dev.tsv)"; \
	  done | sort -s -k 2,2gr | head -n 1); \
	rate=$$$${best% *}; model=seed-$(1)/tune/$(2)-$(3)-$$$$rate/model; \
	ln -sfn tune/$(2)-$(3)-$$$$rate/model seed-$(1)/$(2)-$(3); \
	classify -m $$$$model --header --text text -j $$(THREADS) test.tsv > seed-$(1)/$(2)-$(3).predictions; \
	evaluate --task classify --gold test.tsv seed-$(1)/$(2)-$(3).predictions > seed-$(1)/$(2)-$(3).metrics; \
	printf '%s\t' $(1) $(3) $(2) "$$$$rate" "$$$${best#* }" > $$@.tmp; \
	awk '$$$$1 == "accuracy" { print $$$$2 }' seed-$(1)/$(2)-$(3).metrics >> $$@.tmp; \
	mv $$@.tmp $$@
endef
$(foreach s,$(seeds),$(foreach i,$(inits),$(foreach n,$(sizes),\
  $(foreach r,$(rates),$(eval $(call tuning,$(s),$(i),$(n),$(r))))\
  $(eval $(call testing,$(s),$(i),$(n))))))

# --- what came out -----------------------------------------------------------------------------
majority-%.tsv: train-%.tsv test.tsv
	awk -F '\t' -v n=$* 'FNR == 1 { next } FNR == NR { if (++k[$$1] > k[best]) best = $$1; next } \
	  { hits += $$1 == best; all++ } \
	  END { printf "-\t%s\tmajority\t%s\t-\t%.6f\n", n, best, hits / all }' $^ > $@

results.tsv: $(foreach n,$(sizes),majority-$(n).tsv $(foreach s,$(seeds),$(inits:%=seed-$(s)/%-$(n).tsv))) settings/seeds
	{ printf 'seed\tlabels\tnetwork\trate\tdev\ttest\n'; cat $(filter %.tsv,$^); } > $@

# of seed 1, from all labels
classifier: seed-1/pretrained-$(large).tsv
	ln -sfn seed-1/pretrained-$(large) $@

table.txt: results.tsv test.tsv recipe/demo-table.awk
	awk -f recipe/demo-table.awk -v tested=$$(($$(wc -l < test.tsv) - 1)) results.tsv > $@

FORCE:
.PHONY: all FORCE
