/// What the tensors of a backend take, in bytes.
public struct TensorMemory: Sendable, Equatable {
    /// What tensors hold now.
    public var inUse: Int
    /// The most that they have held at once since ``Backend/limitMemory(to:)`` was last called.
    public var peak: Int
    /// What is kept for tensors to come.
    public var unused: Int
    /// How much of all this is no memory of the process: that of a device of its own.
    public var outsideProcess: Int

    public init(inUse: Int, peak: Int, unused: Int, outsideProcess: Int) {
        self.inUse = inUse
        self.peak = peak
        self.unused = unused
        self.outsideProcess = outsideProcess
    }
}
