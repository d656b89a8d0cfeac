"""Listings of machine code, as drivers of Mesa write them: the loops in them, and what those are made of.

Known are those of ACO (AMD) and NAK (NVIDIA). A listing is a file of `monge bench pipelines --code`: forms of the kernel, each below a line
`######## NAME`, the machine code last.
"""

import re
from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Loop:
    """Some of a listing's instructions: what a branch back jumps over, that of loops inside included."""

    head: str
    body: list = field(repr=False)
    inner: int = 0

    def __len__(self):
        return len(self.body)

    def kinds(self, compiler):
        """How many there are of each kind, the most frequent first."""
        return Counter(compiler.kind(*instruction) for instruction in self.body).most_common()

    def multiplications(self, compiler):
        """Of floats, those of multiply-adds included."""
        return sum(compiler.multiplications(*instruction) for instruction in self.body)

    def dots(self, compiler):
        """Dot products of four bytes."""
        return sum(compiler.kind(*instruction) == "dot product" for instruction in self.body)

    def stores_shared(self, compiler):
        return any(re.match(compiler.SHARED_STORE, name) for name, _ in self.body)

    def loads(self, compiler):
        """Bytes by the instruction that loads them: how many there are of it, and the bytes of each."""
        found = {}
        for name, _ in self.body:
            size = compiler.loaded_bytes(name)
            if size:
                count, _ = found.get(name, (0, size))
                found[name] = (count + 1, size)
        return found


class ACO:
    """AMD's compiler in Mesa. Blocks lie in the order of their addresses, and a branch names the block."""

    title = "Assembly"
    KINDS = [
        (r"v_wmma|v_swmmac", "WMMA"), (r"v_dual", "dual"), (r"v_dot", "dot product"), (r"v_fma|v_mac|v_fmac|v_mad_f|v_pk_fma", "multiply-add"),
        (r"v_cvt", "conversion"), (r"v_(exp|rcp|log|sqrt|rsq|sin|cos)", "transcendental"), (r"v_", "other vector"),
        (r"(global|flat|buffer|scratch)_load", "load"), (r"(global|flat|buffer|scratch)_store", "store"), (r"ds_", "shared memory"),
        (r"s_(buffer_)?load", "scalar load"), (r"s_wait", "wait"), (r"s_barrier", "barrier"), (r"s_c?branch", "branch"), (r"s_", "scalar"),
    ]  # fmt: skip
    SHARED_STORE = r"ds_(store|write)"
    # What tells the processor of the instructions around it, and is none itself.
    HINTS = re.compile(r"s_(delay_alu|clause|nop|code_end)")
    SIZES = {"b128": 16, "b96": 12, "b64": 8, "b32": 4, "b16": 2, "u16": 2, "i16": 2, "u8": 1, "i8": 1, "dwordx4": 16, "dwordx3": 12, "dwordx2": 8,
        "dword": 4, "ushort": 2, "sshort": 2, "short": 2, "ubyte": 1, "sbyte": 1}  # fmt: skip

    def kind(self, name, _):
        return next(kind for pattern, kind in [*self.KINDS, ("", "other")] if re.match(pattern, name))

    def loaded_bytes(self, name):
        if re.match(r"ds_(read|load)", name) or re.match(r"(global|flat|buffer)_load", name):
            return next((self.SIZES[word] for word in reversed(name.split("_")) if word in self.SIZES), 0)
        return 0

    def multiplications(self, name, operands):
        words = [name, *re.findall(r"v_dual_\w+", operands)]
        return sum((2 if word.startswith("v_pk") else 1) for word in words if re.match(r"v_(dual_|pk_)?(mul|fma|fma_mix|fma_mixlo|fma_mixhi|fmac|fmaak|fmamk|mac|mad)_f", word))

    def read(self, text):
        code, starts, edges = [], {}, []
        for line in text.split("\n"):
            head = re.match(r"(BB\d+):", line)
            if head:
                starts[head[1]] = len(code)
                continue
            words = line.split(";")[0].split(None, 1)
            if not words or self.HINTS.match(words[0]):
                continue
            operands = words[1].strip() if len(words) > 1 else ""
            if re.match(r"s_c?branch", words[0]):
                edges += [(len(code), target) for target in re.findall(r"BB\d+", operands)]
            code.append((words[0], operands))
        # A block may be reached back from several places; the loop ends at the last.
        last = {}
        for place, target in edges:
            if starts.get(target, place + 1) <= place:
                last[target] = max(place, last.get(target, 0))
        return code, {head: frozenset(range(starts[head], end + 1)) for head, end in last.items()}


