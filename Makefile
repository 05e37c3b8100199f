# sidmill: build, test, install. `make help` lists the targets; the experiments' rules are in pipelines/stages.mk.

BUILD    ?= build
PREFIX   ?= /usr/local
WERROR   ?=
SANITIZE ?=
V        ?=

CFLAGS  ?= -O3 -g
WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wconversion $(if $(WERROR),-Werror)
# fp-contract and no-math-errno let the compiler fuse and vectorise; neither reorders sums, so results stay reproducible.
NUMERIC := -ffp-contract=fast -fno-math-errno -fopenmp-simd
# A comma that a function's arguments may hold.
, := ,
SAN     := $(if $(SANITIZE),-fsanitize=address$(,)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -DSIDMILL_SANITIZE)

MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:

# What draws the charts of the page that report and serve give; it goes into the programs.
CHART_JS ?= /usr/share/javascript/chart.js/chart.min.js

# Debian packages, each with the header, command, file or Python module that shows it is there, and what it is for.
NEED_BUILD  += libopenblas-dev:openblas_config.h                # matrix products, and LAPACK's kernels
NEED_BUILD  += liblapacke-dev:lapacke.h                         # QR and SVD in C for the truncated SVD
NEED_BUILD  += libcjson-dev:cjson/cJSON.h                       # parsing JSON records and tensor headers
NEED_BUILD  += libutf8proc-dev:utf8proc.h                       # NFKC, case folding, character classes
NEED_BUILD  += libxxhash-dev:xxhash.h                           # digests of inputs, hashed features
NEED_BUILD  += uthash-dev:uthash.h                              # hash tables: ids to indices
NEED_BUILD  += libstb-dev:stb/stb_image_write.h                 # decoding pictures; writing the demo catalogue's
NEED_BUILD  += libcurl4-openssl-dev:curl/curl.h                 # HTTP and TLS, many requests in flight
NEED_BUILD  += libarchive-dev:archive.h                         # zstd, xz, bzip2, lz4, zip and tar on the way in
NEED_BUILD  += zlib1g-dev:zlib.h                                # gzip with its checksums, which libarchive passes over
NEED_BUILD  += libicu-dev:unicode/ubrk.h                        # recognising encodings, words of languages without blanks
NEED_BUILD  += libpcre2-dev:pcre2posix.h                        # the regular expressions of tokenizers
NEED_BUILD  += libsqlite3-dev:sqlite3.h                         # the answer cache: crash-safe, shared between processes
NEED_BUILD  += nettle-dev:nettle/sha2.h                         # SHA-256: checksums of downloads, names of pictures
NEED_BUILD  += libmicrohttpd-dev:microhttpd.h                   # the HTTP of serve: connections, limits, what a request is
NEED_BUILD  += libgumbo-dev:gumbo.h                             # names of HTML's elements and character references
NEED_BUILD  += libjs-chart.js:$(CHART_JS)                       # the charts of report and serve, in the browser
NEED_BUILD_OPTIONAL += libdnnl-dev:dnnl.h                       # oneDNN: bf16 products on processors that have them
NEED_BUILD_OPTIONAL += libseccomp-dev:seccomp.h                 # system call filter of the processes that decode pictures
NEED_BUILD_OPTIONAL += libwebp-dev:webp/demux.h                 # WebP pictures
NEED_BUILD_OPTIONAL += libavif-dev:avif/avif.h                  # AVIF pictures
NEED_BUILD_OPTIONAL += libtiff-dev:tiffio.h                     # TIFF pictures
NEED_BUILD_OPTIONAL += libopenmpi-dev:mpicc                     # MPI: training by several processes, on one machine or many
NEED_BUILD_OPTIONAL += time:/usr/bin/time                       # how much memory stages take
NEED_TEST   += bats:bats                                        # runs the suites in tests/*.bats
NEED_TEST   += bats-support:/usr/lib/bats/bats-support          # the suites' messages
NEED_TEST   += bats-assert:/usr/lib/bats/bats-assert            # the suites' assertions
NEED_TEST   += bats-file:/usr/lib/bats/bats-file                # the same for files
NEED_TEST   += mandoc:mandoc                                    # checks the manual pages
NEED_TEST   += shellcheck:shellcheck                            # checks the shell scripts
NEED_TEST   += python3:/usr/bin/python3                         # the suites' servers, and what they make up
NEED_TEST   += python3-numpy:py=numpy                           # an independent reader and writer of our files
NEED_TEST   += jq:jq                                            # the suites' look into JSON
NEED_TEST   += openssl:openssl                                  # certificates for the suites' servers
NEED_COMPARE += python3-torch:py=torch                          # the peer that models are compared with
NEED_COMPARE += python3-pil:py=PIL                              # the resizing that CLIP was trained on
NEED_COMPARE += curl:curl                                       # the peer that downloads are compared with
NEED_BROWSER += chromium:chromium                               # the browser that opens what report and serve give
NEED_BROWSER += nodejs:node                                     # drives it
NEED_BROWSER += npm:npm                                         # has playwright-core and axe-core
NEED_CLUSTER += slurm-wlm:slurmctld                             # the scheduler that check-cluster submits to
NEED_CLUSTER += munge:munged                                    # by which its parts know each other
NEED_CLUSTER += openmpi-bin:mpirun                              # starts training as several ranks there
NEED_FRESH  += debootstrap:debootstrap                          # makes the machine that check-fresh runs on

