#include "base/gemm_avx512.h"

#if CMIR_X86_VECTORS

#include <ATen/Parallel.h>
#include <immintrin.h>

#include <algorithm>
#include <bit>
#include <memory>

// After Goto and van de Geijn, Anatomy of high-performance matrix multiplication (2008): a tile of
// C stays in registers while a packed panel of B streams from the first-level cache.

namespace cmir {
namespace {

constexpr int64_t kTileRows = 8;            // with two vectors a row, 16 of 32 registers accumulate
constexpr int64_t kTileColumns = 32;        // two vectors
constexpr int64_t kDepth = 256;             // a panel of kDepth x kTileColumns floats is 32 KB
constexpr int64_t kBlockRows = 512;         // rows of A packed at a time, where A needs packing
constexpr int64_t kWorthAThread = 1 << 16;  // multiply-adds

/** A tile of C = A B, B a packed panel; `Packed` is what one step along the depth reads. */
template <class Packed>
struct Tile {
  int64_t steps;  // along the depth
  const Packed* a;
  int64_t row_stride, step_stride;  // of a
  const Packed* b;                  // [steps, kTileColumns]
  const float* start;               // a row to begin from, or null
  float* c;
  int64_t c_stride, columns;
  bool accumulate;
};

/** Products in float32. A is read where it is if its rows are contiguous. */
struct Float32 {
  using Packed = float;
  static constexpr int64_t kStep = 1;  // elements of the depth in one step
  static constexpr bool kPacksRows = false;

  CMIR_TARGET_AVX512 static void pack_b(
      const Matrix<float>& b, int64_t depth, int64_t columns, Packed* panel
  ) {
    if (columns < kTileColumns) std::fill_n(panel, depth * kTileColumns, 0.0F);
    if (b.column_stride == 1) {
      for (int64_t p = 0; p < depth; ++p) {
        const float* row = b.data + p * b.row_stride;
        Packed* target = panel + p * kTileColumns;
        if (columns == kTileColumns) {
          for (int64_t j = 0; j < kTileColumns; ++j) target[j] = row[j];
        } else {
          for (int64_t j = 0; j < columns; ++j) target[j] = row[j];
        }
      }
      return;
    }
    for (int64_t j = 0; j < columns; ++j) {
      const float* column = b.data + j * b.column_stride;
      for (int64_t p = 0; p < depth; ++p) panel[p * kTileColumns + j] = column[p];
    }
  }

  /** Tiles of [steps, kTileRows], one after another. */
  CMIR_TARGET_AVX512 static void pack_a(
      const Matrix<float>& a, int64_t rows, int64_t depth, Packed* tiles
  ) {
    for (int64_t i = 0; i < rows; i += kTileRows) {
      const int64_t height = std::min(kTileRows, rows - i);
      for (int64_t p = 0; p < depth; ++p) {
        const float* column = a.data + p * a.column_stride + i * a.row_stride;
        Packed* target = tiles + i * depth + p * kTileRows;
        if (height == kTileRows && a.row_stride == 1) {
          for (int64_t r = 0; r < kTileRows; ++r) target[r] = column[r];
        } else {
          for (int64_t r = 0; r < height; ++r) target[r] = column[r * a.row_stride];
        }
      }
    }
  }

  /** sums [Rows][2] += A B. */
  template <int64_t Rows>
  CMIR_TARGET_AVX512 static void accumulate(const Tile<Packed>& t, __m512 (*sums)[2]) {
    __m512 sum[Rows][2];
    for (int64_t i = 0; i < Rows; ++i) sum[i][0] = sums[i][0], sum[i][1] = sums[i][1];
    for (int64_t p = 0; p < t.steps; ++p) {
      const __m512 b0 = _mm512_loadu_ps(t.b + p * kTileColumns);
      const __m512 b1 = _mm512_loadu_ps(t.b + p * kTileColumns + 16);
#pragma GCC unroll 8
      for (int64_t i = 0; i < Rows; ++i) {
        const __m512 a = _mm512_set1_ps(t.a[i * t.row_stride + p * t.step_stride]);
        sum[i][0] = _mm512_fmadd_ps(a, b0, sum[i][0]);
        sum[i][1] = _mm512_fmadd_ps(a, b1, sum[i][1]);
      }
    }
    for (int64_t i = 0; i < Rows; ++i) sums[i][0] = sum[i][0], sums[i][1] = sum[i][1];
  }
};

/** Products in bfloat16, two along the depth at a time, summed in float32. */
struct Bfloat16 {
  using Packed = uint32_t;  // an even element in the lower half, its odd neighbour in the upper
  static constexpr int64_t kStep = 2;
  static constexpr bool kPacksRows = true;

