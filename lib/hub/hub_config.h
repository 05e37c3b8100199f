/* What says in a generator's folder which model it is. */
#ifndef SIDMILL_HUB_HUB_CONFIG_H
#define SIDMILL_HUB_HUB_CONFIG_H

#include "hub/hub_place.h"

/* Writes config.json, a base's own with the new number of tokens, and generation_config.json. */
void hub_write_configs(const hub_t *h);

/* Writes adapter_config.json, as PEFT reads it. */
void hub_write_adapter_config(const hub_t *h);

#endif