# Optional libraries are found by asking the compiler, once, when something is to be built: see $(BUILD)/flags.says.
probe   = $(shell printf '\043include <$(1)>\nint main(void){return 0;}' | $(CC) -x c - -o /dev/null $(2) 2>/dev/null && echo yes || echo no)
once    = $(eval $1 := $2)$($1)
ONEDNN  ?= $(call once,ONEDNN,$(call probe,dnnl.h,-ldnnl))
SECCOMP ?= $(call once,SECCOMP,$(call probe,seccomp.h,-lseccomp))
WEBP    ?= $(call once,WEBP,$(call probe,webp/demux.h,-lwebpdemux -lwebp))
AVIF    ?= $(call once,AVIF,$(call probe,avif/avif.h,-lavif))
TIFF    ?= $(call once,TIFF,$(call probe,tiffio.h,-ltiff))
MPI     ?= $(call once,MPI,$(call probe,mpi.h,$(MPI_FLAGS)))
# What its compiler would add.
MPI_FLAGS = $(call once,MPI_FLAGS,$(filter -I% -L% -l% -Wl%,$(shell mpicc -show 2>/dev/null)))
OPTIONAL_DEFS = $(foreach name,ONEDNN SECCOMP WEBP AVIF TIFF MPI,$(if $(filter yes,$($(name))),-DHAVE_$(name)))\
                $(if $(filter yes,$(MPI)),$(patsubst -I%,-isystem%,$(filter -I%,$(MPI_FLAGS))))
OPTIONAL_LIBS = $(if $(filter yes,$(ONEDNN)),-ldnnl -lgomp) $(if $(filter yes,$(SECCOMP)),-lseccomp) \
                $(if $(filter yes,$(WEBP)),-lwebpdemux -lwebp) $(if $(filter yes,$(AVIF)),-lavif) $(if $(filter yes,$(TIFF)),-ltiff) \
                $(if $(filter yes,$(MPI)),$(filter-out -I%,$(MPI_FLAGS)))

ALL_CFLAGS = -std=gnu17 -D_GNU_SOURCE -Ilib -pthread $(CFLAGS) $(NUMERIC) $(WARN) $(SAN) $(OPTIONAL_DEFS) '-DCHART_JS="$(CHART_JS)"'
# Programs load only what they call: they start sooner.
LIBS = -Wl,--as-needed $(OPTIONAL_LIBS) -llapacke -lopenblas -lcjson -lutf8proc -lxxhash -larchive -lz -lcurl -lnettle -lsqlite3 -lmicrohttpd -lgumbo -lpcre2-8 -licui18n -licuuc -lm

