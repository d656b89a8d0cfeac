import CPUBackend
import Tensors
import Testing

/// Which map acts where, and what is refused, by cases small enough to work out by hand.
@Suite struct TransportRulesTests {
    private let backend = ReferenceBackend()

    /// Map 1 doubles, map 2 adds 10 where −1 < x < 4.
    private func map(_ indices: [Int32], _ strengths: [Float] = [1], _ spatial: SpatialMode = .pointwise) throws -> TransportApplication {
        let table: [Float] = [.nan, .nan, .nan, .nan, 2, 0, -.infinity, .infinity, 1, 10, -1, 4]
        return TransportApplication(
            table: try backend.upload(table, [3, 1, 4]), indices: try backend.upload(indices), strengths: try backend.upload(strengths),
            spatial: spatial)
    }

    private func apply(_ map: TransportApplication, to x: [Float], _ shape: Shape) throws -> [Float] {
        try backend.readFloats(backend.transport(backend.upload(x, shape), by: map))
    }

    @Test func indicesAreForAllForImagesOrForRows() throws {
        let x: [Float] = [1, 2, 3, 4, 5, 6]
        #expect(try apply(map([1]), to: x, [2, 3, 1]) == [2, 4, 6, 8, 10, 12])
        #expect(try apply(map([1, 0]), to: x, [2, 3, 1]) == [2, 4, 6, 4, 5, 6])
        #expect(try apply(map([0, 1, 2, 0, 1, 2]), to: x, [2, 3, 1]) == [1, 4, 13, 4, 10, 6])
        #expect(try apply(map([1], [0, 0.5]), to: x, [2, 3, 1]) == [1, 2, 3, 6, 7.5, 9])
    }

    private func gated(_ weights: [Float], _ intercepts: [Float], _ spatial: SpatialMode = .pointwise) throws -> TransportApplication {
        let plain = try map([1], [1], spatial)
        return TransportApplication(
            table: try plain.affineTable("transport"), indices: plain.indices, strengths: plain.strengths, spatial: spatial,
            gates: TransportGates(weights: try backend.upload(weights, [weights.count, 1]), intercepts: try backend.upload(intercepts)))
    }

    /// Map 1 doubles: x + g·x, with g = σ(2·x − 2), which is ½ at 1; without a gate where the intercept is +∞.
    @Test func gatesMultiplyTheStrengthOfTheirRow() throws {
        let result = try apply(gated([.nan, 2, .nan], [.nan, -2, .nan]), to: [1, 0, 50, -40], [4, 1])
        #expect(result == [1.5, 0, 100, -40])
        #expect(try apply(gated([.nan, 2, 0], [0, .infinity, 0]), to: [1, -3], [2, 1]) == [2, -6])
    }

