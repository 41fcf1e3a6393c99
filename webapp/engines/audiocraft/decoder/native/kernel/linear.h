// Linear maps with weights of 8 bits, one scale per output, and activations of 8 bits, one scale per group.
//
// Rows keep to themselves: sums within a group are of integers and so exact, groups are added in their order,
// and every output has a lane of its own. A row's result is the same bits in any company.
#pragma once

#include <algorithm>

#include "memory.h"
#include "simd.h"

namespace soundloom {

// Activations that share a scale: few enough that one that stands out spoils little.
constexpr int GROUP = 64;
constexpr int VECTORS = 4;
// Outputs that are computed together; their weights lie together, in the order in which they are read.
constexpr int BLOCK = VECTORS * LANES;
constexpr int QUADS = GROUP / 4;
#if defined(__AVX512F__) && defined(__AVX512BW__)
constexpr int ROWS_AT_ONCE = 4;
#else
constexpr int ROWS_AT_ONCE = 2;
#endif

// How far ahead of the weights in use memory is asked for more.
constexpr int AHEAD_BYTES = 4096;

inline int groups_of(int width) { return (int)rounded((std::size_t)width, GROUP) / GROUP; }

// Rows of activations, quantised; each of up to `most_groups` groups.
struct Activations {
    std::size_t most_groups = 0;
    Array<int8_t> values;
    Array<float> scales;
    Array<int32_t> offsets;

    Activations() = default;
    Activations(int rows, int widest)
        : most_groups((std::size_t)groups_of(widest)),
          values(rows * most_groups * GROUP),
          scales(rows * most_groups),
          offsets(rows * most_groups) {}

    // Takes in a row of so many groups of floats. What is not finite makes its group NaN, and so its row.
    void put(int row, const float* from, int groups) {
        int8_t* to = values.data() + row * most_groups * GROUP;
        for (int group = 0; group < groups; group++, from += GROUP, to += GROUP) {
            Floats most{}, poison{};
            for (int at = 0; at < GROUP; at += LANES) {
                const Floats part = load(from + at);
                most = larger(magnitude(part), most);
                poison = fused(part, Floats{}, poison);
            }
            const float largest = largest_of(most);
            const Floats inverse = all(largest > 1e-30f ? 127.0f / largest : 0.0f);
            Ints sum{};
            for (int at = 0; at < GROUP; at += LANES) {
                const Ints value = nearest(load(from + at) * inverse);
                sum += value;
                store_octets(to + at, value);
            }
            int32_t total = 0;
            for (int lane = 0; lane < LANES; lane++) total += sum[lane];
            scales[row * most_groups + group] = largest / 127.0f + sum_of(poison);
            offsets[row * most_groups + group] = -WEIGHT_OFFSET * total;
        }
    }
};

class Linear {
public:
    Linear() = default;
    Linear(int in, int out)
        : in_(in),
          out_(out),
          groups_(groups_of(in)),
          weights_((std::size_t)blocks() * block_bytes()),
          scales_((std::size_t)blocks() * BLOCK),
          biases_((std::size_t)blocks() * BLOCK) {}

    int in() const { return in_; }
    int out() const { return out_; }
    int blocks() const { return (int)rounded((std::size_t)out_, BLOCK) / BLOCK; }

    // Quantises one block's share of `weight` (out, in) and `bias` (out, or none).
    void put(int block, const float* weight, const float* bias) {
        int8_t* to = weights_.data() + (std::size_t)block * block_bytes();
        std::fill(to, to + block_bytes(), (int8_t)WEIGHT_OFFSET);
        for (int lane = 0; lane < BLOCK && block * BLOCK + lane < out_; lane++) {
            const std::size_t output = (std::size_t)block * BLOCK + lane;
            const float* from = weight + output * in_;
            float largest = 0.0f;
            for (int at = 0; at < in_; at++) {
                const float size = from[at] < 0 ? -from[at] : from[at];
                largest = size > largest || size != size ? size : largest;
            }
            const float inverse = largest > 1e-30f ? 127.0f / largest : 0.0f;
            for (int at = 0; at < in_; at++) {
                const int value = (int)(from[at] * inverse + (from[at] < 0 ? -0.5f : 0.5f));
                to[(std::size_t)(at / 4) * BLOCK * 4 + lane * 4 + at % 4] = (int8_t)(value + WEIGHT_OFFSET);
            }
            scales_[output] = largest / 127.0f;
            biases_[output] = bias ? bias[output] : 0.0f;
        }
    }

    // One block of outputs for `rows` rows: `result` gets (rows, BLOCK) floats.
    void multiply(int block, const Activations& activations, int rows, float* result) const {
        int row = 0;
        for (; row + ROWS_AT_ONCE <= rows; row += ROWS_AT_ONCE)
            tile<ROWS_AT_ONCE>(block, activations, row, result + (std::size_t)row * BLOCK);
        for (; row + 2 <= rows; row += 2) tile<2>(block, activations, row, result + (std::size_t)row * BLOCK);
        for (; row < rows; row++) tile<1>(block, activations, row, result + (std::size_t)row * BLOCK);
    }

private:
    std::size_t block_bytes() const { return (std::size_t)groups_ * GROUP * BLOCK; }

    template <int ROWS>
    void tile(int block, const Activations& activations, int row, float* result) const {
        const int8_t* weights = weights_.data() + (std::size_t)block * block_bytes();
        const int8_t* values[ROWS];
        for (int r = 0; r < ROWS; r++)
            values[r] = activations.values.data() + (row + r) * activations.most_groups * GROUP;
        Floats total[ROWS][VECTORS] = {};
        for (int group = 0; group < groups_; group++) {
            const std::size_t first = row * activations.most_groups + group;
            Ints sum[ROWS][VECTORS];
            for (int r = 0; r < ROWS; r++)
                for (int v = 0; v < VECTORS; v++)
                    sum[r][v] = all_ints(activations.offsets[first + r * activations.most_groups]);
#pragma GCC unroll 4
            for (int quad = 0; quad < QUADS; quad++, weights += BLOCK * 4) {
                for (int line = 0; line < BLOCK * 4; line += 64) __builtin_prefetch(weights + AHEAD_BYTES + line);
                Bytes weight[VECTORS];
                std::memcpy(weight, weights, sizeof weight);
                for (int r = 0; r < ROWS; r++) {
                    int32_t four;
                    std::memcpy(&four, values[r] + group * GROUP + quad * 4, 4);
                    const Ints same = all_ints(four);
                    for (int v = 0; v < VECTORS; v++) sum[r][v] = dot(weight[v], same, sum[r][v]);
                }
            }
            for (int r = 0; r < ROWS; r++) {
                const Floats scale = all(activations.scales[first + r * activations.most_groups]);
                for (int v = 0; v < VECTORS; v++)
                    total[r][v] = fused(__builtin_convertvector(sum[r][v], Floats), scale, total[r][v]);
            }
        }
        for (int r = 0; r < ROWS; r++)
            for (int v = 0; v < VECTORS; v++) {
                const std::size_t output = (std::size_t)block * BLOCK + v * LANES;
                store(result + r * BLOCK + v * LANES,
                      fused(total[r][v], load(scales_.data() + output), load(biases_.data() + output)));
            }
    }

    int in_ = 0, out_ = 0, groups_ = 0;
    Array<int8_t> weights_;
    Array<float> scales_, biases_;
};

}  // namespace soundloom
