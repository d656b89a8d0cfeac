// Floats as unsigned integers in the same order: −∞ … −0, 0 … ∞, NaN (Herf's transform of the sign and the other bits).
#pragma once

uint orderedKey(float x) {
    uint bits = floatBitsToUint(x);
    if (isnan(x)) return 0xFFFFFFFFu;
    return (bits & 0x80000000u) != 0u ? ~bits : bits | 0x80000000u;
}

float keyValue(uint key) {
    if (key == 0xFFFFFFFFu) return uintBitsToFloat(0x7FC00000u);
    return uintBitsToFloat((key & 0x80000000u) != 0u ? key & 0x7FFFFFFFu : ~key);
}
