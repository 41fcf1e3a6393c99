// Drawing tokens: guidance, temperature, top-k and top-p for one distribution at a time, without sorting it.
#pragma once

#include <algorithm>
#include <vector>

#include "simd.h"

namespace soundloom {

// What a job asked for, as the Python side lays it out. Temperature 0 takes the likeliest; 0 for `top_k` and
// `top_p` leaves nothing out.
struct Choice {
    float temperature, top_p, guidance;
    int32_t top_k;
};

class Drawing {
public:
    explicit Drawing(int card)
        : card_(card), size_((card + LANES - 1) / LANES * LANES), logits_(size_), weights_(size_), ranks_(size_) {}

    // Takes in logits with a text and in its absence; false, and nothing to draw from, where any is not finite.
    bool guide(const float* text, const float* absent, float guidance) {
        float poison = 0.0f;
        for (int at = 0; at < card_; at++) {
            logits_[at] = absent[at] + (text[at] - absent[at]) * guidance;
            poison += logits_[at] - logits_[at];
        }
        std::fill(logits_.begin() + card_, logits_.end(), -__builtin_inff());
        return poison == 0.0f;
    }

    // The token on which `uniform`, in [0, 1), falls when all lie in a row, each as wide as it is likely.
    int token(const Choice& choice, float uniform) {
        const auto likeliest = std::max_element(logits_.begin(), logits_.begin() + card_);
        if (choice.temperature <= 0.0f) return (int)(likeliest - logits_.begin());
        weigh(*likeliest, choice.temperature);
        // Both look at all tokens, not at what the other leaves.
        const int32_t by_count = choice.top_k > 0 && choice.top_k < card_ ? rank_of(choice.top_k) : lowest_;
        if (choice.top_p > 0.0f) keep_share(choice.top_p);
        keep(by_count);
        // In the order of the vocabulary: near equals that change places do not change the token.
        float sum = 0.0f;
        for (float& weight : weights_) weight = sum += weight;
        const auto drawn = std::upper_bound(weights_.begin(), weights_.end(), uniform * sum);
        // Rounding may put the aim at the very end: then it is the last one that was kept.
        return (int)(std::min(drawn, std::lower_bound(weights_.begin(), weights_.end(), sum)) - weights_.begin());
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

    // That of the `count`-th likeliest. Those as likely as it are kept with it.
    int32_t rank_of(int count) const {
        return last([&](int32_t rank) {
            Ints fewer{};
            for (int at = 0; at < size_; at += LANES) fewer += load_ints(&ranks_[at]) >= rank;
            return -sum_of(fewer) >= count;
        });
    }

    // Keeps the likeliest until they have so large a share; of equals those that come first.
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

// For each job a token of each codebook, and whether its numbers were sound. `logits` (jobs, text and its absence,
// codebooks, card), `uniform` and `tokens` (jobs, codebooks).
inline void draw_tokens(const float* logits, int jobs, int codebooks, int card, const Choice* choices,
                        const float* uniform, int64_t* tokens, bool* sound) {
    Drawing drawing(card);
    const std::size_t absent = (std::size_t)codebooks * card;
    for (int job = 0; job < jobs; job++, logits += absent) {
        sound[job] = true;
        for (int codebook = 0; codebook < codebooks; codebook++, logits += card) {
            const bool is_finite = drawing.guide(logits, logits + absent, choices[job].guidance);
            *tokens++ = is_finite ? drawing.token(choices[job], *uniform) : 0;
            uniform++;
            sound[job] = sound[job] && is_finite;
        }
    }
}

}  // namespace soundloom
