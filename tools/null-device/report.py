#!/usr/bin/env python3
"""Tables of what tools/gpu-compilers found, in Markdown."""

import json
import re
import statistics
import sys
from pathlib import Path

from listing import Listing
from pipelines import ListError, Report, compare, read_allowed

# Bytes of a weight by type.
WEIGHT_BYTES = {
    "f32": 4, "f16": 2, "bf16": 2, "q4_0": 18 / 32, "q4_1": 20 / 32, "q5_0": 22 / 32, "q5_1": 24 / 32, "q8_0": 34 / 32, "q4_K": 144 / 256,
    "q5_K": 176 / 256, "q6_K": 210 / 256,
}  # fmt: skip


def table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |")


def report_of(results, name):
    return Report.of_files(sorted(results.glob(f"{name}.exact.json")) + sorted(results.glob(f"{name}.fast.json")))


def spread(values, best=max):
    """Median and extreme, or a dash where a driver does not count it."""
    values = [value for value in values if value is not None]
    return f"{statistics.median_low(values)}, {best(values)}" if values else "–"


def summary(name, pipelines):
    return [
        name, len(pipelines), sum(bool(pipeline.spills) for pipeline in pipelines), spread([p.registers for p in pipelines]),
        spread([p.shared_memory for p in pipelines]), spread([p.occupancy for p in pipelines], min),
        spread([p.instructions for p in pipelines]), f"{sum(p.compile_seconds for p in pipelines):.1f}",
    ]  # fmt: skip


def compilers(results, list_file, chips):
    try:
        allowed = read_allowed(list_file.read_text())
    except ListError as error:
        sys.exit(f"gpu-compilers: {list_file}: {error}")
    reports = {chip: report_of(results, chip) for chip in chips}
    rows = []
    for chip, report in reports.items():
        rows.append([f"{chip}: {report.device.strip()}", report.driver, *summary("all", report.pipelines)])
        rows.append(["", "", *summary("decoding", [pipeline for pipeline in report.pipelines if pipeline.is_decode])])
    table(
        ["device", "driver", "kernels", "pipelines", "with spills", "registers: median, most", "shared memory: median, most",
         "occupancy: median, least", "instructions: median, most", "seconds to compile"], rows)  # fmt: skip
    print("\nOccupancy, registers and instructions are in each driver's own measure; decoding is what a language model runs for each token.")
    isRight = True
    for chip, report in reports.items():
        unlisted, stale = compare(chip, report, allowed)
        for pipeline in unlisted:
            print(f"\n{chip} {pipeline.name}: spills {pipeline.spills} and is not listed ({pipeline.benchmark})", file=sys.stderr)
        for one in stale:
            print(f"\n{chip} {one.pattern}: is listed and spills no more; take it from {list_file.name}", file=sys.stderr)
        for reason in report.left_out:
            print(f"\n{chip}: could not be run: {reason}", file=sys.stderr)
        isRight = isRight and not (unlisted or stale or report.left_out)
    print(f"\n{sum(len(report.spilling) for report in reports.values())} pipelines with spills, " + ("all" if isRight else "not all") + " as listed")
    return 0 if isRight else 1


ROUNDED = "linear/roundedMatvec"


def weight_loop(listing, pipeline, weight_bytes):
    """The loop of linear/matvec over the weights, and how many weights a lane multiplies in it.

    It is the loop that loads most. With n weights of each output it loads n · weight_bytes bytes and as many activations of each row, and it multiplies
    each weight once: both say how many at most, since headers of blocks are loaded and scales multiplied, too. Rows and outputs are constants 4
    and 5 of the kernel, and a lane takes whole pieces of 16. With activations of two bytes, four weights are multiplied by two dot products.
    """
    def loaded(loop):
        return sum(count * size for count, size in loop.loads(listing.compiler).values())

    if pipeline.kernel.startswith(ROUNDED):
        loop = max((loop for loop in listing.loops if not loop.inner), key=lambda loop: loop.dots(listing.compiler), default=None)
        return (loop, 2 * loop.dots(listing.compiler) // pipeline.constants[4]) if loop and loop.dots(listing.compiler) else None
    if not listing.loops:
        return None
    loop = max(listing.loops, key=loaded)
    types, rows, outputs = pipeline.constants[3:6]
    by_bytes = round(loaded(loop) / (outputs * weight_bytes + rows * (2 if types & 1 else 4)) / 16)
    by_products = loop.multiplications(listing.compiler) // (16 * rows * outputs)
    return loop, 16 * outputs * max(1, min(by_bytes, by_products))


def rounding(listing, pipeline):
    """Instructions of rounding for each weight: those of the loop that rounds 16 activations into shared memory, over the outputs of a work-group.

    A work-group has a tile for each of so many lanes as constant 7 says, 0 for a subgroup.
    """
    loops = [loop for loop in listing.loops if not loop.inner and loop.stores_shared(listing.compiler)]
    if not pipeline.kernel.startswith(ROUNDED) or not loops:
        return None
    outputs = pipeline.constants[0] // (pipeline.constants[7] or pipeline.subgroup_size) * pipeline.constants[5]
    return max(map(len, loops)) / 16 / outputs


def weights(results, chips):
    """Of one row, and of as many as a tile has where all numbers of rows have one kernel."""
    rows = []
    for chip, folder in ((chip, f"{chip}-{name}") for chip in chips for name in ("weights", "rows")):
        report = report_of(results, folder)
        found = {}
        for pipeline in report.pipelines:
            family, _, kind = pipeline.kernel.partition("-")
            if family not in ("linear/matvec", ROUNDED) or folder.endswith("weights") and pipeline.constants[4] != 1:
                continue
            listing = Listing.of_file(results / folder / pipeline.listing)
            if not listing.compiler:
                sys.exit(f"gpu-compilers: the machine code of {chip}'s driver is not read here; its listings are in {results}/{folder}.")
            found[list(WEIGHT_BYTES).index(kind), family == ROUNDED, pipeline.constants[3]] = kind, pipeline, listing
        for _, (kind, pipeline, listing) in sorted(found.items(), key=lambda item: item[0]):
            chosen = weight_loop(listing, pipeline, WEIGHT_BYTES[kind])
            if not chosen:
                continue
            loop, count = chosen
            loads = ", ".join(f"{number} × {size}" for size, number in sorted(load_sizes(loop, listing.compiler).items(), reverse=True))
            rounded = rounding(listing, pipeline)
            activations = "16-bit integers" if rounded else "f16" if pipeline.constants[3] & 1 else "f32"
            each = len(loop) / count / pipeline.constants[4]
            rows.append(
                [chip, kind, activations, pipeline.constants[4], len(loop), count, f"{each:.2f}", f"{rounded:.2f}" if rounded else "–",
                 f"{(each + (rounded or 0)) / WEIGHT_BYTES[kind]:.2f}", loads])  # fmt: skip
    table(["chip", "weights", "activations", "rows", "instructions of the loop", "weights of a lane in it", "instructions a weight and row",
           "of rounding", "together, a byte", "loads × bytes"], rows)  # fmt: skip
    return 0


def load_sizes(loop, compiler):
    sizes = {}
    for count, size in loop.loads(compiler).values():
        sizes[size] = sizes.get(size, 0) + count
    return sizes


def code(results, chip, kernels):
    report = report_of(results, f"{chip}-code")
    known = {pipeline.kernel for pipeline in report.pipelines}
    for kernel in kernels:
        if kernel not in known:
            sys.exit(f"gpu-compilers: the benchmarks do not run {kernel} on {chip}; they run {', '.join(sorted(known))}")
    for pipeline in report.pipelines:
        if pipeline.kernel not in kernels:
            continue
        path = results / f"{chip}-code" / pipeline.listing
        counts = {"registers": pipeline.registers, "spills": pipeline.spills, "shared memory": pipeline.shared_memory,
                  "occupancy": pipeline.occupancy, "instructions": pipeline.instructions}  # fmt: skip
        print(f"{pipeline.name} ({pipeline.benchmark})")
        print("  " + ", ".join(f"{name} {value}" for name, value in counts.items() if value is not None))
        if not path.exists():
            print("  the driver has no listing")
            continue
        listing = Listing.of_file(path)
        for loop in listing.loops:
            kinds = ", ".join(f"{count} {kind}" for kind, count in loop.kinds(listing.compiler))
            loads = ", ".join(f"{count} {name}" for name, (count, _) in loop.loads(listing.compiler).items())
            print(f"  loop {loop.head}: {len(loop)} instructions, {loop.inner} loops inside: {kinds}" + (f"; loads: {loads}" if loads else ""))
        print(f"  {path}\n")
    return 0


def ggml_pipelines(text):
    """What ggml said of its pipelines (GGML_VK_PIPELINE_STATS): names, of which a kernel's variants share one, and statistics as their driver calls them."""
    found = []
    for line in text.splitlines():
        start = re.fullmatch(r"ggml_vulkan: pipeline stats for (.+):", line)
        value = re.fullmatch(r"ggml_vulkan:   (.+): (\S+)", line)
        if start:
            found.append((start[1], {}))
        elif value and found:
            found[-1][1][value[1]] = value[2]
    return found


# What AMD's and NVIDIA's drivers call registers of a lane, spills, shared memory, and subgroups at a time.
GGML_COLUMNS = [
    ("VGPRs", "Number of GPRs"), ("Spilled VGPRs", "Spills to memory"), ("LDS size",), ("Subgroups per SIMD", "Max warps/SM"),
    ("Instructions", "Instruction count"),
]  # fmt: skip


def ggml(results, chips):
    rows = []
    for chip in chips:
        for name, values in sorted(ggml_pipelines((results / f"{chip}-ggml.txt").read_text()), key=lambda pipeline: pipeline[0]):
            row = [chip, name] + [next((values[key] for key in keys if key in values), "–") for keys in GGML_COLUMNS]
            if row not in rows:
                rows.append(row)
    if not rows:
        sys.exit("gpu-compilers: ggml has said nothing of its pipelines; what it said is in " + ", ".join(f"{results}/{chip}-ggml.txt" for chip in chips))
    table(["chip", "kernel", "registers", "spills", "shared memory", "occupancy", "instructions"], rows)
    return 0


def limits(results):
    report = Report.of_files([results / "limits.json"])
    print(f"{report.device}, {report.driver}: {len(report.pipelines)} pipelines compiled, {len(report.spilling)} with spills")
    checks = json.loads((results / "limits-check.json").read_text())
    failures = [failure for one in checks for failure in one["report"]["failures"]]
    print(f"llvmpipe: {sum(one['report']['cases'] for one in checks)} cases of {len({one['operation'] for one in checks})} operations, {len(failures)} failed")
    for reason in report.left_out:
        print(f"could not be run: {reason}", file=sys.stderr)
    for failure in failures:
        print(f"failed: {failure}", file=sys.stderr)
    return 1 if report.left_out or failures or not checks else 0


def main():
    command, results, *rest = sys.argv[1:]
    results = Path(results)
    match command:
        case "compilers":
            return compilers(results, Path(rest[0]), rest[1:])
        case "weights":
            return weights(results, rest)
        case "code":
            return code(results, rest[0], rest[1:])
        case "ggml":
            return ggml(results, rest)
        case "limits":
            return limits(results)


if __name__ == "__main__":
    sys.exit(main())
