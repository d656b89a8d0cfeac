import ModelFiles
import Tensors

/// How a file holds a tensor that the model computes with in another form.
enum StoredForm: Equatable {
    case plain
    /// The two rows of each rotary pair of a head side by side; the model has the first halves of all pairs, then the second halves.
    case rotaryPairs(heads: Int)
    /// A matrix with rows and columns exchanged.
    case transposed
    /// Less 1, a gain that is learnt from 0.
    case lessOne

    /// The extents of the tensor as the model has it.
    func shape(_ stored: Shape) -> Shape { self == .transposed ? Shape(stored.dimensions.reversed()) : stored }

    /// Where the file has element (row, column) of a matrix that is `[rows, columns]` for the model.
    func places(rows: Int, columns: Int) throws -> (_ row: Int, _ column: Int) -> Int {
        switch self {
        case .plain, .lessOne: return { $0 * columns + $1 }
        case .rotaryPairs(let heads):
            let order = try RotaryRowOrder(rows: rows, heads: heads)
            return { order.stored($0) * columns + $1 }
        case .transposed: return { $1 * rows + $0 }
        }
    }
}

extension StoredWeight {
    /// A tensor of a file in the form that the model computes with.
    func arranged(from form: StoredForm, name: String) throws -> StoredWeight {
        switch form {
        case .plain: return self
        case .rotaryPairs(let heads): return try withRotaryHalves(heads: heads)
        case .transposed: return try transposed(name: name)
        case .lessOne:
            let values = try floats(name: name)
            let memory = OwnedBytes(count: 4 * values.count)
            for (place, value) in values.enumerated() { memory.bytes.storeBytes(of: 1 + value, toByteOffset: 4 * place, as: Float.self) }
            return StoredWeight(dtype: .f32, shape: shape, bytes: UnsafeRawBufferPointer(memory.bytes), owner: memory)
        }
    }

    private func transposed(name: String) throws -> StoredWeight {
        guard shape.rank == 2, dtype.isWeight, !dtype.isQuantised else {
            throw ModelError.unsupported("\(name) is stored as \(dtype) \(shape), which cannot be a matrix with rows and columns exchanged")
        }
        let (rows, columns) = (shape[0], shape[1])
        let memory = OwnedBytes(count: bytes.count)
        func exchange<Element: BitwiseCopyable>(_: Element.Type) {
            let stride = MemoryLayout<Element>.stride
            for row in 0..<rows {
                for column in 0..<columns {
                    let element = bytes.loadUnaligned(fromByteOffset: (row * columns + column) * stride, as: Element.self)
                    memory.bytes.storeBytes(of: element, toByteOffset: (column * rows + row) * stride, as: Element.self)
                }
            }
        }
        if dtype == .f32 { exchange(UInt32.self) } else { exchange(UInt16.self) }
        return StoredWeight(dtype: dtype, shape: [columns, rows], bytes: UnsafeRawBufferPointer(memory.bytes), owner: memory)
    }
}