    @Test func gatesThatDoNotFitAreRefused() throws {
        let x = try backend.upload([1, 2] as [Float], [2, 1])
        let fitting = try gated([0, 0, 0], [0, 0, 0])
        func refusal(_ body: () throws -> Void) -> String? {
            do {
                try body()
                return nil
            } catch { return "\(error)" }
        }
        for map in try [gated([0, 0], [0, 0, 0]), gated([0, 0, 0], [0]), gated([0, 0, 0], [0, 0, 0], .channelMean)] {
            #expect(refusal { _ = try backend.transport(x, by: map) }?.contains("gates") == true)
        }
        let image = try backend.upload([1, 2] as [Float], [1, 2, 1, 1])
        let (weight, matrix) = (try backend.upload([1] as [Float], [1, 1, 1, 1]), try backend.upload([1] as [Float], [1, 1]))
        #expect(
            refusal { _ = try backend.groupNorm(image, groups: 1, epsilon: 1, transports: [fitting]) }?.contains("on their own") == true)
        #expect(
            refusal { _ = try backend.conv2d(image, weight: weight, epilogue: Epilogue(transports: [fitting])) }?.contains("on their own")
                == true)
        #expect(
            refusal { _ = try backend.linears(x, [LinearFactor(weight: matrix, transport: fitting)]) }?.contains("on their own") == true)
        // Where a map may follow a kernel, it does: x · 1 + 0.5 · x, and the residual behind that.
        let half = try gated([0, 0, 0], [0, 0, 0])
        let y = try backend.linear(x, weight: matrix, epilogue: Epilogue(transports: [half], residual: x))
        #expect(try backend.readFloats(y) == [2.5, 5])
    }

    /// Map 1 goes by 4 from 1 on and by −2 from −1 on, map 2 has no clusters, map 3 has one.
    private func clusters(_ indices: [Int32], _ strengths: [Float] = [1]) throws -> TransportApplication {
        let intercepts: [Float] = [.nan, .nan, 0, 0, -.infinity, -.infinity, -.infinity, 3]
        let (weights, shifts): ([Float], [Float]) = (
            [.nan, .nan, 400, -400, .nan, .nan, .nan, 7], [.nan, .nan, 4, -2, .nan, .nan, .nan, 10]
        )
        return TransportApplication(
            clusters: TransportClusters(
                weights: try backend.upload(weights, [4, 2, 1]), intercepts: try backend.upload(intercepts, [4, 2]),
                shifts: try backend.upload(shifts, [4, 2, 1])),
            indices: try backend.upload(indices), strengths: try backend.upload(strengths))
    }

    @Test func rowsGoByTheShiftsOfTheirClusters() throws {
        #expect(try apply(clusters([1]), to: [1, -1, 0, 3], [4, 1]) == [5, -3, 1, 7])
        #expect(
            try apply(clusters([0, 2, 3, 1], [1, 1, 0.5, 0]), to: [1, -0.0, 1, .nan], [4, 1]).map(\.bitPattern).prefix(3) == [
                Float(1).bitPattern, Float(-0.0).bitPattern, Float(6).bitPattern,
            ])
    }

    /// Behind every kernel that takes maps, and before a residual.
    @Test func clustersFollowKernels() throws {
        let x = try backend.upload([1, -1] as [Float], [1, 2, 1, 1])
        let rows = try x.reshaped([2, 1])
        func epilogue(_ residual: Tensor) throws -> Epilogue { Epilogue(transports: [try clusters([1])], residual: residual) }
        let matrix = try backend.upload([1] as [Float], [1, 1])
        #expect(try backend.readFloats(backend.linear(rows, weight: matrix, epilogue: epilogue(rows))) == [6, -4])
        let weight = try backend.upload([1] as [Float], [1, 1, 1, 1])
        #expect(try backend.readFloats(backend.conv2d(x, weight: weight, epilogue: epilogue(x))) == [6, -4])
        // (x − 0)/√(1 + 3) is ±½; map 3 adds 10 to every row.
        let moved = try backend.groupNorm(x, groups: 1, epsilon: 3, transports: [clusters([1])], epilogue: Epilogue(residual: x))
        #expect(try backend.readFloats(moved) == [5.5, -3.5])
        let twice = try backend.groupNorm(x, groups: 1, epsilon: 3, transports: [clusters([1]), map([1]), clusters([3])])
        #expect(try backend.readFloats(twice) == [19, 5])
        let activated = try backend.groupNorm(
            x, groups: 1, epsilon: 3, transports: [clusters([1])], epilogue: Epilogue(activation: .relu, transports: [clusters([3])]))
        #expect(try backend.readFloats(activated) == [14.5, 10])
    }

    @Test func clustersThatDoNotFitAreRefused() throws {
        let x = try backend.upload([1, 2] as [Float], [2, 1])
        func refusal(_ body: () throws -> Void) -> String? {
            do {
                try body()
                return nil
            } catch { return "\(error)" }
        }
        func map(_ weights: Shape, _ intercepts: Shape, _ shifts: Shape) throws -> TransportApplication {
            func zeros(_ shape: Shape) throws -> Tensor { try backend.upload([Float](repeating: 0, count: shape.count), shape) }
            return TransportApplication(
                clusters: TransportClusters(weights: try zeros(weights), intercepts: try zeros(intercepts), shifts: try zeros(shifts)),
                indices: try backend.upload([1] as [Int32]), strengths: try backend.upload([1] as [Float]))
        }
        for wrong in try [
            map([2, 3, 2], [2, 3], [2, 3, 2]), map([2, 3, 1], [2, 2], [2, 3, 1]), map([2, 3, 1], [2, 3], [2, 2, 1]),
            map([6, 1], [6], [6, 1]),
        ] {
            #expect(refusal { _ = try backend.transport(x, by: wrong) }?.contains("clusters") == true)
        }
        #expect(refusal { _ = try backend.transport(x, by: map([2, 17, 1], [2, 17], [2, 17, 1])) }?.contains("at most 16") == true)
        let fitting = try map([2, 3, 1], [2, 3], [2, 3, 1])
        let matrix = try backend.upload([1] as [Float], [1, 1])
        #expect(
            refusal { _ = try backend.linears(x, [LinearFactor(weight: matrix, transport: fitting)]) }?.contains("on their own") == true)
    }

    /// Three sequences of 3, 1 and 2 rows: an index of 0 for all but the last of each.
    @Test func aMapOfTheLastPositionHasAnIndexForEachRow() throws {
        let x: [Float] = [1, 2, 3, 4, 5, 6]
        #expect(try apply(map([0, 0, 1, 1, 0, 1]), to: x, [6, 1]) == [1, 2, 6, 8, 5, 12])
    }

    /// Means 2 and 5: the first image moves by λ·(z + 10 − z), the second lies outside the support.
    @Test func aChannelMovesAsOneWhereItsMeanIsInTheSupport() throws {
        let x: [Float] = [1, -7, 12, 3, 5, 7]
        #expect(try apply(map([2], [0.5], .channelMean), to: x, [2, 3, 1]) == [6, -2, 17, 3, 5, 7])
        #expect(try apply(map([0, 1], [1], .channelMean), to: x, [2, 3, 1]) == [1, -7, 12, 8, 10, 12])
    }

    @Test func theNumberOfElementsIsOneOfThose() throws {
        #expect {
            _ = try apply(map([1, 1, 1, 1, 1, 1], [1], .channelMean), to: [1, 2, 3, 4, 5, 6], [2, 3, 1])
        } throws: { error in
            guard case TensorError.shapeMismatch("transport", let detail) = error else { return false }
            return detail.contains("channel-mean") && detail.contains("[1] or [2]")
        }
        #expect {
            _ = try apply(map([1, 1, 1]), to: [1, 2, 3, 4, 5, 6], [2, 3, 1])
        } throws: { error in
            guard case TensorError.shapeMismatch("transport", let detail) = error else { return false }
            return detail.contains("[1] or [2] or [6]")
        }
    }

    /// A map by channel means cannot be fused into a product: it has to see all rows. ω = 2: the means 2 and 3 are added.
    @Test func aMeanActsOnTheFinishedProduct() throws {
        let x = try backend.upload([1, 3, 2, 4] as [Float], [2, 2, 1])
        let identity = try backend.upload([1] as [Float], [1, 1])
        let residual = try backend.upload([100, 100, 100, 100] as [Float], [2, 2, 1])
        let epilogue = Epilogue(transports: [try map([1], [1], .channelMean)], residual: residual)
        let y = try backend.linear(x, weight: identity, epilogue: epilogue)
        #expect(try backend.readFloats(y) == [103, 105, 105, 107])
    }

    @Test func normsNameWhatDoesNotFit() throws {
        let x = try backend.upload([Float](repeating: 1, count: 24), [2, 2, 6])
        let gain = try backend.upload([1, 2, 3] as [Float])
        func refused(_ name: String, _ part: String, _ body: () throws -> Tensor) {
            #expect {
                _ = try body()
            } throws: { error in
                switch error {
                case TensorError.shapeMismatch(name, let detail), TensorError.invalidOption(name, let detail): detail.contains(part)
                default: false
                }
            }
        }
        refused("groupNorm", "4 groups do not divide the channels of x [2, 2, 6]") { try backend.groupNorm(x, groups: 4, epsilon: 0) }
        refused("groupNorm", "gain [3]") { try backend.groupNorm(x, groups: 2, gain: gain, epsilon: 0) }
        refused("groupNorm", "epsilon") { try backend.groupNorm(x, groups: 2, epsilon: -1) }
        refused("groupNorm", "residual [3]") {
            try backend.groupNorm(x, groups: 2, epsilon: 0, epilogue: Epilogue(residual: gain))
        }
        refused("layerNorm", "bias [3]") { try backend.layerNorm(x, bias: gain, epsilon: 0) }
        refused("aurocColumns", "expected [n, C] and [m, C]") { try backend.aurocColumns(source: x, target: x) }
    }

    /// Wins 2 of 6 and ties 2 of 6; −0 ties with 0, and NaN with NaN.
    @Test func aurocCountsTiesHalf() throws {
        let source = try backend.upload([0, -1, 3, 0] as [Float], [2, 2])
        let target = try backend.upload([-0.0, 1, 1, 1, 3, .nan] as [Float], [3, 2])
        #expect(try backend.readFloats(backend.aurocColumns(source: source, target: target)) == [0.5, 0])
        let undefined = try backend.upload([1, .nan] as [Float], [2, 1])
        #expect(try backend.readFloats(backend.aurocColumns(source: undefined, target: undefined)) == [0.5])
    }
}
