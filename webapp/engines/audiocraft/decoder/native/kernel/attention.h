// The key-value cache in 8 bits, and attention to it.
#pragma once

#include <algorithm>

#include "memory.h"
#include "simd.h"

namespace soundloom {

// Positions that are stored together. Memory is touched chunk by chunk, so that a row takes what its length needs.
constexpr int CHUNK = 256;
// A position's keys share one scale per head. Its values have one scale per group: their errors enter the output
// directly, while errors of keys only shift the attention a little.
constexpr int VALUE_GROUP = 16;

// The layout of a cache. Keys are stored in blocks of LANES positions, dimension by dimension, so that a vector holds
// one dimension of LANES positions; values are stored position by position, padded to whole groups. Scales are in
// bfloat16, those of a chunk's positions next to each other.
struct CacheShape {
    int layers = 0, heads = 0, width = 0, chunk = 0, chunks = 0;

    CacheShape() = default;
    CacheShape(int layers, int heads, int width, int positions)
        : layers(layers),
          heads(heads),
          width(width),
          chunk(std::min(CHUNK, (int)rounded((std::size_t)positions, LANES))),
          chunks((positions + chunk - 1) / chunk) {}

    int value_width() const { return (int)rounded((std::size_t)width, VALUE_GROUP); }
    int value_groups() const { return value_width() / VALUE_GROUP; }
    std::size_t numbers() const { return (std::size_t)chunk * (width + value_width()); }
    std::size_t scales() const { return (std::size_t)(1 + value_groups()) * chunk; }
    std::size_t bytes() const { return rounded(numbers() + scales() * sizeof(uint16_t), ALIGNMENT); }
    std::size_t size() const { return bytes() * heads * layers * chunks; }
};

// A view of one head's part of a chunk.
struct CachedChunk {
    int8_t *keys, *values;
    uint16_t *key_scales, *value_scales;
};

// Rounds numbers to 8 bits, `apart` bytes apart; returns their scale, which is not finite if a number is not.
inline uint16_t quantized(const float* from, int count, int8_t* to, int apart) {
    float largest = 0.0f, poison = 0.0f;
    for (int at = 0; at < count; at++) {
        const float size = from[at] < 0 ? -from[at] : from[at];
        largest = size > largest ? size : largest;
        poison += from[at] * 0.0f;
    }
    // Rounded up, so that no number exceeds 127.
    const float wanted = largest / 127.0f + poison;
    uint32_t bits;
    std::memcpy(&bits, &wanted, sizeof bits);
    bits = (bits + 0xffffu) & 0xffff0000u;
    float scale;
    std::memcpy(&scale, &bits, sizeof scale);
    const float inverse = scale > 1e-30f ? 1.0f / scale : 0.0f;
    for (int at = 0; at < count; at++) {
        const float whole = from[at] * inverse + ROUNDING;
        uint32_t value;
        std::memcpy(&value, &whole, sizeof value);
        to[(std::size_t)at * apart] = (int8_t)(value - ROUNDING_BITS);
    }
    return (uint16_t)(bits >> 16);
}

// The keys and values of a row for all layers.
class Cache {
public:
    Cache() = default;
    explicit Cache(CacheShape shape) : shape_(shape), memory_(shape.size()) {}

    const CacheShape& shape() const { return shape_; }
    void forget() { memory_.forget(); }

    CachedChunk view(int layer, int head, int chunk) {
        const std::size_t number = ((std::size_t)chunk * shape_.layers + layer) * shape_.heads + head;
        int8_t* keys = memory_.data() + number * shape_.bytes();
        uint16_t* scales = reinterpret_cast<uint16_t*>(keys + shape_.numbers());
        return {keys, keys + (std::size_t)shape_.chunk * shape_.width, scales, scales + shape_.chunk};
    }

