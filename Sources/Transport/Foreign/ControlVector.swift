import ModelFiles

/// A control vector of llama.cpp, as repeng writes it, too: a direction for each block, which is added to the block's output.
///
/// `direction.<k>` is of block k, counted from 0; llama.cpp adds none to block 0.
public struct ControlVector: Equatable {
    /// By the block's number.
    public var directions: [Int: [Float]]
    /// What the file says that it was made for: an architecture.
    public var modelHint: String?

    public init(directions: [Int: [Float]], modelHint: String? = nil) {
        self.directions = directions
        self.modelHint = modelHint
    }

    /// - Throws: `ModelFileError` for a damaged file, ``ForeignMapError/unreadable(file:detail:)`` for one that holds something else.
    public init(_ file: GGUFFile) throws {
        guard try file.string("general.architecture") == "controlvector" else {
            throw ForeignMapError.unreadable(file: file.name, detail: "it is \(file.kind.name), no control vector")
        }
        modelHint = try file.string(ifPresent: "controlvector.model_hint")
        directions = [:]
        for name in file.tensorNames {
            let parts = name.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 2, parts[0] == "direction", let block = Int(parts[1]), block >= 0 else {
                throw ForeignMapError.unreadable(file: file.name, detail: "the tensor '\(name)' is no direction.<block>")
            }
            let tensor = try file.tensor(name)
            guard tensor.shape.rank == 1, tensor.shape.count > 0 else {
                throw ForeignMapError.unreadable(
                    file: file.name, detail: "'\(name)' has the shape \(tensor.shape), where a vector is expected")
            }
            let values = try tensor.floats()
            guard values.allSatisfy(\.isFinite) else {
                throw ForeignMapError.unreadable(file: file.name, detail: "'\(name)' holds values that are no numbers")
            }
            directions[block] = values
        }
        guard !directions.isEmpty else { throw ForeignMapError.unreadable(file: file.name, detail: "it holds no directions") }
    }

    /// The block that a site is the output of: `model.layers.3` → 3.
    public static func block(of site: String) -> Int? {
        guard let dot = site.lastIndex(of: "."), let number = Int(site[site.index(after: dot)...]), number >= 0 else { return nil }
        return number
    }

    /// The directions of a map that only adds, at strength 1.
    /// - Throws: ``ForeignMapError/unsayable(_:)`` for a map that does more, or elsewhere.
    public init(_ map: TransportMap) throws {
        try map.requireUnconditional("a control vector")
        directions = [:]
        modelHint = map.description.architecture
        for site in map.sites {
            guard let block = Self.block(of: site.name) else {
                throw ForeignMapError.unsayable(
                    "a control vector adds to the outputs of blocks, and the map acts at \(site.name); --sites 'model\\.layers\\.[0-9]+' fits there"
                )
            }
            guard block > 0 else {
                throw ForeignMapError.unsayable(
                    "a control vector of llama.cpp has nothing for block 0, and the map acts at \(site.name); leave it out with --sites")
            }
            let acts = (0..<site.map.channels).map { site.map.low[$0] < site.map.high[$0] }
            for j in 0..<site.map.channels where acts[j] {
                guard site.map.omega[j] == 1, site.map.low[j] == -.infinity, site.map.high[j] == .infinity else {
                    throw ForeignMapError.unsayable(
                        "a control vector only adds, everywhere; neuron \(j) of \(site.name) has ω = \(site.map.omega[j]) between \(site.map.low[j]) and "
                            + "\(site.map.high[j]): maps of the methods mean, caa, actAdd, iti and repe can be written")
                }
            }
            directions[block] = zip(site.map.beta, acts).map { $1 ? $0 : 0 }
        }
    }

    /// Writes the file as llama.cpp and repeng read it.
    public func write(to path: String) throws {
        try GGUFWriter.write(
            metadata: [
                ("general.architecture", .string("controlvector")), ("controlvector.model_hint", .string(modelHint ?? "")),
                ("controlvector.layer_count", .unsigned(UInt32(directions.count))),
            ], tensors: directions.sorted { $0.key < $1.key }.map { ("direction.\($0.key)", $0.value) }, to: path)
    }
}
