import ModelFiles
import Tensors

/// Where a model's weights come from, under their Hugging Face names, whatever the file calls them; it keeps account of what was asked for.
package protocol WeightSource: AnyObject {
    /// The tensor, or nil when the file has none of that name.
    func tensor(_ name: String) throws -> StoredWeight?

    /// The type and extents of a tensor as ``tensor(_:)`` gives it, without reading it; it counts as asked for.
    func layout(_ name: String) throws -> (dtype: DType, shape: Shape)?

    /// A sample of a matrix's values at ``WeightSketch/places(rows:columns:)``; nil when the file has none of that name.
    func sample(_ name: String) throws -> WeightSketch.Matrix?

    /// The tensors of the file that nobody has asked for, under the names they have there.
    var unused: [String] { get }
}

extension WeightSource {
    /// A tensor that the model cannot do without.
    func required(_ name: String, shape: Shape) throws -> StoredWeight {
        guard let tensor = try tensor(name) else { throw ModelError.missingTensor(name) }
        guard tensor.shape == shape else {
            throw ModelError.wrongShape(name: name, found: tensor.shape, expected: shape)
        }
        return tensor
    }

    /// A matrix or table, kept in the type it is stored in.
    func weight(_ name: String, shape: Shape, on backend: any Backend) throws -> Tensor {
        let tensor = try required(name, shape: shape)
        try tensor.requireWeight(name: name)
        return try backend.adopt(tensor.bytes, owner: tensor.owner, shape, tensor.dtype)
    }

    /// A vector (a gain or a bias), decoded to f32.
    func vector(_ name: String, channels: Int) throws -> [Float] {
        try required(name, shape: [channels]).floats(name: name)
    }

    /// Refuses a file with tensors that nobody has asked for.
    func refuseUnused(architecture: String) throws {
        // Rotary frequencies, which older folders keep: they follow from the settings.
        let names = unused.filter { !$0.hasSuffix("rotary_emb.inv_freq") }
        guard names.isEmpty else { throw ModelError.unusedTensors(names, architecture: architecture) }
    }
}

/// The tensors of a file or folder.
final class FileWeights: WeightSource {
    private let file: any TensorFile
    /// What the file calls a tensor.
    private let storedName: (String) throws -> String
    /// How the file holds it.
    private let form: (String) -> StoredForm
    private var taken: Set<String> = []

    init(
        _ file: any TensorFile, storedName: @escaping (String) throws -> String = { $0 },
        form: @escaping (String) -> StoredForm = { _ in .plain }
    ) {
        self.file = file
        self.storedName = storedName
        self.form = form
    }

    func tensor(_ name: String) throws -> StoredWeight? {
        let stored = try storedName(name)
        guard file.contains(tensor: stored) else { return nil }
        taken.insert(stored)
        return try StoredWeight(file.tensor(stored)).arranged(from: form(name), name: name)
    }

    func layout(_ name: String) throws -> (dtype: DType, shape: Shape)? {
        let stored = try storedName(name)
        guard file.contains(tensor: stored) else { return nil }
        taken.insert(stored)
        let (dtype, shape) = try file.layout(stored)
        return (dtype, form(name).shape(shape))
    }

    func sample(_ name: String) throws -> WeightSketch.Matrix? {
        let stored = try storedName(name)
        guard file.contains(tensor: stored) else { return nil }
        let tensor = try file.tensor(stored)
        guard tensor.shape.rank == 2, tensor.shape.count > 0, tensor.dtype.isWeight else { return nil }
        let form = form(name)
        let shape = form.shape(tensor.shape)
        let (rows, columns) = (shape[0], shape[1])
        let place = try form.places(rows: rows, columns: columns)
        return withExtendedLifetime(tensor.owner) {
            let samples = WeightSketch.places(rows: rows, columns: columns).map { row, column in
                WeightDecoding.sample(tensor.bytes.baseAddress!, tensor.dtype, element: place(row, column))
            }
            StoredWeight(tensor).letGo()
            return WeightSketch.Matrix(name: name, values: samples.map(\.value), steps: samples.map(\.step))
        }
    }

    /// Leaves tensors out of the account.
    func ignore(_ names: [String]) { taken.formUnion(names) }

    var unused: [String] { file.tensorNames.filter { !taken.contains($0) } }
}
