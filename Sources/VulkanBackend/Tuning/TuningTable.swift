import FileSystem
import Foundation
import VulkanRuntime

/// How kernels divide their work on one device, as `monge bench tune` has measured it: a file in the folder of the pipeline cache.
public struct TuningTable: Codable, Sendable, Equatable {
    /// A file of another version is not used.
    static let currentVersion = 1

    public let version: Int
    /// The device's UUID, and its name for people.
    public let deviceUUID, device: String
    /// The driver that was measured, for people: another is no reason against the table.
    public let driver: String
    public let date: String
    /// Tiles of the products on tensor cores, with their rates; empty where there are none.
    public var matrixTiles: [RatedTile] = []
    /// The best tile of attention on tensor cores for each size of heads that was measured.
    public var attention: [AttentionTile] = []
    /// The tile of products with many rows by plain arithmetic.
    public var scalarTile = ScalarTile.usual
    /// What a subgroup does of a product with few rows.
    public var matvec = MatvecShape.usual

    package init(_ report: DeviceReport, date: String) {
        version = Self.currentVersion
        (deviceUUID, device) = (report.deviceUUID, report.name)
        driver = "\(report.driverName) \(report.driverVersion)"
        self.date = date
    }

    package static func file(_ report: DeviceReport, in folder: URL) -> URL {
        folder.appendingPathComponent("tiles-\(report.deviceUUID).json")
    }

    /// The table of a device, nil where there is none.
    /// - Parameter warn: Told, in a sentence, of a file that cannot be used.
    public static func load(_ report: DeviceReport, in folder: URL?, warn: (String) -> Void) -> TuningTable? {
        guard let folder else { return nil }
        let file = file(report, in: folder)
        guard let data = try? Data(contentsOf: file) else { return nil }
        func refuse(_ reason: String) -> TuningTable? {
            warn("\(file.path) is not used, since \(reason); `monge bench tune` writes it anew")
            return nil
        }
        guard let table = try? JSONDecoder().decode(TuningTable.self, from: data) else { return refuse("it is no table of tiles") }
        guard table.version == currentVersion else { return refuse("it is of version \(table.version), not \(currentVersion)") }
        guard table.deviceUUID == report.deviceUUID else { return refuse("it is of another device, \(table.device)") }
        guard table.matvec.isPossible else { return refuse("its shape of \(table.matvec) is impossible") }
        guard table.matrixTiles.allSatisfy({ $0.rate.isFinite && $0.rate > 0 }) else { return refuse("its rates are no numbers above 0") }
        return table
    }

    /// Replaces the file.
    /// - Returns: Where it is.
    @discardableResult
    public func write(_ report: DeviceReport, in folder: URL) throws -> URL {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let file = Self.file(report, in: folder)
        try OutputFile(file.path).write(encoder.encode(self))
        return file
    }
}

/// The tile of a work-group of 16 × 16 invocations by plain arithmetic (linear/matmul.comp, convolution/tiled.comp).
public struct ScalarTile: Codable, Sendable, Hashable, CustomStringConvertible {
    public let rows, outputs: Int

    public init(rows: Int, outputs: Int) {
        (self.rows, self.outputs) = (rows, outputs)
    }

    /// Twelve loads from shared memory for 32 multiplications of an invocation, and 24 KiB.
    public static let usual = ScalarTile(rows: 64, outputs: 128)

    package static let candidates = [(32, 64), (64, 64), (64, 128), (128, 64), (128, 128)].map { ScalarTile(rows: $0, outputs: $1) }

    /// What takes the least time for a product, when all work-groups of a wave (one on each of `units` processors) take as long as a step
    /// of one of their invocations: a quarter of a cycle for a product and one for a load from shared memory, since a processor has four
    /// times as many lanes for the first.
    static func best(rows: Int, outputs: Int, units: Int, usual: ScalarTile) -> ScalarTile {
        func time(_ tile: ScalarTile) -> Double {
            let waves = (tile.count(rows: rows, outputs: outputs) + units - 1) / units
            let (rows, outputs) = (Double(tile.rows / 16), Double(tile.outputs / 16))
            return Double(waves) * max(rows * outputs / 4, rows + outputs)
        }
        return ([usual] + [(64, 64), (32, 64), (128, 16)].map { ScalarTile(rows: $0, outputs: $1) }).min { time($0) < time($1) }!
    }

    /// The work-groups of a product.
    func count(rows: Int, outputs: Int) -> Int {
        ((rows + self.rows - 1) / self.rows) * ((outputs + self.outputs - 1) / self.outputs)
    }

    /// Whether it is made of whole parts of the invocations, and its rows and outputs for 32 channels fit shared memory as f32.
    func isPossible(on report: DeviceReport) -> Bool {
        [rows, outputs].allSatisfy { (16...128).contains($0) && $0 % 16 == 0 } && 128 * (rows + outputs) <= report.limits.sharedMemory
    }

    public var description: String { "\(rows)×\(outputs)" }
}

/// What lanes do of a product with few rows (linear/fewRows.glsl), where registers and rows allow.
public struct MatvecShape: Codable, Sendable, Hashable, CustomStringConvertible {
    /// The outputs that lanes compute together, and the pieces of each that a lane loads at a time: 8 elements of a plain type; of a
    /// quantised one half of each of two chunks of 32, or of four for more than one.
    public let outputs, unroll: Int

    public init(outputs: Int, unroll: Int) {
        (self.outputs, self.unroll) = (outputs, unroll)
    }

    /// Eight loads of 16 bytes in flight in each lane: with 8 subgroups of 32 lanes on a processor that is 32 KiB, twice what an H100
    /// needs for 3 TB/s at 700 ns on each of its 132. Four outputs share each load of x, and its sum that meets their offsets.
    public static let usual = MatvecShape(outputs: 4, unroll: 2)

    package static let candidates = [1, 2, 4].flatMap { outputs in [1, 2, 4].map { MatvecShape(outputs: outputs, unroll: $0) } }

    var isPossible: Bool { (1...8).contains(outputs) && (1...8).contains(unroll) }

    public var description: String { "\(outputs) outputs, \(unroll) loads each" }
}
