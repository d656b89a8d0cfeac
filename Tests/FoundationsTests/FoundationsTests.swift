import Foundations
import Testing

@Suite struct SeededGeneratorTests {
    /// The first outputs for seed 0 and 1234567 from the algorithm's published test vectors (Vigna's splitmix64.c).
    @Test func publishedVectors() {
        var generator = SeededGenerator(seed: 1_234_567)
        let expected: [UInt64] = [
            6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423, 4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ]
        #expect((0..<5).map { _ in generator.next() } == expected)
    }
}

@Suite struct FNVHashTests {
    /// From the test suite of the algorithm's authors (test_fnv.c).
    @Test func publishedVectors() {
        #expect(FNVHash("".utf8).text == "cbf29ce484222325")
        #expect(FNVHash("a".utf8).text == "af63dc4c8601ec8c")
        #expect(FNVHash("foobar".utf8).text == "85944171f73967e8")
    }

    @Test func theHashGoesOnFromWhatWasAdded() {
        var hash = FNVHash("foo".utf8)
        hash.add("bar".utf8)
        #expect(hash.value == FNVHash("foobar".utf8).value)
    }
}
