// Vectors of floats and integers, as wide as the machine supports, and the operations of the step on them.
//
// Most of it uses GCC's and Clang's vector types, which work on any target; intrinsics are used only where these types
// cannot express an instruction. `fused` is explicit everywhere, and the compiler is told not to contract by itself:
// a row's result must not depend on the number of rows for which the same code was unrolled.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

namespace soundloom {

#if defined(__AVX512F__) && defined(__AVX512BW__)
constexpr int LANES = 16;
#elif defined(__AVX2__) && defined(__FMA__)
constexpr int LANES = 8;
#else
constexpr int LANES = 4;
#endif

typedef float Floats __attribute__((vector_size(LANES * 4)));
typedef int32_t Ints __attribute__((vector_size(LANES * 4)));
typedef uint32_t Words __attribute__((vector_size(LANES * 4)));
typedef int8_t Bytes __attribute__((vector_size(LANES * 4)));
typedef uint16_t Halves __attribute__((vector_size(LANES * 2)));
typedef int8_t Octets __attribute__((vector_size(LANES)));

inline Floats all(float value) { return value - Floats{}; }
inline Ints all_ints(int32_t value) { return value - Ints{}; }

inline Floats load(const float* from) {
    Floats vector;
    std::memcpy(&vector, from, sizeof vector);
    return vector;
}

inline Ints load_ints(const int32_t* from) {
    Ints vector;
    std::memcpy(&vector, from, sizeof vector);
    return vector;
}

inline Bytes load_bytes(const int8_t* from) {
    Bytes vector;
    std::memcpy(&vector, from, sizeof vector);
    return vector;
}

inline int32_t load_four(const int8_t* from) {
    int32_t four;
    std::memcpy(&four, from, sizeof four);
    return four;
}

inline void store(float* to, Floats vector) { std::memcpy(to, &vector, sizeof vector); }

inline Floats fused(Floats a, Floats b, Floats plus) {
#if defined(__AVX512F__) && defined(__AVX512BW__)
    return (Floats)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)plus);
#elif defined(__AVX2__) && defined(__FMA__)
    return (Floats)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)plus);
#elif defined(__ARM_NEON) && defined(__aarch64__)
    return (Floats)vfmaq_f32((float32x4_t)plus, (float32x4_t)a, (float32x4_t)b);
#else
    return a * b + plus;
#endif
}

inline Floats select(Ints chosen, Floats yes, Floats no) { return chosen ? yes : no; }
inline Floats larger(Floats a, Floats b) { return a > b ? a : b; }
inline Floats magnitude(Floats a) { return (Floats)((Words)a & 0x7fffffffu); }

#if defined(__AVX512F__) && defined(__AVX512BW__)
inline float sum_of(Floats vector) { return _mm512_reduce_add_ps((__m512)vector); }
inline int32_t sum_of(Ints vector) { return _mm512_reduce_add_epi32((__m512i)vector); }
inline float largest_of(Floats vector) { return _mm512_reduce_max_ps((__m512)vector); }
#else
template <typename Vector, typename Join>
inline auto joined(Vector vector, const Join& join) {
    auto lanes = vector;
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int lane = 0; lane < width; lane++) lanes[lane] = join(lanes[lane], lanes[lane + width]);
    return lanes[0];
}
inline float sum_of(Floats vector) {
    return joined(vector, [](float a, float b) { return a + b; });
}
inline int32_t sum_of(Ints vector) {
    return joined(vector, [](int32_t a, int32_t b) { return a + b; });
}
inline float largest_of(Floats vector) {
    return joined(vector, [](float a, float b) { return a > b ? a : b; });
}
#endif

// Adding this to a float below 2^22 in size leaves the nearest integer in its last bits.
constexpr float ROUNDING = 12582912.0f;
constexpr uint32_t ROUNDING_BITS = 0x4b400000u;

inline Ints nearest(Floats value) { return (Ints)((Words)(value + ROUNDING) - ROUNDING_BITS); }

// e to the power of value, to about 2e-7 relative; 0 below -87.
inline Floats exponential(Floats value) {
    const Floats low = all(-87.0f), high = all(88.0f);
    const Ints vanishes = value < low;
    value = select(vanishes, low, value);
    value = select(value > high, high, value);
    const Floats whole = fused(value, all(1.44269504f), all(ROUNDING)) - ROUNDING;
    Floats rest = fused(whole, all(-0.693359375f), value);
    rest = fused(whole, all(2.12194440e-4f), rest);
    Floats series = all(1.0f / 5040);
    series = fused(series, rest, all(1.0f / 720));
    series = fused(series, rest, all(1.0f / 120));
    series = fused(series, rest, all(1.0f / 24));
    series = fused(series, rest, all(1.0f / 6));
    series = fused(series, rest, all(0.5f));
    series = fused(series, rest, all(1.0f));
    series = fused(series, rest, all(1.0f));
    const Words power = ((Words)(nearest(whole) + 127)) << 23;
    return select(vanishes, Floats{}, series * (Floats)power);
}

