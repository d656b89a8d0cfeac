/// A binary heap of numbers, the smallest on top.
struct MinimumHeap {
    private var elements: [UInt64] = []

    mutating func removeAll() { elements.removeAll(keepingCapacity: true) }

    mutating func push(_ element: UInt64) {
        elements.append(element)
        var child = elements.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard elements[child] < elements[parent] else { return }
            elements.swapAt(child, parent)
            child = parent
        }
    }

    mutating func popMinimum() -> UInt64? {
        guard let minimum = elements.first, let last = elements.popLast() else { return nil }
        guard !elements.isEmpty else { return minimum }
        elements[0] = last
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < elements.count else { return minimum }
            if child + 1 < elements.count, elements[child + 1] < elements[child] { child += 1 }
            guard elements[child] < elements[parent] else { return minimum }
            elements.swapAt(child, parent)
            parent = child
        }
    }
}
