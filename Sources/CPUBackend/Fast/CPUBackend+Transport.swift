import CSimd
import Tensors

extension CPUBackend {
    public func transport(_ operation: TransportOperation) throws {
        let name = "transport"
        let shape = operation.x.shape
        var work = monge_channelwise()
        work.half_x = operation.x.dtype == .f16
        work.half_output = operation.output.dtype == .f16
        work.x = UnsafeRawPointer(try place(of: operation.x, name))
        work.pixels = operation.pixels
        work.channels = shape.channels
        work.maps_first = true
        work.activation = operation.activation.kernelActivation
        work.output = try place(of: operation.output, name)
        switch operation.transport.spatial {
        case .pointwise:
            work.transport = try applied(operation.transport, on: shape, name)
            let (work, rows) = (work, shape.rows)
            try perform(reads: CPURecording.Reads(work.transport, rows: rows, channels: work.channels)) { [self] in
                apply(work, rows: rows)
            }
        case .channelMean:
            try requireRepetition()
            // The means of each channel of each image, and the shifts that follow from them.
            let shifts = try ChannelShifts(operation.transport, on: shape, name)
            let moments = try ChannelMoments(operation.x, images: shape.images, self, name)
            let shift = moments.columns.enumerated().map {
                shifts($1.mean, image: $0 / shape.channels, channel: $0 % shape.channels)
            }
            shift.withUnsafeBufferPointer {
                work.shift = $0.baseAddress
                apply(work, rows: shape.rows)
            }
        }
    }

    public func gatedTransport(_ operation: GatedTransportOperation) throws {
        let name = "gatedTransport"
        let (rows, channels) = (operation.x.shape.rows, operation.x.shape.channels)
        let (isHalf, givesHalf) = (operation.x.dtype == .f16, operation.output.dtype == .f16)
        let x = try place(of: operation.x, name)
        let weights = try floats(of: operation.gates.weights, name)
        let intercepts = try floats(of: operation.gates.intercepts, name)
        let output = try place(of: operation.output, name)
        let transport = try applied(operation.transport, on: operation.x.shape, name)
        try perform(reads: CPURecording.Reads(transport, rows: rows, channels: channels)) { [workers, kernels] in
            workers.ranges(rows, cost: 3 * channels) { range, _ in
                withUnsafePointer(to: transport) {
                    kernels.pointee.gated_transport(
                        x, isHalf, $0, weights, intercepts, channels, range.lowerBound, range.upperBound, output, givesHalf)
                }
            }
        }
    }

    public func clusterTransport(_ operation: ClusterTransportOperation) throws {
        let name = "clusterTransport"
        let (rows, channels) = (operation.x.shape.rows, operation.x.shape.channels)
        let (isHalf, givesHalf) = (operation.x.dtype == .f16, operation.output.dtype == .f16)
        let x = try place(of: operation.x, name)
        let output = try place(of: operation.output, name)
        let transport = try applied(operation.transport, on: operation.x.shape, name)
        let clusters = monge_clusters(
            count: operation.clusterCount, weights: UnsafePointer(try floats(of: operation.clusters.weights, name)),
            intercepts: UnsafePointer(try floats(of: operation.clusters.intercepts, name)),
            shifts: UnsafePointer(try floats(of: operation.clusters.shifts, name)))
        try perform { [workers, kernels] in
            workers.ranges(rows, cost: 2 * channels * (clusters.count + 1)) { range, _ in
                withUnsafePointer(to: transport) { transport in
                    withUnsafePointer(to: clusters) {
                        kernels.pointee.cluster_transport(
                            x, isHalf, transport, $0, channels, range.lowerBound, range.upperBound, output, givesHalf)
                    }
                }
            }
        }
    }
}
