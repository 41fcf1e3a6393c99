// Linear layers with weights and activations in 8 bits, with a scale for every group.
//
// Rows are independent: sums within a group are of integers and exact, groups are added in order, and every output
// has a lane of its own. A row's result is the same to the last bit in any batch.
#pragma once

#include <algorithm>
#include <numeric>

#include "activations.h"

namespace soundloom {

constexpr int VECTORS = 4;
// Outputs that are computed together; their weights are stored together, in the order in which they are read.
constexpr int BLOCK = VECTORS * LANES;
constexpr int QUADS = GROUP / 4;
#if defined(__AVX512F__) && defined(__AVX512BW__)
constexpr int ROWS_AT_ONCE = 4;
#else
constexpr int ROWS_AT_ONCE = 2;
#endif

// The bytes of a group in a block: its weights, then for each output the group's share of the output's scale.
constexpr int GROUP_BYTES = GROUP * BLOCK + BLOCK;
constexpr float WHOLE_SHARE = 255.0f;
// How many shares above the smallest possible are tried for each group of weights.
constexpr int SHARES_TRIED = 16;
// Weights by which all rows are multiplied before the next ones are read; they stay in the nearest cache.
constexpr int PANEL_GROUPS = 16;
// How far ahead of the weights in use memory is prefetched.
constexpr int AHEAD_BYTES = 4096;

class Linear {
public:
    Linear() = default;
    Linear(int in, int out, Arena& arena)
        : in_(in),
          out_(out),
          groups_(groups_of(in)),
          weights_(arena.take<int8_t>(blocks() * block_bytes())),
          scales_(arena.take<float>((std::size_t)blocks() * BLOCK)),
          biases_(arena.take<float>((std::size_t)blocks() * BLOCK)),
          sums_(arena.take<float>((std::size_t)blocks() * BLOCK)) {}

    // The bytes that a layer takes of an arena.
    static std::size_t bytes(int in, int out) {
        const std::size_t outputs = rounded((std::size_t)out, BLOCK);
        return outputs / BLOCK * groups_of(in) * GROUP_BYTES +
               3 * rounded(outputs * sizeof(float), ALIGNMENT);
    }

    int in() const { return in_; }
    int out() const { return out_; }
    int blocks() const { return (int)rounded((std::size_t)out_, BLOCK) / BLOCK; }

    int outputs_of(int block) const { return std::min(BLOCK, out_ - block * BLOCK); }

    // Quantizes one block of outputs from `weight` (outputs, in) and `bias` (outputs, or none).
    void put(int block, const float* weight, const float* bias) {
        int8_t* to = weights_ + (std::size_t)block * block_bytes();
        std::fill(to, to + block_bytes(), (int8_t)WEIGHT_OFFSET);
        for (int lane = 0; lane < outputs_of(block); lane++, weight += in_) {
            const std::size_t output = (std::size_t)block * BLOCK + lane;
            const float largest = largest_size(weight, in_);
            for (int group = 0; group < groups_; group++) {
                alignas(ALIGNMENT) float few[GROUP] = {};
                std::copy_n(weight + group * GROUP, std::min(GROUP, in_ - group * GROUP), few);
                put_group(to + (std::size_t)group * GROUP_BYTES, lane, few, largest);
            }
            scales_[output] = largest / (127.0f * WHOLE_SHARE);
            biases_[output] = bias ? bias[lane] : 0.0f;
            sums_[output] = std::accumulate(weight, weight + in_, 0.0f);
        }
    }

    // The rounding errors of the weights: (outputs, in).
    void rest(int block, const float* weight, float* to) const {
        const int8_t* from = weights_ + (std::size_t)block * block_bytes();
        for (int lane = 0; lane < outputs_of(block); lane++) {
            const float scale = scales_[(std::size_t)block * BLOCK + lane];
            for (int at = 0; at < in_; at++) {
                const int8_t* group = from + (std::size_t)(at / GROUP) * GROUP_BYTES;
                const int8_t byte = group[place(lane, at % GROUP)];
                const int value = WEIGHT_OFFSET ? (uint8_t)byte - WEIGHT_OFFSET : byte;
                const int share = (uint8_t)group[GROUP * BLOCK + lane];
                *to++ = *weight++ - (float)value * ((float)share * scale);
            }
        }
    }

