# rtdtools: plain GNU make, no configure step.  `make help` lists the targets.
ifeq ($(origin CC),default)
CC      := gcc
endif
CFLAGS  ?= -O2 -g $(harden)
LDFLAGS ?= -Wl,-z,relro,-z,now
PREFIX  ?= /usr/local
DESTDIR ?=
BUILD   ?= build
BIN     ?= bin
WERROR  ?=
SEEDS   ?= 1

triplet := $(shell $(CC) -print-multiarch 2>/dev/null)
harden   = -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 \
           $(if $(filter x86_64-%,$(triplet)),-fcf-protection)
# The serial BLIS of Debian: our own pool does the threading.
BLIS_CFLAGS ?= -isystem /usr/include/$(triplet)/blis-serial
BLIS_LIBS   ?= -L/usr/lib/$(triplet)/blis-serial -l:libblis.a

std    := -std=gnu11 -D_GNU_SOURCE -Ilib
warn   := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla \
          $(if $(filter-out 0,$(WERROR)),-Werror)
ALL_CFLAGS = $(std) $(warn) -ffp-contract=off $(BLIS_CFLAGS) $(CFLAGS)
# A tool has in it what it uses and nothing else: objects out of librtd.a, libraries as needed.
LIBS   = -Wl,--as-needed -larchive -lz -lzstd -lutf8proc -ljansson -lxxhash $(BLIS_LIBS) -lm -lpthread
# In vectorised kernels a product and a sum become one instruction.  Clang's "fast" does so across
# statements, not alike in all copies of an inlined function; GCC's "on" does nothing.
contract := -ffp-contract=$(if $(findstring clang,$(shell $(CC) --version)),on,fast)
asan   := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
tsan   := -O1 -g -fsanitize=thread

