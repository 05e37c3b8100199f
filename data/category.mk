# The category that a data set's name stands for, for the families of data sets that are published by category.
CATEGORY ?= $(category.$(lastword $(subst -, ,$(DATASET))))
$(if $(CATEGORY),,$(error no category '$(lastword $(subst -, ,$(DATASET)))' in $(dataset); there are \
	$(sort $(patsubst category.%,%,$(filter category.%,$(.VARIABLES)))), and any other by CATEGORY=))
