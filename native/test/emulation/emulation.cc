#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "base/stream.h"
#include "test/emulation/cuda_runtime.h"
#include "training/graph.h"

dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace cmir {

CudaStream current_stream() { return nullptr; }
std::shared_ptr<const c10::Stream> lease_stream(c10::Device) { return nullptr; }

// What a graph would record is done again instead.
struct Graph::State {
  std::function<void()> work;
};
Graph::Graph() : state_(std::make_unique<State>()) {}
Graph::~Graph() = default;
void Graph::capture(const std::function<void()>& work) { state_->work = work; }
void Graph::replay() { state_->work(); }

namespace emulation {

namespace {

constexpr size_t kWarp = 32, kStack = 64 * 1024;

enum class State { ready, at_barrier, in_warp, done };

/** A coroutine that runs one thread of the block after another. */
struct Fiber {
  std::unique_ptr<char[]> stack;
  jmp_buf place;  // where it waits, once it has begun
  bool begun = false;
  State state = State::done;
  dim3 thread;
  alignas(16) char given[16];
};

struct Block {
  std::vector<std::unique_ptr<Fiber>> fibers;
  size_t size = 0, running = 0;
  jmp_buf scheduler;
  const std::function<void()>* body = nullptr;

  // setcontext asks the kernel for the signal mask; jumps between the stacks it made do not.
  void wait(State state) {
    Fiber& fiber = *fibers[running];
    fiber.state = state;
    if (_setjmp(fiber.place) == 0) _longjmp(scheduler, 1);
  }
};
Block the_block;

void enter() {
  for (;;) {
    (*the_block.body)();
    the_block.wait(State::done);
  }
}

/** Runs a fiber until it waits. */
void go_on(Fiber& fiber) {
  if (_setjmp(the_block.scheduler) != 0) return;
  if (fiber.begun) _longjmp(fiber.place, 1);
  fiber.begun = true;
  ucontext_t context;
  getcontext(&context);
  context.uc_stack.ss_sp = fiber.stack.get();
  context.uc_stack.ss_size = kStack;
  context.uc_link = nullptr;
  makecontext(&context, enter, 0);
  setcontext(&context);
}

/** Lets all of [first, end) go on if all of them wait in `state`. */
bool release(size_t first, size_t end, State state) {
  for (size_t i = first; i < end; ++i) {
    if (the_block.fibers[i]->state != state) return false;
  }
  for (size_t i = first; i < end; ++i) the_block.fibers[i]->state = State::ready;
  return true;
}

void run_block() {
  Block& block = the_block;
  for (size_t i = 0; i < block.size; ++i) block.fibers[i]->state = State::ready;
  for (size_t done = 0; done < block.size;) {
    bool moved = false;
    done = 0;
    for (size_t i = 0; i < block.size; ++i) {
      Fiber& fiber = *block.fibers[i];
      if (fiber.state == State::ready) {
        block.running = i;
        threadIdx = fiber.thread;
        go_on(fiber);
        moved = true;
      }
      done += fiber.state == State::done ? 1 : 0;
    }
    for (size_t first = 0; first < block.size; first += kWarp) {
      moved = release(first, std::min(block.size, first + kWarp), State::in_warp) || moved;
    }
    moved = release(0, block.size, State::at_barrier) || moved;
    if (!moved && done < block.size) {
      std::fputs("emulation: some threads wait where others do not come\n", stderr);
      std::abort();
    }
  }
}

}  // namespace

void block_barrier() { the_block.wait(State::at_barrier); }

void exchange(const void* mine, void* other, size_t size, int mask) {
  Block& block = the_block;
  const size_t self = block.running;
  std::memcpy(block.fibers[self]->given, mine, size);
  block.wait(State::in_warp);
  std::memcpy(other, block.fibers[self ^ static_cast<size_t>(mask)]->given, size);
  block.wait(State::in_warp);  // all have read before one gives again
}

void run(dim3 grid, dim3 block, const std::function<void()>& body) {
  blockDim = block;
  gridDim = grid;
  the_block.body = &body;
  the_block.size = block.x * block.y * block.z;
  while (the_block.fibers.size() < the_block.size) {
    auto fiber = std::make_unique<Fiber>();
    fiber->stack = std::make_unique<char[]>(kStack);
    the_block.fibers.push_back(std::move(fiber));
  }
  for (unsigned z = 0; z < grid.z; ++z) {
    for (unsigned y = 0; y < grid.y; ++y) {
      for (unsigned x = 0; x < grid.x; ++x) {
        blockIdx = {x, y, z};
        size_t i = 0;
        for (unsigned tz = 0; tz < block.z; ++tz) {
          for (unsigned ty = 0; ty < block.y; ++ty) {
            for (unsigned tx = 0; tx < block.x; ++tx) {
              the_block.fibers[i++]->thread = {tx, ty, tz};
            }
          }
        }
        run_block();
      }
    }
  }
}

}  // namespace emulation
}  // namespace cmir
