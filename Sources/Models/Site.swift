/// An activation of a model that can be captured or steered, with the module path it has in the Hugging Face implementation.
public struct Site: Hashable, Sendable {
    /// For example `model.layers.3.post_attention_layernorm`.
    public let name: String
    /// The place among the model's sites, from 0. Passes need not come to them in this order.
    public let index: Int
    /// The neurons: the length of the activation's last axis.
    public let channels: Int
    /// The attention heads whose results lie side by side along the last axis; 1 where it is not made of heads.
    public let heads: Int

    public init(name: String, index: Int, channels: Int, heads: Int = 1) {
        self.name = name
        self.index = index
        self.channels = channels
        self.heads = heads
    }
}