  /** The bits of a float32 rounded to nearest even, in the upper half; NaN stays NaN. */
  static CMIR_INLINE uint32_t rounded(float value) {
    const auto bits = std::bit_cast<uint32_t>(value);
    const uint32_t near = bits + 0x7FFF + ((bits >> 16) & 1);
    return value != value ? 0x7FC00000U : near & 0xFFFF0000U;
  }
  static CMIR_INLINE Packed pair(float even, float odd) {
    return rounded(odd) | rounded(even) >> 16;
  }

  CMIR_TARGET_AVX512 static void pack_b(
      const Matrix<float>& b, int64_t depth, int64_t columns, Packed* panel
  ) {
    if (columns < kTileColumns) std::fill_n(panel, (depth + 1) / 2 * kTileColumns, 0U);
    pack(b.transposed(), columns, depth, panel, kTileColumns);
  }

  CMIR_TARGET_AVX512 static void pack_a(
      const Matrix<float>& a, int64_t rows, int64_t depth, Packed* tiles
  ) {
    const int64_t steps = (depth + 1) / 2;
    for (int64_t i = 0; i < rows; i += kTileRows) {
      const Matrix<float> part{a.data + i * a.row_stride, a.row_stride, a.column_stride};
      pack(part, std::min(kTileRows, rows - i), depth, tiles + i * steps, kTileRows);
    }
  }

  template <int64_t Rows>
  CMIR_TARGET_AVX512_BF16 static void accumulate(const Tile<Packed>& t, __m512 (*sums)[2]) {
    __m512 sum[Rows][2];
    for (int64_t i = 0; i < Rows; ++i) sum[i][0] = sums[i][0], sum[i][1] = sums[i][1];
    for (int64_t p = 0; p < t.steps; ++p) {
      const auto b0 = reinterpret_cast<__m512bh>(_mm512_loadu_si512(t.b + p * kTileColumns));
      const auto b1 = reinterpret_cast<__m512bh>(_mm512_loadu_si512(t.b + p * kTileColumns + 16));
#pragma GCC unroll 8
      for (int64_t i = 0; i < Rows; ++i) {
        const auto pairs = static_cast<int>(t.a[i * t.row_stride + p * t.step_stride]);
        const auto a = reinterpret_cast<__m512bh>(_mm512_set1_epi32(pairs));
        sum[i][0] = _mm512_dpbf16_ps(sum[i][0], a, b0);
        sum[i][1] = _mm512_dpbf16_ps(sum[i][1], a, b1);
      }
    }
    for (int64_t i = 0; i < Rows; ++i) sums[i][0] = sum[i][0], sums[i][1] = sum[i][1];
  }

