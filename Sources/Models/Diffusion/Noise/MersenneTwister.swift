/// The generator MT19937 (Matsumoto & Nishimura, "Mersenne Twister: a 623-dimensionally equidistributed uniform pseudo-random number
/// generator", 1998), seeded with one number as its authors do it.
struct MersenneTwister: RandomNumberGenerator {
    private static let count = 624
    private static let shift = 397
    private var state: [UInt32]
    /// The next number of the state to be given out; `count` when all were.
    private var place = MersenneTwister.count

    init(seed: UInt32) {
        state = [seed]
        state.reserveCapacity(Self.count)
        for index in 1..<Self.count {
            let last = state[index - 1]
            state.append(1_812_433_253 &* (last ^ (last >> 30)) &+ UInt32(index))
        }
    }

    /// The next number, of 32 bits.
    mutating func nextWord() -> UInt32 {
        if place == Self.count { refill() }
        var word = state[place]
        place += 1
        word ^= word >> 11
        word ^= (word << 7) & 0x9D2C_5680
        word ^= (word << 15) & 0xEFC6_0000
        return word ^ (word >> 18)
    }

    /// Two numbers, the first of them in the high half.
    mutating func next() -> UInt64 {
        let high = nextWord()
        return UInt64(high) << 32 | UInt64(nextWord())
    }

    private mutating func refill() {
        for index in 0..<Self.count {
            let mixed = (state[index] & 0x8000_0000) | (state[(index + 1) % Self.count] & 0x7FFF_FFFF)
            let twist: UInt32 = mixed & 1 == 0 ? 0 : 0x9908_B0DF
            state[index] = state[(index + Self.shift) % Self.count] ^ (mixed >> 1) ^ twist
        }
        place = 0
    }
}
