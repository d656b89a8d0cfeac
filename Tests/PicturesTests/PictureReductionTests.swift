import Pictures
import Testing

@Suite struct PictureReductionTests {
    @Test func pixelsBecomeMeans() {
        // Five columns, three rows; red counts pixels, green is constant, blue is what rounds.
        let picture = Picture(width: 5, height: 3, pixels: (0..<15).flatMap { [UInt8($0), 9, UInt8($0 % 2)] })
        let reduced = picture.reduced(toSide: 3)
        #expect(reduced.width == 3 && reduced.height == 2)
        #expect(
            reduced.pixels == [
                3, 9, 1, 5, 9, 1, 7, 9, 1,  // (0+1+5+6)/4 = 3, (2+3+7+8)/4 = 5, (4+9)/2 = 6.5
                11, 9, 1, 13, 9, 1, 14, 9, 0,  // (10+11)/2 = 10.5, (12+13)/2 = 12.5, 14
            ])
        #expect(picture.reduced(toSide: 5) == picture && picture.reduced(toSide: 9) == picture)
        #expect(picture.reduced(toSide: 1).pixels == [7, 9, 0])
    }
}
