import Foundation
import ModelFiles
import Tensors

/// Where a tensor of a component lies in a file of another layout.
struct StoredPart: Equatable {
    var name: String
    var arrangement = Arrangement.whole

    enum Arrangement: Equatable {
        case whole
        /// Some of the equal parts that the rows of a joint projection divide into.
        case rows(Range<Int>, of: Int)
        /// The second half of the rows before the first.
        case exchangedHalves
        /// Rows and columns exchanged.
        case transposed
    }
}

/// The tensors of one component in a file with other names than the component's own.
final class CheckpointWeights: WeightSource {
    private let file: any TensorFile
    private let part: (String) -> StoredPart?
    private let owns: (String) -> Bool
    private var taken: Set<String> = []
    /// The last joint tensor: where reading makes a copy of it, its parts share that.
    private var joint: (name: String, weight: StoredWeight)?
    /// How many rows of each joint tensor have been asked for, in parts of their number.
    private var takenParts: [String: Set<Int>] = [:]

    /// - Parameters:
    ///   - part: Where a tensor lies, by the component's own name for it; nil when the layout has none of that name.
    ///   - owns: Whether a tensor of the file belongs to the component.
    init(_ file: any TensorFile, part: @escaping (String) -> StoredPart?, owns: @escaping (String) -> Bool) {
        self.file = file
        self.part = part
        self.owns = owns
    }

    /// The place of a tensor that is there.
    private func place(_ name: String) -> StoredPart? {
        guard var part = part(name) else { return nil }
        // A module of a list whose number depends on what stands before it.
        if let star = part.name.range(of: ".*.") {
            let names = ["1", "2"].map { part.name.replacingCharacters(in: star, with: ".\($0).") }
            guard let found = names.first(where: file.contains(tensor:)) else { return nil }
            part.name = found
        }
        return file.contains(tensor: part.name) ? part : nil
    }

    func tensor(_ name: String) throws -> StoredWeight? {
        guard let part = place(name) else { return nil }
        take(part)
        let stored = try joint.flatMap { $0.name == part.name ? $0.weight : nil } ?? StoredWeight(file.tensor(part.name))
        switch part.arrangement {
        case .whole: return stored
        case .rows(let range, let count):
            joint = (part.name, stored)
            return try stored.rows(range, of: count, part.name)
        case .exchangedHalves: return try stored.exchangingHalves(part.name)
        case .transposed: return try stored.transposed(part.name)
        }
    }

    func layout(_ name: String) throws -> (dtype: DType, shape: Shape)? {
        guard let part = place(name) else { return nil }
        take(part)
        let (dtype, shape) = try file.layout(part.name)
        return (dtype, try part.arrangement.shape(of: shape, dtype, part.name))
    }

    /// Takes a tensor, or a part of one, into the account.
    private func take(_ part: StoredPart) {
        if case .rows(let range, let count) = part.arrangement {
            takenParts[part.name, default: []].formUnion(range)
            guard takenParts[part.name]!.count == count else { return }
        }
        taken.insert(part.name)
    }

    func sample(_ name: String) throws -> WeightSketch.Matrix? {
        guard let weight = try tensor(name), weight.shape.rank == 2, weight.shape.count > 0, weight.dtype.isWeight else { return nil }
        let (rows, columns) = (weight.shape[0], weight.shape[1])
        return withExtendedLifetime(weight.owner) {
            let samples = WeightSketch.places(rows: rows, columns: columns).map { row, column in
                WeightDecoding.sample(weight.bytes.baseAddress!, weight.dtype, element: row * columns + column)
            }
            weight.letGo()
            return WeightSketch.Matrix(name: name, values: samples.map(\.value), steps: samples.map(\.step))
        }
    }

    func ignore(_ names: [String]) { for name in names { if let part = place(name) { taken.insert(part.name) } } }

    /// Leaves tensors out of the account by their names in the file.
    func ignore(where predicate: (String) -> Bool) { taken.formUnion(file.tensorNames.filter { owns($0) && predicate($0) }) }

    var unused: [String] { file.tensorNames.filter { owns($0) && !taken.contains($0) } }
}

extension StoredPart.Arrangement {
    /// The extents that a tensor has in this arrangement.
    /// - Throws: ``ModelError`` for a tensor that cannot be arranged so.
    fileprivate func shape(of shape: Shape, _ dtype: DType, _ name: String) throws -> Shape {
        func part(_ range: Range<Int>, of count: Int) throws -> Shape {
            let all = shape.rank > 0 ? shape[0] : 0
            guard all > 0, all % count == 0, shape.rank > 1 || !dtype.isQuantised else {
                throw ModelError.unsupported("tensor \(name) of shape \(shape) does not divide into \(count) parts of rows")
            }
            return Shape([all / count * range.count] + shape.dimensions.dropFirst())
        }
        switch self {
        case .whole: return shape
        case .rows(let range, let count): return try part(range, of: count)
        case .exchangedHalves:
            _ = try part(0..<1, of: 2)
            return shape
        case .transposed:
            guard shape.rank == 2, !dtype.isQuantised, shape.count > 0 else {
                throw ModelError.unsupported(
                    "tensor \(name) is \(dtype) \(shape); a matrix that is not quantised is wanted, to exchange its axes")
            }
            return [shape[1], shape[0]]
        }
    }
}

extension StoredWeight {
    /// Some of the equal parts that the rows divide into, sharing the file's memory.
    fileprivate func rows(_ range: Range<Int>, of count: Int, _ name: String) throws -> StoredWeight {
        let partBytes = bytes.count / count
        var part = self
        part.shape = try StoredPart.Arrangement.rows(range, of: count).shape(of: shape, dtype, name)
        part.bytes = UnsafeRawBufferPointer(rebasing: bytes[range.lowerBound * partBytes..<range.upperBound * partBytes])
        return part
    }

    fileprivate func exchangingHalves(_ name: String) throws -> StoredWeight {
        let (first, second) = (try rows(0..<1, of: 2, name), try rows(1..<2, of: 2, name))
        return copied(shape: shape) { destination in
            destination.copyMemory(from: second.bytes)
            UnsafeMutableRawBufferPointer(rebasing: destination[second.bytes.count...]).copyMemory(from: first.bytes)
        }
    }

    fileprivate func transposed(_ name: String) throws -> StoredWeight {
        let arranged = try StoredPart.Arrangement.transposed.shape(of: shape, dtype, name)
        let (rows, columns) = (shape[0], shape[1])
        let size = bytes.count / shape.count
        return copied(shape: arranged) { destination in
            for row in 0..<rows {
                for column in 0..<columns {
                    destination.baseAddress!.advanced(by: (column * rows + row) * size)
                        .copyMemory(from: bytes.baseAddress!.advanced(by: (row * columns + column) * size), byteCount: size)
                }
            }
        }
    }

    private func copied(shape: Shape, _ fill: (UnsafeMutableRawBufferPointer) -> Void) -> StoredWeight {
        let memory = OwnedBytes(count: bytes.count)
        withExtendedLifetime(owner) { fill(memory.bytes) }
        return StoredWeight(dtype: dtype, shape: shape, bytes: UnsafeRawBufferPointer(memory.bytes), owner: memory)
    }
}
