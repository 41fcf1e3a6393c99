// The transformer: its weights, its rows, and the computation of columns.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "attention.h"
#include "linear.h"
#include "team.h"

namespace soundloom {

// As Python lays it out.
struct Shape {
    int32_t dim, heads, layers, hidden, codebooks, card, rows, steps, threads;
};

// Columns that are computed together; more are computed in several passes.
constexpr int COLUMNS = 32;

struct Norm {
    std::vector<float> weight, bias;
    float epsilon = 0.0f;

    void apply(const float* from, float* to) const {
        const int width = (int)weight.size(), whole = width / LANES * LANES;
        Floats sum{};
        for (int at = 0; at < whole; at += LANES) sum += load(from + at);
        float total = sum_of(sum);
        for (int at = whole; at < width; at++) total += from[at];
        const float mean = total / (float)width;
        Floats squares{};
        for (int at = 0; at < whole; at += LANES) {
            const Floats off = load(from + at) - mean;
            squares = fused(off, off, squares);
        }
        float variance = sum_of(squares);
        for (int at = whole; at < width; at++) variance += (from[at] - mean) * (from[at] - mean);
        const float scale = 1.0f / std::sqrt(variance / (float)width + epsilon);
        for (int at = 0; at < whole; at += LANES)
            store(to + at, fused((load(from + at) - mean) * scale, load(&weight[at]), load(&bias[at])));
        for (int at = whole; at < width; at++) to[at] = (from[at] - mean) * scale * weight[at] + bias[at];
    }
};

enum LinearPart { QKV, SELF_OUT, CROSS_QUERY, CROSS_KEY, CROSS_VALUE, CROSS_OUT, FEED_IN, FEED_OUT, LINEAR_PARTS };
enum NormPart { NORM_SELF, NORM_CROSS, NORM_FEED, NORM_PARTS };

struct Layer {
    Linear linears[LINEAR_PARTS];
    Norm norms[NORM_PARTS];
};

struct Row {
    Cache cache, text;
    int position = 0, words = 0;
};

// One token per codebook for one row, or one word of its text.
struct Column {
    Row* row = nullptr;
    int position = 0;
    const int64_t* tokens = nullptr;
    std::size_t token_stride = 1;
};

// Throws std::out_of_range for rows, tokens and positions out of range, and std::bad_alloc when memory runs out; both
// before anything is changed.
class Model {
public:
    explicit Model(const Shape& shape);

    void put_linear(int layer, int part, const float* weight, const float* bias);
    void put_norm(int layer, int part, const float* weight, const float* bias, float epsilon);
    void put_embedding(int codebook, const float* weight) { embeddings_[codebook] = weight; }
    void put_positions(const float* table) { positions_ = table; }

    void begin(int row, const float* text, int words);
    void rewind(int row) { rows_.at((std::size_t)row).position = 0; }
    void release(int row);
    // Tokens (rows, codebooks, columns), columns next to each other.
    void prefill(const int32_t* rows, int count, const int64_t* tokens, int columns);
    // Tokens (rows, codebooks), logits (rows, codebooks × card).
    void step(const int32_t* rows, int count, const int64_t* tokens, float* logits);

private:
    void check(const int32_t* rows, int count, const int64_t* tokens, int columns) const;
    float* wide(int column) { return wide_.data() + (std::size_t)column * wide_width_; }
    float* sum(int column) { return sum_.data() + (std::size_t)column * width_; }
    float* scratch(int thread) { return scratch_.data() + (std::size_t)thread * scratch_size_; }

    void forward(int thread, const std::vector<Column>& columns, float* logits);
    void embed(const Column& column, float* to) const;
    void attend_to_cache(int thread, int layer, const std::vector<Column>& columns);
    void attend_to_text(int thread, int layer, const std::vector<Column>& columns);
    void feed(int thread, int layer, int count);
    void normalise(int thread, const Norm& norm, int count);
    void quantize_column(int column, int width, bool is_lopsided = false);
    void quantize_finely(int column, int count, int width);
    template <typename Finish>
    void multiply(int thread, const Linear& linear, int count, const Finish& finish);
    template <typename Finish>
    void multiply_finely(int thread, const Linear& linear, const Linear* rest, int count, const Finish& finish);
    auto copied(const Linear& linear, int count, float* to, std::size_t stride);
    auto added_to_sum(int count);
    void project_text(int thread, Cache& cache, const float* text, int first, int count);

    Shape shape_;
    int head_width_;
    std::size_t width_, wide_width_, scratch_size_;
    float query_scale_;
    Arena arena_;
    std::vector<Layer> layers_;
    // Errors of the output heads are errors of the logits, and they are a small part of the model: they have 16 bits,
    // in two layers.
    Linear output_, output_rest_;
    Norm norm_;
    std::vector<const float*> embeddings_;
    const float* positions_ = nullptr;
    std::vector<Row> rows_;
    // By column: the residual stream, the result of a phase, and the same quantized.
    Array<float> sum_, wide_, handed_, scratch_;
    Activations activations_;
    Team team_;
};

}  // namespace soundloom
