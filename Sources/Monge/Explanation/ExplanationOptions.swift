/// How a map is measured.
public struct ExplanationOptions: Sendable {
    /// How a sentence's tokens become samples. The pooling is the map's where none is named; a budget of memory is not kept.
    public var capture: CaptureOptions
    /// At most this many sentences a side, drawn with the seed; nil for all.
    public var limit: Int?
    public var seed: UInt64
    /// How many neurons of each site are told, with their histograms.
    public var neurons: Int

    public init(capture: CaptureOptions = CaptureOptions(), limit: Int? = nil, seed: UInt64 = 0, neurons: Int = 4) {
        self.capture = capture
        self.limit = limit
        self.seed = seed
        self.neurons = neurons
    }
}
