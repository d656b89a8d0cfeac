"""What every peer's measurement has in common: the data, the repetitions, the statistics."""

import time

import numpy


def matrix(*shape):
    """Normal numbers, few of which are different: speed does not depend on them, and they are made quickly."""
    pattern = numpy.random.default_rng(7).standard_normal(4099, dtype=numpy.float32)
    return numpy.resize(pattern, shape)


def expect_close(result, expected, magnitude, share):
    """Raises unless the result is the expected one up to a share of the sum of the magnitudes of its terms."""
    worst = float(numpy.max(numpy.abs(result - expected) / (magnitude + 1e-30)))
    if not worst <= share:
        raise RuntimeError(f"the peer's result differs from NumPy's by {worst:.2g} of the terms' magnitude")


def measure(runs, seconds, fewest=3, most=10_000):
    """Times in seconds of runs that take the functions in turn, after one run of each: as many as fit into `seconds`."""
    # The very first run may compile kernels; the second says how many of the functions will have their turn.
    runs[0]()
    start = time.perf_counter()
    runs[0]()
    once = time.perf_counter() - start
    runs = runs[: max(1, int(seconds / max(once, 1e-9)))]
    for run in runs[1:]:
        run()
    times = []
    began = time.perf_counter()
    while len(times) < fewest or (time.perf_counter() - began < seconds and len(times) < most):
        run = runs[len(times) % len(runs)]
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return times


def statistics(times):
    """As in the files of `monge bench kernels`."""
    quartiles = numpy.quantile(times, [0.25, 0.5, 0.75])
    return {
        "runs": len(times), "median": float(quartiles[1]), "lowerQuartile": float(quartiles[0]),
        "upperQuartile": float(quartiles[2]), "fastest": float(min(times)), "slowest": float(max(times)),
    }
