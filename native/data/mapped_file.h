#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>

namespace cmir {

/**
 * Part of a file, mapped to be read. The pages that are read count as memory of the process until
 * they are released; the operating system keeps them cached as it sees fit.
 */
class MappedFile {
 public:
  /** Throws c10::Error that names the file: missing, unreadable, or shorter than the part. */
  MappedFile(std::string path, int64_t offset, int64_t bytes);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::string& path() const { return path_; }
  /** Where the part begins. */
  const void* data() const { return data_; }

  /** Throws where the file has become shorter than the part: to read what is gone would end the
   * process. */
  void check() const;

  /** Asks for so many bytes at `begin` to be read soon, without waiting. */
  void will_need(const void* begin, int64_t bytes) const;

  /** Gives all pages back; what is read again is mapped again. */
  void release() const;

 private:
  struct Descriptor {
    int number;
    ~Descriptor();
  };

  std::string path_;
  int64_t end_;  // of the part, in the file
  Descriptor descriptor_;
  void* mapping_ = nullptr;
  size_t length_ = 0;  // of the mapping, which begins with a page
  const void* data_ = nullptr;
};

/**
 * float32 [rows, columns], little-endian, that lie in a file from `offset` on, as a tensor which
 * must not outlive the file. Throws c10::Error that names the file, also where `offset` is no
 * multiple of 4, or where the file ends before the values do.
 */
struct MappedFloats {
  std::shared_ptr<const MappedFile> file;
  at::Tensor values;
};
MappedFloats map_floats(const std::string& path, int64_t offset, int64_t rows, int64_t columns);

}  // namespace cmir
