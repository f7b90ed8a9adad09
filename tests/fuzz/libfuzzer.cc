// The entry of libFuzzer. See fuzz.h.
#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/shared_memory.h"

// Where a block was allocated is asked of a finding, once; asking it of every block was a quarter
// of a run. Again with ASAN_OPTIONS=malloc_context_size=30. What is given back is kept from use for
// 16 MiB, more than an input takes.
extern "C" const char* __asan_default_options() {
  return "malloc_context_size=1:quarantine_size_mb=16";
}

// A run over folders gets Seeds() of this very process as one folder more: some hold keys that
// every process makes anew. A run over files, which is how a finding is repeated, gets nothing.
extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  google::protobuf::SetLogHandler(nullptr);  // it would tell of every text that is none
  static std::vector<char*> words(*argv, *argv + *argc);
  if (std::none_of(words.begin() + 1, words.end(),
                   [](const char* word) { return std::filesystem::is_directory(word); })) {
    return 0;
  }
  static const tripoint::fuzz::MemoryFolder kSeeds;
  static std::string seeds = kSeeds.path();
  int number = 0;
  for (const std::string& seed : tripoint::fuzz::Seeds())
    tripoint::fuzz::MemoryFolder::Write(kSeeds / std::to_string(number++), seed);
  words.push_back(seeds.data());
  *argc = static_cast<int>(words.size());
  words.push_back(nullptr);
  *argv = words.data();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tripoint::fuzz::TakeInput({reinterpret_cast<const char*>(data), size});
  return 0;
}
