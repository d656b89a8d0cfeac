/// The extents of a tensor, outermost axis first; the last axis is contiguous in memory (row-major, channels last).
public struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
    /// The extent of each axis; none is negative.
    public let dimensions: [Int]

    // Counted once: every operation of every token asks for them.

    /// The number of elements: the product of all extents, 1 for a scalar.
    public let count: Int

    /// The extent of the last axis (the channels), 1 for a scalar.
    public let channels: Int

    /// The product of all extents but the last: the number of rows when the tensor is seen as a matrix.
    public let rows: Int

    /// - Precondition: no extent is negative, and their product fits `Int`.
    public init(_ dimensions: [Int]) {
        precondition(dimensions.allSatisfy { $0 >= 0 }, "a shape has no negative extents")
        self.dimensions = dimensions
        channels = dimensions.last ?? 1
        rows = dimensions.dropLast().reduce(1, *)
        count = rows * channels
    }

    public init(arrayLiteral dimensions: Int...) { self.init(dimensions) }

    public static func == (left: Shape, right: Shape) -> Bool { left.dimensions == right.dimensions }

    public func hash(into hasher: inout Hasher) { hasher.combine(dimensions) }

    /// The extent of the first axis, the batch: images of an activation with pixels. 1 for a scalar or a vector.
    public var images: Int { rank > 1 ? dimensions[0] : 1 }

    /// The number of axes.
    public var rank: Int { dimensions.count }

    public subscript(axis: Int) -> Int { dimensions[axis] }

    /// This shape with its last extent replaced.
    public func replacingChannels(with channels: Int) -> Shape { Shape(dimensions.dropLast() + [channels]) }

    public var description: String { "[" + dimensions.map(String.init).joined(separator: ", ") + "]" }
}
