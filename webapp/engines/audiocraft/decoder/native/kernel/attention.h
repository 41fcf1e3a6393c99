// Keys and values of one row and one head, in bfloat16, and attention to them.
#pragma once

#include "memory.h"
#include "simd.h"

namespace soundloom {

// What a layer's heads look like in a cache of `length` positions.
//
// Keys lie in blocks of LANES positions, dimension by dimension, so that a vector holds one dimension of
// LANES positions; values lie position by position, each filled up to whole vectors.
struct CacheShape {
    int heads = 0, width = 0, length = 0;

    CacheShape() = default;
    CacheShape(int heads, int width, int positions)
        : heads(heads), width(width), length((int)rounded((std::size_t)positions, LANES)) {}

    int value_width() const { return (int)rounded((std::size_t)width, LANES); }
    std::size_t keys_per_head() const { return (std::size_t)length * width; }
    std::size_t values_per_head() const { return (std::size_t)length * value_width(); }
    std::size_t per_layer() const { return (keys_per_head() + values_per_head()) * heads; }
};

// Keys and values of a row for all layers.
class Cache {
public:
    Cache() = default;
    Cache(CacheShape shape, int layers) : shape_(shape), memory_(shape.per_layer() * layers) {}

    const CacheShape& shape() const { return shape_; }
    void forget() { memory_.forget(); }

    uint16_t* keys(int layer, int head) {
        return memory_.data() + shape_.per_layer() * layer + shape_.keys_per_head() * head;
    }
    uint16_t* values(int layer, int head) {
        return memory_.data() + shape_.per_layer() * layer + shape_.keys_per_head() * shape_.heads +
               shape_.values_per_head() * head;
    }

    // Writes the keys and values (heads × width each) of one position.
    void put(int layer, int position, const float* keys_from, const float* values_from) {
        for (int head = 0; head < shape_.heads; head++) {
            uint16_t* to = keys(layer, head) + (std::size_t)(position / LANES) * LANES * shape_.width + position % LANES;
            uint16_t* value = values(layer, head) + (std::size_t)position * shape_.value_width();
            for (int d = 0; d < shape_.width; d++) {
                to[(std::size_t)d * LANES] = to_half(*keys_from++);
                value[d] = to_half(*values_from++);
            }
        }
    }

private:
    CacheShape shape_;
    Array<uint16_t> memory_;
};

// Where a thread keeps the weights of one row's positions.
inline std::size_t scores_needed(int positions) { return rounded((std::size_t)positions, LANES); }

// softmax(query · keys) for positions before `length`, not yet divided by their sum; returns the sum.
inline float attention_weights(const float* query, const uint16_t* keys, int width, int length, float* scores) {
    const float lowest = -__builtin_inff();
    Floats most = all(lowest);
    Ints position;
    for (int lane = 0; lane < LANES; lane++) position[lane] = lane;
    for (int at = 0; at < length; at += LANES, keys += (std::size_t)LANES * width) {
        Floats score[4] = {};
        int d = 0;
        for (; d + 4 <= width; d += 4)
            for (int part = 0; part < 4; part++)
                score[part] = fused(all(query[d + part]), load_halves(keys + (d + part) * LANES), score[part]);
        for (; d < width; d++) score[0] = fused(all(query[d]), load_halves(keys + d * LANES), score[0]);
        // Beyond the end lies what another sequence left there, which may be anything.
        const Floats whole = select(position + at < length, (score[0] + score[1]) + (score[2] + score[3]), all(lowest));
        most = larger(whole, most);
        store(scores + at, whole);
    }
    const Floats top = all(largest_of(most));
    Floats sum{};
    for (int at = 0; at < length; at += LANES) {
        const Floats score = load(scores + at);
        // A comparison with NaN is false, so that NaN takes the way on which it stays NaN.
        const Floats weight = select(score == lowest, Floats{}, exponential(score - top) + (score - score));
        sum += weight;
        store(scores + at, weight);
    }
    return sum_of(sum);
}

// The mean of values, weighted: `VECTORS_OUT` vectors of it, beginning where `values` points to.
template <int VECTORS_OUT>
inline void weighted_values(const float* scores, const uint16_t* values, int stride, int length, float scale,
                            float* result) {
    Floats sum[2][VECTORS_OUT] = {};
    int at = 0;
    for (; at + 2 <= length; at += 2, values += 2 * (std::size_t)stride)
        for (int half = 0; half < 2; half++)
            for (int v = 0; v < VECTORS_OUT; v++)
                sum[half][v] = fused(all(scores[at + half]), load_halves(values + half * stride + v * LANES), sum[half][v]);
    if (at < length)
        for (int v = 0; v < VECTORS_OUT; v++)
            sum[0][v] = fused(all(scores[at]), load_halves(values + v * LANES), sum[0][v]);
    for (int v = 0; v < VECTORS_OUT; v++) store(result + v * LANES, (sum[0][v] + sum[1][v]) * scale);
}

// One head's attention: `query` (width), already scaled, to the first `length` positions, at least one.
// `scratch` holds `scores_needed(length)` floats and after them room for a head's values.
inline void attend(const float* query, Cache& cache, int layer, int head, int length, float* scratch, float* result) {
    const CacheShape& shape = cache.shape();
    float* mean = scratch + scores_needed(length);
    const float sum = attention_weights(query, cache.keys(layer, head), shape.width, length, scratch);
    const uint16_t* values = cache.values(layer, head);
    const int stride = shape.value_width();
    int at = 0;
    for (; at + 4 * LANES <= stride; at += 4 * LANES)
        weighted_values<4>(scratch, values + at, stride, length, 1.0f / sum, mean + at);
    for (; at < stride; at += LANES)
        weighted_values<1>(scratch, values + at, stride, length, 1.0f / sum, mean + at);
    std::memcpy(result, mean, (std::size_t)shape.width * sizeof(float));
}

}  // namespace soundloom
