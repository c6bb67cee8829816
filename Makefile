# A thin front for people: every target does all the set-up that it needs. meson does the work.
#
#   make            build           make test    everything that CI runs
#   make demo       see it work     make bench   one table beside the peers
#   make install    PREFIX, DESTDIR make fuzz    SECONDS=600 per target
BUILD ?= build
PREFIX ?= /usr/local
SECONDS ?= 60
MESON = meson setup --prefix=$(PREFIX)

.PHONY: all build demo test bench fuzz deps install uninstall clean format
all: build

deps:
	@tools/deps.sh test

$(BUILD)/build.ninja:
	@tools/deps.sh build
	@$(MESON) -Dtests=auto $(BUILD) >$(BUILD).setup.log 2>&1 || { cat $(BUILD).setup.log; exit 1; }
	@rm -f $(BUILD).setup.log

build: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet src/cli/capsule
	@echo "built $(BUILD)/src/cli/capsule"

demo:
	@tools/deps.sh demo
	@$(MAKE) --no-print-directory build
	@CAPSULE_BIN=$(CURDIR)/$(BUILD)/src/cli/capsule demo/demo.sh

test:
	@tools/deps.sh test
	@/usr/bin/python3 tests/run.py

bench:
	@tools/deps.sh bench
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja
	@meson configure --clearcache -Dtests=enabled $(BUILD)
	@ninja -C $(BUILD) --quiet
	@/usr/bin/python3 tests/bench/bench.py --build $(BUILD)

fuzz:
	@tools/deps.sh test
	@/usr/bin/python3 tests/run.py --only fuzz --fuzz-seconds $(SECONDS)

install: build
	@meson configure --prefix=$(PREFIX) $(BUILD)
	@ninja -C $(BUILD) --quiet installable
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild --quiet
	@echo "installed below $(DESTDIR)$(PREFIX)"

# What `install` put there, by meson's own list of it.
uninstall:
	@DESTDIR=$(DESTDIR) ninja -C $(BUILD) --quiet uninstall >/dev/null
	@echo "removed from $(DESTDIR)$(PREFIX)"

format:
	@git ls-files '*.c' '*.cc' '*.h' | xargs clang-format-14 -i

clean:
	@rm -rf build build-*
