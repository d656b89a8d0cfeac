import Foundation
import Monge
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

@Suite struct WordListTests {
    @Test func wholeWordsInAnyCase() throws {
        let list = try WordList(["goal", "Football"])
        #expect(list.matches(in: "A GOAL! Football-mad fans; goals") == ["goal"])
        #expect(list.share(of: ["the goal", "goalless", "football", ""]) == 0.5)
        #expect(throws: MongeError.self) { try WordList([" ", ""]) }
    }
}

@Suite struct DeviceChoiceTests {
    @Test func readsWhatItPrints() throws {
        for choice in [DeviceChoice.automatic, .cpu, .cpuReference, .vulkan, .vulkanIndex(3), .vulkanName("llvmpipe")] {
            #expect(try DeviceChoice(choice.description) == choice)
        }
        for text in ["", "gpu", "vulkan:", "vulkan:-1", "CPU"] {
            #expect(throws: MongeError.self) { try DeviceChoice(text) }
        }
    }
}
