// The second half of EnCodec's decoder: an LSTM, and convolutions that upsample its frames to samples.
//
// Numbers are bfloat16, sums and the LSTM's cells float32. All convolutions, transposed ones too, are products of one
// matrix with rows that are in memory already, frame after frame: a row's taps are its neighbours. Activations are
// stored only in the form that the next product reads.
#pragma once

#include <vector>

#include "matrix.h"
#include "team.h"

namespace soundloom {

// A convolution of slot `source` of `in` channels to slots `raw` and `active` (after ELU) of `out` channels, each
// `none` below 0; without either it writes the samples. Slot `adds` is added to it. `stride` rows come of each row,
// `trim` of the very first ones are left out. `before` and `after` say how many rows are needed around the source.
struct Layer {
    int32_t in, out, taps, dilation, stride, before, after, reflects, trim, source, raw, active, adds;
};

// Memory that grows when more is needed, which loses its content.
template <typename T>
class Buffer {
public:
    T* data() { return array_.data(); }

    // Throws std::bad_alloc, and then has no capacity at all.
    void reserve(std::size_t count) {
        if (count <= room_) return;
        room_ = 0;
        array_ = Array<T>();
        array_ = Array<T>(count);
        room_ = count;
    }

private:
    Array<T> array_;
    std::size_t room_ = 0;
};

class Codec {
public:
    explicit Codec(int threads) : team_(threads) {}

    // Layers of the LSTM in their order; weights (4 * width, width) and the sum of both biases, gates as in torch.
    void add_recurrent(int width, const float* input, const float* recurrent, const float* bias);
    // Layers of the rest; `weight` (stride * out, taps, in), `bias` (stride * out).
    void add_layer(const Layer& layer, const float* weight, const float* bias);

    // `frames` of `rows` sounds: `input`, `output` (frames, rows, width); `hidden` and `cell` (layers, rows, width)
    // are what was before, and then what is after. Raises std::bad_alloc.
    void recur(int frames, int rows, const float* input, float* hidden, float* cell, float* output);

    // `input` (frames, width of the first layer) to `sound` (channels, samples). Raises std::bad_alloc.
    void convolve(int frames, int width, int channels, const float* input, float* sound);

private:
    struct Recurrent {
        int width;
        Matrix input, recurrent;
        Array<float> bias;
    };
    struct Convolution {
        Layer shape;
        Matrix matrix;
        Array<float> bias;
    };

    void recur_layer(int thread, const Recurrent& layer, int frames, int rows, float* hidden, float* cell);
    void step(int thread, const Recurrent& layer, int rows, const float* gates, uint16_t* hiddens, float* cell);
    void reserve(int frames, int width);
    void convolve_layer(int thread, const Convolution& layer, int length, int channels, float* sound);
    void surround(const Layer& layer, int length);
    // The start of a slot's rows; there is space for `margin_` others before and after them.
    uint16_t* at(int slot, int width) { return slots_[slot].data() + (std::size_t)margin_ * width; }

    Team team_;
    std::vector<Recurrent> recurrents_;
    std::vector<Convolution> layers_;
    // Kept from call to call: allocating would take as long as computing.
    std::vector<Buffer<uint16_t>> slots_ = std::vector<Buffer<uint16_t>>(1);
    Buffer<uint16_t> hiddens_;
    Buffer<float> gates_;
    int margin_ = 0;
};

}  // namespace soundloom