// value * P(X < value) for a standard normal X; the error function by Abramowitz and Stegun, 7.1.26.
inline Floats gelu(Floats value) {
    const Floats size = magnitude(value) * 0.70710678f;
    const Floats t = 1.0f / fused(size, all(0.3275911f), all(1.0f));
    Floats series = all(1.061405429f);
    series = fused(series, t, all(-1.453152027f));
    series = fused(series, t, all(1.421413741f));
    series = fused(series, t, all(-0.284496736f));
    series = fused(series, t, all(0.254829592f));
    const Floats upper_tail = 0.5f * series * t * exponential(-size * size);
    return value * select(value < 0.0f, upper_tail, 1.0f - upper_tail);
}

// bfloat16: the upper half of a float.
inline uint16_t to_half(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    if (value != value) return 0x7fc0;
    return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

inline Floats load_halves(const uint16_t* from) {
#if defined(__AVX512F__) && defined(__AVX512BW__)
    return (Floats)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i*)from)), 16);
#elif defined(__AVX2__) && defined(__FMA__)
    return (Floats)_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i*)from)), 16);
#else
    Halves halves;
    std::memcpy(&halves, from, sizeof halves);
    return (Floats)(__builtin_convertvector(halves, Words) << 16);
#endif
}

inline void store_octets(int8_t* to, Ints value) {
    const Octets octets = __builtin_convertvector(value, Octets);
    std::memcpy(to, &octets, sizeof octets);
}

inline Floats load_octets(const int8_t* from) {
#if defined(__AVX512F__) && defined(__AVX512BW__)
    return (Floats)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i*)from)));
#elif defined(__AVX2__) && defined(__FMA__)
    return (Floats)_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)from)));
#else
    Octets octets;
    std::memcpy(&octets, from, sizeof octets);
    return __builtin_convertvector(__builtin_convertvector(octets, Ints), Floats);
#endif
}

// Unsigned bytes as floats.
inline Floats load_unsigned(const int8_t* from) {
#if defined(__AVX512F__) && defined(__AVX512BW__)
    return (Floats)_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i*)from)));
#elif defined(__AVX2__) && defined(__FMA__)
    return (Floats)_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i*)from)));
#else
    Octets octets;
    std::memcpy(&octets, from, sizeof octets);
    return __builtin_convertvector((Ints)(__builtin_convertvector(octets, Words) & 0xffu), Floats);
#endif
}

// For every lane: plus + the dot product of four weights with the same four activations in each lane.
// Weights are stored with WEIGHT_OFFSET added, where the instruction needs one unsigned operand.
#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
constexpr int WEIGHT_OFFSET = 128;
#define SOUNDLOOM_DOT "AVX-512 VNNI"
inline Ints dot(Bytes weights, Ints activations, Ints plus) {
    return (Ints)_mm512_dpbusd_epi32((__m512i)plus, (__m512i)weights, (__m512i)activations);
}
#elif defined(__AVX512F__) && defined(__AVX512BW__)
constexpr int WEIGHT_OFFSET = 0;
#define SOUNDLOOM_DOT "AVX-512"
inline Ints dot(Bytes weights, Ints activations, Ints plus) {
    const __m512i size = _mm512_abs_epi8((__m512i)weights);
    const __mmask64 negative = _mm512_movepi8_mask((__m512i)weights);
    const __m512i turned =
        _mm512_mask_sub_epi8((__m512i)activations, negative, _mm512_setzero_si512(), (__m512i)activations);
    const __m512i pairs = _mm512_maddubs_epi16(size, turned);
    return plus + (Ints)_mm512_madd_epi16(pairs, _mm512_set1_epi16(1));
}
#elif defined(__AVXVNNI__) && defined(__FMA__)
constexpr int WEIGHT_OFFSET = 128;
#define SOUNDLOOM_DOT "AVX-VNNI"
inline Ints dot(Bytes weights, Ints activations, Ints plus) {
    return (Ints)_mm256_dpbusd_avx_epi32((__m256i)plus, (__m256i)weights, (__m256i)activations);
}
#elif defined(__AVX2__) && defined(__FMA__)
constexpr int WEIGHT_OFFSET = 0;
#define SOUNDLOOM_DOT "AVX2"
// Two products of 127 * 127 still fit into 16 bits.
inline Ints dot(Bytes weights, Ints activations, Ints plus) {
    const __m256i size = _mm256_sign_epi8((__m256i)weights, (__m256i)weights);
    const __m256i pairs = _mm256_maddubs_epi16(size, _mm256_sign_epi8((__m256i)activations, (__m256i)weights));
    return plus + (Ints)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}
#elif defined(__ARM_FEATURE_DOTPROD)
constexpr int WEIGHT_OFFSET = 0;
#define SOUNDLOOM_DOT "NEON dot product"
inline Ints dot(Bytes weights, Ints activations, Ints plus) {
    return (Ints)vdotq_s32((int32x4_t)plus, (int8x16_t)weights, (int8x16_t)activations);
}
#else
constexpr int WEIGHT_OFFSET = 0;
#define SOUNDLOOM_DOT "portable"
inline Ints dot(Bytes weights, Ints activations, Ints plus) {
    // The four bytes of a lane, each shifted to the upper end of the lane and back with its sign.
    const Ints w = (Ints)weights;
    Ints sum = plus;
    for (int byte = 0; byte < 4; byte++) {
        const int shift = 24 - 8 * byte;
        sum += ((Ints)((Words)w << shift) >> 24) * ((Ints)((Words)activations << shift) >> 24);
    }
    return sum;
}
#endif

}  // namespace soundloom
