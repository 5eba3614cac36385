# tests/fuzz/build.mk - every fuzz target for one engine, beside the ordinary build.
#
#    make -f SRC/tests/fuzz/build.mk src=SRC build=BUILD engine=ENGINE [targets='name edns']
#
# Engines: libfuzzer; afl, whose driver calls the same function; coverage, which replays a corpus and counts what it
# reaches. What was built is BUILD/fuzz-ENGINE/fuzz_TARGET, and is made again when a source or a header is newer.

targets ?= $(patsubst $(src)/tests/fuzz/fuzz_%.c,%,$(wildcard $(src)/tests/fuzz/fuzz_*.c))
out := $(build)/fuzz-$(engine)
packages := ldns libevent_core libevent_extra libevent_openssl libmaxminddb sqlite3 libcrypto libssl jansson libseccomp libcurl

sanitizers := address,undefined -fno-sanitize-recover=undefined
compile_libfuzzer := clang -fsanitize=fuzzer-no-link,$(sanitizers) -DSANITIZED=1
compile_afl := afl-clang-fast -fsanitize=$(sanitizers) -DSANITIZED=1
compile_coverage := clang -fprofile-instr-generate -fcoverage-mapping
link_libfuzzer := clang -fsanitize=fuzzer,$(sanitizers)
link_afl := afl-clang-fast -fsanitize=fuzzer -fsanitize=$(sanitizers)
link_coverage := $(compile_coverage)
driver_coverage := $(out)/tests/fuzz/replay.o

flags := -std=gnu17 -D_GNU_SOURCE -I$(src) -I$(build) -g -O2 $(shell pkg-config --cflags $(packages))
sources := $(filter-out %/main.c,$(foreach dir,common geoip health zones/* server server/*,$(wildcard $(src)/$(dir)/*.c)))
objects := $(patsubst $(src)/%.c,$(out)/%.o,$(sources))

# Loops over the 2^17 entries of a geo image's tables: what is compared there costs most of the time and says nothing.
$(addprefix $(out)/,geoip/geo.o geoip/emit.o common/hash.o common/buffer.o): compile_libfuzzer += \
    -fno-sanitize-coverage=trace-cmp

export AFL_QUIET := 1
all: $(targets:%=$(out)/fuzz_%)
.PHONY: all
.SECONDARY:

$(out)/%.o: $(src)/%.c
	@mkdir -p $(@D)
	$(compile_$(engine)) $(flags) -MMD -MP -c $< -o $@

$(out)/all.a: $(objects)
	rm -f $@
	ar rcs $@ $(objects)

$(out)/fuzz_%: $(out)/tests/fuzz/fuzz_%.o $(out)/all.a $(driver_$(engine))
	$(link_$(engine)) $< $(driver_$(engine)) $(out)/all.a $(shell pkg-config --libs $(packages)) -lm -o $@

-include $(objects:.o=.d) $(wildcard $(out)/tests/fuzz/*.d)
