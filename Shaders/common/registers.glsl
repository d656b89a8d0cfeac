// Arrays that are to stay in registers are only indexed by constants.
#pragma once

// Element `index` of such an array, chosen among all: for what stands once in a loop because it is long, such as an epilogue.
#define CHOOSE(result, array, count, index) \
    result = array[0]; \
    [[unroll]] for (uint choice_ = 1; choice_ < (count); choice_++) result = (index) == choice_ ? array[choice_] : result;
