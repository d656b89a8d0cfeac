import Tensors

/// How the tokens of a sentence, or the pixels of a picture, become samples.
public enum CapturePooling: String, Sendable, CaseIterable, Hashable {
    case mean, max, min, median, last
    /// Every token is a sample, or, where there are more than ``CaptureOptions/samples``, those of a draw. Of sentences alone.
    case all

    /// What a device does; nil for ``all``.
    var pooling: Pooling? { Pooling(rawValue: rawValue) }

    init(_ pooling: Pooling) { self = CapturePooling(rawValue: pooling.rawValue)! }
}
