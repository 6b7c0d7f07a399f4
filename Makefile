CC ?= cc
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=c11 -Wall -Wextra -Wpedantic -Iinclude -MMD -MP $(CPPFLAGS) $(CFLAGS)

all: writer reader

writer: build/writer.o build/input.o
reader: build/reader.o
writer reader: build/cli.o build/options.o build/report.o build/segment.o build/snapshot.o build/writers.o
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

build/%.o: src/%.c Makefile | build
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

build:
	mkdir -p $@

clean:
	rm -rf build writer reader

-include $(wildcard build/*.d)

.PHONY: all clean
