import Tensors

/// The keys and values of past tokens: for each layer `[slots, capacity, key heads, head channels]` f32, twice.
///
/// A slot belongs to one sequence. Forward passes overwrite the positions they compute.
public final class KeyValueCache {
    public let slots: Int
    /// The tokens a slot holds.
    public let capacity: Int
    let layers: [(keys: Tensor, values: Tensor)]

    init(layers count: Int, slots: Int, capacity: Int, heads: Int, headChannels: Int, on backend: any Backend) throws {
        self.slots = slots
        self.capacity = capacity
        let shape: Shape = [slots, capacity, heads, headChannels]
        layers = try (0..<count).map { _ in (try backend.allocate(shape, .f32), try backend.allocate(shape, .f32)) }
    }
}
