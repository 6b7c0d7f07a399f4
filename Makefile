# make help says what there is to make.

CC ?= cc
CFLAGS ?= -O2 -g
FLAGS = -std=c11 -Wall -Wextra -Wpedantic -Iinclude -MMD -MP $(CPPFLAGS) $(CFLAGS)

PROGRAMS = writer reader build/queue_writer build/queue_reader build/bench
objects = $(patsubst %,build/obj/%.o,$(1))
SHARED = cli snapshot writers
SHOWN = options report

all: $(PROGRAMS)

writer: $(call objects,writer input segment $(SHOWN) $(SHARED))
reader: $(call objects,reader segment $(SHOWN) $(SHARED))
build/queue_writer: $(call objects,queue_writer input queue $(SHOWN) $(SHARED))
build/queue_reader: $(call objects,queue_reader queue $(SHOWN) $(SHARED))
build/bench: $(call objects,$(patsubst src/%.c,%,$(wildcard src/bench/*.c)) segment $(SHARED))

$(PROGRAMS):
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

build/obj/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(FLAGS) -c -o $@ $<

run: all
	+scripts/run_both.sh

test: all
	python=$$(scripts/python.sh) && $$python tests/run.py

stress: all
	python=$$(scripts/python.sh) && $$python tests/stress.py

bench: build/bench
	build/bench

SOURCES = $(wildcard src/*.c src/*/*.c include/*.h src/*/*.h tests/*.c)
lint:
	clang-format --dry-run -Werror $(SOURCES)
	shellcheck scripts/*.sh .ci/run
	for cc in gcc clang; do \
	    for source in $(filter %.c,$(SOURCES)); do \
	        $$cc $(FLAGS) -Werror -c -MF /dev/null -o /dev/null $$source || exit 1; \
	    done; \
	done

clean:
	rm -rf build writer reader

help:
	@echo 'make         build writer, reader and the rest (CC and CFLAGS are respected)'
	@echo 'make run     run writer, reader and reader.py together: scripts/run_both.sh'
	@echo 'make test    run the tests, in less than a minute'
	@echo 'make stress  kill, stop and fail the programs in every way there is, in about a minute'
	@echo 'make bench   measure every kind of IPC side by side'
	@echo 'make lint    check format, shell scripts and warnings (clang-format, shellcheck, clang)'
	@echo 'make clean   remove what was built'

-include $(wildcard build/obj/*.d build/obj/*/*.d)

.PHONY: all run test stress bench lint clean help