    // Computes one block of outputs for `rows` rows into `result` (rows, BLOCK), which should be aligned. Rows from
    // `rests` on are rounding errors of other rows, which include the bias already.
    void multiply(int block, const Activations& activations, int rows, int rests, float* result) const {
        std::fill(result, result + (std::size_t)rows * BLOCK, 0.0f);
        for (int group = 0; group < groups_; group += PANEL_GROUPS) {
            const int end = std::min(group + PANEL_GROUPS, groups_);
            const Panel panel{weights_ + block * block_bytes() + (std::size_t)group * GROUP_BYTES, group, end};
            if (rows <= ROWS_AT_ONCE) tiles<4>(panel, activations, rows, result);
            else if (rows <= 2 * ROWS_AT_ONCE) tiles<2>(panel, activations, rows, result);
            else tiles<1>(panel, activations, rows, result);
        }
        const std::size_t first = (std::size_t)block * BLOCK;
        for (int row = 0; row < rows; row++, result += BLOCK) {
            const Floats centre = all(activations.centres[row]);
            for (int at = 0; at < BLOCK; at += LANES) {
                const Floats bias = row < rests ? load(biases_ + first + at) : Floats{};
                const Floats same = fused(centre, load(sums_ + first + at), bias);
                store(result + at, fused(load(result + at), load(scales_ + first + at), same));
            }
        }
    }

private:
    // NaN if any number is.
    static float largest_size(const float* from, int count) {
        float largest = 0.0f;
        for (int at = 0; at < count; at++) {
            const float size = from[at] < 0 ? -from[at] : from[at];
            largest = size > largest || size != size ? size : largest;
        }
        return largest;
    }

    static int place(int lane, int at) { return at / 4 * BLOCK * 4 + lane * 4 + at % 4; }

    // Stores one output's weights of a group; `largest` is the largest of all its weights.
    static void put_group(int8_t* to, int lane, const float* few, float largest) {
        const int share = best_share(few, largest);
        const Floats inverse = all(share ? 127.0f * WHOLE_SHARE / ((float)share * largest) : 0.0f);
        for (int at = 0; at < GROUP; at += LANES) {
            const Ints values = rounded_weights(load(few + at) * inverse);
            for (int of = 0; of < LANES; of++) to[place(lane, at + of)] = (int8_t)(values[of] + WEIGHT_OFFSET);
        }
        to[GROUP * BLOCK + lane] = (int8_t)share;
    }

    // Chooses the share of its output's scale that a group gets: of those near the smallest that spans it, the one
    // with the smallest squared rounding error.
    static int best_share(const float* few, float largest) {
        const float part = largest > 1e-30f ? largest_size(few, GROUP) / largest * WHOLE_SHARE : 0.0f;
        if (!(part > 0.0f)) return 0;
        int best = 0;
        float least = 0.0f;
        const int most = std::min((int)part + SHARES_TRIED, (int)WHOLE_SHARE);
        for (int share = std::max((int)part - 1, 1); share <= most; share++) {
            const float step = (float)share * largest / (127.0f * WHOLE_SHARE);
            Floats squares{};
            for (int at = 0; at < GROUP; at += LANES) {
                const Floats weight = load(few + at);
                const Floats whole = __builtin_convertvector(rounded_weights(weight * (1.0f / step)), Floats);
                const Floats off = fused(whole, all(-step), weight);
                squares = fused(off, off, squares);
            }
            const float error = sum_of(squares);
            if (!best || error < least) best = share, least = error;
        }
        return best;
    }

    static Ints rounded_weights(Floats weight) {
        const Floats most = all(127.0f);
        weight = select(weight > most, most, select(weight < -most, -most, weight));
        return nearest(weight);
    }

