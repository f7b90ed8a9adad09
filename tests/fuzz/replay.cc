// Runs a target without libFuzzer: its seeds, its corpus, and so many variations of them.
//
//   reference_fuzz [--rounds N] [--seed N] [--write FOLDER] FILE_OR_FOLDER...
//
// Variations are made from `--seed` alone, so a failure repeats. An input that ends the process
// stays in <program>.last.
#include <fcntl.h>
#include <google/protobuf/stubs/logging.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "tests/fuzz/fuzz.h"

namespace tripoint::fuzz {
namespace {

constexpr std::size_t kInputBytesMax = 64 * 1024;
constexpr int kChangesMax = 8;

struct Options {
  std::uint64_t rounds = 20'000;
  std::uint64_t seed = 1;
  std::string write_to;
  std::vector<std::filesystem::path> inputs;
};

int Usage() {
  std::fputs("usage: NAME [--rounds N] [--seed N] [--write FOLDER] FILE_OR_FOLDER...\n", stderr);
  return 2;
}

bool ReadNumber(std::string_view text, std::uint64_t& number) {
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  return fault == std::errc() && end == text.data() + text.size();
}

bool ReadOptions(const std::vector<std::string>& words, Options& options) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!words[i].starts_with("--")) {
      options.inputs.emplace_back(words[i]);
      continue;
    }
    if (i + 1 == words.size()) return false;
    const std::string& value = words[++i];
    if (words[i - 1] == "--write") {
      options.write_to = value;
    } else if (!(words[i - 1] == "--rounds" && ReadNumber(value, options.rounds)) &&
               !(words[i - 1] == "--seed" && ReadNumber(value, options.seed))) {
      return false;
    }
  }
  return true;
}

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

std::vector<std::string> ReadCorpus(const std::vector<std::filesystem::path>& inputs) {
  std::vector<std::string> corpus = Seeds();
  for (const std::filesystem::path& input : inputs) {
    if (!std::filesystem::is_directory(input)) {
      corpus.push_back(ReadFile(input));
      continue;
    }
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(input)) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());  // the same order everywhere
    for (const std::filesystem::path& file : files) corpus.push_back(ReadFile(file));
  }
  return corpus;
}

// One change of the kinds that break parsers.
void Change(std::string& input, const std::string& other, std::mt19937_64& random) {
  constexpr std::uint8_t kBytes[] = {0, 1, 0x7f, 0x80, 0xff, '"', ',', '\n', '-', '{'};
  const std::size_t at = input.empty() ? 0 : random() % input.size();
  const std::size_t size = 1 + random() % 16;
  switch (random() % 7) {
    case 0:
      if (!input.empty()) input[at] = static_cast<char>(input[at] ^ (1 << (random() % 8)));
      break;
    case 1:
      if (!input.empty()) input[at] = static_cast<char>(kBytes[random() % std::size(kBytes)]);
      break;
    case 2:
      input.insert(at, size, static_cast<char>(random()));
      break;
    case 3:
      input.erase(at, size);
      break;
    case 4:
      input.insert(at, input.substr(at, size * 4));
      break;
    case 5:
      input.resize(at);
      break;
    default:
      if (!other.empty()) input.insert(at, other.substr(random() % other.size(), size * 8));
      break;
  }
  if (input.size() > kInputBytesMax) input.resize(kInputBytesMax);
}

// The file of the input that is being taken: what ended the process stays in it.
class Last {
 public:
  explicit Last(std::filesystem::path path)
      : path_(std::move(path)),
        descriptor_(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {}
  ~Last() { ::close(descriptor_); }
  void Take(const std::string& input) const {
    if (::pwrite(descriptor_, input.data(), input.size(), 0) !=
            static_cast<ssize_t>(input.size()) ||
        ::ftruncate(descriptor_, static_cast<off_t>(input.size())) != 0) {
      std::perror(path_.c_str());
      std::exit(1);
    }
    TakeInput(input);
  }
  void Remove() const { std::filesystem::remove(path_); }

 private:
  const std::filesystem::path path_;
  const int descriptor_;
};

void WriteSeeds(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  int number = 0;
  for (const std::string& seed : Seeds()) {
    std::ofstream(folder / ("seed-" + std::to_string(number++)), std::ios::binary) << seed;
  }
}

}  // namespace

int Replay(const std::filesystem::path& program, const std::vector<std::string>& words) {
  google::protobuf::SetLogHandler(nullptr);  // it would tell of every text that is none
  Options options;
  if (!ReadOptions(words, options)) return Usage();
  if (!options.write_to.empty()) {
    WriteSeeds(options.write_to);
    return 0;
  }
  const std::vector<std::string> corpus = ReadCorpus(options.inputs);
  const Last last(program.string() + ".last");
  for (const std::string& input : corpus) last.Take(input);
  std::mt19937_64 random(options.seed);
  for (std::uint64_t round = 0; round < options.rounds; ++round) {
    std::string input = corpus[random() % corpus.size()];
    for (std::uint64_t changes = 1 + random() % kChangesMax; changes > 0; --changes) {
      Change(input, corpus[random() % corpus.size()], random);
    }
    last.Take(input);
  }
  last.Remove();
  std::printf("%s: %zu inputs, %llu variations\n", program.filename().c_str(), corpus.size(),
              static_cast<unsigned long long>(options.rounds));
  return 0;
}

}  // namespace tripoint::fuzz

int main(int argc, char** argv) {
  return tripoint::fuzz::Replay(argv[0], std::vector<std::string>(argv + 1, argv + argc));
}
