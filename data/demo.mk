# The demo catalogue, made by synth(1): small enough for `make demo` to end within two minutes on two cores.
raw = $(synth)

SYNTH_FLAGS ?= --items 2000 --users 5000 --seed 1
