// The functions that Python calls. They throw nothing: 0 is success, 1 means that memory or threads ran out.
#include <new>
#include <system_error>

#include "codec.h"

using soundloom::Codec;
using soundloom::Layer;

namespace {

template <typename Work>
int guarded(const Work& work) {
    try {
        work();
        return 0;
    } catch (const std::bad_alloc&) {
        return 1;
    } catch (const std::system_error&) {
        return 1;
    }
}

}  // namespace

extern "C" {

// Returns the instructions that the products use.
const char* codec_instructions() { return SOUNDLOOM_PAIRS; }

// Widths have to be whole multiples of this.
int codec_lanes() { return soundloom::LANES; }

int codec_new(int threads, Codec** codec) {
    return guarded([&] { *codec = new Codec(threads); });
}

void codec_delete(Codec* codec) { delete codec; }

int codec_recurrent(Codec* codec, int width, const float* input, const float* recurrent, const float* bias) {
    return guarded([&] { codec->add_recurrent(width, input, recurrent, bias); });
}

int codec_layer(Codec* codec, const Layer* layer, const float* weight, const float* bias) {
    return guarded([&] { codec->add_layer(*layer, weight, bias); });
}

int codec_recur(Codec* codec, int frames, int rows, const float* input, float* hidden, float* cell, float* output) {
    return guarded([&] { codec->recur(frames, rows, input, hidden, cell, output); });
}

int codec_convolve(Codec* codec, int frames, int width, int channels, const float* input, float* sound) {
    return guarded([&] { codec->convolve(frames, width, channels, input, sound); });
}
}