    // Groups `group` to `end` of the weights of one block of outputs.
    struct Panel {
        const int8_t* weights;
        int group, end;
    };

    std::size_t block_bytes() const { return (std::size_t)groups_ * GROUP_BYTES; }

    // Multiplies all rows by one panel, while the next one is prefetched: each tile prefetches its part, more LINES
    // at a time if there are fewer tiles.
    template <int LINES>
    static void tiles(const Panel& panel, const Activations& activations, int rows, float* result) {
        const std::size_t bytes = (std::size_t)(panel.end - panel.group) * GROUP_BYTES;
        const int8_t* ahead = panel.weights + (LINES == 4 ? (std::size_t)AHEAD_BYTES : bytes);
        for (int row = 0; row < rows; ahead += bytes * LINES * 64 / (BLOCK * 4)) {
            float* to = result + (std::size_t)row * BLOCK;
            if (rows - row >= ROWS_AT_ONCE) row += tile<ROWS_AT_ONCE, LINES>(panel, activations, row, ahead, to);
            else if (rows - row >= 2) row += tile<2, LINES>(panel, activations, row, ahead, to);
            else row += tile<1, LINES>(panel, activations, row, ahead, to);
        }
    }

    template <int ROWS, int LINES>
    static int tile(const Panel& panel, const Activations& activations, int row, const int8_t* ahead,
                    float* result) {
        const int8_t* weights = panel.weights;
        const std::size_t most_groups = activations.most_groups, stride = most_groups * GROUP;
        std::size_t at = row * most_groups + (std::size_t)panel.group;
        for (int group = panel.group; group < panel.end; group++, at++, weights += BLOCK) {
            const int8_t* shares = weights + GROUP * BLOCK;
            if (LINES == 4) __builtin_prefetch(ahead), ahead += BLOCK;
            const int8_t* values = activations.values.data() + at * GROUP;
            Ints sum[ROWS][VECTORS];
#pragma GCC unroll 16
            for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 16
                for (int v = 0; v < VECTORS; v++) sum[r][v] = all_ints(activations.offsets[at + r * most_groups]);
#pragma GCC unroll 1
            for (int quad = 0; quad < QUADS; quad++, weights += BLOCK * 4, values += 4, ahead += LINES * 64) {
#pragma GCC unroll 16
                for (int line = 0; line < LINES; line++) __builtin_prefetch(ahead + line * 64);
                Bytes weight[VECTORS];
#pragma GCC unroll 16
                for (int v = 0; v < VECTORS; v++) weight[v] = load_bytes(weights + v * LANES * 4);
#pragma GCC unroll 16
                for (int r = 0; r < ROWS; r++) {
                    const Ints same = all_ints(load_four(values + r * stride));
#pragma GCC unroll 16
                    for (int v = 0; v < VECTORS; v++) sum[r][v] = dot(weight[v], same, sum[r][v]);
                }
            }
            Floats share[VECTORS];
#pragma GCC unroll 16
            for (int v = 0; v < VECTORS; v++) share[v] = load_unsigned(shares + v * LANES);
#pragma GCC unroll 16
            for (int r = 0; r < ROWS; r++) {
                const Floats scale = all(activations.scales[at + r * most_groups]);
#pragma GCC unroll 16
                for (int v = 0; v < VECTORS; v++) {
                    float* total = result + r * BLOCK + v * LANES;
                    store(total, fused(__builtin_convertvector(sum[r][v], Floats), scale * share[v], load(total)));
                }
            }
            // With few rows all sums fit into registers. With more, the sums over groups stay in `result`: otherwise
            // the compiler keeps them in registers, and not the weights, which are used more often.
            if (ROWS > 2) asm volatile("" ::: "memory");
        }
        return ROWS;
    }

    int in_ = 0, out_ = 0, groups_ = 0;
    int8_t* weights_ = nullptr;
    float *scales_ = nullptr, *biases_ = nullptr, *sums_ = nullptr;
};

}  // namespace soundloom
