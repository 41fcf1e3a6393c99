#include "codec.h"

namespace soundloom {

namespace {

constexpr int GATES = 4;
// Rows per piece of work, and the matrix size above which the matrix, not the rows, should stay in the cache.
constexpr int PIECE_ROWS = 96;
constexpr std::size_t LARGE_BYTES = 1 << 19;

Array<float> copied(const float* from, int count) {
    Array<float> array((std::size_t)count);
    std::copy(from, from + count, array.data());
    return array;
}

// All pieces of a product, shared by the team.
template <typename Take>
void product(Team& team, int thread, const Matrix& matrix, const Rows& rows, int count, const Take& take) {
    const int parts = (count + PIECE_ROWS - 1) / PIECE_ROWS, blocks = matrix.blocks();
    const bool keeps_block = matrix.bytes() > LARGE_BYTES;
    team.share(thread, parts * blocks, [&](int piece) {
        const int block = keeps_block ? piece / parts : piece % blocks;
        const int part = keeps_block ? piece % parts : piece / blocks;
        matrix.multiply(block, rows, part * PIECE_ROWS, std::min((part + 1) * PIECE_ROWS, count), take);
    });
}

}  // namespace

void Codec::add_recurrent(int width, const float* input, const float* recurrent, const float* bias) {
    // The gates of LANES cells are stored together, so that all four gates of a cell are available at once.
    const int outputs = GATES * width;
    std::vector<float> inputs((std::size_t)outputs * width), recurrents(inputs.size()), biases(outputs);
    for (int output = 0; output < outputs; output++) {
        const int cell = output / (GATES * LANES) * LANES + output % LANES, gate = output / LANES % GATES;
        const std::size_t from = (std::size_t)gate * width + cell;
        std::copy_n(input + from * width, width, inputs.data() + (std::size_t)output * width);
        std::copy_n(recurrent + from * width, width, recurrents.data() + (std::size_t)output * width);
        biases[output] = bias[from];
    }
    recurrents_.push_back({width, Matrix(inputs.data(), outputs, 1, width),
                           Matrix(recurrents.data(), outputs, 1, width), copied(biases.data(), outputs)});
}

void Codec::add_layer(const Layer& layer, const float* weight, const float* bias) {
    const int outputs = layer.stride * layer.out;
    layers_.push_back({layer, Matrix(weight, outputs, layer.taps, layer.in), copied(bias, outputs)});
    const int most = std::max({layer.source, layer.raw, layer.active, layer.adds});
    if ((std::size_t)most >= slots_.size()) slots_.resize((std::size_t)most + 1);
    // Upsampling also writes what is trimmed.
    margin_ = std::max({margin_, layer.before, layer.after, layer.taps * layer.stride});
}

void Codec::recur(int frames, int rows, const float* input, float* hidden, float* cell, float* output) {
    const std::size_t count = (std::size_t)rows * recurrents_.front().width;
    hiddens_.reserve(((std::size_t)frames + 1) * count);
    gates_.reserve((std::size_t)frames * count * GATES);
    uint16_t* const sequence = hiddens_.data() + count;
    for (std::size_t at = 0; at < frames * count; at += LANES) store_rounded(sequence + at, load(input + at));
    team_.run([&](int thread) {
        float *hidden_of = hidden, *cell_of = cell;
        for (const Recurrent& layer : recurrents_) {
            recur_layer(thread, layer, frames, rows, hidden_of, cell_of);
            hidden_of += count, cell_of += count;
        }
    });
    for (std::size_t at = 0; at < frames * count; at += LANES) store(output + at, load_halves(sequence + at));
}

// From the second row on, `hiddens_` holds the layer's input, and then its output.
void Codec::recur_layer(int thread, const Recurrent& layer, int frames, int rows, float* hidden, float* cell) {
    const std::size_t width = (std::size_t)layer.width, count = rows * width;
    uint16_t* const before = hiddens_.data();
    float* const gates = gates_.data();
    product(team_, thread, layer.input, {before + count, width, 0}, frames * rows,
            [&](int row, int output, Floats sum) {
                store(gates + row * GATES * width + output, sum + load(layer.bias.data() + output));
            });
    if (thread == 0)
        for (std::size_t at = 0; at < count; at += LANES) store_rounded(before + at, load(hidden + at));
    team_.share(thread, 0, [](int) {});
    for (int frame = 0; frame < frames; frame++)
        step(thread, layer, rows, gates + frame * GATES * count, before + frame * count, cell);
    if (thread == 0)
        for (std::size_t at = 0; at < count; at += LANES)
            store(hidden + at, load_halves(before + frames * count + at));
    team_.share(thread, 0, [](int) {});
}

// One frame: `hiddens` are followed by those of the frame after it, which are made here.
void Codec::step(int thread, const Recurrent& layer, int rows, const float* gates, uint16_t* hiddens, float* cell) {
    const std::size_t width = (std::size_t)layer.width;
    team_.share(thread, layer.width / LANES, [&](int piece) {
        for (int row = 0; row < rows; row++) {
            Floats gate[GATES];
            for (int block = piece * GATES / WIDE; block < (piece + 1) * GATES / WIDE; block++)
                layer.recurrent.multiply(block, {hiddens, width, 0}, row, row + 1,
                                         [&](int, int output, Floats sum) {
                                             const float* from = gates + row * GATES * width + output;
                                             gate[output / LANES % GATES] = sum + load(from);
                                         });
            float* const state = cell + row * width + piece * LANES;
            const Floats next = sigmoid(gate[1]) * load(state) + sigmoid(gate[0]) * tangent(gate[2]);
            store(state, next);
            store_rounded(hiddens + (rows + row) * width + piece * LANES, sigmoid(gate[3]) * tangent(next));
        }
    });
}

void Codec::reserve(int frames, int width) {
    slots_[0].reserve((std::size_t)(frames + 2 * margin_) * width);
    std::size_t length = (std::size_t)frames;
    for (const Convolution& layer : layers_) {
        length *= (std::size_t)layer.shape.stride;
        for (const int slot : {layer.shape.raw, layer.shape.active})
            if (slot >= 0) slots_[slot].reserve((length + 2 * margin_) * layer.shape.out);
    }
}

void Codec::convolve(int frames, int width, int channels, const float* input, float* sound) {
    reserve(frames, width);
    uint16_t* const first = at(0, width);
    for (std::size_t from = 0; from < (std::size_t)frames * width; from += LANES)
        store_rounded(first + from, elu(load(input + from)));
    team_.run([&](int thread) {
        int length = frames;
        for (const Convolution& layer : layers_) {
            team_.share(thread, 1, [&](int) { surround(layer.shape, length); });
            convolve_layer(thread, layer, length, channels, sound);
            length *= layer.shape.stride;
        }
    });
}

void Codec::convolve_layer(int thread, const Convolution& layer, int length, int channels, float* sound) {
    const Layer& shape = layer.shape;
    const std::size_t in = (std::size_t)shape.in;
    // The destination of row 0's sums; the first samples of an upsampled signal are trimmed.
    const std::ptrdiff_t skipped = (std::ptrdiff_t)shape.trim * shape.out, outputs = layer.matrix.outputs();
    uint16_t* const raw = shape.raw < 0 ? nullptr : at(shape.raw, shape.out) - skipped;
    uint16_t* const active = shape.active < 0 ? nullptr : at(shape.active, shape.out) - skipped;
    const uint16_t* const adds = shape.adds < 0 ? nullptr : at(shape.adds, shape.out) - skipped;
    const Rows rows{at(shape.source, shape.in) - shape.before * in, in, shape.dilation * in};
    const int count = length + shape.before + shape.after - (shape.taps - 1) * shape.dilation;
    product(team_, thread, layer.matrix, rows, count, [&](int row, int output, Floats sum) {
        sum += load(layer.bias.data() + output);
        const std::ptrdiff_t to = row * outputs + output;
        if (adds) sum += load_halves(adds + to);
        if (raw) store_rounded(raw + to, sum);
        if (active) store_rounded(active + to, elu(sum));
        if (!raw && !active)
            for (int lane = 0; lane < LANES && output + lane < channels; lane++)
                sound[(std::size_t)(output + lane) * length + row] = sum[lane];
    });
}

// Pads the source of a convolution: with zeros, or with the signal reflected at its ends.
void Codec::surround(const Layer& layer, int length) {
    uint16_t* const rows = at(layer.source, layer.in);
    const int most = std::max(layer.before, layer.after);
    // A signal shorter than the reflection is extended with zeros.
    const int last = std::max(length, most + 1) - 1;
    const auto put = [&](int row, int from) {
        uint16_t* const to = rows + (std::ptrdiff_t)row * layer.in;
        if (layer.reflects && from >= 0 && from < length)
            std::copy_n(rows + (std::size_t)from * layer.in, layer.in, to);
        else
            std::fill_n(to, layer.in, (uint16_t)0);
    };
    for (int row = 1; row <= layer.before; row++) put(-row, row);
    for (int row = length; row < length + layer.after; row++) put(row, row <= last ? -1 : 2 * last - row);
}

}  // namespace soundloom
