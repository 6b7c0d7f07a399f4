# The Makefile's checks that need tools of their own, or compilers' runtime libraries.

# Says which of Debian's packages a missing tool comes in: one of the same name, or $(2).
need = @for tool in $(1); do command -v $$tool >/dev/null || { \
    echo "make $@: no $$tool here; Debian: $(or $(2),$$tool)"; exit 1; }; done

# make test SANITIZE=1, or any other target. The programs allocate nothing; leaks aren't looked for,
# because LeakSanitizer can't where strace does.
SANITIZERS = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
ifdef SANITIZE
override CFLAGS := $(filter-out $(SANITIZERS),$(CFLAGS)) $(SANITIZERS)
export CFLAGS # to what the tests compile
export ASAN_OPTIONS = detect_leaks=0
endif

# RANDOM_MUTANTS: how many besides those in mutants.txt; the same ones again for the same SEED
mutants:
	python=$$(scripts/python.sh) && \
	    $$python tests/checks/mutants.py --random=$(or $(RANDOM_MUTANTS),60) $(if $(SEED),--seed=$(SEED))

# tests/checks/fuzz.c has its own of the functions that are renamed, and of what isn't linked.
FUZZ = -std=c11 -Iinclude -Isrc -O1 -g $(SANITIZERS) -o build/fuzz \
    -Dexit=fuzz_exit -Dclock_gettime=fuzz_clock_gettime -Dmsgrcv=fuzz_msgrcv tests/checks/fuzz.c \
    $(patsubst %,src/%.c,message semaphores queue/queue $(filter-out %/signals,$(CLI)))
SECONDS = 60
fuzz:
	@mkdir -p build
	@clang -fsanitize=fuzzer $(FUZZ) || { \
	    echo 'make fuzz: at random, without libFuzzer; Debian: clang, libclang-rt-dev'; \
	    $(CC) $(FUZZ) tests/checks/fuzz_driver.c; }
	@for target in segment queue input options; do \
	    mkdir -p build/corpus/$$target; \
	    build/fuzz $$target -max_total_time=$$(($(SECONDS) / 4)) -timeout=10 -verbosity=0 \
	        -close_fd_mask=2 -artifact_prefix=build/ build/corpus/$$target tests/checks/corpus/$$target \
	        2>build/fuzz.log || { tail -n 60 build/fuzz.log; exit 1; }; \
	done

# What is built so counts by tests/checks/coverage.c. Of make stress the parts that run the programs. To be
# run as root: some tests need other users and other limits of the system.
COUNTING = CC=clang LDLIBS='$(CURDIR)/tests/checks/coverage.c' CFLAGS='-g -O0 -fprofile-instr-generate \
    -fcoverage-mapping -DCOVERAGE="\"$(CURDIR)/build/coverage\""'
coverage:
	$(call need,clang)
	$(call need,llvm-cov llvm-profdata,llvm)
	@rm -rf build/coverage && mkdir -p build/coverage && chmod a+w build/coverage
	umask 0 && $(MAKE) test $(COUNTING)
	umask 0 && python=$$(scripts/python.sh) && $$python tests/stress/stress.py faults random && \
	    $$python tests/checks/coverage.py $(PROGRAMS)

# The tests, where tests/checks/valgrind.sh stands in the place of each program. Each process has a log,
# which is empty if valgrind found nothing.
valgrind: all
	$(call need,valgrind)
	@rm -rf build/valgrind && mkdir -p build/valgrind/build
	@cp -r tests scripts include src build/valgrind
	@for program in $(PROGRAMS); do cp tests/checks/valgrind.sh build/valgrind/$$program; done
	python=$$(scripts/python.sh) && cd build/valgrind && $$python tests/run.py corpus stream
	@cd build/valgrind && logs=$$(find . -name '*.log') && cat $$logs && \
	    echo "valgrind: $$(echo "$$logs" | wc -l) programs run" && [ -z "$$(cat $$logs)" ]

# Without optimization, which hides a memcpy() from gcc's sanitizer.
threads:
	@mkdir -p build
	$(CC) -std=c11 -Iinclude -Isrc -g -w -fsanitize=thread -pthread -o build/threads \
	    tests/checks/threads.c src/message.c src/wait_$(PLATFORM).c
	build/threads

SOURCES = $(wildcard src/*.c src/*/*.c tests/*/*.c)
HEADERS = $(wildcard include/*.h src/*.h src/*/*.h tests/*/*.h)
# The first is no finding; the others come of not seeing that fail() never returns.
CPPCHECK = cppcheck -q --std=c11 --enable=warning,performance,portability --error-exitcode=1 \
    $(patsubst %,--suppress=%,normalCheckLevelMaxBranches nullPointerOutOfMemory \
    nullPointerArithmeticOutOfMemory) -UCOVERAGE -Iinclude -Isrc
# clang-tidy 14 doesn't see that getopt_long(3) sets optarg anew.
GETOPT = src/cli/options.c
TIDY = clang-tidy --quiet
TIDIED = -- -std=c11 -Iinclude -Isrc 2>/dev/null # where it counts the C library's warnings
lint:
	$(call need,clang-format shellcheck pyflakes3 cppcheck clang-tidy gcc clang)
	clang-format --dry-run -Werror $(SOURCES) $(HEADERS)
	shellcheck scripts/*.sh tests/*/*.sh .ci/run
	pyflakes3 scripts tests
	$(CPPCHECK) src tests
	printf '%s\n' $(filter-out $(GETOPT),$(SOURCES)) | xargs -P 2 -I SOURCE $(TIDY) SOURCE $(TIDIED)
	$(TIDY) --checks=-clang-analyzer-core.NullDereference $(GETOPT) $(TIDIED)
	for cc in gcc clang; do \
	    for source in $(SOURCES); do \
	        $$cc $(FLAGS) -Werror -c -MF /dev/null -o /dev/null $$source || exit 1; \
	    done; \
	done

.PHONY: mutants fuzz coverage valgrind threads lint
