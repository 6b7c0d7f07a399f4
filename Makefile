CC ?= cc
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=c11 -Wall -Wextra -Wpedantic -Iinclude -MMD -MP $(CPPFLAGS) $(CFLAGS)

all: writer reader build/queue_writer build/queue_reader

COMMON = build/cli.o build/options.o build/report.o build/snapshot.o build/writers.o
writer: build/writer.o build/input.o build/segment.o $(COMMON)
reader: build/reader.o build/segment.o $(COMMON)
build/queue_writer: build/queue_writer.o build/input.o build/queue.o $(COMMON)
build/queue_reader: build/queue_reader.o build/queue.o $(COMMON)
writer reader build/queue_writer build/queue_reader:
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

build/%.o: src/%.c Makefile | build
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

build:
	mkdir -p $@

clean:
	rm -rf build writer reader

-include $(wildcard build/*.d)

.PHONY: all clean
