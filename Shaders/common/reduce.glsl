// Sums and maxima over a work-group. With ONE_SUBGROUP the group is a single subgroup, and no barrier is needed.
#pragma once

layout(constant_id = 4) const bool ONE_SUBGROUP = false;

// As many as 1024 invocations in subgroups of at least 4.
shared float groupValues[256];
shared vec2 groupPairs[256];

float groupSum(float x) {
    float total = subgroupAdd(x);
    if (ONE_SUBGROUP) return total;
    barrier();
    if (subgroupElect()) groupValues[gl_SubgroupID] = total;
    barrier();
    total = 0.0;
    for (uint i = 0; i < gl_NumSubgroups; i++) total += groupValues[i];
    return total;
}

vec2 groupSum(vec2 x) {
    vec2 total = subgroupAdd(x);
    if (ONE_SUBGROUP) return total;
    barrier();
    if (subgroupElect()) groupPairs[gl_SubgroupID] = total;
    barrier();
    total = vec2(0.0);
    for (uint i = 0; i < gl_NumSubgroups; i++) total += groupPairs[i];
    return total;
}
