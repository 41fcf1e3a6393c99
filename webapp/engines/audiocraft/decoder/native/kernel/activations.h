// Rows of activations in 8 bits.
#pragma once

#include <algorithm>

#include "memory.h"
#include "simd.h"

namespace soundloom {

// Numbers that share a scale, in a row's activations and in an output's weights: few, so that an outlier affects
// little.
constexpr int GROUP = 16;

inline int groups_of(int width) { return (int)rounded((std::size_t)width, GROUP) / GROUP; }

// Quantized rows of activations, each of up to `most_groups` groups.
struct Activations {
    std::size_t most_groups = 0;
    Array<int8_t> values;
    Array<float> scales, centres;
    Array<int32_t> offsets;

    Activations() = default;
    Activations(int rows, int widest)
        : most_groups((std::size_t)groups_of(widest)),
          values(rows * most_groups * GROUP),
          scales(rows * most_groups),
          centres((std::size_t)rows),
          offsets(rows * most_groups) {}

    // Quantizes a row of a number of groups of floats. A number that is not finite makes its group NaN, and so its
    // row. Subtracting `centre` leaves less to round where most numbers have one sign.
    void put(int row, const float* from, int groups, float centre = 0.0f) {
        centres[row] = centre;
        for (int group = 0; group < groups; group++, from += GROUP) {
            alignas(ALIGNMENT) float off[GROUP];
            for (int at = 0; at < GROUP; at += LANES) store(off + at, load(from + at) - centre);
            put_group(row * most_groups + group, off);
        }
    }

    // Stores the rounding errors of another row, which has the same floats and no centre. The sum of a layer's
    // outputs for both rows is nearly its output for the floats.
    void put_rest(int row, int of, const float* from, int groups) {
        centres[row] = 0.0f;
        for (int group = 0; group < groups; group++, from += GROUP) {
            const std::size_t other = of * most_groups + group;
            alignas(ALIGNMENT) float rest[GROUP];
            for (int at = 0; at < GROUP; at += LANES)
                store(rest + at,
                      fused(load_octets(values.data() + other * GROUP + at), all(-scales[other]), load(from + at)));
            put_group(row * most_groups + group, rest);
        }
    }

private:
    void put_group(std::size_t group, const float* from) {
        int8_t* to = values.data() + group * GROUP;
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
        scales[group] = largest / 127.0f + sum_of(poison);
        offsets[group] = -WEIGHT_OFFSET * sum_of(sum);
    }
};

// The midpoint between the smallest and the largest of a row, averaged over its parts: see Activations::put.
inline float middle_of(const float* from, int count) {
    float sum = 0.0f;
    int parts = 0;
    for (int first = 0; first < count; first += GROUP * LANES, parts++) {
        Floats least = load(from + first), most = least;
        for (int at = first + LANES; at < std::min(first + GROUP * LANES, count); at += LANES) {
            const Floats part = load(from + at);
            least = select(part < least, part, least);
            most = larger(part, most);
        }
        sum += sum_of(least + most);
    }
    return sum / (float)(2 * LANES * parts);
}

}  // namespace soundloom
