# Cairn. `make help` lists targets and variables; README.md explains them.

PLATFORM  ?= qemu_virt_aarch64
CONFIG    ?= release
HTTP_PORT ?= 8080
# KERNEL (sel4 or model) is chosen below where it is not given.
# DISK and CHAIN default to a small demo volume, made on first use.

CONFIGS := debug release benchmark
ifeq ($(filter $(CONFIG),$(CONFIGS)),)
$(error CONFIG=$(CONFIG): expected one of $(CONFIGS))
endif
ifeq ($(wildcard platforms/$(PLATFORM).xml),)
$(error PLATFORM=$(PLATFORM): there are $(basename $(notdir $(wildcard platforms/*.xml))))
endif
ifneq ($(filter-out sel4 model,$(KERNEL)),)
$(error KERNEL=$(KERNEL): expected sel4 or model)
endif

ASKED_KERNEL := $(KERNEL)
ASKED_CONFIG := $(filter-out default undefined file,$(origin CONFIG))

# Set-up, and the choice of the kernel: only for targets that build something.
GOALS := $(or $(MAKECMDGOALS),image)
ifneq ($(filter-out clean fuzz help miri mutants sdk setup,$(GOALS)),)
  SETUP := $(shell ci/setup.sh && echo done)
  ifneq ($(SETUP),done)
    $(error this machine lacks something, see above)
  endif
  ifneq ($(KERNEL),model)
    SDK := $(shell OFFLINE="$(OFFLINE)" MICROKIT_SDK="$(MICROKIT_SDK)" ci/sdk.sh auto || echo failed)
  endif
  ifeq ($(SDK),failed)
    $(error MICROKIT_SDK=$(MICROKIT_SDK) is no SDK)
  endif
  ifeq ($(KERNEL)$(SDK),sel4)
    $(error KERNEL=sel4 needs the official Microkit SDK 2.3.0: run `make sdk`, or set MICROKIT_SDK)
  endif
  OFFICIAL_SDK := $(SDK)
  KERNEL := $(or $(KERNEL),$(if $(SDK),sel4,model))
endif

BUILD   := $(CURDIR)/build
OUT     := $(BUILD)/$(PLATFORM)/$(KERNEL)-$(CONFIG)
TARGET  := aarch64-unknown-none
# Invocation labels differ between configurations, so each has its own programs.
PD_DIR  := $(BUILD)/cargo/$(CONFIG)
ON_PD   := CARGO_TARGET_DIR=$(PD_DIR) CAIRN_CONFIG=$(CONFIG)
CAIRN   := $(BUILD)/cargo/host/debug/cairn
MODEL_SDK := $(BUILD)/model-sdk

PDS     := $(notdir $(patsubst %/Cargo.toml,%,$(wildcard pds/*/Cargo.toml)))
ELFS    := $(PDS:%=$(OUT)/%.elf)

ifeq ($(KERNEL),model)
  SDK := $(MODEL_SDK)
  KERNEL_VERSION := model $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
else
  # Microkit 2.3.0 carries this seL4.
  KERNEL_VERSION := sel4 16.0.0
endif

DEMO    := $(BUILD)/demo
CHAIN   ?= $(DEMO)/chain
DISK    ?= $(DEMO)/volume.img
# A user's own files have no rule that makes them.
DEMO_MADE := $(filter $(DEMO)/chain $(DEMO)/volume.img,$(CHAIN) $(DISK))

.PHONY: image run sabotage sabotage-image soak test test-host test-on-target test-system bench bench-on-target bench-page graph sdk setup docs check fuzz miri mutants clean help FORCE
MAKEFLAGS += --no-print-directory
# Programs of the host are where .cargo/config.toml says.
unexport CARGO_TARGET_DIR

image: $(OUT)/loader.img
	@echo "kernel: $(KERNEL_VERSION) ($(CONFIG))"
ifeq ($(KERNEL),model)
	@echo "        the model kernel is for development and tests, never for deployment;" \
	      "\`make sdk\` gets seL4"
endif
	@echo "image:  $(OUT:$(CURDIR)/%=%)/loader.img"

help:
	@sed -n '/^## /s/^## //p' Makefile

## make [PLATFORM=qemu_virt_aarch64] [CONFIG=release|debug|benchmark] [KERNEL=sel4|model]
##   image  (default) build/<platform>/<kernel>-<config>/{loader.img,report.txt,system.xml}
##   run    boot it in QEMU: DISK=<volume> CHAIN=<chain folder> HTTP_PORT=8080 HEADLESS=1 QEMU_ARGS=
##   test   every test, on the model kernel and, where an SDK is, on seL4
##   soak   an hour in which a random PD dies every second
##   bench  measure; build/bench.json and build/bench.md
##   bench-page  put what `bench` measured into docs/benchmarks.md
##   graph  docs/system.svg, the picture of the composed system
##   sdk    download and verify the official Microkit SDK
##   setup  install what this machine lacks (every other target does that, too)
##   docs   the API's documentation, build/cargo/host/doc
##   check  what CI runs
##   fuzz   fuzz every parser of the ledger, FUZZ_SECONDS=60 each (cargo-fuzz, nightly)
##   miri   look for undefined behaviour, MIRI=<part of test names> (nightly with Miri)
##   mutants  take out the ledger's rules one by one; MUTANTS='-f <file>' (cargo-mutants)
##   clean  remove build/
## OVERLAY=<file.xml> joins more fragments, ALLOW=<lint> leaves lints out (docs/system-xml.md).
## MICROKIT_SDK=<folder> uses another SDK; OFFLINE=1 tries no download.

# --- programs -------------------------------------------------------------------------------------

FORCE:

# Cargo knows what changed; a file is touched only if its content is new.
define copy_if_changed
	@cmp -s $(1) $(2) || cp $(1) $(2)
endef

$(CAIRN) $(BUILD)/cargo/host/debug/microkit &: FORCE
	@cargo build --quiet --package cairn --package microkit

# PROGRAMS are more packages, whose programs an overlay names. They are built apart: what they want of a
# crate is not to change the PDs.
$(PDS:%=$(PD_DIR)/$(TARGET)/release/%) &: FORCE
	@$(ON_PD) cargo build --quiet --release --target $(TARGET) --features pd \
		$(PDS:%=--package %)
	@$(if $(PROGRAMS),$(ON_PD) cargo build --quiet --release --target $(TARGET) --features pd \
		$(PROGRAMS:%=--package %))

$(OUT)/%.elf: $(PD_DIR)/$(TARGET)/release/%
	@mkdir -p $(@D)
	$(call copy_if_changed,$<,$@)

# --- the model SDK: laid out like the official one ------------------------------------------------

MODEL_ELFS := $(CONFIGS:%=$(MODEL_SDK)/board/$(PLATFORM)/%/elf/sel4.elf)

$(BUILD)/cargo/model/$(TARGET)/release/model: FORCE
	@CARGO_TARGET_DIR=$(BUILD)/cargo/model cargo build --quiet --release --target $(TARGET) \
		--package model --features kernel

$(MODEL_ELFS): $(BUILD)/cargo/model/$(TARGET)/release/model
	@mkdir -p $(@D)
	$(call copy_if_changed,$<,$@)

$(MODEL_SDK)/bin/microkit: $(BUILD)/cargo/host/debug/microkit
	@mkdir -p $(@D)
	$(call copy_if_changed,$<,$@)

ifeq ($(KERNEL),model)
SDK_FILES := $(MODEL_SDK)/bin/microkit $(MODEL_ELFS)
endif

# --- the image ------------------------------------------------------------------------------------

REVISION = $(shell git describe --always --dirty --abbrev=12 2>/dev/null || echo unknown)
# The commit that sizes are compared with: the last one, or the one before what is built.
BEFORE  = $(shell git rev-parse --short=12 \
	HEAD$(if $(filter %-dirty,$(REVISION)),,~1) 2>/dev/null)
SEARCH  = --search-path $(OUT) $(if $(PROGRAMS),--search-path $(PD_DIR)/$(TARGET)/release)
SOURCES = --platform platforms/$(PLATFORM).xml $(OVERLAY:%=--overlay %) $(ALLOW:%=--allow %) $(SEARCH) \
	--kernel "$(KERNEL_VERSION)" --config $(CONFIG) --revision "$(REVISION)"

# Is rewritten, and so newer than the image, exactly when it or a blob beside it changed.
# Programs of PDs that were removed would still be found there.
$(OUT)/system.xml: $(CAIRN) $(ELFS) $(OUT)/anchor.bin FORCE
	@rm -f $(filter-out $(ELFS),$(wildcard $(OUT)/*.elf))
	@$(CAIRN) compose $(SOURCES) --output $@

$(OUT)/anchor.bin: $(CAIRN) $(DEMO_MADE) FORCE
	@mkdir -p $(@D)
	@$(CAIRN) chain anchor $(CHAIN) --output $@.new >/dev/null
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

# Fails where a stack may overflow.
$(OUT)/stack.txt: $(OUT)/system.xml $(ELFS) ci/stack-allow.txt
	@$(CAIRN) stack $< $(SEARCH) --allow ci/stack-allow.txt >$@.new
	@mv $@.new $@

$(OUT)/loader.img: $(OUT)/system.xml $(ELFS) $(OUT)/anchor.bin $(SDK_FILES) $(OUT)/stack.txt
	@MICROKIT_SDK=$(SDK) $(SDK)/bin/microkit $< --board $(PLATFORM) --config $(CONFIG) \
		$(SEARCH) --output $@.new --report $(OUT)/report.txt
	@echo "kernel: $(KERNEL_VERSION) ($(CONFIG))" >>$(OUT)/report.txt
	@echo >>$(OUT)/report.txt
	@$(CAIRN) report $< $(SEARCH) --keep $(BUILD)/sizes/$(PLATFORM)-$(CONFIG) --revision "$(REVISION)" \
		--before "$(BEFORE)" >>$(OUT)/report.txt
	@mv $@.new $@

# --- the demo -------------------------------------------------------------------------------------

# Made once; later volumes are appended to it. Order-only, because a folder is newer than its files.
$(DEMO)/chain: | $(CAIRN)
	@mkdir -p $(DEMO)
	@$(CAIRN) chain init $@

$(DEMO)/volume.img: $(shell find demo -type f) | $(DEMO)/chain $(CAIRN)
	@$(CAIRN) volume build demo $@ --chain $(DEMO)/chain

# --- what users do --------------------------------------------------------------------------------

run: image $(DEMO_MADE)
	@echo "try:    curl http://127.0.0.1:$(HTTP_PORT)/"
	@echo "stop:   $(if $(filter 1,$(HEADLESS)),end this process,Ctrl-a x)"
	@exec $(CAIRN) run $(OUT) --disk $(DISK) --http-port $(HTTP_PORT) -- $(QEMU_ARGS) \
		$(if $(filter 1,$(HEADLESS)),</dev/null)

# Without KERNEL= the tests run on every kernel there is, without CONFIG= on target in the two
# configurations whose programs differ most.
TEST_KERNELS := $(or $(ASKED_KERNEL),model $(if $(OFFICIAL_SDK),sel4))
TEST_CONFIGS := $(if $(ASKED_CONFIG),$(CONFIG),release debug)

test:
	@ci/setup.sh tests
	@$(MAKE) test-host
	@set -e; for kernel in $(TEST_KERNELS); do \
		for config in $(TEST_CONFIGS); do \
			$(MAKE) test-on-target KERNEL=$$kernel CONFIG=$$config; \
		done; \
		$(MAKE) test-system KERNEL=$$kernel; \
	done
	@echo "tested on: $(TEST_KERNELS)" \
	      "$(if $(filter sel4,$(TEST_KERNELS)),,(no SDK, so not on seL4; \`make sdk\` gets one))"

test-host:
	@echo "--- host tests"
	@ci/host-tests.sh

test-on-target: $(SDK_FILES)
	@echo "--- on-target tests: $(KERNEL_VERSION) ($(CONFIG))"
	@cargo run --quiet --package on-target -- test --sdk $(SDK) --kernel $(KERNEL) \
		--config $(CONFIG) --target-dir $(PD_DIR)

# Programs that harm themselves on order (sdk/pd, feature `sabotage`): for tests only.
SABOTAGE := $(BUILD)/cargo/$(CONFIG)-sabotage
sabotage:
	@CARGO_TARGET_DIR=$(SABOTAGE) CAIRN_CONFIG=$(CONFIG) cargo build --quiet --release --target $(TARGET) \
		--features pd,supervisor/sabotage $(PDS:%=--package %)
	@cd $(SABOTAGE)/$(TARGET)/release && for pd in $(PDS); do \
		test ! -f $$pd || cmp -s $$pd $$pd.elf || cp $$pd $$pd.elf; done

# An image of them.
sabotage-image: image sabotage
	@mkdir -p $(OUT).sabotage
	@$(CAIRN) compose --search-path $(SABOTAGE)/$(TARGET)/release $(SOURCES) \
		--overlay tests/overlays/sabotage.xml --output $(OUT).sabotage/system.xml
	@MICROKIT_SDK=$(SDK) $(SDK)/bin/microkit $(OUT).sabotage/system.xml --board $(PLATFORM) --config $(CONFIG) \
		--search-path $(OUT).sabotage $(SABOTAGE)/$(TARGET)/release $(OUT) \
		--output $(OUT).sabotage/loader.img --report $(OUT).sabotage/report.txt

test-system: image sabotage
	@echo "--- whole-system tests: $(KERNEL_VERSION) ($(CONFIG))"
	@CAIRN_IMAGE=$(OUT) MICROKIT_SDK=$(SDK) CAIRN=$(CAIRN) \
		CAIRN_SABOTAGE=$(SABOTAGE)/$(TARGET)/release \
		cargo test --quiet --package cairn-tests

# An hour of virtual time in which a random PD dies every second. At 250 million instructions a second it
# takes an hour.
soak: image sabotage
	@CAIRN_IMAGE=$(OUT) MICROKIT_SDK=$(SDK) CAIRN=$(CAIRN) CAIRN_SOAK_SECONDS=3600 CAIRN_ICOUNT_SHIFT=2 \
		CAIRN_SABOTAGE=$(SABOTAGE)/$(TARGET)/release \
		cargo test --quiet --package cairn-tests -- --nocapture nothing_leaks_while_pds_die

# Builds what it measures with this Makefile. Without KERNEL= it measures every kernel there is.
bench:
	@cargo run --quiet --release --package cairn-bench -- --build $(BUILD) \
		--platform $(PLATFORM) --config $(CONFIG) $(TEST_KERNELS:%=--kernel %)

bench-page:
	@sed -i -e '/^<!-- begin/,/^<!-- end/{//!d}' -e '/^<!-- begin/r $(BUILD)/bench.md' docs/benchmarks.md
	@echo "docs/benchmarks.md"

bench-on-target: $(SDK_FILES)
	@cargo run --quiet --package on-target -- bench --sdk $(SDK) --kernel $(KERNEL) \
		--config $(CONFIG) --target-dir $(PD_DIR)

graph: $(CAIRN)
	@$(CAIRN) graph --platform platforms/$(PLATFORM).xml --svg docs/system.svg
	@echo "docs/system.svg"

sdk:
	@ci/sdk.sh

setup:
	@ci/setup.sh

docs:
	@RUSTDOCFLAGS="-D warnings" cargo doc --quiet --workspace --no-deps
	@echo "build/cargo/host/doc/cairn/index.html"

check:
	@ci/check.sh

fuzz:
	@ci/fuzz.sh

miri:
	@ci/miri.sh $(MIRI)

mutants:
	@ci/mutants.sh $(MUTANTS)

clean:
	rm -rf $(BUILD)
