// The register tile that the matrix product and attention are made of: for TILE_ROWS numbers aᵣ and up to PANEL_VECTORS vectors,
//
//     sum[r][lane] = Σ_k a[r·row_stride + k·step] · b[k·vectors·LANES + lane].
//
// b is a panel: lanes side by side, k after k. A lane's sum is taken in the order of k, alone, so that it is the same whatever the
// other lanes hold and however many vectors and rows the tile has.

#if LANES == 16 || defined(__aarch64__)
// 24 sums, 3 vectors of b and one a: of 32 registers.
#define TILE_HEIGHTS 8, 4, 2, 1
enum { PANEL_VECTORS = 3, TILE_ROWS = 8 };
#elif HAS_FMA
// 12 sums, 2 vectors of b and two a: of 16 registers. (With 4 rows by 3 vectors there is one register too few to load an a ahead.)
#define TILE_HEIGHTS 6, 4, 2, 1
enum { PANEL_VECTORS = 2, TILE_ROWS = 6 };
#else
// 8 sums, 2 vectors of b, an a and a product.
#define TILE_HEIGHTS 4, 2, 1
enum { PANEL_VECTORS = 2, TILE_ROWS = 4 };
#endif
enum { PANEL_LANES = PANEL_VECTORS * LANES };

// Computes a tile and stores sum[r] at output + r·vectors·LANES: as it is, or added to what is there.
typedef void (*tile_function)(
    const float *a, size_t row_stride, size_t step, const float *b, size_t count, bool accumulate, float *output);

#define DEFINE_TILE(ROWS, VECTORS)                                                                                        \
    static void tile_##ROWS##_##VECTORS(                                                                                  \
        const float *a, size_t row_stride, size_t step, const float *b, size_t count, bool accumulate, float *output) {   \
        vfloat sum[ROWS][VECTORS] = {0};                                                                                  \
        const float *row[ROWS];                                                                                           \
        for (int r = 0; r < ROWS; r++) row[r] = a + (size_t)r * row_stride;                                               \
        for (size_t k = 0; k < count; k++) {                                                                              \
            vfloat lanes[VECTORS];                                                                                        \
            _Pragma("unroll") for (int v = 0; v < VECTORS; v++) lanes[v] = load(b + (k * VECTORS + (size_t)v) * LANES);   \
            _Pragma("unroll") for (int r = 0; r < ROWS; r++) {                                                            \
                vfloat factor = splat(row[r][k * step]);                                                                  \
                _Pragma("unroll") for (int v = 0; v < VECTORS; v++) sum[r][v] = fused(factor, lanes[v], sum[r][v]);       \
            }                                                                                                             \
        }                                                                                                                 \
        _Pragma("unroll") for (int r = 0; r < ROWS; r++) _Pragma("unroll") for (int v = 0; v < VECTORS; v++) {            \
            float *place = output + (r * VECTORS + v) * LANES;                                                            \
            store(place, accumulate ? load(place) + sum[r][v] : sum[r][v]);                                               \
        }                                                                                                                 \
    }

#if LANES == 16 || defined(__aarch64__)
#define DEFINE_TILES(ROWS) DEFINE_TILE(ROWS, 1) DEFINE_TILE(ROWS, 2) DEFINE_TILE(ROWS, 3)
#define TILES(ROWS) {tile_##ROWS##_1, tile_##ROWS##_2, tile_##ROWS##_3}
DEFINE_TILES(8)
#else
#define DEFINE_TILES(ROWS) DEFINE_TILE(ROWS, 1) DEFINE_TILE(ROWS, 2)
#define TILES(ROWS) {tile_##ROWS##_1, tile_##ROWS##_2}
#if HAS_FMA
DEFINE_TILES(6)
#endif
#endif
DEFINE_TILES(4)
DEFINE_TILES(2)
DEFINE_TILES(1)

// `rows` rows of tiles below one another.
static void tile_rows(
    size_t rows, size_t vectors, const float *a, size_t row_stride, size_t step, const float *b, size_t count, bool accumulate,
    float *output) {
    static const size_t heights[] = {TILE_HEIGHTS};
    static const tile_function tiles[][PANEL_VECTORS] = {
#if LANES == 16 || defined(__aarch64__)
        TILES(8),
#elif HAS_FMA
        TILES(6),
#endif
        TILES(4), TILES(2), TILES(1),
    };
    int size = 0;
    for (size_t r = 0; r < rows; r += heights[size]) {
        while (heights[size] > rows - r) size++;
        tiles[size][vectors - 1](a + r * row_stride, row_stride, step, b, count, accumulate, output + r * vectors * LANES);
    }
}

// Where the rows lie that become lanes: lane l begins at (l / group)·stride + (l % group)·elements.
typedef struct {
    size_t group;
    size_t stride;
} lane_layout;

INLINE size_t lane_offset(lane_layout layout, size_t lane, size_t elements) {
    return lane / layout.group * layout.stride + lane % layout.group * elements;
}

// Packs lanes first ..< first + lanes of `elements` numbers, times a factor, into a panel. Vectors without a row are zero.
static void pack_lanes(
    const float *base, lane_layout layout, size_t first, size_t lanes, size_t vectors, size_t elements, float factor,
    float *panel) {
    for (size_t v = 0; v < vectors; v++) {
        const float *row[LANES];
        size_t used = lanes > v * LANES ? lanes - v * LANES : 0;
        if (used > LANES) used = LANES;
        for (size_t l = 0; l < used; l++) row[l] = base + lane_offset(layout, first + v * LANES + l, elements);
        for (size_t k = 0; k < elements; k += LANES) {
            size_t width = elements - k < LANES ? elements - k : LANES;
            vfloat square[LANES] = {0};
            for (size_t l = 0; l < used; l++)
                square[l] = (width == LANES ? load(row[l] + k) : load_part(row[l] + k, width)) * factor;
            transpose(square);
            for (size_t i = 0; i < width; i++) store(panel + ((k + i) * vectors + v) * LANES, square[i]);
        }
    }
}
