#include "geoip/policy.h"

#include <stdlib.h>

void policy_fini(struct policy *policy)
{
    for (size_t i = 0; i < policy->rules_count; i++)
        free(policy->rules[i].client);
    free(policy->rules);
    free(policy->places);
    free(policy->name);
    *policy = (struct policy){0};
}
