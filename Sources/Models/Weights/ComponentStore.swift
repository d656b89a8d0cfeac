import ModelFiles
import Tensors

/// A component's part of a model's weights.
package struct ComponentStore {
    package let store: WeightStore
    /// `unet`, `text_encoder`, …
    let component: String
    let quantisation: WeightQuantisation

    var backend: any Backend { store.backend }

    package init(_ store: WeightStore, _ component: String, quantisation: WeightQuantisation) {
        (self.store, self.component, self.quantisation) = (store, component, quantisation)
    }

    /// A table of embeddings, or another matrix that is no layer's: as it is stored.
    func table(_ name: String, _ shape: Shape, _ stored: DType, from weights: any WeightSource) throws -> LayerWeight {
        weight(shape, stored, of: stored, .asStored, name, from: weights)
    }

    /// The matrix of a linear layer.
    func matrix(_ name: String, _ shape: Shape, _ stored: DType, from weights: any WeightSource) throws -> LayerWeight {
        let (dtype, outcome) = quantisation.matrix(stored, columns: shape.channels)
        return weight(shape, dtype, of: stored, outcome, name, from: weights)
    }

    /// The kernel of a convolution, which files have with channels first.
    /// - Parameter stored: `[outputs, inputs, kernel, kernel]`
    func kernel(_ name: String, _ stored: Shape, _ storedType: DType, from weights: any WeightSource) throws -> LayerWeight {
        let shape: Shape = [stored[0], stored[2], stored[3], stored[1]]
        let (dtype, outcome) = quantisation.kernel(storedType, inputs: stored[1])
        if stored[2] * stored[3] == 1 { return weight(shape, dtype, of: storedType, outcome, name, from: weights) }
        guard [.f32, .f16, .bf16].contains(storedType) else {
            throw ModelError.unsupported(
                "\(name) is stored as \(storedType), whose channels cannot be put last; f32, f16 or bf16 is wanted")
        }
        return entry(shape, dtype, of: storedType, outcome, isCopied: true) { [backend] in
            let source = try weights.tensor(name)!
            let permuted = try ConvolutionWeights.fromConv(source.bytes, source.shape, source.dtype)
            source.letGo()
            guard dtype != source.dtype else { return (try backend.upload(permuted.bytes, shape, dtype), {}) }
            let blocks = try permuted.bytes.withUnsafeBytes {
                try WeightQuantisation.quantised(
                    $0, source.dtype, rows: shape.count / shape.channels, columns: shape.channels, to: dtype, name)
            }
            return (try backend.adopt(UnsafeRawBufferPointer(blocks.bytes), owner: blocks, shape, dtype), {})
        }
    }

    private func weight(
        _ shape: Shape, _ dtype: DType, of stored: DType, _ outcome: WeightQuantisation.Outcome, _ name: String,
        from weights: any WeightSource
    ) -> LayerWeight {
        let isQuantised = outcome == .quantised || outcome == .otherwise
        return entry(shape, dtype, of: stored, outcome, isCopied: isQuantised) { [backend] in
            let source = try weights.tensor(name)!
            guard isQuantised else {
                let before = backend.tensorMemory.inUse
                let tensor = try backend.adopt(source.bytes, owner: source.owner, shape, dtype)
                // Read in place, pages of the file go when the weight goes; a copy does not need them any more.
                guard backend.tensorMemory.inUse > before else { return (tensor, source.letGo) }
                source.letGo()
                return (tensor, {})
            }
            let blocks = try WeightQuantisation.quantised(
                source.bytes, source.dtype, rows: shape.count / shape.channels, columns: shape.channels, to: dtype, name)
            source.letGo()
            return (try backend.adopt(UnsafeRawBufferPointer(blocks.bytes), owner: blocks, shape, dtype), {})
        }
    }

    private func entry(
        _ shape: Shape, _ dtype: DType, of stored: DType, _ outcome: WeightQuantisation.Outcome, isCopied: Bool,
        load: @escaping () throws -> (tensor: Tensor, letGo: () -> Void)
    ) -> LayerWeight {
        let storedBytes = stored.byteCount(elements: shape.count) ?? 0
        return LayerWeight(
            store, shape: shape, dtype: dtype,
            WeightStore.Entry(
                component: component, byteCount: dtype.byteCount(elements: shape.count)!, storedByteCount: storedBytes,
                // The file's pages, and a copy with channels last.
                loading: isCopied ? 2 * storedBytes : 0, isCopied: isCopied, outcome: outcome, load: load))
    }
}

extension StoredWeight {
    /// Lets the system have the pages of a mapped file that hold the weight.
    func letGo() { (owner as? MappedFile)?.letGo(of: bytes) }
}
