"""What `monge bench pipelines --json` tells of the pipelines of a device, and the list of those that may keep registers in memory."""

import fnmatch
import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Pipeline:
    kernel: str
    constants: tuple
    subgroup_size: int
    compile_seconds: float
    registers: int | None
    spills: int | None
    shared_memory: int | None
    occupancy: int | None
    instructions: int | None
    # Whether a language model runs it for each token that it writes.
    is_decode: bool
    benchmark: str

    @property
    def name(self):
        """As in the list of spills: the kernel and its constants."""
        return " ".join([self.kernel, *map(str, self.constants)])

    @property
    def listing(self):
        """The name of its file among those of --code."""
        return f"{self.kernel.replace('/', '.')}.{self.subgroup_size}.{'-'.join(map(str, self.constants))}.txt"


@dataclass
class Report:
    device: str
    driver: str
    pipelines: list
    # Benchmarks that could not be run, with the reasons.
    left_out: list

    @classmethod
    def of_files(cls, paths):
        """Reports of one device as one: a pipeline that is in several counts once."""
        report = None
        for path in paths:
            one = cls.of_json(json.loads(path.read_text()))
            if report is None:
                report = one
                continue
            known = {(pipeline.name, pipeline.subgroup_size) for pipeline in report.pipelines}
            report.pipelines += [pipeline for pipeline in one.pipelines if (pipeline.name, pipeline.subgroup_size) not in known]
            report.left_out += [reason for reason in one.left_out if reason not in report.left_out]
        return report

    @classmethod
    def of_json(cls, data):
        pipelines = [
            Pipeline(
                kernel=entry["description"]["kernel"], constants=tuple(entry["description"]["constants"]),
                subgroup_size=entry["description"]["subgroupSize"], compile_seconds=entry["description"]["compileSeconds"],
                registers=entry.get("registers"), spills=entry.get("spills"), shared_memory=entry.get("sharedMemory"),
                occupancy=entry.get("occupancy"), instructions=entry.get("instructions"), is_decode=entry["isDecode"],
                benchmark=entry["benchmark"])
            for entry in data["pipelines"]
        ]  # fmt: skip
        device = data["device"]
        left_out = [f"{one['operation']} {one['shapes']}: {one['reason']}" for one in data["leftOut"]]
        return cls(device["name"], f"{device['driver']} {device['driverVersion']}", pipelines, left_out)

    @property
    def spilling(self):
        return [pipeline for pipeline in self.pipelines if pipeline.spills]


@dataclass(frozen=True)
class Allowed:
    """A line of the list: `CHIP KERNEL CONSTANTS: REASON`, where * in the constants stands for any."""

    chip: str
    pattern: str
    reason: str

    def covers(self, pipeline):
        return fnmatch.fnmatchcase(pipeline.name, self.pattern)


class ListError(Exception):
    pass


def read_allowed(text):
    allowed = []
    for number, line in enumerate(text.split("\n"), 1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        place, colon, reason = line.partition(":")
        words = place.split()
        if not colon or not reason.strip() or len(words) < 3:
            raise ListError(f"line {number} is not CHIP KERNEL CONSTANTS: REASON: {line}")
        allowed.append(Allowed(words[0], " ".join(words[1:]), reason.strip()))
    return allowed


def compare(chip, report, allowed):
    """The pipelines that spill and are not listed, and the entries of a chip that no pipeline spills for."""
    own = [one for one in allowed if one.chip == chip]
    unlisted = [pipeline for pipeline in report.spilling if not any(one.covers(pipeline) for one in own)]
    stale = [one for one in own if not any(one.covers(pipeline) for pipeline in report.spilling)]
    return unlisted, stale
