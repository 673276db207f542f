#pragma once

#include <functional>
#include <memory>

namespace cmir {

/** Work on the current CUDA stream, recorded once and run as often as wanted by one call. */
class Graph {
 public:
  Graph();
  ~Graph();

  /** Records what `work` queues; nothing runs yet. Memory that it uses must stay where it is. */
  void capture(const std::function<void()>& work);

  /** Queues it on the stream it was captured on, which must be the current one. */
  void replay();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cmir