# Kernels for one instruction set live in files of their own and only exist where it can.
isa_src  := $(wildcard lib/*/*_avx2.c lib/*/*_avx512.c)
lib_src  := $(wildcard lib/*/*.c)
ifeq ($(filter x86_64-%,$(triplet)),)
lib_src  := $(filter-out $(isa_src),$(lib_src))
endif
lib_obj  := $(lib_src:%.c=$(BUILD)/%.o)
tools    := $(patsubst tools/%.c,%,$(wildcard tools/*.c))
tool_bin := $(tools:%=$(BIN)/%)

# Tests: cmocka programs, plain programs, what is preloaded into tools, what they share; NAME_double (and NAME_double_test) are
# linked with the network rooms compiled a second time with -DRTD_DOUBLE, plain C kernels only.
unit      := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*_test.c))
programs  := $(patsubst tests/programs/%.c,%,$(wildcard tests/programs/*.c))
support   := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/support/*.c))
double_rooms := lib/nn lib/model lib/learn lib/start lib/objective lib/pretrain
double_src := $(filter-out $(isa_src),$(wildcard $(double_rooms:%=%/*.c))) lib/finetune/loss.c
double_obj := $(double_src:%.c=$(BUILD)/double/%.o) \
              $(patsubst %.c,$(BUILD)/%.o,$(wildcard lib/base/*.c lib/cli/*.c lib/stream/*.c lib/text/*.c))
is_double  = $(filter %_double %_double_test,$(1))
not_double = $(filter-out %_double %_double_test,$(1))
preload   := $(patsubst tests/preload/%.c,%.so,$(wildcard tests/preload/*.c))
test_bin  := $(unit:%=$(BUILD)/tests/%) $(programs:%=$(BUILD)/tests/%) $(preload:%=$(BUILD)/tests/%)

all: $(tool_bin)

help:
	@echo 'make                all tools into bin/'
	@echo 'make deps           install the missing Debian packages'
	@echo 'make check          build plainly and with sanitizers, run all tests'
	@echo 'make check-long     also the thread sanitizer, and the tests that take long'
	@echo 'make lint           style, manuals, scripts, headers, stricter warnings'
	@echo 'make demo           the main job from text to classifier, in demo/ (SEEDS=N: N times)'
	@echo 'make bench          speed as a share of what this machine can do'
	@echo 'make tests          the test programs, into build/tests/'
	@echo 'make install        into $$(DESTDIR)$$(PREFIX), now $(DESTDIR)$(PREFIX); make uninstall'
	@echo 'make clean          remove what was built (not demo/)'
	@echo 'CC CFLAGS LDFLAGS PREFIX DESTDIR are respected; WERROR=1 makes warnings errors.'

# --- compiling -------------------------------------------------------------------------------
# A change of flags or of the list of sources rebuilds what depends on it.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D); echo '$(CC) $(ALL_CFLAGS) $(LDFLAGS) $(LIBS)' | cmp -s - $@ || \
	  echo '$(CC) $(ALL_CFLAGS) $(LDFLAGS) $(LIBS)' > $@
$(BUILD)/sources: FORCE
	@mkdir -p $(@D); echo '$(lib_obj) $(double_obj) $(support)' | cmp -s - $@ || \
	  echo '$(lib_obj) $(double_obj) $(support)' > $@

$(BUILD)/lib/nn/%.o $(BUILD)/double/lib/nn/%.o: opt = $(if $(filter -O2,$(CFLAGS)),-O3)
$(BUILD)/%_avx2.o: isa := -mavx2 -mfma -mf16c $(contract)
$(BUILD)/%_avx512.o: isa := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mf16c \
	-mprefer-vector-width=512 $(contract)
$(BUILD)/tests/%.o $(BUILD)/double/tests/%.o: extra := -Itests

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(opt) $(isa) $(extra) -MMD -MP -c -o $@ $<

$(BUILD)/double/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(opt) $(extra) -DRTD_DOUBLE -MMD -MP -c -o $@ $<

$(BUILD)/librtd.a: $(lib_obj) $(BUILD)/sources
	@rm -f $@
	$(AR) rcs $@ $(lib_obj)

$(BUILD)/librtd_double.a: $(double_obj) $(BUILD)/sources
	@rm -f $@
	$(AR) rcs $@ $(double_obj)

$(tool_bin): $(BIN)/%: $(BUILD)/tools/%.o $(BUILD)/librtd.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/librtd.a $(LIBS)

# --- tests -----------------------------------------------------------------------------------
tests: $(test_bin)

link_test = $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS) -lcmocka
$(patsubst %,$(BUILD)/tests/%,$(call not_double,$(unit))): \
  $(BUILD)/tests/%: $(BUILD)/tests/unit/%.o $(support) $(BUILD)/librtd.a
	$(link_test)
$(patsubst %,$(BUILD)/tests/%,$(call not_double,$(programs))): \
  $(BUILD)/tests/%: $(BUILD)/tests/programs/%.o $(support) $(BUILD)/librtd.a
	$(link_test)
$(patsubst %,$(BUILD)/tests/%,$(call is_double,$(unit))): \
  $(BUILD)/tests/%: $(BUILD)/double/tests/unit/%.o $(BUILD)/librtd_double.a
	@mkdir -p $(@D)
	$(link_test)
$(patsubst %,$(BUILD)/tests/%,$(call is_double,$(programs))): \
  $(BUILD)/tests/%: $(BUILD)/double/tests/programs/%.o $(BUILD)/librtd_double.a
	@mkdir -p $(@D)
	$(link_test)

# What is preloaded into tools that are not sanitized has no sanitizer in it either.
$(BUILD)/tests/%.so: tests/preload/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(std) $(warn) -O2 -shared -fPIC -o $@ $<

# Sub-makes take all cores unless the user said how many.
jobs = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

both-builds: deps
	@$(MAKE) --no-print-directory $(jobs) all tests
	@$(MAKE) --no-print-directory $(jobs) BUILD=build-asan BIN=bin-asan CFLAGS='$(asan)' all tests

check: both-builds
	@tests/run build:bin build-asan:bin-asan

check-long: both-builds
	@$(MAKE) --no-print-directory $(jobs) BUILD=build-tsan BIN=bin-tsan CFLAGS='$(tsan)' all tests
	@tests/run --long build:bin build-asan:bin-asan build-tsan:bin-tsan

lint: deps
	@$(MAKE) --no-print-directory $(jobs) all
	@FLAGS='$(filter-out -Werror,$(ALL_CFLAGS))' CC='$(CC)' tests/lint

bench: deps
	@$(MAKE) --no-print-directory $(jobs) all $(BUILD)/tests/bench $(BUILD)/tests/bench_products
	@$(BUILD)/tests/bench
	@$(BUILD)/tests/bench_products

demo: deps
	@$(MAKE) --no-print-directory $(jobs) all
	@PATH="$(CURDIR)/$(BIN):$$PATH" SEEDS='$(SEEDS)' pipelines/demo demo

deps:
	@.ci/deps

# --- installing ------------------------------------------------------------------------------
dest = $(DESTDIR)$(PREFIX)
recipes := $(filter-out %.tsv,$(wildcard pipelines/*))

install: all
	install -d $(dest)/bin $(dest)/share/rtdtools
	install -m 755 $(tool_bin) $(dest)/bin
	install -m 755 $(recipes) $(dest)/share/rtdtools
	set -e; for m in man/*.[1-8]; do d=$(dest)/share/man/man$${m##*.}; \
	  install -d $$d; install -m 644 $$m $$d; done

uninstall:
	rm -f $(tools:%=$(dest)/bin/%)
	rm -rf $(dest)/share/rtdtools
	for m in man/*.[1-8]; do rm -f $(dest)/share/man/man$${m##*.}/$${m##*/}; done

clean:
	rm -rf build build-asan build-tsan bin bin-asan bin-tsan $(BUILD) $(BIN)

-include $(lib_obj:.o=.d) $(double_obj:.o=.d) $(support:.o=.d) $(tools:%=$(BUILD)/tools/%.d) \
         $(unit:%=$(BUILD)/tests/unit/%.d) $(programs:%=$(BUILD)/tests/programs/%.d) \
         $(unit:%=$(BUILD)/double/tests/unit/%.d) $(programs:%=$(BUILD)/double/tests/programs/%.d)
FORCE:
.PHONY: all help tests both-builds check check-long lint bench demo deps install uninstall clean FORCE
.SECONDARY:
.DELETE_ON_ERROR:
