"""Tests of what reads the drivers' reports and listings, on samples of Mesa 26.2.6 (Debian unstable, November 2026): python3 -m unittest in this folder.

The samples are reports of `monge bench pipelines --json` with a few pipelines each, and the machine code of one of them without its encoding.
"""

import contextlib
import io
import json
import shutil
import tempfile
import unittest
from pathlib import Path

import report
from host import HostError, decode_counts, spread
from listing import Listing, natural_loops
from pipelines import Allowed, ListError, Pipeline, Report, compare, read_allowed

SAMPLES = Path(__file__).with_name("samples")
TOKEN = "linear/matvec-q4_1"


def sample(chip):
    return Report.of_files([SAMPLES / f"{chip}.json"])


def pipeline(chip, kernel=TOKEN):
    return next(one for one in sample(chip).pipelines if one.kernel == kernel)


class ReportTests(unittest.TestCase):
    def test_every_driver_is_read(self):
        for chip, driver in [("navi31", "radv"), ("ampere", "NVK"), ("bmg", "Intel open-source Mesa driver"), ("a750", "turnip Mesa driver"),
                             ("m1", "Honeykrisp")]:  # fmt: skip
            report = sample(chip)
            self.assertEqual(report.driver, f"{driver} Mesa 26.2.6-1")
            one = pipeline(chip)
            self.assertTrue(one.is_decode and one.registers > 0 and one.instructions > 300 and one.spills == 0, one)
            self.assertEqual(one.constants, (128, 1, 1, 0, 1, 2, 2))

    def test_what_ggml_says_of_its_pipelines(self):
        text = (
            "llama_context: graph splits = 2\n"
            "ggml_vulkan: pipeline stats for mul_mat_vec_q4_1_f32_f32:\nggml_vulkan:   Spilled VGPRs: 0\nggml_vulkan:   VGPRs: 48\n"
            "ggml_vulkan: pipeline stats for mul_mat_vec_q4_1_f32_f32:\nggml_vulkan:   VGPRs: 96\nset_abort_callback: call\n")  # fmt: skip
        name = "mul_mat_vec_q4_1_f32_f32"
        self.assertEqual(report.ggml_pipelines(text), [(name, {"Spilled VGPRs": "0", "VGPRs": "48"}), (name, {"VGPRs": "96"})])

    def test_a_pipeline_in_two_reports_counts_once(self):
        both = Report.of_files([SAMPLES / "navi31.json"] * 2)
        self.assertEqual(len(both.pipelines), len(sample("navi31").pipelines))

    def test_names_of_listings_are_those_of_the_command(self):
        for chip in ("navi31", "ampere"):
            self.assertTrue((SAMPLES / f"{chip}.{pipeline(chip).listing}").exists())

    def test_spread_leaves_out_what_is_not_counted(self):
        self.assertEqual(report.spread([None, 4, 2, 9]), "4, 9")
        self.assertEqual(report.spread([3, 1, 2], min), "2, 1")
        self.assertEqual(report.spread([None]), "–")


class ListOfSpillsTests(unittest.TestCase):
    spilling = "linear/matrix-khr-f16"

    def test_lines_are_chip_pattern_and_reason(self):
        text = "# a comment\n\nbmg linear/matrix-khr-f16 256 1 1 * 64: 128×128 tiles\n"
        self.assertEqual(read_allowed(text), [Allowed("bmg", "linear/matrix-khr-f16 256 1 1 * 64", "128×128 tiles")])
        for wrong in ("bmg linear/matrix 1 1", "bmg linear/matrix 1:", "bmg: reason"):
            with self.assertRaisesRegex(ListError, "line 1"):
                read_allowed(wrong)

    def test_what_spills_must_be_listed(self):
        unlisted, stale = compare("bmg", sample("bmg"), [])
        self.assertEqual([one.kernel for one in unlisted], [self.spilling])
        self.assertEqual(stale, [])
        name = unlisted[0].name
        for pattern in (name, self.spilling + " *"):
            self.assertEqual(compare("bmg", sample("bmg"), [Allowed("bmg", pattern, "")]), ([], []))
        # The line of another chip, or of other constants, is none.
        for entry in (Allowed("m1", name, ""), Allowed("bmg", name + " 1", "")):
            self.assertEqual(len(compare("bmg", sample("bmg"), [entry])[0]), 1)

    def test_what_is_listed_must_spill(self):
        entry = Allowed("navi31", TOKEN + " *", "")
        self.assertEqual(compare("navi31", sample("navi31"), [entry]), ([], [entry]))

    def run_compilers(self, chip, lines):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(SAMPLES / f"{chip}.json", f"{folder}/{chip}.exact.json")
            list_file = Path(folder, "spills.txt")
            list_file.write_text(lines)
            out, errors = io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
                code = report.compilers(Path(folder), list_file, [chip])
            return code, out.getvalue(), errors.getvalue()

    def test_the_exit_code_says_whether_the_list_is_right(self):
        code, out, errors = self.run_compilers("bmg", "")
        self.assertTrue(code == 1 and self.spilling in errors and "Arc(tm) B580" in out, errors)
        self.assertEqual(self.run_compilers("bmg", f"bmg {self.spilling} *: large tiles\n")[0], 0)
        code, _, errors = self.run_compilers("navi31", f"navi31 {TOKEN} *: once\n")
        self.assertTrue(code == 1 and "spills no more" in errors, errors)

    def test_a_benchmark_that_could_not_run_is_an_error(self):
        with tempfile.TemporaryDirectory() as folder:
            data = json.loads((SAMPLES / "navi31.json").read_text())
            data["leftOut"] = [{"operation": "linear", "model": "8B", "shapes": "x [1, 4096]", "reason": "no memory"}]
            Path(folder, "navi31.exact.json").write_text(json.dumps(data))
            list_file = Path(folder, "spills.txt")
            list_file.write_text("")
            errors = io.StringIO()
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(errors):
                self.assertEqual(report.compilers(Path(folder), list_file, ["navi31"]), 1)
            self.assertIn("no memory", errors.getvalue())


