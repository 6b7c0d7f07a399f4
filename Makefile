# make help says what there is to make.

CC ?= cc
CFLAGS ?= -O2 -g
PLATFORM ?= $(if $(filter Linux,$(shell uname)),linux,posix)
FLAGS = -std=c11 -Wall -Wextra -Wpedantic -Iinclude -Isrc -MMD -MP $(CPPFLAGS) $(CFLAGS)

PROGRAMS = writer reader build/queue_writer build/queue_reader
objects = $(patsubst %,build/obj/%.o,$(1))
CORE = channel message semaphores wait_$(PLATFORM)
CLI = cli/display cli/errors cli/options cli/signals cli/terms

all: $(PROGRAMS)

writer: $(call objects,writer $(CORE) $(CLI) cli/input)
reader: $(call objects,reader $(CORE) $(CLI))
build/queue_writer: $(call objects,queue/queue_writer queue/queue $(CORE) $(CLI) cli/input)
build/queue_reader: $(call objects,queue/queue_reader queue/queue $(CORE) $(CLI))
build/bench: $(call objects,$(patsubst src/%.c,%,$(wildcard src/bench/*.c)) $(CORE) $(CLI))
# glibc before 2.34 has mq_open(3) there
build/bench: LDLIBS += -lrt
build/model: $(call objects,model/main model/memory model/protocol)

$(PROGRAMS) build/bench build/model:
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LDLIBS)

build/obj/%.o: src/%.c build/flags
	@mkdir -p $(@D)
	$(CC) $(FLAGS) -c -o $@ $<

build/obj/model/%.o: tests/model/%.c build/flags
	@mkdir -p $(@D)
	$(CC) $(FLAGS) -c -o $@ $<

# Changes when the compiler or a flag does: then everything is built anew.
USED = $(CC) $(FLAGS) $(LDFLAGS) $(PLATFORM)
build/flags: FORCE
	@mkdir -p build
	@echo '$(USED)' | cmp -s - $@ || echo '$(USED)' >$@
FORCE:

run: all
	+scripts/run_both.sh

# ONLY: modules or words, see tests/README.md
test: all
	python=$$(scripts/python.sh) && $$python tests/run.py $(ONLY)

stress: all
	python=$$(scripts/python.sh) && $$python tests/stress/stress.py

# PARTS: what tests/checks/matrix.py --help says, such as 'native m32' or --install
matrix: all
	python=$$(scripts/python.sh) && $$python tests/checks/matrix.py $(PARTS)

# Every execution that C11 and the kernel allow: see tests/model/
model: build/model
	build/model

ifeq ($(shell uname),Linux)
bench: build/bench
	build/bench
else
bench:
	$(error the benchmark measures what Linux has, and needs Linux)
endif

clean:
	rm -rf build writer reader

help:
	@echo 'make         build writer, reader and the queue version (CC and CFLAGS are respected)'
	@echo 'make run     run writer, reader and reader.py together: scripts/run_both.sh'
	@echo 'make test    run the tests, or those with these words in their names: ONLY=...'
	@echo 'make stress  kill, stop and fail the programs in every way there is, in minutes'
	@echo 'make matrix  try every compiler, C library and processor to be had here (PARTS=...)'
	@echo 'make model   try every execution of message, semaphores and channel (Linux)'
	@echo 'make mutants test the tests: put small bugs into copies, one at a time (Linux, minutes)'
	@echo 'make fuzz    feed what reads foreign bytes with whatever may come (SECONDS=60)'
	@echo 'make coverage: what no test reaches; make valgrind, make threads, make test SANITIZE=1:'
	@echo '             what valgrind and the thread, address and undefined sanitizers find'
	@echo 'make bench   measure every kind of IPC side by side (Linux)'
	@echo 'make lint    check format and warnings, and analyse C, Python and shell'
	@echo 'make clean   remove what was built'
	@echo 'PLATFORM=posix builds with what X/Open has alone, as for macOS; default: what uname says'

-include tests/checks/checks.mk
-include $(wildcard build/obj/*.d build/obj/*/*.d)

.PHONY: all run test stress matrix model bench clean help FORCE
