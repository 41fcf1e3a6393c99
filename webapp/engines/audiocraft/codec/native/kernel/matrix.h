// A matrix of weights in bfloat16, and its product with rows of activations; sums are in float32.
#pragma once

#include <algorithm>

#include "memory.h"
#include "pairs.h"

namespace soundloom {

// Outputs and rows that are computed together: as many sums as fit into registers beside their operands.
#if defined(__AVX512F__) && defined(__AVX512BW__)
constexpr int WIDE = 4, WIDE_ROWS = 6, NARROW_ROWS = 12;
#else
constexpr int WIDE = 2, WIDE_ROWS = 4, NARROW_ROWS = 6;
#endif

// Rows of activations, `stride` numbers apart; each is `taps` runs of numbers, `tap_stride` apart.
struct Rows {
    const uint16_t* first;
    std::size_t stride, tap_stride;
};

class Matrix {
public:
    Matrix() = default;

    // `weight` is (outputs, taps, width): `outputs` a multiple of LANES, `width` even.
    Matrix(const float* weight, int outputs, int taps, int width)
        : outputs_(outputs),
          taps_(taps),
          pairs_(width / 2),
          words_((std::size_t)outputs * taps * pairs_) {
        uint32_t* to = words_.data();
        for (int begin = 0; begin < outputs; begin += WIDE * LANES)
            for (int at = 0; at < taps * pairs_; at++)
                for (int output = begin; output < std::min(begin + WIDE * LANES, outputs); output++) {
                    const float* from = weight + (std::size_t)output * taps * width + 2 * at;
                    *to++ = to_half(from[0]) | (uint32_t)to_half(from[1]) << 16;
                }
    }

    int outputs() const { return outputs_; }
    int taps() const { return taps_; }
    int blocks() const { return (outputs_ + WIDE * LANES - 1) / (WIDE * LANES); }
    std::size_t bytes() const { return (std::size_t)outputs_ * taps_ * pairs_ * sizeof(uint32_t); }

    // One block of outputs for rows `begin` to `end`: `take(row, output, sums)` gets LANES sums at a time.
    template <typename Take>
    void multiply(int block, const Rows& rows, int begin, int end, const Take& take) const {
        const int vectors = std::min(WIDE, outputs_ / LANES - block * WIDE);
        if (vectors == WIDE) {
            all_rows<WIDE_ROWS, WIDE>(block, rows, begin, end, take);
            return;
        }
        for (int vector = 0; vector < vectors;) {
            if (vectors - vector >= 2) {
                all_rows<NARROW_ROWS, 2>(block, rows, begin, end, take, vector, vectors);
                vector += 2;
            } else {
                all_rows<NARROW_ROWS, 1>(block, rows, begin, end, take, vector, vectors);
                vector += 1;
            }
        }
    }

private:
    template <int ROWS, int VECTORS, typename Take>
    void all_rows(int block, const Rows& rows, int begin, int end, const Take& take, int vector = 0,
                  int vectors = VECTORS) const {
        int row = begin;
        for (; end - row >= ROWS; row += ROWS) tile<ROWS, VECTORS>(block, rows, row, take, vector, vectors);
        for (; end - row >= 2; row += 2) tile<2, VECTORS>(block, rows, row, take, vector, vectors);
        for (; row < end; row++) tile<1, VECTORS>(block, rows, row, take, vector, vectors);
    }

    // `vectors` are stored together, of which this computes VECTORS, from `vector` on.
    template <int ROWS, int VECTORS, typename Take>
    void tile(int block, const Rows& rows, int row, const Take& take, int vector, int vectors) const {
        const uint32_t* weights =
            words_.data() + (std::size_t)block * WIDE * LANES * taps_ * pairs_ + vector * LANES;
        Floats sum[ROWS][VECTORS] = {};
        for (int tap = 0; tap < taps_; tap++) {
            const uint16_t* from = rows.first + row * rows.stride + tap * rows.tap_stride;
#pragma GCC unroll 2
            for (int pair = 0; pair < pairs_; pair++, from += 2, weights += vectors * LANES) {
                Words weight[VECTORS];
#pragma GCC unroll 16
                for (int v = 0; v < VECTORS; v++) weight[v] = load_words(weights + v * LANES);
#pragma GCC unroll 16
                for (int r = 0; r < ROWS; r++) {
                    const Words same = all_pairs(from + r * rows.stride);
#pragma GCC unroll 16
                    for (int v = 0; v < VECTORS; v++) sum[r][v] = dot_pairs(weight[v], same, sum[r][v]);
                }
            }
        }
        for (int r = 0; r < ROWS; r++)
            for (int v = 0; v < VECTORS; v++) take(row + r, (block * WIDE + vector + v) * LANES, sum[r][v]);
    }

    int outputs_ = 0, taps_ = 0, pairs_ = 0;
    Array<uint32_t> words_;
};

}  // namespace soundloom
