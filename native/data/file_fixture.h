#pragma once

#include <ATen/ATen.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "data/table.h"

// Files for the tests of data that lies in them.

namespace cmir::test {

/** A file of its own that holds a tensor's values from some byte on; gone with the object. */
class ValueFile {
 public:
  explicit ValueFile(const at::Tensor& values, size_t offset = 0)
      : path_((std::filesystem::temp_directory_path() / "cmir-test-XXXXXX").string()) {
    const int descriptor = mkstemp(path_.data());
    TORCH_CHECK(descriptor >= 0, "cannot make ", path_);
    close(descriptor);
    std::ofstream file(path_, std::ios::binary);
    file << std::string(offset, '\x7f');
    file.write(
        static_cast<const char*>(values.const_data_ptr()),
        static_cast<std::streamsize>(values.nbytes())
    );
    TORCH_CHECK(file.good(), "cannot write ", path_);
  }
  ~ValueFile() { std::filesystem::remove(path_); }
  ValueFile(const ValueFile&) = delete;
  ValueFile& operator=(const ValueFile&) = delete;

  const std::string& path() const { return path_; }

  void resize(size_t bytes) const { std::filesystem::resize_file(path_, bytes); }

 private:
  std::string path_;
};

/** A table of values [rows, columns] that begin with the file. */
inline FeatureTable mapped_table(
    const ValueFile& file, const at::Tensor& values, const at::Tensor& offsets = {}
) {
  const MappedFloats mapped = map_floats(file.path(), 0, values.size(0), values.size(1));
  return {.values = mapped.values, .offsets = offsets, .file = mapped.file};
}

inline at::Tensor integers(std::initializer_list<int64_t> values) {
  return at::tensor(at::ArrayRef<int64_t>(values.begin(), values.size()));
}

}  // namespace cmir::test
