// The head file: any bytes as its two slots, and slots whose sums are right whatever they say.
// See fuzz.h.
#include <optional>

#include "storage/head_file.h"
#include "storage/keys.h"
#include "storage/merkle.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/shared_memory.h"

namespace tripoint::fuzz {
namespace {

constexpr std::size_t kSlotBytes = 512;
constexpr std::size_t kCountedBytes = 3 * 8 + storage::kHashBytes;
constexpr std::size_t kBytesMax = 2 * kSlotBytes + 64;

// Gives each slot that is long enough the sum over what it says.
void Repair(std::string& bytes) {
  for (std::size_t slot = 0; slot + kCountedBytes + storage::kHashBytes <= bytes.size();
       slot += kSlotBytes) {
    const storage::Hash sum = storage::Sha256(std::string_view(bytes).substr(slot, kCountedBytes));
    bytes.replace(slot + kCountedBytes, storage::kHashBytes, storage::HashView(sum));
  }
}

const std::string& Path() {
  static const MemoryFolder kFolder;
  static const std::string kPath = kFolder / "head";
  return kPath;
}

}  // namespace

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  MemoryFolder::Write(Path(), "");
  for (std::uint64_t size : {3, 4, 5}) {
    Require(storage::HeadKeeper(Path())
                .Settle({.epoch = 7, .size = size, .root = storage::Sha256(std::to_string(size))})
                .ok());
    for (const char mode : {'\0', '\1'})
      seeds.push_back(std::string(1, mode) + MemoryFolder::Read(Path()));
  }
  return seeds;
}

// The first byte: whether the sums are made right.
void TakeInput(std::string_view input) {
  Reader reader(input);
  const bool repaired = reader.Byte() % 2 == 1;
  std::string bytes(reader.Bytes(kBytesMax));
  if (repaired) Repair(bytes);
  MemoryFolder::Write(Path(), bytes);
  const std::optional<storage::KeptHead> before = *storage::ReadHeadFile(Path());
  if (before.has_value()) {
    // It stands there, in one of the two.
    const std::string said = storage::U64Bytes(before->epoch) + storage::U64Bytes(before->size) +
                             std::string(storage::HashView(before->root));
    Require(bytes.compare(8, said.size(), said) == 0 ||
            (bytes.size() > kSlotBytes && bytes.compare(kSlotBytes + 8, said.size(), said) == 0));
  }
  // What is written is read, and if that write is torn, what was there before.
  const storage::KeptHead next = {.epoch = 9, .size = 11, .root = storage::Sha256("next")};
  Require(storage::HeadKeeper(Path()).Settle(next).ok());
  Require(*storage::ReadHeadFile(Path()) == next);
  std::string torn = MemoryFolder::Read(Path());
  bytes.resize(kBytesMax);
  for (std::size_t slot = 0; slot <= kSlotBytes; slot += kSlotBytes) {
    const std::size_t size = kCountedBytes + storage::kHashBytes;
    if (torn.size() < slot + size || bytes.compare(slot, size, torn, slot, size) == 0) continue;
    torn[slot + kCountedBytes - 1] = static_cast<char>(torn[slot + kCountedBytes - 1] ^ 1);
  }
  MemoryFolder::Write(Path(), torn);
  Require(*storage::ReadHeadFile(Path()) == before);
}

}  // namespace tripoint::fuzz
