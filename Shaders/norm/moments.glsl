// Count, mean, and the sum of squares about the mean, gathered without ever subtracting large squares from one another: what two sets
// have together follows from what each has (Chan, Golub & LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample
// Variances", 1979).
//
// The including kernel defines VALUE, float or a vector of floats: that many sets side by side.
#pragma once

struct Moments {
    float count;
    VALUE mean;
    VALUE squares;
};

Moments noMoments() { return Moments(0.0, VALUE(0.0), VALUE(0.0)); }

Moments combined(Moments a, Moments b) {
    float count = a.count + b.count;
    float share = count > 0.0 ? b.count / count : 0.0;
    VALUE difference = b.mean - a.mean;
    // Products in this order are 0 where one set is empty, however far the other lies from 0.
    return Moments(count, a.mean + difference * share, a.squares + b.squares + difference * (difference * (a.count * share)));
}

// Values that are gathered together: their loads need not wait for one another.
#define MOMENTS_BLOCK 8u

// The moments of the first `count` values of a block; the mean about the first, so that that of equal values is exact.
Moments blockMoments(VALUE values[MOMENTS_BLOCK], uint count) {
    VALUE sum = VALUE(0.0);
    [[unroll]] for (uint i = 0; i < MOMENTS_BLOCK; i++) sum += i < count ? values[i] - values[0] : VALUE(0.0);
    VALUE mean = values[0] + sum / float(count);
    VALUE squares = VALUE(0.0);
    [[unroll]] for (uint i = 0; i < MOMENTS_BLOCK; i++) {
        VALUE centred = i < count ? values[i] - mean : VALUE(0.0);
        squares += centred * centred;
    }
    return Moments(float(count), mean, squares);
}
