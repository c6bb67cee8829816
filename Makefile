# A thin front: everything is meson's. The targets do all the set-up that they need.
BUILD ?= build
all: build
.PHONY: all build
build:
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD) >/dev/null
	@ninja -C $(BUILD)
