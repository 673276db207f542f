#pragma once

#include <ATen/ATen.h>

namespace cmir {

/** While it lives, `weights` hold the values of `others`; nothing happens where those are
 * undefined.
 */
class Exchange {
 public:
  Exchange(const at::Tensor& weights, const at::Tensor& others) : weights_(weights) {
    if (!others.defined()) return;
    kept_ = weights_.clone();
    weights_.copy_(others);
  }
  ~Exchange() {
    if (!kept_.defined()) return;
    try {
      weights_.copy_(kept_);
    } catch (...) {  // a device that fails here fails at its next use, where it is told
    }
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

 private:
  const at::Tensor weights_;
  at::Tensor kept_;
};

}  // namespace cmir
