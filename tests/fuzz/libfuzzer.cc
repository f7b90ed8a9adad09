// The entry of libFuzzer. See fuzz.h. The seeds: `NAME_fuzz --write FOLDER` of another preset.
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tripoint::fuzz::TakeInput({reinterpret_cast<const char*>(data), size});
  return 0;
}
