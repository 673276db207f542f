#include "base/draws.h"

#include "base/vectorized.h"

#if CMIR_X86_VECTORS
#include <immintrin.h>
#endif

namespace cmir {
namespace {

CMIR_INLINE void plain_words(
    const RowKey& row, uint32_t first, int64_t counters, DrawWords& words
) {
  for (int64_t i = 0; i < counters; ++i) {
    const PhiloxWords four =
        philox(row.key, first + static_cast<uint32_t>(i), row.index, row.step, row.tag);
    for (size_t w = 0; w < 4; ++w) words[w][i] = four[w];
  }
}

#if CMIR_X86_VECTORS

/**
 * Eight counters at a time in lanes of 64 bits. A product needs the lower half of a lane only, so
 * what lies in the upper half may stay there: no word is ever cut out or put in place between
 * rounds.
 */
CMIR_TARGET_AVX512 void avx512_words(
    const RowKey& row, uint32_t first, int64_t counters, DrawWords& words
) {
  const __m512i multiply0 = _mm512_set1_epi64(kPhiloxMultiply0);
  const __m512i multiply1 = _mm512_set1_epi64(kPhiloxMultiply1);
  const __m512i lanes = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
  for (int64_t i = 0; i < counters; i += 16) {
    __m512i c0[2], c1[2], c2[2], c3[2];
    for (int64_t h = 0; h < 2; ++h) {
      const auto start = static_cast<int64_t>(first) + i + 8 * h;
      c0[h] = _mm512_add_epi64(lanes, _mm512_set1_epi64(start));
      c1[h] = _mm512_set1_epi64(row.index);
      c2[h] = _mm512_set1_epi64(row.step);
      c3[h] = _mm512_set1_epi64(row.tag);
    }
    uint32_t key0 = row.key.low, key1 = row.key.high;
    for (int round = 0; round < 10; ++round) {
      const __m512i k0 = _mm512_set1_epi64(key0), k1 = _mm512_set1_epi64(key1);
      for (int64_t h = 0; h < 2; ++h) {
        const __m512i p0 = _mm512_mul_epu32(multiply0, c0[h]);
        const __m512i p1 = _mm512_mul_epu32(multiply1, c2[h]);
        constexpr int kXor = 0x96;  // of three
        c0[h] = _mm512_ternarylogic_epi64(_mm512_srli_epi64(p1, 32), c1[h], k0, kXor);
        c2[h] = _mm512_ternarylogic_epi64(_mm512_srli_epi64(p0, 32), c3[h], k1, kXor);
        c1[h] = p1;
        c3[h] = p0;
      }
      key0 += kPhiloxWeyl0;
      key1 += kPhiloxWeyl1;
    }
    for (int64_t h = 0; h < 2; ++h) {
      const int64_t at = i + 8 * h;
      const __m512i four[] = {c0[h], c1[h], c2[h], c3[h]};
      for (size_t w = 0; w < 4; ++w) {
        auto* target = reinterpret_cast<__m256i*>(words[w] + at);
        _mm256_storeu_si256(target, _mm512_cvtepi64_epi32(four[w]));
      }
    }
  }
}

#endif

}  // namespace

void draw_words(const RowKey& row, uint32_t first, int64_t counters, DrawWords& words) {
#if CMIR_X86_VECTORS
  if (vector_set() == VectorSet::avx512) return avx512_words(row, first, counters, words);
#endif
  vectorized([&] { plain_words(row, first, counters, words); });
}

}  // namespace cmir
