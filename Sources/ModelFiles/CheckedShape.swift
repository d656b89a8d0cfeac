import Tensors

extension Shape {
    /// A shape from untrusted extents, or nil when one is negative or their product, zeros aside, does not fit `Int`.
    init?(checking dimensions: [Int]) {
        var product = 1
        for extent in dimensions {
            guard extent >= 0 else { return nil }
            let (next, overflow) = product.multipliedReportingOverflow(by: max(extent, 1))
            guard !overflow else { return nil }
            product = next
        }
        self.init(dimensions)
    }
}