LIB_SRC   := $(wildcard lib/*/*.c)
TOOL_SRC  := $(wildcard tools/*.c)
TEST_SRC  := $(wildcard tests/unit/test_*.c)
BENCH_SRC := $(wildcard tests/bench/bench_*.c)
HELP_SRC  := $(wildcard tests/helpers/*.c)
LIB       := $(BUILD)/lib/libsidmill.a
TOOLS     := $(TOOL_SRC:tools/%.c=$(BUILD)/bin/%)
TESTS     := $(TEST_SRC:tests/unit/%.c=$(BUILD)/tests/%)
BENCHES   := $(BENCH_SRC:tests/bench/%.c=$(BUILD)/bench/%)
HELPERS   := $(HELP_SRC:tests/helpers/%.c=$(BUILD)/helpers/%)
OBJ       := $(LIB_SRC:%.c=$(BUILD)/obj/%.o)
MAN       := $(wildcard man/*.[1-9])
DAG       := $(wildcard pipelines/*.mk pipelines/stage pipelines/examples/* data/*.mk data/*.tsv)
SCRIPTS   := $(filter-out scripts/completions,$(wildcard scripts/*)) $(wildcard scripts/completions/*.bash pipelines/stage pipelines/slurm tests/run tests/same-bytes tests/bench/*.sh tests/bench/*.bash tests/peers/*.sh tests/browser/*.sh tests/cluster/*.sh .ci/run)

say = @$(if $(V),,printf '  %-5s %s\n' $1 $2;)
quiet = $(if $(V),,@)

.PHONY: all
all: $(LIB) $(TOOLS)
	@echo "sidmill: $(words $(TOOLS)) tools in $(BUILD)/bin; $(COMPILER); OpenBLAS; oneDNN: $(ONEDNN); seccomp: $(SECCOMP);" \
	      "WebP: $(WEBP); AVIF: $(AVIF); TIFF: $(TIFF); MPI: $(MPI)"
COMPILER = $(call once,COMPILER,$(shell $(CC) --version | head -n 1))

# build/flags.says holds the compiler with its flags, build/objects.says the library's objects. They are written anew only
# when they would change; what is compiled or archived depends on them. (Second expansion in a pattern rule: the compiler is
# asked nothing until something is to be built. No final newline: make 4.3's $(file <) does not always drop it.)
flags.says   = $(COMPILER) $(CC) $(ALL_CFLAGS) $(LDFLAGS) $(LIBS)
objects.says = $(OBJ)
quoted       = '$(subst ','\'',$1)'
.SECONDEXPANSION:
.PHONY: FORCE
$(BUILD)/%.says: $$(if $$(subst |$$(file <$$@)|,,|$$($$*.says)|),FORCE)
	@mkdir -p $(@D)
	$(if $(filter flags,$*),@CC='$(CC)' scripts/deps headers $(NEED_BUILD))
	@printf %s $(call quoted,$($*.says)) > $@

$(BUILD)/obj/%.o: %.c $(BUILD)/flags.says
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(quiet)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

# stb shifts bits into the sign, which is undefined in C and means the same in every compiler that we know.
$(BUILD)/obj/lib/synth/png.o $(BUILD)/obj/lib/vision/stb_decode.o: SAN += $(if $(SANITIZE),-fno-sanitize=shift)

# What it takes in is asked of the disk, so that scripts/deps says what is missing.
$(BUILD)/obj/lib/page/assets.o: $(wildcard lib/page/*.html lib/page/*.css lib/page/*.js $(CHART_JS))
$(BUILD)/obj/lib/gen/templates.o: $(wildcard lib/gen/templates*.txt)

$(LIB): $(OBJ) $(BUILD)/objects.says
	@mkdir -p $(@D)
	$(call say,AR,$@)
	$(quiet)rm -f $@ && $(AR) rcs $@ $(OBJ)

link = $(CC) $(ALL_CFLAGS) $(LDFLAGS) $< $(LIB) $(LIBS) -o $@

$(BUILD)/bin/%: $(BUILD)/obj/tools/%.o $(LIB)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(quiet)$(link)

$(BUILD)/tests/%: $(BUILD)/obj/tests/unit/%.o $(LIB)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(quiet)$(link)

$(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o $(LIB)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(quiet)$(link)

$(BUILD)/helpers/%: $(BUILD)/obj/tests/helpers/%.o $(LIB)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(quiet)$(link)

.SECONDARY:
-include $(patsubst %.c,$(BUILD)/obj/%.d,$(LIB_SRC) $(TOOL_SRC) $(TEST_SRC) $(BENCH_SRC) $(HELP_SRC))

# --- Dependencies. DEPS=no: install nothing; say what is missing and stop. -------------------------------------------

.PHONY: deps deps-build deps-test deps-compare
deps:
	@CC='$(CC)' scripts/deps install $(NEED_BUILD) $(NEED_TEST) -- $(NEED_BUILD_OPTIONAL)
deps-build:
	@CC='$(CC)' scripts/deps ensure $(NEED_BUILD) -- $(NEED_BUILD_OPTIONAL)
deps-test:
	@CC='$(CC)' scripts/deps ensure $(NEED_BUILD) $(NEED_TEST) -- $(NEED_BUILD_OPTIONAL)
deps-compare:
	@CC='$(CC)' scripts/deps ensure $(NEED_BUILD) $(NEED_TEST) $(NEED_COMPARE) -- $(NEED_BUILD_OPTIONAL)

# --- Experiments: pipelines/stages.mk has the rules. ------------------------------------------------------------------

# A sub-make, so that libraries just installed are seen; on all processors unless -j says otherwise.
JOBS = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell getconf _NPROCESSORS_ONLN))
EXPERIMENT = --no-print-directory -f pipelines/stages.mk BIN=$(BUILD)/bin

.PHONY: run data plan watch ablation report demo
run data plan ablation report: all
	@$(MAKE) $(EXPERIMENT) $@
watch: # builds nothing: what it looks at may be building
	@$(MAKE) $(EXPERIMENT) $@
demo:
	@echo 'sidmill: demo: packages that are missing, the build, a catalogue, trainings, a table:'
	@echo 'sidmill: demo: about two minutes on two fast cores, five on slow ones, and what packages take, which is said before they come'
	@$(MAKE) --no-print-directory deps-build
	@$(MAKE) --no-print-directory $(JOBS) all
	@$(MAKE) $(EXPERIMENT) run DATASET=demo PIPELINE=demo

# --- Tests --------------------------------------------------------------------------------------------------------------

.PHONY: tests check check-fresh check-san check-torch check-peers check-browser check-cluster bench lint
tests: $(TESTS) $(HELPERS)

# T=NAME...: only these suites, e.g. make check T="rqvae test_base".
check: deps-test
	@$(MAKE) --no-print-directory $(JOBS) all tests
	@BUILD=$(BUILD) SANITIZE=$(SANITIZE) tests/run $(T)

check-fresh:
	@scripts/fresh $(NEED_FRESH)

check-san:
	@$(MAKE) --no-print-directory check SANITIZE=1 BUILD=$(BUILD)-san CFLAGS='-O1 -g'

check-torch: deps-compare
	@$(MAKE) --no-print-directory $(JOBS) all
	@set -e; for t in $(wildcard tests/torch/*.py); do echo "$$t"; SIDMILL_BIN=$(abspath $(BUILD)/bin) /usr/bin/python3 $$t; done

check-peers: deps-test
	@$(MAKE) --no-print-directory $(JOBS) all
	@BUILD=$(BUILD) tests/peers/tokenize.sh

check-browser: deps-test
	@$(MAKE) --no-print-directory $(JOBS) all $(HELPERS)
	@BUILD=$(BUILD) tests/browser/check.sh $(NEED_BROWSER)

check-cluster: deps-test
	@$(MAKE) --no-print-directory $(JOBS) all
	@BUILD=$(BUILD) tests/cluster/check.sh $(NEED_CLUSTER)

bench: deps-compare
	@$(MAKE) --no-print-directory $(JOBS) all benches
	@set -e; for b in $(BENCHES) $(wildcard tests/bench/*.sh); do echo "== $$b"; BUILD=$(BUILD) $$b; done
.PHONY: benches
benches: $(BENCHES)

lint: deps-test
	@scripts/lint '$(SCRIPTS)' '$(wildcard tests/*.bats tests/*.bash)' '$(MAN)'

# The manual's pages for a browser, each with links to the others.
.PHONY: html
html: $(MAN:man/%=$(BUILD)/html/%.html)
$(BUILD)/html/%.html: man/%
	@mkdir -p $(@D)
	mandoc -T html -O man=%N.%S.html,toc $< > $@

# --- Install ------------------------------------------------------------------------------------------------------------

BINDIR   = $(DESTDIR)$(PREFIX)/bin
MANDIR   = $(DESTDIR)$(PREFIX)/share/man
SHAREDIR = $(DESTDIR)$(PREFIX)/share/sidmill
BASHDIR  = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
ZSHDIR   = $(DESTDIR)$(PREFIX)/share/zsh/site-functions
HTMLDIR  = $(DESTDIR)$(PREFIX)/share/doc/sidmill/html
TOOL_NAMES = $(notdir $(TOOLS))

.PHONY: install uninstall
install: all
	install -d "$(BINDIR)" "$(SHAREDIR)/pipelines/examples" "$(SHAREDIR)/data"
	install $(TOOLS) "$(BINDIR)"
	for page in $(MAN); do install -D -m 644 "$$page" "$(MANDIR)/man$${page##*.}/$${page##*/}" || exit 1; done
	for file in $(DAG); do install -m $$([ -x "$$file" ] && echo 755 || echo 644) "$$file" "$(SHAREDIR)/$$file" || exit 1; done
	for page in $(wildcard $(BUILD)/html/*.html); do install -D -m 644 "$$page" "$(HTMLDIR)/$${page##*/}" || exit 1; done
	install -d "$(BASHDIR)" "$(ZSHDIR)"
	sed 's/@TOOLS@/$(TOOL_NAMES)/' scripts/completions/sidmill.bash > "$(BASHDIR)/sidmill"
	for tool in $(TOOL_NAMES); do ln -sf sidmill "$(BASHDIR)/$$tool" || exit 1; done
	sed 's/@TOOLS@/$(TOOL_NAMES)/' scripts/completions/_sidmill > "$(ZSHDIR)/_sidmill"

