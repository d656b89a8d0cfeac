import CPUBackend
import Tensors
import Testing

/// The rules that are written beside the operations, by cases small enough to work out by hand.
@Suite struct ReferenceRulesTests {
    private let backend = ReferenceBackend()

    private func bits(_ tensor: Tensor) throws -> [UInt32] { try backend.readFloats(tensor).map(\.bitPattern) }

    @Test func argmaxTakesTheLowestOfEqualOnesAndNaNAsTheLeast() throws {
        let rows: [[Float]] = [
            [1, 3, 3, 2], [.nan, .nan, -5, .nan], [.nan, .nan, .nan, .nan], [-0.0, 0, 0, -1], [-.infinity, .nan, -.infinity, -.infinity],
            [0, 1, .infinity, .infinity],
        ]
        let result = try backend.argmax(backend.upload(rows.flatMap { $0 }, [6, 4]))
        #expect(try backend.readIntegers(result) == [1, 2, 0, 0, 0, 2])
    }

    @Test func topKDescendsWithTheLowerIndexFirst() throws {
        let x = try backend.upload([2, 5, 5, .nan, 7, 5, -.infinity, -1, .nan, .nan, 3, 3, 3, 3] as [Float], [2, 7])
        let (values, indices) = try backend.topK(x, count: 6)
        #expect(try backend.readIntegers(indices) == [4, 1, 2, 5, 0, 3, 3, 4, 5, 6, 0, 1])
        #expect(try backend.readFloats(values) == [7, 5, 5, 5, 2, -.infinity, 3, 3, 3, 3, -1, -.infinity])
    }

    @Test func sortingPutsNaNLast() throws {
        let x: [Float] = [3, .nan, .nan, 2, -1, .infinity, .nan, -.infinity]
        let sorted = try backend.readFloats(backend.sortColumns(backend.upload(x, [4, 2])))
        #expect(sorted.enumerated().filter { $0.offset % 2 == 0 }.prefix(2).map(\.element) == [-1, 3])
        #expect(sorted.enumerated().filter { $0.offset % 2 == 1 }.prefix(3).map(\.element) == [-.infinity, 2, .infinity])
        #expect(sorted.filter(\.isNaN).count == 3 && sorted[4].isNaN && sorted[6].isNaN && sorted[7].isNaN)
    }

    @Test func anIndexOutsideGivesZerosOrIsLeftOut() throws {
        let table = try backend.upload([1, 2, 3, 4] as [Float], [2, 2])
        let rows = try backend.embedding(backend.upload([1, -1, 2, 0] as [Int32]), table: table)
        #expect(try backend.readFloats(rows) == [3, 4, 0, 0, 0, 0, 1, 2])
        try backend.scatterRows(rows, into: table, at: backend.upload([5, -2, 1, 0] as [Int32]))
        #expect(try backend.readFloats(table) == [1, 2, 0, 0])
    }

    /// ω = 2, β = 1 for −1 < x < 1: x + ½·(2x + 1 − x) = 1.5x + 0.5, everything else as it is.
    @Test func transportIsStrictAndOtherwiseKeepsEveryBit() throws {
        let table = try backend.upload([.nan, .nan, .nan, .nan, 2, 1, -1, 1] as [Float], [2, 1, 4])
        let x: [Float] = [-1, 1, 0, 0.5, .nan, .infinity, -0.0, .leastNonzeroMagnitude, 7]
        let input = try backend.upload(x, [9, 1])
        let one: [Int32] = [1]
        let half = TransportApplication(table: table, indices: try backend.upload(one), strengths: try backend.upload([0.5] as [Float]))
        let moved = try backend.readFloats(backend.transport(input, by: half))
        #expect(moved[0..<4] == [-1, 1, 0.5, 1.25] && moved[6...] == [0.5, 0.5, 7])
        #expect(moved[4].bitPattern == x[4].bitPattern && moved[5] == .infinity)
        let off = TransportApplication(table: table, indices: try backend.upload(one), strengths: try backend.upload([0] as [Float]))
        #expect(try bits(backend.transport(input, by: off)) == x.map(\.bitPattern))
        let none = TransportApplication(
            table: table, indices: try backend.upload([0] as [Int32]), strengths: try backend.upload([1] as [Float]))
        #expect(try bits(backend.transport(input, by: none)) == x.map(\.bitPattern))
    }

    /// Values 1, 10, 100 under equal scores: the mean of what is seen.
    @Test func aQuerySeesItsWindow() throws {
        let queries = try backend.upload([0, 0] as [Float], [2, 1, 1])
        let keys = try backend.upload([Float](repeating: 1, count: 4), [1, 4, 1, 1])
        let values = try backend.upload([1, 10, 100, .nan] as [Float], [1, 4, 1, 1])
        func attend(keyCount: Int32, causal: Bool = true, window: Int? = nil) throws -> [Float] {
            let segments = Segments(
                queryStarts: try backend.upload([0, 2] as [Int32]), keyLengths: try backend.upload([keyCount]),
                slots: try backend.upload([0] as [Int32]), maximumQueries: 2, maximumKeys: 3)
            return try backend.readFloats(
                backend.attention(queries, keys: keys, values: values, segments: segments, scale: 1, causal: causal, window: window))
        }
        #expect(try attend(keyCount: 3) == [5.5, 37])
        #expect(try attend(keyCount: 3, causal: false) == [37, 37])
        #expect(try attend(keyCount: 3, window: 1) == [10, 100])
        #expect(try attend(keyCount: 3, window: 2) == [5.5, 55])
        // The first of two queries stands at position −1 and sees nothing.
        #expect(try attend(keyCount: 1) == [0, 1])
    }

    @Test func segmentsOutsideTheirTensorsAreAnError() throws {
        let queries = try backend.upload([0, 0] as [Float], [2, 1, 1])
        let keys = try backend.upload([1, 1] as [Float], [1, 2, 1, 1])
        let segments = Segments(
            queryStarts: try backend.upload([0, 2] as [Int32]), keyLengths: try backend.upload([3] as [Int32]),
            slots: try backend.upload([0] as [Int32]), maximumQueries: 2, maximumKeys: 3)
        #expect {
            _ = try backend.attention(queries, keys: keys, values: keys, segments: segments, scale: 1)
        } throws: {
            guard case TensorError.executionFailed(operation: "attention", _) = $0 else { return false }
            return true
        }
    }

    @Test func anEmptySequencePoolsToZeros() throws {
        let pooled = try backend.pool(
            backend.upload([4, 8] as [Float], [2, 1]), starts: backend.upload([0, 2] as [Int32]),
            counts: backend.upload([2, 0] as [Int32]), maximumCount: 2, pooling: .median)
        #expect(try backend.readFloats(pooled) == [6, 0])
    }
}
