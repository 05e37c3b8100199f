# For the families of data sets that are published by category: the category that a data set's name stands for. It is needed
# where ITEMS or INTERACTIONS are not given.
CATEGORY ?= $(category.$(lastword $(subst -, ,$(DATASET))))
$(if $(CATEGORY)$(and $(ITEMS),$(INTERACTIONS)),,$(error no category '$(lastword $(subst -, ,$(DATASET)))' in $(dataset); there are \
	$(sort $(patsubst category.%,%,$(filter category.%,$(.VARIABLES)))), and any other by CATEGORY=))
