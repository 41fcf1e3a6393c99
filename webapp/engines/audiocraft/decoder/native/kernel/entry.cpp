// The functions that Python calls. They throw nothing: 0 is success, 1 means out of memory, 2 that a row, a token
// or a position is out of range; then nothing was done.
#include <new>
#include <stdexcept>
#include <system_error>

#include "draw.h"
#include "model.h"

using soundloom::Model;
using soundloom::SamplingParams;
using soundloom::Shape;

namespace {

enum { DONE = 0, OUT_OF_MEMORY = 1, REFUSED = 2 };

template <typename Work>
int guarded(const Work& work) {
    try {
        work();
        return DONE;
    } catch (const std::bad_alloc&) {
        return OUT_OF_MEMORY;
    } catch (const std::out_of_range&) {
        return REFUSED;
    } catch (const std::system_error&) {
        return OUT_OF_MEMORY;  // a thread could not be started
    }
}

}  // namespace

extern "C" {

// Returns the instructions that the linear layers use.
const char* soundloom_instructions() { return SOUNDLOOM_DOT; }

int soundloom_new(const Shape* shape, Model** model) {
    return guarded([&] { *model = new Model(*shape); });
}

void soundloom_delete(Model* model) { delete model; }

// Layer -1 is the output. The weights are copied; embeddings and positions are not.
int soundloom_linear(Model* model, int layer, int part, const float* weight, const float* bias) {
    return guarded([&] { model->put_linear(layer, part, weight, bias); });
}

int soundloom_norm(Model* model, int layer, int part, const float* weight, const float* bias, float epsilon) {
    return guarded([&] { model->put_norm(layer, part, weight, bias, epsilon); });
}

void soundloom_embedding(Model* model, int codebook, const float* weight) {
    model->put_embedding(codebook, weight);
}

void soundloom_positions(Model* model, const float* table) { model->put_positions(table); }

int soundloom_begin(Model* model, int row, const float* text, int words) {
    return guarded([&] { model->begin(row, text, words); });
}

int soundloom_rewind(Model* model, int row) {
    return guarded([&] { model->rewind(row); });
}

int soundloom_release(Model* model, int row) {
    return guarded([&] { model->release(row); });
}

int soundloom_prefill(Model* model, const int32_t* rows, int count, const int64_t* tokens, int columns) {
    return guarded([&] { model->prefill(rows, count, tokens, columns); });
}

int soundloom_step(Model* model, const int32_t* rows, int count, const int64_t* tokens, float* logits) {
    return guarded([&] { model->step(rows, count, tokens, logits); });
}

// Needs no model: see draw.h.
int soundloom_draw(const float* logits, int sequences, int codebooks, int card, const SamplingParams* settings,
                   const float* uniform, int64_t* tokens, bool* is_finite) {
    return guarded([&] {
        soundloom::draw_tokens(logits, sequences, codebooks, card, settings, uniform, tokens, is_finite);
    });
}
}
