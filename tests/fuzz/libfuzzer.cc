// The entry of libFuzzer. See fuzz.h. `-seed_inputs` are the files that `NAME_replay --write` made.
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tripoint::fuzz::TakeInput({reinterpret_cast<const char*>(data), size});
  return 0;
}
