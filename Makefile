# sidmill: build, test, install; the experiments' entry points are in pipelines/. `make help` lists the targets.

BUILD   ?= build
PREFIX  ?= /usr/local
WERROR  ?=
SANITIZE ?=

CFLAGS  ?= -O3 -g
WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wconversion $(if $(WERROR),-Werror)
# fp-contract and no-math-errno let the compiler fuse and vectorise; neither reorders sums, so results stay reproducible.
NUMERIC := -ffp-contract=fast -fno-math-errno -fopenmp-simd
# A comma that a function's arguments may hold.
, := ,
SAN     := $(if $(SANITIZE),-fsanitize=address$(,)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -DSIDMILL_SANITIZE)

# Optional libraries are found by asking the compiler.
probe   = $(shell printf '\043include <$(1)>\nint main(void){return 0;}' | $(CC) -x c - -o /dev/null $(2) 2>/dev/null && echo yes)
ONEDNN  ?= $(call probe,dnnl.h,-ldnnl)
ifeq ($(ONEDNN),yes)
OPTIONAL_DEFS += -DHAVE_ONEDNN
OPTIONAL_LIBS += -ldnnl -lgomp
endif

ALL_CFLAGS := -std=gnu17 -D_GNU_SOURCE -Ilib -pthread $(CFLAGS) $(NUMERIC) $(WARN) $(SAN) $(OPTIONAL_DEFS)
LIBS := $(OPTIONAL_LIBS) -llapacke -lopenblas -lcjson -lutf8proc -lxxhash -lm

LIB_SRC  := $(wildcard lib/*/*.c)
TOOL_SRC := $(wildcard tools/*.c)
TEST_SRC := $(wildcard tests/unit/test_*.c)
LIB      := $(BUILD)/lib/libsidmill.a
TOOLS    := $(TOOL_SRC:tools/%.c=$(BUILD)/bin/%)
TESTS    := $(TEST_SRC:tests/unit/%.c=$(BUILD)/tests/%)
OBJ      := $(LIB_SRC:%.c=$(BUILD)/obj/%.o)

.PHONY: all
all: $(LIB) $(TOOLS)

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(LIB): $(OBJ)
	@mkdir -p $(@D)
	rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/bin/%: $(BUILD)/obj/tools/%.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) $^ $(LIBS) -o $@

$(BUILD)/tests/%: $(BUILD)/obj/tests/unit/%.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) $^ $(LIBS) -o $@

.SECONDARY:
-include $(OBJ:.o=.d) $(TOOL_SRC:%.c=$(BUILD)/obj/%.d) $(TEST_SRC:%.c=$(BUILD)/obj/%.d)

.PHONY: tests clean
tests: $(TESTS)

clean:
	rm -rf $(BUILD)