    // Writes the keys and values (heads × width each) of one position.
    void put(int layer, int position, const float* keys, const float* values) {
        const int inside = position % shape_.chunk, width = shape_.width;
        for (int head = 0; head < shape_.heads; head++, keys += width, values += width) {
            const CachedChunk to = view(layer, head, position / shape_.chunk);
            int8_t* key = to.keys + (std::size_t)(inside / LANES) * LANES * width + inside % LANES;
            int8_t* value = to.values + (std::size_t)inside * shape_.value_width();
            to.key_scales[inside] = quantized(keys, width, key, LANES);
            for (int group = 0; group < shape_.value_groups(); group++) {
                const int first = group * VALUE_GROUP, count = std::min(VALUE_GROUP, width - first);
                to.value_scales[group * shape_.chunk + inside] = quantized(values + first, count, value + first, 1);
            }
        }
    }

private:
    CacheShape shape_;
    Array<int8_t> memory_;
};

// The scratch space for the attention weights of one row.
inline std::size_t scores_needed(int positions) { return rounded((std::size_t)positions, LANES); }

// Computes query · key for the `length` positions of a chunk; returns the largest by lanes.
inline Floats score(const float* query, const CachedChunk& cached, int width, int length, float* scores) {
    const float lowest = -__builtin_inff();
    const int8_t* keys = cached.keys;
    Floats most = all(lowest);
    Ints position;
    for (int lane = 0; lane < LANES; lane++) position[lane] = lane;
    for (int at = 0; at < length; at += LANES, keys += (std::size_t)LANES * width) {
        Floats sum[4] = {};
        int d = 0;
        for (; d + 4 <= width; d += 4)
            for (int part = 0; part < 4; part++)
                sum[part] = fused(all(query[d + part]), load_octets(keys + (d + part) * LANES), sum[part]);
        for (; d < width; d++) sum[0] = fused(all(query[d]), load_octets(keys + d * LANES), sum[0]);
        const Floats whole = ((sum[0] + sum[1]) + (sum[2] + sum[3])) * load_halves(cached.key_scales + at);
        // Beyond the end is stale data of another sequence.
        const Floats score = select(position + at < length, whole, all(lowest));
        most = larger(score, most);
        store(scores + at, score);
    }
    return most;
}

// Replaces scores by their exponentials and returns the sum; softmax is their quotient.
inline float exponentiate(float* scores, int length, float most) {
    const Floats top = all(most), lowest = all(-__builtin_inff());
    Floats sum{};
    for (int at = 0; at < length; at += LANES) {
        const Floats score = load(scores + at);
        // Values that are not finite stay so: score - score is NaN then.
        const Floats weight = select(score == lowest, Floats{}, exponential(score - top) + (score - score));
        sum += weight;
        store(scores + at, weight);
    }
    return sum_of(sum);
}

// Adds the weighted values of a chunk: VECTORS_OUT vectors, starting with dimension `first`. `weights` are those of
// the positions times their values' scales, group after group.
template <int VECTORS_OUT>
inline void add_values(const float* weights, const CachedChunk& cached, int stride, int first, int length,
                       float* result) {
    Floats sum[2][VECTORS_OUT] = {};
    const int8_t* values = cached.values + first;
    const float* weight[VECTORS_OUT];
    for (int v = 0; v < VECTORS_OUT; v++) weight[v] = weights + (first + v * LANES) / VALUE_GROUP * CHUNK;
    int at = 0;
    for (; at + 2 <= length; at += 2, values += 2 * (std::size_t)stride)
        for (int half = 0; half < 2; half++)
            for (int v = 0; v < VECTORS_OUT; v++)
                sum[half][v] =
                    fused(all(weight[v][at + half]), load_octets(values + half * stride + v * LANES), sum[half][v]);
    if (at < length)
        for (int v = 0; v < VECTORS_OUT; v++)
            sum[0][v] = fused(all(weight[v][at]), load_octets(values + v * LANES), sum[0][v]);
    for (int v = 0; v < VECTORS_OUT; v++) {
        float* to = result + first + v * LANES;
        store(to, load(to) + (sum[0][v] + sum[1][v]));
    }
}

// The floats of scratch space that `attend` needs for a number of positions.
inline std::size_t attention_scratch(const CacheShape& shape, int positions) {
    return scores_needed(positions) + shape.value_width() + (std::size_t)shape.value_groups() * CHUNK;
}

// Attends with one head from `query` (width), already scaled, to the first `length` positions, at least one.
inline void attend(const float* query, Cache& cache, int layer, int head, int length, float* scratch, float* result) {
    const CacheShape& shape = cache.shape();
    const int stride = shape.value_width();
    float *mean = scratch + scores_needed(length), *weights = mean + stride;
    std::fill(mean, mean + stride, 0.0f);
    Floats most = all(-__builtin_inff());
    for (int first = 0; first < length; first += shape.chunk)
        most = larger(score(query, cache.view(layer, head, first / shape.chunk), shape.width,
                            std::min(shape.chunk, length - first), scratch + first),
                      most);
    const float scale = 1.0f / exponentiate(scratch, length, largest_of(most));
    for (int first = 0; first < length; first += shape.chunk) {
        const CachedChunk cached = cache.view(layer, head, first / shape.chunk);
        const int here = std::min(shape.chunk, length - first);
        for (int group = 0; group < shape.value_groups(); group++)
            for (int at = 0; at < here; at += LANES)
                store(weights + group * CHUNK + at,
                      load(scratch + first + at) * load_halves(cached.value_scales + group * shape.chunk + at));
        int at = 0;
        for (; at + 4 * LANES <= stride; at += 4 * LANES) add_values<4>(weights, cached, stride, at, here, mean);
        for (; at < stride; at += LANES) add_values<1>(weights, cached, stride, at, here, mean);
    }
    for (int d = 0; d < shape.width; d++) result[d] = mean[d] * scale;
}

}  // namespace soundloom
