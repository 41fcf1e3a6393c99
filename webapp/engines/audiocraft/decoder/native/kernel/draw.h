// Samples tokens: guidance, temperature, top-k and top-p for one distribution at a time, without sorting it.
#pragma once

#include <algorithm>
#include <vector>

#include "simd.h"

namespace soundloom {

// The sampling settings of a sequence, as Python lays them out. Temperature 0 takes the most likely token; 0 for
// `top_k` and `top_p` filters nothing.
struct SamplingParams {
    float temperature, top_p, guidance;
    int32_t top_k;
};

class Sampler {
public:
    explicit Sampler(int card)
        : card_(card), size_((card + LANES - 1) / LANES * LANES), logits_(size_), weights_(size_), ranks_(size_) {}

    // Sets the guided logits from those with the text and without; returns false if any is not finite.
    bool guide(const float* text, const float* unconditional, float guidance) {
        float poison = 0.0f;
        for (int at = 0; at < card_; at++) {
            logits_[at] = unconditional[at] + (text[at] - unconditional[at]) * guidance;
            poison += logits_[at] - logits_[at];
        }
        std::fill(logits_.begin() + card_, logits_.end(), -__builtin_inff());
        return poison == 0.0f;
    }

    // Samples a token by inverting the cumulative distribution at `uniform`, in [0, 1).
    int token(const SamplingParams& params, float uniform) {
        const auto most_likely = std::max_element(logits_.begin(), logits_.begin() + card_);
        if (params.temperature <= 0.0f) return (int)(most_likely - logits_.begin());
        weigh(*most_likely, params.temperature);
        // Both filters apply to all tokens, not to what the other one leaves.
        const int32_t by_count = params.top_k > 0 && params.top_k < card_ ? rank_of(params.top_k) : lowest_;
        if (params.top_p > 0.0f) keep_share(params.top_p);
        keep(by_count);
        // In the order of the vocabulary: rounding that reorders near-equal tokens does not change the result.
        float sum = 0.0f;
        for (float& weight : weights_) weight = sum += weight;
        const auto sampled = std::upper_bound(weights_.begin(), weights_.end(), uniform * sum);
        // Rounding may put the aim at the very end: then the last token that was kept is taken.
        return (int)(std::min(sampled, std::lower_bound(weights_.begin(), weights_.end(), sum)) - weights_.begin());
    }

private:
    // Likelihoods, but for a factor, and integers in the same order.
    void weigh(float most, float temperature) {
        lowest_ = INT32_MAX, highest_ = INT32_MIN;
        for (int at = 0; at < size_; at += LANES) {
            store(&weights_[at], exponential((load(&logits_[at]) - most) / temperature));
            const Ints bits = (Ints)load(&logits_[at]);
            const Ints rank = bits ^ ((bits >> 31) & INT32_MAX);
            std::memcpy(&ranks_[at], &rank, sizeof rank);
        }
        for (int at = 0; at < card_; at++) {
            lowest_ = std::min(lowest_, ranks_[at]);
            highest_ = std::max(highest_, ranks_[at]);
        }
    }

    // The highest rank that `holds`, which all up to some rank do and none beyond it; at least the lowest there is.
    template <typename Condition>
    int32_t last(const Condition& holds) const {
        int64_t low = lowest_, high = highest_;
        while (low < high) {
            const int64_t middle = low + (high - low + 1) / 2;
            if (holds((int32_t)middle)) low = middle;
            else high = middle - 1;
        }
        return (int32_t)low;
    }

    // That of the `count`-th most_likely. Those as likely as it are kept with it.
    int32_t rank_of(int count) const {
        return last([&](int32_t rank) {
            Ints fewer{};
            for (int at = 0; at < size_; at += LANES) fewer += load_ints(&ranks_[at]) >= rank;
            return -sum_of(fewer) >= count;
        });
    }

    // Keeps the most likely tokens until their share is reached; of equal ones those that come first.
    void keep_share(float share) {
        const float all = weight_from(lowest_);
        const int32_t edge = last([&](int32_t rank) { return weight_from(rank) > share * all; });
        float sum = edge == INT32_MAX ? 0.0f : weight_from(edge + 1);
        for (int at = 0; at < card_; at++) {
            if (ranks_[at] != edge) continue;
            const float weight = weights_[at];
            if (sum > share * all) weights_[at] = 0.0f;
            sum += weight;
        }
        keep(edge);
    }

    float weight_from(int32_t rank) const {
        Floats sum{};
        for (int at = 0; at < size_; at += LANES)
            sum += select(load_ints(&ranks_[at]) >= rank, load(&weights_[at]), Floats{});
        return sum_of(sum);
    }

    void keep(int32_t rank) {
        for (int at = 0; at < size_; at += LANES)
            store(&weights_[at], select(load_ints(&ranks_[at]) >= rank, load(&weights_[at]), Floats{}));
    }

    int card_, size_;
    int32_t lowest_ = 0, highest_ = 0;
    std::vector<float> logits_, weights_;
    std::vector<int32_t> ranks_;
};

// Samples a token for each codebook of each sequence, and sets whether its logits were finite. `logits` are
// (sequences, with the text and without, codebooks, card), `uniform` and `tokens` (sequences, codebooks).
inline void draw_tokens(const float* logits, int sequences, int codebooks, int card, const SamplingParams* settings,
                        const float* uniform, int64_t* tokens, bool* finite) {
    Sampler sampler(card);
    const std::size_t half = (std::size_t)codebooks * card;
    for (int sequence = 0; sequence < sequences; sequence++, logits += half) {
        finite[sequence] = true;
        for (int codebook = 0; codebook < codebooks; codebook++, logits += card) {
            const bool is_finite = sampler.guide(logits, logits + half, settings[sequence].guidance);
            *tokens++ = is_finite ? sampler.token(settings[sequence], *uniform) : 0;
            uniform++;
            finite[sequence] = finite[sequence] && is_finite;
        }
    }
}

}  // namespace soundloom
