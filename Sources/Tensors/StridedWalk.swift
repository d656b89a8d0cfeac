/// The walk of a kernel over several operands of one shape: how far each operand's memory goes on along each axis.
///
/// Broadcasting, slices, concatenations and permutations are all such walks: a step of 0 repeats an element, steps larger than the
/// extents within leave something out, steps in another order transpose. Axes that all operands walk like one are merged, so that most
/// walks have one or two, and the inner axis is as long as it can be.
public struct StridedWalk {
    /// The extents, outermost axis first; at least one axis.
    public private(set) var extents: [Int]
    /// For each operand the elements from one index of an axis to the next.
    public private(set) var steps: [[Int]]
    /// For each operand the element at index 0 of every axis.
    public let offsets: [Int]

    /// The most axes that kernels take.
    public static let mostAxes = 5

    /// - Parameters:
    ///   - extents: Outermost axis first.
    ///   - operands: An element to begin with, and a step for each axis.
    public init(_ extents: [Int], operands: [(offset: Int, steps: [Int])]) {
        offsets = operands.map(\.offset)
        self.extents = []
        steps = operands.map { _ in [] }
        for (axis, extent) in extents.enumerated() where extent != 1 {
            if let last = self.extents.indices.last, operands.indices.allSatisfy({ steps[$0][last] == extent * operands[$0].steps[axis] }) {
                self.extents[last] *= extent
                for operand in operands.indices { steps[operand][last] = operands[operand].steps[axis] }
            } else {
                self.extents.append(extent)
                for operand in operands.indices { steps[operand].append(operands[operand].steps[axis]) }
            }
        }
        if self.extents.isEmpty {
            self.extents = [1]
            steps = operands.map { _ in [1] }
        }
    }

    /// The walk with an inner axis of one element, along which every operand goes on by 1.
    public func appendingUnitAxis() -> StridedWalk {
        var walk = self
        walk.extents.append(1)
        for operand in steps.indices { walk.steps[operand].append(1) }
        return walk
    }

    /// The elements of each operand that are met.
    public var count: Int { extents.reduce(1, *) }

    /// The extent of the inner axis, along which kernels go many elements at a time.
    public var innerExtent: Int { extents[extents.count - 1] }

    /// An operand's step along the inner axis.
    public func innerStep(_ operand: Int) -> Int { steps[operand][extents.count - 1] }

    /// The number of stretches along the inner axis.
    public var stretches: Int { extents.dropLast().reduce(1, *) }

    /// Where the operands are at an element of the walk.
    public func starts(ofElement element: Int) -> [Int] {
        var starts = offsets
        let (stretch, index) = element.quotientAndRemainder(dividingBy: innerExtent)
        start(ofStretch: stretch, into: &starts)
        for operand in starts.indices { starts[operand] += index * innerStep(operand) }
        return starts
    }

    /// The element at which each operand begins a stretch.
    /// - Parameters:
    ///   - stretch: In 0 ..< ``stretches``, in order of the outer axes.
    ///   - starts: As many elements as there are operands; overwritten.
    public func start(ofStretch stretch: Int, into starts: inout [Int]) {
        for operand in offsets.indices { starts[operand] = offsets[operand] }
        var rest = stretch
        for axis in extents.indices.dropLast().reversed() {
            let (outer, index) = rest.quotientAndRemainder(dividingBy: extents[axis])
            for operand in offsets.indices { starts[operand] += index * steps[operand][axis] }
            rest = outer
        }
    }
}

extension Shape {
    /// The elements from one index of each axis to the next.
    public var steps: [Int] {
        var steps = [Int](repeating: 1, count: rank)
        for axis in dimensions.indices.dropLast().reversed() { steps[axis] = steps[axis + 1] * dimensions[axis + 1] }
        return steps
    }

    /// The steps of a tensor of this shape under a larger one: axes that are missing in front, and those of extent 1, repeat their
    /// elements (NumPy's rule).
    /// - Returns: nil when the shapes do not fit.
    public func steps(broadcastTo shape: Shape) -> [Int]? {
        guard rank <= shape.rank else { return nil }
        let missing = shape.rank - rank
        var steps = [Int](repeating: 0, count: missing) + self.steps
        for (axis, extent) in dimensions.enumerated() where extent != shape[missing + axis] {
            guard extent == 1 else { return nil }
            steps[missing + axis] = 0
        }
        return steps
    }

    /// The smallest shape to which all of them can be broadcast; nil when there is none.
    public static func broadcast(_ shapes: [Shape]) -> Shape? {
        let rank = shapes.map(\.rank).max() ?? 0
        var extents = [Int](repeating: 1, count: rank)
        for shape in shapes {
            for (axis, extent) in shape.dimensions.enumerated() where extent != 1 {
                let place = rank - shape.rank + axis
                guard extents[place] == 1 || extents[place] == extent else { return nil }
                extents[place] = extent
            }
        }
        return Shape(extents)
    }
}
