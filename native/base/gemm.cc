#include "base/gemm.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "base/vectorized.h"

namespace cmir {
namespace {

/** A view of memory that LibTorch's products take. */
template <class Value>
at::Tensor view(const Value* data, int64_t rows, int64_t columns, int64_t row, int64_t column) {
  return at::from_blob(
      const_cast<Value*>(data),
      {rows, columns},
      {row, column},
      c10::CppTypeToScalarType<Value>::value
  );
}

template <class Value>
void library_gemm(
    int64_t m,
    int64_t n,
    int64_t k,
    const Matrix<Value>& a,
    const Matrix<Value>& b,
    Value* out,
    int64_t out_stride,
    const Addend<Value>& addend
) {
  at::Tensor c = view(out, m, n, out_stride, 1);
  const at::Tensor left = view(a.data, m, k, a.row_stride, a.column_stride);
  const at::Tensor right = view(b.data, k, n, b.row_stride, b.column_stride);
  if (addend.row != nullptr) c.copy_(view(addend.row, 1, n, n, 1).expand({m, n}));
  at::addmm_out(c, c, left, right, addend.out || addend.row != nullptr ? 1 : 0, 1);
}

#if CMIR_X86_VECTORS

// After Goto and van de Geijn, Anatomy of high-performance matrix multiplication (2008): a tile of
// C stays in registers while a packed panel of B streams from the first-level cache.
constexpr int64_t kTileRows = 8;            // with two vectors a row, 16 of 32 registers accumulate
constexpr int64_t kTileColumns = 32;        // two vectors
constexpr int64_t kDepth = 256;             // a panel of kDepth x kTileColumns floats is 32 KB
constexpr int64_t kBlockRows = 512;         // rows of A packed at a time, where A needs packing
constexpr int64_t kWorthAThread = 1 << 16;  // multiply-adds

using Vector = float __attribute__((vector_size(64), aligned(4)));

struct Scratch {
  alignas(64) float b[kDepth * kTileColumns];
  alignas(64) float a[kDepth * kBlockRows];
  alignas(64) float start[kTileColumns];
};

/**
 * A tile of `Rows` x `columns`: C = A B, B a packed panel, added to C when `accumulate`, or to
 * `start` [kTileColumns] where that is given.
 */
template <int64_t Rows>
CMIR_TARGET_AVX512 void tile(
    int64_t depth,
    const float* a,
    int64_t row_stride,
    int64_t depth_stride,
    const float* b,
    const float* start,
    float* c,
    int64_t c_stride,
    int64_t columns,
    bool accumulate
) {
  Vector first{}, second{};
  if (start != nullptr) {
    first = *reinterpret_cast<const Vector*>(start);
    second = *reinterpret_cast<const Vector*>(start + 16);
  }
  Vector sum[Rows][2];
  for (int64_t i = 0; i < Rows; ++i) {
    sum[i][0] = first;
    sum[i][1] = second;
  }
  for (int64_t p = 0; p < depth; ++p) {
    const Vector b0 = *reinterpret_cast<const Vector*>(b + p * kTileColumns);
    const Vector b1 = *reinterpret_cast<const Vector*>(b + p * kTileColumns + 16);
#pragma GCC unroll 8
    for (int64_t i = 0; i < Rows; ++i) {
      const float value = a[i * row_stride + p * depth_stride];
      sum[i][0] += value * b0;
      sum[i][1] += value * b1;
    }
  }
  if (columns == kTileColumns) {
#pragma GCC unroll 8
    for (int64_t i = 0; i < Rows; ++i) {
      auto* row = reinterpret_cast<Vector*>(c + i * c_stride);
      row[0] = accumulate ? row[0] + sum[i][0] : sum[i][0];
      row[1] = accumulate ? row[1] + sum[i][1] : sum[i][1];
    }
    return;
  }
  for (int64_t i = 0; i < Rows; ++i) {
    alignas(64) float values[kTileColumns];
    *reinterpret_cast<Vector*>(values) = sum[i][0];
    *reinterpret_cast<Vector*>(values + 16) = sum[i][1];
    float* row = c + i * c_stride;
    for (int64_t j = 0; j < columns; ++j) row[j] = accumulate ? row[j] + values[j] : values[j];
  }
}

template <int64_t Rows>
void edge_tile(
    int64_t rows,
    int64_t depth,
    const float* a,
    int64_t row_stride,
    int64_t depth_stride,
    const float* b,
    const float* start,
    float* c,
    int64_t c_stride,
    int64_t columns,
    bool accumulate
) {
  if constexpr (Rows > 0) {
    if (rows == Rows) {
      tile<Rows>(depth, a, row_stride, depth_stride, b, start, c, c_stride, columns, accumulate);
    } else {
      edge_tile<Rows - 1>(
          rows, depth, a, row_stride, depth_stride, b, start, c, c_stride, columns, accumulate
      );
    }
  }
}

/** Copies b [depth, columns] to a panel of kTileColumns a row, zeros behind the columns. */
CMIR_TARGET_AVX512 void pack_b(
    const Matrix<float>& b, int64_t depth, int64_t columns, float* panel
) {
  if (columns < kTileColumns) std::fill_n(panel, depth * kTileColumns, 0.0F);
  if (b.column_stride == 1) {
    for (int64_t p = 0; p < depth; ++p) {
      const float* row = b.data + p * b.row_stride;
      float* target = panel + p * kTileColumns;
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

/** Copies a [rows, depth], whose columns are contiguous, to tiles of kTileRows x depth. */
CMIR_TARGET_AVX512 void pack_a(const Matrix<float>& a, int64_t rows, int64_t depth, float* tiles) {
  for (int64_t i = 0; i < rows; i += kTileRows) {
    const int64_t height = std::min(kTileRows, rows - i);
    for (int64_t p = 0; p < depth; ++p) {
      const float* column = a.data + p * a.column_stride + i;
      float* target = tiles + i * depth + p * kTileRows;
      if (height == kTileRows) {
        for (int64_t r = 0; r < kTileRows; ++r) target[r] = column[r];
      } else {
        for (int64_t r = 0; r < height; ++r) target[r] = column[r];
      }
    }
  }
}

/** One thread's part: all of A's rows against the columns of B from `first` to `end`. */
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
  static thread_local Scratch scratch;
  const bool packs = a.column_stride != 1;
  const int64_t block_rows = packs ? kBlockRows : m;
  for (int64_t p = 0; p < k; p += kDepth) {
    const int64_t depth = std::min(kDepth, k - p);
    const bool adds = addend.out || p > 0;
    for (int64_t top = 0; top < m; top += block_rows) {
      const int64_t rows = std::min(block_rows, m - top);
      const float* left = a.data + top * a.row_stride + p * a.column_stride;
      int64_t row_stride = a.row_stride, depth_stride = a.column_stride;
      if (packs) {
        pack_a({left, a.row_stride, a.column_stride}, rows, depth, scratch.a);
        left = scratch.a;
        row_stride = 1;
        depth_stride = kTileRows;
      }
      for (int64_t j = first; j < end; j += kTileColumns) {
        const int64_t columns = std::min(kTileColumns, end - j);
        const float* right = b.data + p * b.row_stride + j * b.column_stride;
        pack_b({right, b.row_stride, b.column_stride}, depth, columns, scratch.b);
        const float* start = nullptr;
        if (p == 0 && addend.row != nullptr) {
          std::copy_n(addend.row + j, columns, scratch.start);
          start = scratch.start;
        }
        for (int64_t i = 0; i < rows; i += kTileRows) {
          const float* tile_a = left + i * (packs ? depth : row_stride);
          float* tile_c = out + (top + i) * out_stride + j;
          const int64_t height = std::min(kTileRows, rows - i);
          if (height < kTileRows) {
            edge_tile<kTileRows - 1>(
                height,
                depth,
                tile_a,
                row_stride,
                depth_stride,
                scratch.b,
                start,
                tile_c,
                out_stride,
                columns,
                adds
            );
          } else if (packs) {
            tile<kTileRows>(
                depth, tile_a, 1, kTileRows, scratch.b, start, tile_c, out_stride, columns, adds
            );
          } else {
            tile<kTileRows>(
                depth, tile_a, row_stride, 1, scratch.b, start, tile_c, out_stride, columns, adds
            );
          }
        }
      }
    }
  }
}

void own_gemm(
    int64_t m,
    int64_t n,
    int64_t k,
    const Matrix<float>& a,
    const Matrix<float>& b,
    float* out,
    int64_t out_stride,
    const Addend<float>& addend
) {
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
      block(
          bottom - top,
          first,
          last,
          k,
          {a.data + top * a.row_stride, a.row_stride, a.column_stride},
          b,
          out + top * out_stride,
          out_stride,
          addend
      );
    }
  });
}

#endif

}  // namespace

bool has_own_gemm() {
#if CMIR_X86_VECTORS
  // LibTorch's MKL is at its peak on Intel's processors, but leaves half of AVX-512 unused on
  // others. The choice hangs on the processor alone, so that a run repeats itself bit by bit.
  static const bool own = vector_set() == VectorSet::avx512 && !__builtin_cpu_is("intel");
  return own;
#else
  return false;
#endif
}

void gemm(
    int64_t m,
    int64_t n,
    int64_t k,
    const Matrix<float>& a,
    const Matrix<float>& b,
    float* out,
    int64_t out_stride,
    const Addend<float>& addend
) {
  if (m == 0 || n == 0) return;
#if CMIR_X86_VECTORS
  if (has_own_gemm() && k > 0) return own_gemm(m, n, k, a, b, out, out_stride, addend);
#endif
  library_gemm(m, n, k, a, b, out, out_stride, addend);
}

void gemm(
    int64_t m,
    int64_t n,
    int64_t k,
    const Matrix<double>& a,
    const Matrix<double>& b,
    double* out,
    int64_t out_stride,
    const Addend<double>& addend
) {
  if (m == 0 || n == 0) return;
  library_gemm(m, n, k, a, b, out, out_stride, addend);
}

}  // namespace cmir