 private:
  /** out[step * width + i] = the pair of row i at 2 step, for `count` rows; a missing one is 0. */
  CMIR_TARGET_AVX512 static void pack(
      const Matrix<float>& rows, int64_t count, int64_t depth, Packed* out, int64_t width
  ) {
    for (int64_t p = 0; p < depth; p += 2) {
      const float* even = rows.data + p * rows.column_stride;
      const float* odd = p + 1 < depth ? even + rows.column_stride : nullptr;
      Packed* target = out + p / 2 * width;
      if (rows.row_stride == 1 && odd != nullptr) {
        for (int64_t i = 0; i < count; ++i) target[i] = pair(even[i], odd[i]);
      } else {
        for (int64_t i = 0; i < count; ++i) {
          const int64_t at = i * rows.row_stride;
          target[i] = pair(even[at], odd == nullptr ? 0.0F : odd[at]);
        }
      }
    }
  }
};

template <class Kernel, int64_t Rows>
CMIR_TARGET_AVX512 void tile(const Tile<typename Kernel::Packed>& t) {
  __m512 sums[Rows][2];
  for (int64_t i = 0; i < Rows; ++i) {
    for (int64_t h = 0; h < 2; ++h) {
      sums[i][h] = t.start == nullptr ? _mm512_setzero_ps() : _mm512_loadu_ps(t.start + 16 * h);
    }
  }
  Kernel::template accumulate<Rows>(t, sums);
  for (int64_t i = 0; i < Rows; ++i) {
    for (int64_t h = 0; h < 2; ++h) {
      const int64_t left = std::clamp<int64_t>(t.columns - 16 * h, 0, 16);
      const auto mask = static_cast<__mmask16>((1 << left) - 1);
      float* c = t.c + i * t.c_stride + 16 * h;
      __m512 sum = sums[i][h];
      if (t.accumulate) sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(mask, c));
      _mm512_mask_storeu_ps(c, mask, sum);
    }
  }
}

template <class Kernel, int64_t Rows = kTileRows>
void tile_of(int64_t rows, const Tile<typename Kernel::Packed>& t) {
  if constexpr (Rows > 0) {
    if (rows == Rows) {
      tile<Kernel, Rows>(t);
    } else {
      tile_of<Kernel, Rows - 1>(rows, t);
    }
  }
}

/** One thread's part: rows 0 to m - 1 of A against columns `first` to `end` - 1 of B. */
template <class Kernel>
void block(
    int64_t m,
    int64_t first,
    int64_t end,
    int64_t k,
    const Matrix<float>& a,
    const Matrix<float>& b,
    float* out,
    int64_t out_stride,
    const Addend<float>& addend
) {
  using Packed = typename Kernel::Packed;
  struct Scratch {
    alignas(64) Packed b[kDepth / Kernel::kStep * kTileColumns];
    alignas(64) Packed a[kDepth / Kernel::kStep * kBlockRows];
    alignas(64) float start[kTileColumns];
  };
  // On the heap, and only on threads that multiply: thread-local storage would be paid by all.
  static thread_local const auto memory = std::make_unique<Scratch>();
  Scratch& scratch = *memory;

  const bool packs = Kernel::kPacksRows || a.column_stride != 1;
  const int64_t block_rows = packs ? kBlockRows : m;
  for (int64_t p = 0; p < k; p += kDepth) {
    const int64_t depth = std::min(kDepth, k - p);
    const int64_t steps = (depth + Kernel::kStep - 1) / Kernel::kStep;
    for (int64_t top = 0; top < m; top += block_rows) {
      const int64_t rows = std::min(block_rows, m - top);
      const Matrix<float> left{
          a.data + top * a.row_stride + p * a.column_stride, a.row_stride, a.column_stride
      };
      if (packs) Kernel::pack_a(left, rows, depth, scratch.a);
      for (int64_t j = first; j < end; j += kTileColumns) {
        const int64_t columns = std::min(kTileColumns, end - j);
        const Matrix<float> right{
            b.data + p * b.row_stride + j * b.column_stride, b.row_stride, b.column_stride
        };
        Kernel::pack_b(right, depth, columns, scratch.b);
        Tile<Packed> t{
            .steps = steps,
            .a = nullptr,
            .row_stride = 1,
            .step_stride = kTileRows,
            .b = scratch.b,
            .start = nullptr,
            .c = nullptr,
            .c_stride = out_stride,
            .columns = columns,
            .accumulate = addend.out || p > 0,
        };
        if (p == 0 && addend.row != nullptr) {
          std::copy_n(addend.row + j, columns, scratch.start);
          t.start = scratch.start;
        }
        for (int64_t i = 0; i < rows; i += kTileRows) {
          t.c = out + (top + i) * out_stride + j;
          t.a = scratch.a + i * steps;
          if constexpr (!Kernel::kPacksRows) {
            if (!packs) {
              t.a = left.data + i * left.row_stride;
              t.row_stride = left.row_stride;
              t.step_stride = 1;
            }
          }
          tile_of<Kernel>(std::min(kTileRows, rows - i), t);
        }
      }
    }
  }
}

}  // namespace

void avx512_gemm(
    int64_t m,
    int64_t n,
    int64_t k,
    const Matrix<float>& a,
    const Matrix<float>& b,
    float* out,
    int64_t out_stride,
    const Addend<float>& addend
) {
  const auto run = addend.bfloat16 ? block<Bfloat16> : block<Float32>;
  // A grid of parts: columns are split first, since rows share the packed panels.
  const int64_t threads = std::clamp<int64_t>(m * n * k / kWorthAThread, 1, at::get_num_threads());
  const int64_t panels = (n + kTileColumns - 1) / kTileColumns;
  const int64_t across = std::min(panels, threads);
  const int64_t tiles = (m + kTileRows - 1) / kTileRows;
  const int64_t down = std::clamp<int64_t>(threads / across, 1, tiles);
  at::parallel_for(0, across * down, 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part) {
      const int64_t x = part % across, y = part / across;
      const int64_t first = panels * x / across * kTileColumns,
                    last = std::min(n, panels * (x + 1) / across * kTileColumns);
      const int64_t top = tiles * y / down * kTileRows,
                    bottom = std::min(m, tiles * (y + 1) / down * kTileRows);
      run(bottom - top,
          first,
          last,
          k,
          {a.data + top * a.row_stride, a.row_stride, a.column_stride},
          b,
          out + top * out_stride,
          out_stride,
          addend);
    }
  });
}

}  // namespace cmir

#endif
