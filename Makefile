# rtdtools: plain GNU make, no configure step.  `make help` lists the targets.
CC      ?= gcc
CFLAGS  ?= -O2 -g
PREFIX  ?= /usr/local
DESTDIR ?=
BUILD   ?= build
BIN     ?= bin

triplet := $(shell $(CC) -print-multiarch 2>/dev/null)
# The serial BLIS of Debian: our own pool does the threading.
BLIS_CFLAGS ?= -isystem /usr/include/$(triplet)/blis-serial
BLIS_LIBS   ?= -L/usr/lib/$(triplet)/blis-serial -l:libblis.a

std    := -std=gnu11 -D_GNU_SOURCE -Ilib
warn   := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla
ALL_CFLAGS = $(std) $(warn) -ffp-contract=off $(BLIS_CFLAGS) $(CFLAGS)
LIBS   = -larchive -lzstd -lutf8proc -ljansson -lxxhash $(BLIS_LIBS) -lm -lpthread

lib_src  := $(wildcard lib/*/*.c)
lib_obj  := $(lib_src:%.c=$(BUILD)/%.o)
tools    := $(patsubst tools/%.c,%,$(wildcard tools/*.c))
tool_bin := $(tools:%=$(BIN)/%)

all: $(tool_bin)

$(BUILD)/librtd.a: $(lib_obj)
	@rm -f $@
	$(AR) rcs $@ $^

# Kernels for one instruction set live in files named *_avx2.c and *_avx512.c.
$(BUILD)/%_avx2.o: isa := -mavx2 -mfma -mf16c -O3 -ffp-contract=fast
$(BUILD)/%_avx512.o: isa := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mf16c -mprefer-vector-width=512 -O3 -ffp-contract=fast

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(isa) -MMD -MP -c -o $@ $<

$(BIN)/%: $(BUILD)/tools/%.o $(BUILD)/librtd.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/librtd.a $(LIBS)

clean:
	rm -rf $(BUILD) $(BIN)

-include $(lib_obj:.o=.d) $(tools:%=$(BUILD)/tools/%.d)
.PHONY: all clean
.SECONDARY:
