import Foundation
import Monge
import Testing

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