class NAK:
    """NVIDIA's compiler in Mesa. Blocks lie in any order and name those that come after them, so that loops are those of the graph."""

    title = "NAK assembly"
    SHARED_STORE = r"st\.shared|sts"
    KINDS = [
        (r"hmma|imma", "matrix product"), (r"ld\.global|ldg", "load"), (r"st\.global|stg", "store"), (r"ld\.shared|st\.shared|lds|sts|ldsm", "shared memory"),
        (r"ld|st", "other memory"), (r"bar|membar", "barrier"), (r"bra|exit|bssy|bsync|break|bclear|nop", "branch"), (r"ffma|hfma2", "multiply-add"),
        (r"fadd|fmul|hadd2|hmul2", "addition, product"), (r"i2f|f2f|f2i|i2i|f2fp", "conversion"), (r"mufu", "transcendental"),
        (r"idp", "dot product"), (r"shfl", "shuffle"), (r"mov|prmt|sel", "move"),
        (r"imad|iadd|lea|shf|lop|isetp|imnmx|popc|bmsk|r2ur|plop3|uiadd|bfe|sgxt", "integer"),
    ]  # fmt: skip

    def kind(self, name, _):
        return next(kind for pattern, kind in [*self.KINDS, ("", "other")] if re.match(pattern, name))

    def loaded_bytes(self, name):
        bits = re.match(r"ld\.(?:global|shared).*\.(?:b|u|s)(\d+)", name)
        return int(bits[1]) // 8 if bits else 0

    def multiplications(self, name, _):
        return 1 if re.match(r"ffma|fmul", name) else 2 if re.match(r"hfma2|hmul2", name) else 0

    def read(self, text):
        code, starts, after = [], {}, {}
        block = None
        for line in text.split("\n"):
            line = line.split("//")[0].rstrip()
            head, tail = re.match(r"block\S* (\d+)", line), re.match(r"} -> \[([\d ,]*)\]", line)
            if head:
                block = head[1]
                starts[block] = len(code)
            elif tail:
                after[block] = re.findall(r"\d+", tail[1])
                starts[block] = range(starts[block], len(code))
            else:
                # A predicate, then the registers that are written, then the instruction.
                words = re.sub(r"^@!?\w+\s+", "", line.strip())
                words = re.sub(r"^[\w.,! ]+?\s+= ", "", words)
                if words:
                    code.append(tuple((words.split(None, 1) + [""])[:2]))
        loops = natural_loops(after)
        return code, {head: frozenset(place for block in body for place in starts[block]) for head, body in loops.items()}


def natural_loops(after):
    """The loops of a graph of blocks, by their heads: what reaches a jump back to a block that dominates it (Aho et al., Compilers, 9.6).

    after: the successors of each block, the first block first.
    """
    blocks = list(after)
    before = {block: [other for other in blocks if block in after[other]] for block in blocks}
    dominators = {block: set(blocks) for block in blocks}
    dominators[blocks[0]] = {blocks[0]}
    changed = True
    while changed:
        changed = False
        for block in blocks[1:]:
            sets = [dominators[other] for other in before[block]]
            new = {block} | (set.intersection(*sets) if sets else set())
            if new != dominators[block]:
                dominators[block], changed = new, True
    loops = {}
    for tail in blocks:
        for head in dominators[tail].intersection(after[tail]):
            body, open_ = loops.setdefault(head, {head}), [tail]
            while open_:
                block = open_.pop()
                if block not in body:
                    body.add(block)
                    open_ += before[block]
    return loops


class Listing:
    """The machine code of a kernel.

    compiler is None where the driver's form is not known here; then there are no instructions and no loops.
    """

    def __init__(self, text):
        parts = re.split(r"^######## (.*)\n", text, flags=re.M)
        forms = dict(zip(parts[1::2], parts[2::2]))
        self.compiler = next((kind() for kind in (ACO, NAK) if kind.title in forms), None)
        self.instructions, bodies = self.compiler.read(forms[self.compiler.title]) if self.compiler else ([], {})
        self.loops = [
            Loop(head, [self.instructions[place] for place in sorted(body)], sum(other < body for other in bodies.values()))
            for head, body in sorted(bodies.items(), key=lambda item: min(item[1]))
        ]

    @classmethod
    def of_file(cls, path):
        return cls(path.read_text(errors="replace"))
