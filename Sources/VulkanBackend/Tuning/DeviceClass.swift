import VulkanRuntime

/// Devices that the same tiles suit. The tables hold until `monge bench tune` has measured the device itself.
package enum DeviceClass: String {
    /// Turing and later: products of 16×16×16 by a warp of 32.
    case nvidia
    /// RDNA 3 and later.
    case amd
    /// Xe 2 and later.
    case intel
    /// Adreno 6 and later.
    case qualcomm
    /// llvmpipe.
    case software
    case other

    init(_ report: DeviceReport) {
        if report.isSoftware {
            self = .software
        } else {
            switch report.vendor {
            case "NVIDIA": self = .nvidia
            case "AMD": self = .amd
            case "Intel": self = .intel
            case "Qualcomm": self = .qualcomm
            default: self = .other
            }
        }
    }

    /// Tiles for f16 products, the smallest for the rows of a batch of decode steps. A subgroup with 64×64 sums loads 8 fragments from shared memory for 16 products, one with 32×32 loads 4 for
    /// 4: where shared memory is what holds the products up, rates go like the products a load.
    package var matrixTiles: [RatedTile] {
        switch self {
        case .nvidia:
            // 128×128 takes 44 KiB of the 48 KiB there are, and about 200 registers of each of 128 invocations.
            [
                RatedTile(tile: MatrixTile(128, 128, subgroup: 64, 64), rate: 1),
                RatedTile(tile: MatrixTile(128, 64, subgroup: 64, 32), rate: 0.75),
                RatedTile(tile: MatrixTile(64, 128, subgroup: 32, 64), rate: 0.75),
                RatedTile(tile: MatrixTile(64, 64, subgroup: 32, 32), rate: 0.55),
                RatedTile(tile: MatrixTile(32, 64, subgroup: 16, 32), rate: 0.35),
                RatedTile(tile: MatrixTile(16, 64, subgroup: 16, 16), rate: 0.26),
            ]
        case .amd:
            [
                RatedTile(tile: MatrixTile(128, 128, subgroup: 64, 64), rate: 1),
                RatedTile(tile: MatrixTile(128, 64, subgroup: 64, 32), rate: 0.85),
                RatedTile(tile: MatrixTile(64, 64, subgroup: 32, 32), rate: 0.65),
                RatedTile(tile: MatrixTile(32, 64, subgroup: 16, 32), rate: 0.4),
                RatedTile(tile: MatrixTile(16, 64, subgroup: 16, 16), rate: 0.3),
            ]
        case .intel:
            // A subgroup with 32×32 sums and what it loads takes more registers than there are: 200 to 350 spills on Battlemage, none with 16×16.
            [
                RatedTile(tile: MatrixTile(128, 64, subgroup: 16, 16), rate: 1),
                RatedTile(tile: MatrixTile(64, 64, subgroup: 16, 16), rate: 0.9),
                RatedTile(tile: MatrixTile(32, 64, subgroup: 16, 16), rate: 0.6),
                RatedTile(tile: MatrixTile(16, 64, subgroup: 16, 16), rate: 0.45),
            ]
        case .qualcomm, .software, .other:
            [
                RatedTile(tile: MatrixTile(64, 64, subgroup: 32, 32), rate: 1),
                RatedTile(tile: MatrixTile(32, 32, subgroup: 16, 16), rate: 0.6),
            ]
        }
    }

    /// Tiles of whole work-groups (linear/workgroup.comp), which only NVIDIA's devices have.
    var workgroupTiles: [RatedTile] {
        [
            RatedTile(tile: MatrixTile(128, 256, subgroup: 128, 256), rate: 1),
            RatedTile(tile: MatrixTile(128, 128, subgroup: 128, 128), rate: 0.8),
            RatedTile(tile: MatrixTile(64, 128, subgroup: 64, 128), rate: 0.6),
            RatedTile(tile: MatrixTile(64, 64, subgroup: 64, 64), rate: 0.45),
        ]
    }

    /// The size of subgroups that kernels are laid out for. Intel's has 128 registers for a subgroup of any size, so that lanes of 16 have twice
    /// as many as those of 32, which is the size that drivers choose.
    static func subgroupSize(_ report: DeviceReport) -> Int {
        let limits = report.limits
        let hasSixteen = (limits.smallestSubgroupSize...limits.largestSubgroupSize).contains(16)
        return DeviceClass(report) == .intel && limits.canRequestSubgroupSize && hasSixteen ? 16 : limits.subgroupSize
    }

    /// The registers of 32 bits that a kernel may take for each lane before it is spilled, for subgroups of `subgroupSize`.
    func registers(subgroupSize: Int) -> Int {
        switch self {
        case .nvidia, .amd, .software: 250
        // 128 of 64 bytes for a subgroup, some of which hold what is the same in all lanes.
        case .intel: subgroupSize > 16 ? 60 : 118
        // As ``MatvecTile`` counts them: what more than this kept some in memory on Adreno 750.
        case .qualcomm: 95
        // Apple: 256 halves.
        case .other: 165
        }
    }

    /// The same for products that share a dispatch, whose places of weights and results lie beside their sums where what is the same in all
    /// lanes has no registers of its own.
    func groupRegisters(subgroupSize: Int) -> Int {
        let all = registers(subgroupSize: subgroupSize)
        return self == .other ? min(all, 118) : all
    }

    /// Processors that work-groups are dealt out to, as far as that can be known.
    static func processors(_ report: DeviceReport) -> Int { report.processors ?? DeviceClass(report).usualProcessors }

    private var usualProcessors: Int {
        switch self {
        case .nvidia, .amd: 64
        case .intel: 32
        case .software: 4
        case .qualcomm, .other: 16
        }
    }
}
