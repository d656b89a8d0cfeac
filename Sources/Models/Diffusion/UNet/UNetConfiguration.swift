/// The extents and constants of a ``UNet``.
public struct UNetConfiguration: Sendable, Equatable {
    /// The blocks of one size, on the way down and up.
    public struct Level: Sendable, Equatable {
        public var channels: Int
        /// On the way down; there is one more on the way up.
        public var layers: Int
        public var attendsOnWayDown: Bool
        public var attendsOnWayUp: Bool
        public var heads: Int
        /// Of the text's tokens.
        public var textChannels: Int
        /// The transformer blocks behind each layer of the way down, and of the way up.
        public var downDepths, upDepths: [Int]
    }

    /// The block at the bottom.
    public enum Middle: Sendable, Equatable {
        case attending
        case plain
        case absent
    }

    /// What is added to the embedding of the timestep.
    public enum Addition: Sendable, Equatable {
        case none
        /// The text, pooled by attention with so many heads.
        case text(heads: Int)
        /// The pooled text and sizes, each of so many channels; both together have `inputs`.
        case textAndSizes(sizeChannels: Int, inputs: Int)
    }

    public var inputChannels: Int
    public var outputChannels: Int
    /// From the largest image to the smallest.
    public var levels: [Level]
    public var middle: Middle
    /// The transformer blocks in the middle.
    public var middleDepth: Int
    public var groups: Int
    public var normEpsilon: Float
    /// Of the timestep's embedding.
    public var timeChannels: Int
    public var cosinesFirst: Bool
    public var frequencyShift: Float
    public var addition: Addition
    /// Of an embedding of the guidance, in models that are distilled with one.
    public var guidanceChannels: Int?
    public var inputKernel: Int
    public var outputKernel: Int
    /// The pixels of the latents that the model was trained on, along each side.
    public var sampleSize: Int

    /// The channels of the text's tokens, by level.
    public var textChannels: [Int] { levels.map(\.textChannels) }

    /// Checks that the extents fit together, before memory is taken for them.
    public func validated() throws -> UNetConfiguration {
        func check(_ condition: Bool, _ detail: String) throws {
            if !condition { throw ModelError.invalidConfiguration(detail) }
        }
        try check(!levels.isEmpty, "there are no blocks")
        for level in levels {
            try check(level.channels % groups == 0, "\(groups) groups of norms do not divide \(level.channels) channels")
            try check(
                level.downDepths.count == level.layers && level.upDepths.count == level.layers + 1,
                "the numbers of transformer blocks do not fit the layers")
        }
        try check(
            inputKernel % 2 == 1 && outputKernel % 2 == 1, "the kernels of \(inputKernel) and \(outputKernel) pixels have no middle")
        if case .text(let heads) = addition {
            try check(textChannels[0] % heads == 0, "\(heads) heads do not divide \(textChannels[0]) channels")
        }
        return self
    }
}
