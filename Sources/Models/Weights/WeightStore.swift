import ModelFiles
import Tensors

/// The matrices and kernels of a model, by component: each is on the device while there is room for it, and in its file all the while.
///
/// Without a limit all that was needed once stays. With one, what is needed takes the place of others: first of those of other components,
/// the longest unused first; then of those of its own component, the last used first, so that of a component that does not fit, as much as
/// does fit stays from one pass to the next.
public final class WeightStore {
    /// What a component's weights are.
    public struct Summary: Sendable {
        public var component: String
        /// On the device.
        public var byteCount: Int
        /// In the files.
        public var storedByteCount: Int
        /// Of its largest weight.
        public var largest: Int
        /// The most that loading one takes beside the weight itself.
        public var loading: Int
        /// How many there are, how many are quantised while loading, and how many of these to another type than the one that was asked for:
        /// kernels of convolutions, and matrices whose rows are no multiple of its blocks.
        public var count, quantised, otherwise: Int
        /// How many were to be quantised and stay as they are stored: their rows are no multiple of any block, or they are quantised already.
        public var kept: Int
    }

    /// How a weight comes to be.
    package struct Entry {
        let component: String
        let byteCount: Int
        /// In the file.
        let storedByteCount: Int
        /// What loading takes beside it: the file's pages, and what is made of them on the way.
        let loading: Int
        /// Whether it lies in memory of its own even where a device reads files in place.
        let isCopied: Bool
        let outcome: WeightQuantisation.Outcome
        let load: () throws -> (tensor: Tensor, letGo: () -> Void)
        var tensor: Tensor?
        var letGo: (() -> Void)?
        var lastUse = 0

        package init(
            component: String, byteCount: Int, storedByteCount: Int, loading: Int, isCopied: Bool, outcome: WeightQuantisation.Outcome,
            load: @escaping () throws -> (tensor: Tensor, letGo: () -> Void)
        ) {
            (self.component, self.byteCount, self.storedByteCount) = (component, byteCount, storedByteCount)
            (self.loading, self.isCopied, self.outcome, self.load) = (loading, isCopied, outcome, load)
        }
    }

    package let backend: any Backend
    private var entries: [Entry] = []
    private var limit: Int?
    private var clock = 0
    /// Of what is on the device.
    package private(set) var residentBytes = 0

    package init(on backend: any Backend) { self.backend = backend }

    func add(_ entry: Entry) -> Int {
        entries.append(entry)
        return entries.count - 1
    }

    /// A weight, loaded where it is not there.
    func tensor(_ index: Int) throws -> Tensor {
        clock += 1
        entries[index].lastUse = clock
        if let tensor = entries[index].tensor { return tensor }
        makeRoom(for: index)
        let loaded = try entries[index].load()
        entries[index].tensor = loaded.tensor
        entries[index].letGo = loaded.letGo
        residentBytes += entries[index].byteCount
        return loaded.tensor
    }

    private func makeRoom(for index: Int) {
        guard let limit else { return }
        let own = entries[index].component
        while residentBytes + entries[index].byteCount > limit {
            let resident = entries.indices.filter { entries[$0].tensor != nil }
            let others = resident.filter { entries[$0].component != own }
            guard
                let victim = others.min(by: { entries[$0].lastUse < entries[$1].lastUse })
                    ?? resident.max(by: { entries[$0].lastUse < entries[$1].lastUse })
            else { return }
            release(victim)
        }
    }

    private func release(_ index: Int) {
        guard entries[index].tensor != nil else { return }
        entries[index].tensor = nil
        entries[index].letGo?()
        entries[index].letGo = nil
        residentBytes -= entries[index].byteCount
    }

    /// Takes all weights off the device.
    package func release() { for index in entries.indices { release(index) } }

    /// Keeps no more bytes of weights on the device at once, but for one that is larger; nil for no limit.
    package func limit(to byteCount: Int?) {
        limit = byteCount
        if let byteCount { _ = room(for: [], within: byteCount) }
    }

    /// Makes room for some components, which are used from here on, and keeps a limit.
    /// - Returns: The bytes of memory of their own that are still to be loaded; nil where the components do not fit all at once.
    package func prepare(_ components: [String], within byteCount: Int) -> Int? {
        limit = byteCount
        return room(for: Set(components), within: byteCount)
    }

    private func room(for components: Set<String>, within byteCount: Int) -> Int? {
        let wanted = entries.filter { components.contains($0.component) }
        let missing = wanted.filter { $0.tensor == nil }
        let missingBytes = missing.reduce(0) { $0 + $1.byteCount }
        let others = entries.indices.filter { entries[$0].tensor != nil && !components.contains(entries[$0].component) }
            .sorted { entries[$0].lastUse < entries[$1].lastUse }
        for index in others where residentBytes + missingBytes > byteCount { release(index) }
        let own = entries.indices.filter { entries[$0].tensor != nil }.sorted { entries[$0].lastUse > entries[$1].lastUse }
        for index in own where residentBytes > byteCount { release(index) }
        guard wanted.reduce(0, { $0 + $1.byteCount }) <= byteCount else { return nil }
        return missing.reduce(0) { $0 + ($1.isCopied ? $1.byteCount : 0) }
    }

    /// The components in the order in which they were loaded.
    public var summaries: [Summary] {
        var order: [String] = []
        var found: [String: Summary] = [:]
        for entry in entries {
            if found[entry.component] == nil { order.append(entry.component) }
            var summary =
                found[entry.component]
                ?? Summary(
                    component: entry.component, byteCount: 0, storedByteCount: 0, largest: 0, loading: 0, count: 0, quantised: 0,
                    otherwise: 0, kept: 0)
            summary.byteCount += entry.byteCount
            summary.storedByteCount += entry.storedByteCount
            summary.largest = max(summary.largest, entry.byteCount)
            summary.loading = max(summary.loading, entry.loading)
            summary.count += 1
            summary.quantised += entry.outcome == .quantised || entry.outcome == .otherwise ? 1 : 0
            summary.otherwise += entry.outcome == .otherwise ? 1 : 0
            summary.kept += entry.outcome == .kept ? 1 : 0
            found[entry.component] = summary
        }
        return order.map { found[$0]! }
    }
}

/// A matrix or kernel of a layer.
package struct LayerWeight {
    /// As the device has it.
    package let shape: Shape
    package let dtype: DType
    private let place: Place

    private enum Place {
        case store(WeightStore, index: Int)
        case alwaysThere(Tensor)
    }

    package init(_ store: WeightStore, shape: Shape, dtype: DType, _ entry: WeightStore.Entry) {
        (self.shape, self.dtype) = (shape, dtype)
        place = .store(store, index: store.add(entry))
    }

    /// A weight that is on the device as long as the layer, such as one that was computed.
    init(_ tensor: Tensor) {
        (shape, dtype) = (tensor.shape, tensor.dtype)
        place = .alwaysThere(tensor)
    }

    /// The weight on the device, loaded where it is not there.
    package func callAsFunction(on backend: any Backend) throws -> Tensor {
        if backend.isRehearsal {
            return Tensor(shape: shape, dtype: dtype, storage: TensorStorage(byteCount: dtype.byteCount(elements: shape.count)!))
        }
        switch place {
        case .store(let store, let index): return try store.tensor(index)
        case .alwaysThere(let tensor): return tensor
        }
    }
}
