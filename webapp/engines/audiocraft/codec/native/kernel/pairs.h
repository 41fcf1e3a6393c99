// bfloat16 in pairs: the product for which processors have an instruction, and the functions between products.
#pragma once

#include "simd.h"

namespace soundloom {

inline Words load_words(const uint32_t* from) {
    Words vector;
    std::memcpy(&vector, from, sizeof vector);
    return vector;
}

// The same pair in every lane.
inline Words all_pairs(const uint16_t* from) {
    uint32_t pair;
    std::memcpy(&pair, from, sizeof pair);
    return pair - Words{};
}

// For every lane: plus + the two products of a pair of weights with a pair of activations.
#if defined(__AVX512BF16__) && defined(__AVX512BW__)
#define SOUNDLOOM_PAIRS "AVX-512 BF16"
inline Floats dot_pairs(Words weights, Words activations, Floats plus) {
    return (Floats)_mm512_dpbf16_ps((__m512)plus, (__m512bh)weights, (__m512bh)activations);
}
#else
#define SOUNDLOOM_PAIRS "float32"
inline Floats dot_pairs(Words weights, Words activations, Floats plus) {
    const Words upper = Words{} + 0xffff0000u;
    plus = fused((Floats)(weights << 16), (Floats)(activations << 16), plus);
    return fused((Floats)(weights & upper), (Floats)(activations & upper), plus);
}
#endif

inline void store_rounded(uint16_t* to, Floats value) {
#if defined(__AVX512BF16__) && defined(__AVX512BW__)
    const __m256bh halves = _mm512_cvtneps_pbh((__m512)value);
    std::memcpy(to, &halves, sizeof halves);
#else
    const Words bits = (Words)value;
    const Words nearest_bits = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    const Ints is_number = value == value;
    const Halves halves = __builtin_convertvector(is_number ? nearest_bits : 0x7fc0u - Words{}, Halves);
    std::memcpy(to, &halves, sizeof halves);
#endif
}

inline Floats elu(Floats value) { return select(value > 0.0f, value, exponential(value) - 1.0f); }
inline Floats sigmoid(Floats value) { return 1.0f / (1.0f + exponential(-value)); }
inline Floats tangent(Floats value) { return 2.0f * sigmoid(2.0f * value) - 1.0f; }

}  // namespace soundloom