uninstall:
	for tool in $(TOOL_NAMES); do rm -f "$(BINDIR)/$$tool" "$(BASHDIR)/$$tool"; done
	rm -f "$(BASHDIR)/sidmill" "$(ZSHDIR)/_sidmill"
	rm -rf "$(HTMLDIR)"
	for page in $(MAN); do rm -f "$(MANDIR)/man$${page##*.}/$${page##*/}"; done
	rm -rf "$(SHAREDIR)"

.PHONY: clean help
clean:
	rm -rf $(BUILD) $(BUILD)-san $(BUILD)-clang

define HELP
make                 the library and the tools, in build/
make demo            a made-up catalogue, generators that know more or less of it, and a table
make check           all tests (T="suite ...": only these)
make run DATASET=beauty [PIPELINE=sidmill] [SEED=42 | SEEDS="1 2 3"] [TO=sids]
                     an experiment: only what is missing or has changed is run; results under work/
make plan DATASET=.. the experiment's stages and their folders, without running them; what they took, and what is to go
make watch ...       the same in one line, in another terminal, until all is made
make ablation DATASET=demo [ABLATION=evidence] [SEEDS=..]
                     a pipeline with parts of it left out, as a table with intervals
make report DATASET=.. [PIPELINE=..] [SEEDS=..]
                     the same as one page for a browser: results, curves, codes, stages, and a catalogue to be explored
make data DATASET=.. only the data set's ingestion
make deps            install what is missing (Debian); demo and check do it too; DEPS=no: never install
make check-fresh     demo and check as README has them, on a minimal Debian made for it (root only)
make check-san       all tests under the address and undefined-behaviour sanitizers
make check-torch     models against PyTorch on the same weights
make check-peers     token ids against packages of npm, which go into build/peers/
make check-browser   the pages of report and serve in a headless Chromium, by packages of npm, which go into build/browser/
make check-cluster   experiments as jobs of a Slurm of its own
make lint            manual pages, shell scripts, and that no room of lib/ reaches upwards
make bench           speed
make html            the manual for a browser, by mandoc, in build/html/; make install then installs it as well
make install         PREFIX=/usr/local DESTDIR=; make uninstall takes it away again
make clean           removes build/, build-san/, build-clang/ (work/ stays)

CC=clang, CFLAGS=, WERROR=1, V=1 (show commands), ONEDNN=no, SECCOMP=no, WEBP=no, AVIF=no, TIFF=no, MPI=no; see also README.md and man/sidmill.7.
endef
export HELP
help:
	@echo "$$HELP"
