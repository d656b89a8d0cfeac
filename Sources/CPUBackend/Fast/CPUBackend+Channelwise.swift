import CSimd
import Tensors

extension CPUBackend {
    /// Does what `work` describes to `rows` rows, shared out among the threads.
    func apply(_ work: monge_channelwise, rows: Int) {
        // An activation costs about as much as reading some ten floats.
        let cost = (work.activation == MONGE_IDENTITY ? 4 : 12) * work.channels
        workers.ranges(rows, cost: cost) { range, _ in
            withUnsafePointer(to: work) { kernels.pointee.channelwise($0, range.lowerBound, range.upperBound) }
        }
    }
}
