#include "data/mapped_file.h"

#include <ATen/ATen.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <limits>
#include <system_error>
#include <utility>

namespace cmir {
namespace {

static_assert(std::endian::native == std::endian::little, "files hold little-endian values");

/** The operating system's words for what went wrong last. */
std::string reason() { return std::generic_category().message(errno); }

/** Opens to read. A named pipe would keep us waiting, but for O_NONBLOCK. */
int open_file(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  TORCH_CHECK_VALUE(descriptor >= 0, path, ": ", reason());
  return descriptor;
}

}  // namespace

MappedFile::Descriptor::~Descriptor() { close(number); }

MappedFile::MappedFile(std::string path, int64_t offset, int64_t bytes)
    : path_(std::move(path)), end_(offset + bytes), descriptor_{open_file(path_)} {
  check();
  if (bytes == 0) return;
  // A mapping begins with a page.
  const int64_t lead = offset % sysconf(_SC_PAGESIZE);
  length_ = static_cast<size_t>(lead + bytes);
  mapping_ = mmap(nullptr, length_, PROT_READ, MAP_SHARED, descriptor_.number, offset - lead);
  TORCH_CHECK_VALUE(mapping_ != MAP_FAILED, path_, ": cannot be mapped: ", reason());
  data_ = static_cast<const char*>(mapping_) + lead;
  // What is next to the values that were asked for is not read with them: will_need() knows better.
  madvise(mapping_, length_, MADV_RANDOM);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(mapping_, length_);
}

void MappedFile::check() const {
  struct stat status{};
  TORCH_CHECK_VALUE(fstat(descriptor_.number, &status) == 0, path_, ": ", reason());
  TORCH_CHECK_VALUE(S_ISREG(status.st_mode), path_, ": expected a file");
  TORCH_CHECK_VALUE(
      status.st_size >= end_,
      path_,
      ": expected at least ",
      end_,
      " bytes, found ",
      status.st_size,
      "; was it cut short?"
  );
}

void MappedFile::will_need(const void* begin, int64_t bytes) const {
  // Linux looks at no more than about this much of one request.
  constexpr int64_t kRequest = 128 * 1024;
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto first = reinterpret_cast<uintptr_t>(begin) / page * page,
             end = reinterpret_cast<uintptr_t>(begin) + static_cast<uintptr_t>(bytes);
  for (uintptr_t at = first; at < end; at += kRequest) {
    madvise(reinterpret_cast<void*>(at), std::min<size_t>(kRequest, end - at), MADV_WILLNEED);
  }
}

void MappedFile::release() const {
  if (data_ != nullptr) madvise(mapping_, length_, MADV_DONTNEED);
}

MappedFloats map_floats(const std::string& path, int64_t offset, int64_t rows, int64_t columns) {
  constexpr int64_t kSize = sizeof(float);
  TORCH_CHECK_VALUE(
      offset >= 0 && offset % kSize == 0,
      path,
      ": expected values from a byte on that is a multiple of 4, found ",
      offset
  );
  TORCH_CHECK_VALUE(
      rows >= 0 && columns >= 1 &&
          rows <= (std::numeric_limits<int64_t>::max() - offset) / kSize / columns,
      path,
      ": expected a number of rows that a file can hold, found ",
      rows
  );
  const int64_t bytes = rows * columns * kSize;
  auto file = std::make_shared<const MappedFile>(path, offset, bytes);
  // LibTorch has no tensors that are only read; to write to this one would end the process.
  auto* values = const_cast<void*>(file->data());
  const at::Tensor tensor =
      bytes == 0 ? at::empty({rows, columns}, at::kFloat)
                 : at::from_blob(values, {rows, columns}, [file](void*) {}, at::kFloat);
  return {std::move(file), tensor};
}

}  // namespace cmir