class ListingTests(unittest.TestCase):
    """What is expected was counted by hand in the samples."""

    def chosen(self, chip):
        one = pipeline(chip)
        listing = Listing.of_file(SAMPLES / f"{chip}.{one.listing}")
        return listing, report.weight_loop(listing, one, report.WEIGHT_BYTES["q4_1"])

    def test_amd(self):
        listing, (loop, weights) = self.chosen("navi31")
        self.assertEqual(len(listing.instructions), 800)
        self.assertEqual((loop.head, len(loop), weights), ("BB2", 319, 64))
        self.assertEqual(report.load_sizes(loop, listing.compiler), {16: 12, 4: 4})
        self.assertEqual(dict(loop.kinds(listing.compiler))["multiply-add"], 68)

    def test_nvidia(self):
        listing, (loop, weights) = self.chosen("ampere")
        self.assertEqual(len(listing.instructions), 1011)
        self.assertEqual((loop.head, len(loop), weights), ("2", 407, 64))
        self.assertEqual(report.load_sizes(loop, listing.compiler), {16: 8, 4: 20})

    def rounded(self, chip, subgroup, lanes):
        one = Pipeline(
            "linear/roundedMatvec-q4_0", (256, 1, 1, 0, 1, 4, 4, lanes, 1, 4096), subgroup, 0, None, None, None, None, None, True, "")
        return Listing.of_file(SAMPLES / f"{chip}.{one.listing}"), one

    def test_products_of_bytes_are_counted_by_their_dots(self):
        for chip, subgroup, lanes, instructions, rounding in [("navi31", 64, 32, 459, 204), ("ampere", 32, 0, 518, 246)]:
            listing, one = self.rounded(chip, subgroup, lanes)
            loop, weights = report.weight_loop(listing, one, report.WEIGHT_BYTES["q4_0"])
            # Halves of four chunks of four outputs: two dot products for four weights.
            self.assertEqual((len(loop), weights, loop.dots(listing.compiler)), (instructions, 256, 128))
            # Eight tiles of four outputs share what becomes of 16 activations.
            self.assertEqual(report.rounding(listing, one), rounding / 16 / 32)
        # Plain products round nothing.
        self.assertIsNone(report.rounding(self.chosen("navi31")[0], pipeline("navi31")))

    def test_other_compilers_are_not_guessed_at(self):
        listing = Listing("######## IR3 Assembly\nmov.f32f32 r0.x, c0.x\n")
        self.assertTrue(listing.compiler is None and listing.instructions == [] and listing.loops == [])

    def test_loops_of_a_graph(self):
        # Two loops, one in the other, and a branch around both.
        after = {"0": ["1", "5"], "1": ["2"], "2": ["2", "3"], "3": ["1", "4"], "4": [], "5": ["4"]}
        self.assertEqual(natural_loops(after), {"2": {"2"}, "1": {"1", "2", "3"}})
        # A branch into the middle of a circle makes no loop: its head does not dominate it.
        self.assertEqual(natural_loops({"0": ["1", "2"], "1": ["2"], "2": ["1"]}), {})


class HostTests(unittest.TestCase):
    plain, steered = (425, 307, 2, 2), (455, 307, 2, 3)

    def test_tokens_are_told_apart_by_their_order(self):
        prefill = [(450, 340, 70, 31)] * 4
        steps = [self.plain, self.steered, self.steered, self.plain, self.plain, self.steered]
        ceilings = [(1, 2, 0, 1)] * 100
        plain, steered = decode_counts(prefill + steps + ceilings, 3)
        self.assertEqual((set(plain), set(steered)), ({self.plain}, {self.steered}))

    def test_too_few_passes_are_an_error(self):
        with self.assertRaises(HostError):
            decode_counts([self.plain] * 5, 3)
        with self.assertRaises(HostError):
            decode_counts([(1, 2, 0, 1)] * 6, 3)

    def test_ranges(self):
        self.assertEqual(spread([(425, 2), (455, 2)]), ["425 to 455", "2"])


if __name__ == "__main__":
    unittest.main()
