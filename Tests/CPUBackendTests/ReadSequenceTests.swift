import CPUBackend
import CrossCheck
import Tensors
import Testing

/// What comes next is asked for ahead of its use, and no result depends on it.
@Suite struct ReadSequenceTests {
    private typealias Place = ReadSequence.Place

    @Test func theOrderOfTheLastTokenIsForetold() {
        var sequence = ReadSequence()
        let token = (1...61).map { Place(gain: $0, map: $0 % 3 == 0 ? 1000 + $0 : 0) }
        for place in token { _ = sequence.next(after: place) }
        for _ in 0..<3 {
            for (index, place) in token.enumerated() { #expect(sequence.next(after: place) == token[(index + 1) % token.count]) }
        }
        #expect(sequence.count == token.count)
    }

    /// A token without maps in between, and one that begins anew in the middle.
    @Test func whatComesOutOfTurnIsFoundAgain() {
        var sequence = ReadSequence()
        let (steered, plain) = ((1...20).map { Place(gain: $0, map: 500 + $0) }, (1...20).map { Place(gain: $0) })
        for place in steered + plain { _ = sequence.next(after: place) }
        for place in steered[..<7] { _ = sequence.next(after: place) }
        #expect(sequence.next(after: steered[0]) == steered[1])
        for place in plain[..<3] { _ = sequence.next(after: place) }
        #expect(sequence.next(after: plain[3]) == plain[4])
        // What follows is learned anew where it is another.
        _ = sequence.next(after: Place(gain: 99))
        _ = sequence.next(after: plain[3])
        #expect(sequence.next(after: Place(gain: 99)) != plain[5])
    }

    @Test func whatIsRememberedIsLimited() {
        var sequence = ReadSequence()
        for number in 1...(3 * UInt(ReadSequence.capacity)) {
            _ = sequence.next(after: Place(gain: number))
            #expect(sequence.count <= ReadSequence.capacity)
        }
    }

    /// Norms of other lengths, with maps that come and go with their memory: what is asked for may be of none of them any more.
    @Test(arguments: FastLinearTests.sets)
    func outdatedAddressesChangeNoBit(instructions: InstructionSet) throws {
        var numbers = SeededNumbers(seed: 41)
        let backend = try CPUBackend(threads: 2, instructions: instructions)
        let weight = numbers.weightBytes([600, 512], .q4_1)
        for round in 0..<6 {
            for channels in [512, 64, 2048] {
                let (x, gain) = (numbers.floats(channels), numbers.floats(channels))
                let map = numbers.floats(2 * channels * 4)
                func result(_ backend: any Backend) throws -> [Float] {
                    let transport = TransportApplication(
                        table: try backend.upload(map, [2, channels, 4]), indices: try backend.upload([Int32(round % 2)]),
                        strengths: try backend.upload([0.5 as Float]))
                    let normed = try backend.rmsNorm(
                        backend.upload(x, [1, channels]), gain: backend.upload(gain, [channels]), epsilon: 1e-5, transports: [transport])
                    // A region with an end, at which what comes next is fetched.
                    if channels == 512 { _ = try backend.linear(normed, weight: backend.upload(weight, [600, 512], .q4_1)) }
                    return try backend.readFloats(normed)
                }
                // A backend that has seen nothing before foretells nothing.
                let alone = try result(CPUBackend(threads: 2, instructions: instructions))
                #expect(try result(backend).map(\.bitPattern) == alone.map(\.bitPattern))
            }
        }
    }
}
