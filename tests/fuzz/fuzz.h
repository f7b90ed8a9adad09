// What every target of this room is made of. Used by the *_target.cc files and replay.cc.
//
// A target is one file with both functions. It is linked to libFuzzer (preset `fuzz`), or to
// replay.cc, which needs no special compiler. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace tripoint::fuzz {

// Inputs from which to begin: real ones, made by our own code, so that they never age. The corpus
// folder of the target has what was found since.
std::vector<std::string> Seeds();

// Takes any bytes. A broken invariant ends the process.
void TakeInput(std::string_view input);

// An invariant of the target.
inline void Require(bool holds) {
  if (!holds) std::abort();
}

// Reads an input front to back; past its end everything is zero or empty.
class Reader {
 public:
  explicit Reader(std::string_view input) : rest_(input) {}
  bool done() const { return rest_.empty(); }
  std::uint8_t Byte() {
    if (rest_.empty()) return 0;
    const auto byte = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return byte;
  }
  std::uint16_t Word() {
    const std::uint16_t high = Byte();
    return static_cast<std::uint16_t>(high << 8 | Byte());
  }
  // The next `size` bytes, or as many as there are.
  std::string_view Bytes(std::size_t size) {
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view Rest() { return Bytes(rest_.size()); }

 private:
  std::string_view rest_;
};

}  // namespace tripoint::fuzz
