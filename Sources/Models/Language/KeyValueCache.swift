import Tensors

/// The keys and values of past tokens: for each layer `[slots, capacity, key heads, head channels]` f32 or f16, twice.
///
/// In f16 a cache takes half the memory and half the time to read; each key and value is then rounded once, by at most 2⁻¹¹ of its size.
///
/// A slot belongs to one sequence. Forward passes overwrite the positions they compute.
public final class KeyValueCache {
    public let slots: Int
    /// The tokens a slot holds.
    public let capacity: Int
    let layers: [(keys: Tensor, values: Tensor)]

    /// The memory of all keys and values.
    package var byteCount: Int { layers.reduce(0) { $0 + $1.keys.byteCount + $1.values.byteCount } }

    init(
        layers count: Int, slots: Int, capacity: Int, heads: Int, headChannels: Int, dtype: DType, on backend: any Backend
    ) throws {
        self.slots = slots
        self.capacity = capacity
        let shape: Shape = [slots, capacity, heads, headChannels]
        layers = try (0..<count).map { _ in (try backend.allocate(shape, dtype), try backend.allocate(shape, dtype)) }
    }
}
