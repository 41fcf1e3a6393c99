// Keys and values of one row and one head, in bfloat16, and attention to them.
#pragma once

#include <algorithm>

#include "memory.h"
#include "simd.h"

namespace soundloom {

// Positions that lie together. Memory is touched by whole chunks, so that a row takes what its length needs.
constexpr int CHUNK = 256;

// The form of a cache. Keys lie in blocks of LANES positions, dimension by dimension, so that a vector holds one
// dimension of LANES positions; values lie position by position, each filled up to whole vectors.
struct CacheShape {
    int layers = 0, heads = 0, width = 0, chunk = 0, chunks = 0;

    CacheShape() = default;
    CacheShape(int layers, int heads, int width, int positions)
        : layers(layers),
          heads(heads),
          width(width),
          chunk(std::min(CHUNK, (int)rounded((std::size_t)positions, LANES))),
          chunks((positions + chunk - 1) / chunk) {}

    int value_width() const { return (int)rounded((std::size_t)width, LANES); }
    std::size_t keys() const { return (std::size_t)chunk * width; }
    std::size_t values() const { return (std::size_t)chunk * value_width(); }
    std::size_t size() const { return (keys() + values()) * heads * layers * chunks; }
};

// Keys and values of a row for all layers.
class Cache {
public:
    Cache() = default;
    explicit Cache(CacheShape shape) : shape_(shape), memory_(shape.size()) {}

    const CacheShape& shape() const { return shape_; }
    void forget() { memory_.forget(); }

    // Those of one head in one chunk.
    uint16_t* keys(int layer, int head, int chunk) {
        const std::size_t number = ((std::size_t)chunk * shape_.layers + layer) * shape_.heads + head;
        return memory_.data() + number * (shape_.keys() + shape_.values());
    }
    uint16_t* values(int layer, int head, int chunk) { return keys(layer, head, chunk) + shape_.keys(); }

    // Writes the keys and values (heads × width each) of one position.
    void put(int layer, int position, const float* keys_from, const float* values_from) {
        const int chunk = position / shape_.chunk, inside = position % shape_.chunk;
        for (int head = 0; head < shape_.heads; head++) {
            uint16_t* key = keys(layer, head, chunk) + (std::size_t)(inside / LANES) * LANES * shape_.width + inside % LANES;
            uint16_t* value = values(layer, head, chunk) + (std::size_t)inside * shape_.value_width();
            for (int d = 0; d < shape_.width; d++) {
                key[(std::size_t)d * LANES] = to_half(*keys_from++);
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

// query · key for the `length` positions of a chunk; returns the largest by lanes.
inline Floats score(const float* query, const uint16_t* keys, int width, int length, float* scores) {
    const float lowest = -__builtin_inff();
    Floats most = all(lowest);
    Ints position;
    for (int lane = 0; lane < LANES; lane++) position[lane] = lane;
    for (int at = 0; at < length; at += LANES, keys += (std::size_t)LANES * width) {
        Floats sum[4] = {};
        int d = 0;
        for (; d + 4 <= width; d += 4)
            for (int part = 0; part < 4; part++)
                sum[part] = fused(all(query[d + part]), load_halves(keys + (d + part) * LANES), sum[part]);
        for (; d < width; d++) sum[0] = fused(all(query[d]), load_halves(keys + d * LANES), sum[0]);
        // Beyond the end lies what another sequence left there, which may be anything.
        const Floats whole = select(position + at < length, (sum[0] + sum[1]) + (sum[2] + sum[3]), all(lowest));
        most = larger(whole, most);
        store(scores + at, whole);
    }
    return most;
}

// Scores to their exponentials, which are softmax once they are divided by their sum; returns that.
inline float exponentiate(float* scores, int length, float most) {
    const Floats top = all(most), lowest = all(-__builtin_inff());
    Floats sum{};
    for (int at = 0; at < length; at += LANES) {
        const Floats score = load(scores + at);
        // What is not finite stays so: score - score is NaN then.
        const Floats weight = select(score == lowest, Floats{}, exponential(score - top) + (score - score));
        sum += weight;
        store(scores + at, weight);
    }
    return sum_of(sum);
}

// Adds the weighted values of a chunk: VECTORS_OUT vectors of them, beginning where `values` points to.
template <int VECTORS_OUT>
inline void add_values(const float* weights, const uint16_t* values, int stride, int length, float* result) {
    Floats sum[2][VECTORS_OUT] = {};
    int at = 0;
    for (; at + 2 <= length; at += 2, values += 2 * (std::size_t)stride)
        for (int half = 0; half < 2; half++)
            for (int v = 0; v < VECTORS_OUT; v++)
                sum[half][v] =
                    fused(all(weights[at + half]), load_halves(values + half * stride + v * LANES), sum[half][v]);
    if (at < length)
        for (int v = 0; v < VECTORS_OUT; v++)
            sum[0][v] = fused(all(weights[at]), load_halves(values + v * LANES), sum[0][v]);
    for (int v = 0; v < VECTORS_OUT; v++) store(result + v * LANES, load(result + v * LANES) + (sum[0][v] + sum[1][v]));
}

// One head's attention: `query` (width), already scaled, to the first `length` positions, at least one.
// `scratch` holds `scores_needed(length)` floats and after them room for a head's values.
inline void attend(const float* query, Cache& cache, int layer, int head, int length, float* scratch, float* result) {
    const CacheShape& shape = cache.shape();
    const int stride = shape.value_width();
    float* mean = scratch + scores_needed(length);
    std::fill(mean, mean + stride, 0.0f);
    Floats most = all(-__builtin_inff());
    for (int first = 0; first < length; first += shape.chunk)
        most = larger(score(query, cache.keys(layer, head, first / shape.chunk), shape.width,
                            std::min(shape.chunk, length - first), scratch + first),
                      most);
    const float scale = 1.0f / exponentiate(scratch, length, largest_of(most));
    for (int first = 0; first < length; first += shape.chunk) {
        const uint16_t* values = cache.values(layer, head, first / shape.chunk);
        const int here = std::min(shape.chunk, length - first);
        int at = 0;
        for (; at + 4 * LANES <= stride; at += 4 * LANES)
            add_values<4>(scratch + first, values + at, stride, here, mean + at);
        for (; at < stride; at += LANES) add_values<1>(scratch + first, values + at, stride, here, mean + at);
    }
    for (int d = 0; d < shape.width; d++) result[d] = mean[d] * scale;
}

}  // namespace soundloom
