#include "model.h"

#include <stdexcept>

namespace soundloom {

namespace {
constexpr std::size_t PADDING = 64;
constexpr int MOST_WORDS = 1 << 16;

std::size_t weight_bytes(const Shape& shape) {
    const std::size_t square = Linear::bytes(shape.dim, shape.dim);
    const std::size_t layer = Linear::bytes(shape.dim, 3 * shape.dim) + 5 * square +
                              Linear::bytes(shape.dim, shape.hidden) + Linear::bytes(shape.hidden, shape.dim);
    return shape.layers * layer + 2 * Linear::bytes(shape.dim, shape.codebooks * shape.card);
}
}  // namespace

// Two ways to finish.
auto Model::copied(const Linear& linear, int count, float* to, std::size_t stride) {
    return [=, &linear](int block, const float* tile) {
        for (int column = 0; column < count; column++, tile += BLOCK)
            std::copy(tile, tile + linear.outputs_of(block), to + column * stride + (std::size_t)block * BLOCK);
    };
}

auto Model::added_to_sum(int count) {
    return [=](int block, const float* tile) {
        for (int column = 0; column < count; column++, tile += BLOCK) {
            float* to = sum(column) + (std::size_t)block * BLOCK;
            for (int at = 0; at < BLOCK; at += LANES) store(to + at, load(to + at) + load(tile + at));
        }
    };
}

Model::Model(const Shape& shape)
    : shape_(shape),
      head_width_(shape.dim / shape.heads),
      width_(rounded((std::size_t)shape.dim, PADDING)),
      wide_width_(std::max(3 * width_, rounded((std::size_t)shape.hidden, PADDING))),
      query_scale_(1.0f / std::sqrt((float)head_width_)),
      arena_(weight_bytes(shape)),
      layers_((std::size_t)shape.layers),
      embeddings_((std::size_t)shape.codebooks),
      rows_((std::size_t)shape.rows),
      sum_(COLUMNS * width_),
      wide_(COLUMNS * wide_width_),
      handed_(COLUMNS * wide_width_),
      activations_(2 * COLUMNS, (int)wide_width_),
      team_(shape.threads) {
    const int dim = shape.dim;
    // In the order in which a step reads them; what only `begin` reads comes last.
    for (Layer& layer : layers_) {
        layer.linears[QKV] = Linear(dim, 3 * dim, arena_);
        for (int part : {SELF_OUT, CROSS_QUERY, CROSS_OUT}) layer.linears[part] = Linear(dim, dim, arena_);
        layer.linears[FEED_IN] = Linear(dim, shape.hidden, arena_);
        layer.linears[FEED_OUT] = Linear(shape.hidden, dim, arena_);
    }
    output_ = Linear(dim, shape.codebooks * shape.card, arena_);
    output_rest_ = Linear(dim, shape.codebooks * shape.card, arena_);
    for (Layer& layer : layers_)
        for (int part : {CROSS_KEY, CROSS_VALUE}) layer.linears[part] = Linear(dim, dim, arena_);
    const CacheShape cache_shape(shape.layers, shape.heads, head_width_, shape.steps);
    for (Row& row : rows_) row.cache = Cache(cache_shape);
    const std::size_t scores = attention_scratch(cache_shape, std::max(shape.steps, MOST_WORDS));
    scratch_size_ = rounded(std::max(scores, (std::size_t)3 * COLUMNS * BLOCK), PADDING);
    scratch_ = Array<float>(scratch_size_ * (std::size_t)shape.threads);
}

void Model::put_linear(int layer, int part, const float* weight, const float* bias) {
    Linear& linear = layer < 0 ? output_ : layers_[(std::size_t)layer].linears[part];
    team_.run([&](int thread) {
        team_.share(thread, linear.blocks(), [&](int block) {
            const float* mine = weight + (std::size_t)block * BLOCK * linear.in();
            linear.put(block, mine, bias ? bias + (std::size_t)block * BLOCK : nullptr);
            if (layer >= 0) return;
            std::vector<float> rest((std::size_t)BLOCK * linear.in());
            linear.rest(block, mine, rest.data());
            output_rest_.put(block, rest.data(), nullptr);
        });
    });
}

void Model::put_norm(int layer, int part, const float* weight, const float* bias, float epsilon) {
    Norm& norm = layer < 0 ? norm_ : layers_[(std::size_t)layer].norms[part];
    norm.weight.assign(weight, weight + shape_.dim);
    norm.bias.assign(bias, bias + shape_.dim);
    norm.epsilon = epsilon;
}

void Model::begin(int row, const float* text, int words) {
    if (row < 0 || row >= shape_.rows || words < 1 || words > MOST_WORDS) throw std::out_of_range("text");
    Cache cache(CacheShape(shape_.layers, shape_.heads, head_width_, words));
    team_.run([&](int thread) {
        for (int first = 0; first < words; first += COLUMNS)
            project_text(thread, cache, text, first, std::min(COLUMNS, words - first));
    });
    rows_[(std::size_t)row].text = std::move(cache);
    rows_[(std::size_t)row].words = words;
    rewind(row);
}

void Model::project_text(int thread, Cache& cache, const float* text, int first, int count) {
    team_.share(thread, count, [&](int column) {
        const float* word = text + (std::size_t)(first + column) * shape_.dim;
        std::copy(word, word + shape_.dim, wide(column));
        quantize_finely(column, count, shape_.dim);
    });
    for (int layer = 0; layer < shape_.layers; layer++) {
        const Linear* linears = layers_[(std::size_t)layer].linears;
        const Linear &keys = linears[CROSS_KEY], &values = linears[CROSS_VALUE];
        multiply_finely(thread, keys, nullptr, count, copied(keys, count, handed_.data(), wide_width_));
        multiply_finely(thread, values, nullptr, count, copied(values, count, handed_.data() + width_, wide_width_));
        team_.share(thread, count, [&](int column) {
            const float* made = handed_.data() + (std::size_t)column * wide_width_;
            cache.put(layer, first + column, made, made + width_);
        });
    }
}

void Model::release(int row) {
    Row& released = rows_.at((std::size_t)row);
    released.cache.forget();
    released.text = Cache();
    released.words = 0;
}

void Model::check(const int32_t* rows, int count, const int64_t* tokens, int columns) const {
    for (int index = 0; index < count; index++) {
        const Row& row = rows_.at((std::size_t)rows[index]);
        if (!row.words || row.position + columns > shape_.steps) throw std::out_of_range("row");
    }
    const std::size_t all = (std::size_t)count * shape_.codebooks * columns;
    for (std::size_t at = 0; at < all; at++)
        if (tokens[at] < 0 || tokens[at] > shape_.card) throw std::out_of_range("token");
}

void Model::prefill(const int32_t* rows, int count, const int64_t* tokens, int columns) {
    check(rows, count, tokens, columns);
    std::vector<Column> chunk;
    for (int index = 0; index < count; index++) {
        Row& row = rows_[(std::size_t)rows[index]];
        for (int at = 0; at < columns; at += COLUMNS) {
            chunk.clear();
            for (int column = at; column < std::min(columns, at + COLUMNS); column++) {
                const std::size_t first = (std::size_t)index * shape_.codebooks * columns + column;
                chunk.push_back({&row, row.position + column - at, tokens + first, (std::size_t)columns});
            }
            team_.run([&](int thread) { forward(thread, chunk, nullptr); });
            row.position += (int)chunk.size();
        }
    }
}

void Model::step(const int32_t* rows, int count, const int64_t* tokens, float* logits) {
    const std::size_t per_row = (std::size_t)shape_.codebooks * shape_.card;
    check(rows, count, tokens, 1);
    std::vector<Column> chunk;
    for (int at = 0; at < count; at += COLUMNS) {
        chunk.clear();
        for (int index = at; index < std::min(count, at + COLUMNS); index++) {
            Row& row = rows_[(std::size_t)rows[index]];
            chunk.push_back({&row, row.position++, tokens + (std::size_t)index * shape_.codebooks, 1});
        }
        team_.run([&](int thread) { forward(thread, chunk, logits + at * per_row); });
    }
}

void Model::forward(int thread, const std::vector<Column>& columns, float* logits) {
    const int count = (int)columns.size();
    team_.share(thread, count, [&](int column) { embed(columns[(std::size_t)column], sum(column)); });
    for (int layer = 0; layer < shape_.layers; layer++) {
        attend_to_cache(thread, layer, columns);
        attend_to_text(thread, layer, columns);
        feed(thread, layer, count);
    }
    if (!logits) return;
    team_.share(thread, count, [&](int column) {
        norm_.apply(sum(column), wide(column));
        quantize_finely(column, count, shape_.dim);
    });
    multiply_finely(thread, output_, &output_rest_, count, copied(output_, count, logits, (std::size_t)output_.out()));
}

void Model::embed(const Column& column, float* to) const {
    const float* place = positions_ + (std::size_t)column.position * shape_.dim;
    std::fill(to, to + width_, 0.0f);
    for (int codebook = 0; codebook < shape_.codebooks; codebook++) {
        const int64_t token = column.tokens[codebook * column.token_stride];
        const float* entry = embeddings_[(std::size_t)codebook] + (std::size_t)token * shape_.dim;
        for (int at = 0; at < shape_.dim; at++) to[at] += entry[at];
    }
    for (int at = 0; at < shape_.dim; at++) to[at] += place[at];
}

void Model::attend_to_cache(int thread, int layer, const std::vector<Column>& columns) {
    const int count = (int)columns.size(), dim = shape_.dim;
    const Layer& weights = layers_[(std::size_t)layer];
    normalise(thread, weights.norms[NORM_SELF], count);
    const Linear& linear = weights.linears[QKV];
    multiply(thread, linear, count, copied(linear, count, handed_.data(), wide_width_));
    team_.share(thread, count, [&](int column) {
        float* query = handed_.data() + (std::size_t)column * wide_width_;
        const Column& at = columns[(std::size_t)column];
        at.row->cache.put(layer, at.position, query + dim, query + 2 * dim);
        for (int d = 0; d < dim; d++) query[d] *= query_scale_;
    });
    team_.share(thread, count * shape_.heads, [&](int piece) {
        const int column = piece / shape_.heads, head = piece % shape_.heads;
        const float* query = handed_.data() + (std::size_t)column * wide_width_ + head * head_width_;
        const Column& at = columns[(std::size_t)column];
        attend(query, at.row->cache, layer, head, at.position + 1, scratch(thread), wide(column) + head * head_width_);
    });
    team_.share(thread, count, [&](int column) { quantize_column(column, dim); });
    multiply(thread, weights.linears[SELF_OUT], count, added_to_sum(count));
}

void Model::attend_to_text(int thread, int layer, const std::vector<Column>& columns) {
    const int count = (int)columns.size();
    const Layer& weights = layers_[(std::size_t)layer];
    normalise(thread, weights.norms[NORM_CROSS], count);
    const Linear& linear = weights.linears[CROSS_QUERY];
    multiply(thread, linear, count, copied(linear, count, handed_.data(), wide_width_));
    team_.share(thread, count * shape_.heads, [&](int piece) {
        const int column = piece / shape_.heads, head = piece % shape_.heads;
        float* query = handed_.data() + (std::size_t)column * wide_width_ + head * head_width_;
        for (int d = 0; d < head_width_; d++) query[d] *= query_scale_;
        Row& row = *columns[(std::size_t)column].row;
        attend(query, row.text, layer, head, row.words, scratch(thread), wide(column) + head * head_width_);
    });
    team_.share(thread, count, [&](int column) { quantize_column(column, shape_.dim); });
    multiply(thread, weights.linears[CROSS_OUT], count, added_to_sum(count));
}

void Model::feed(int thread, int layer, int count) {
    const Layer& weights = layers_[(std::size_t)layer];
    normalise(thread, weights.norms[NORM_FEED], count);
    multiply(thread, weights.linears[FEED_IN], count, [&](int block, const float* tile) {
        for (int column = 0; column < count; column++, tile += BLOCK)
            for (int at = 0; at < BLOCK; at += LANES)
                store(wide(column) + (std::size_t)block * BLOCK + at, gelu(load(tile + at)));
    });
    team_.share(thread, count, [&](int column) {
        // GELU leaves almost nothing below zero.
        quantize_column(column, shape_.hidden, true);
    });
    multiply(thread, weights.linears[FEED_OUT], count, added_to_sum(count));
}

void Model::normalise(int thread, const Norm& norm, int count) {
    team_.share(thread, count, [&](int column) {
        norm.apply(sum(column), wide(column));
        quantize_column(column, shape_.dim);
    });
}

void Model::quantize_column(int column, int width, bool is_lopsided) {
    const int groups = groups_of(width);
    std::fill(wide(column) + width, wide(column) + groups * GROUP, 0.0f);
    activations_.put(column, wide(column), groups, is_lopsided ? middle_of(wide(column), groups * GROUP) : 0.0f);
}

// Appends the rounding errors of each of `count` columns as columns of their own.
void Model::quantize_finely(int column, int count, int width) {
    quantize_column(column, width);
    activations_.put_rest(count + column, column, wide(column), groups_of(width));
}

// `finish(block, tile)` gets the (count, BLOCK) floats of each block of outputs, on one of the threads.
template <typename Finish>
void Model::multiply(int thread, const Linear& linear, int count, const Finish& finish) {
    team_.share(thread, linear.blocks(), [&](int block) {
        float* tile = scratch(thread);
        linear.multiply(block, activations_, count, count, tile);
        finish(block, tile);
    });
}

// Multiplies finely quantized columns; `rest` holds the rounding errors of the layer's weights, or is none.
template <typename Finish>
void Model::multiply_finely(int thread, const Linear& linear, const Linear* rest, int count, const Finish& finish) {
    team_.share(thread, linear.blocks(), [&](int block) {
        const std::size_t size = (std::size_t)count * BLOCK;
        float *tile = scratch(thread), *more = tile + 2 * size;
        linear.multiply(block, activations_, 2 * count, count, tile);
        if (rest) rest->multiply(block, activations_, count, count, more);
        for (std::size_t at = 0; at < size; at += LANES) {
            const Floats small = rest ? load(tile + size + at) + load(more + at) : load(tile + size + at);
            store(tile + at, load(tile + at) + small);
        }
        finish(block, tile);
    });
}

}  // namespace soundloom
