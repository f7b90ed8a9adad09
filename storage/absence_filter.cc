// See absence_filter.h.
#include "storage/absence_filter.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <new>

#include "storage/keys.h"

namespace tripoint::storage {
namespace {

constexpr std::size_t kBytes = 4u << 20;
constexpr std::size_t kBlockWords = 8;
constexpr std::size_t kBlocks = kBytes / sizeof(std::uint64_t) / kBlockWords;
constexpr int kBitsOfAKey = 4;
constexpr int kBitsOfAPlace = 9;  // 512 places in a block
constexpr int kBitsOfTheBlock = 64 - kBitsOfAKey * kBitsOfAPlace;
static_assert(kBlocks <= std::size_t{1} << kBitsOfTheBlock, "every block is reached");

constexpr std::array<Space, 3> kCovered = {Space::kRequest, Space::kIncidentExternal,
                                           Space::kReference};
static_assert(std::is_sorted(kCovered.begin(), kCovered.end()), "Learn goes through them in order");

std::uint64_t HashOf(std::string_view key) { return std::hash<std::string_view>{}(key); }

std::uint64_t* MakeWords() {
  void* const words = std::calloc(kBlocks * kBlockWords, sizeof(std::uint64_t));
  if (words == nullptr) throw std::bad_alloc();
  return static_cast<std::uint64_t*>(words);
}

// Calls `visit(word, bit)` for the places of a key until one gives false.
template <typename Visit>
bool AllPlaces(std::uint64_t* block, std::uint64_t hash, const Visit& visit) {
  for (int i = 0; i < kBitsOfAKey; ++i) {
    const std::uint64_t place = hash & ((1u << kBitsOfAPlace) - 1);
    if (!visit(std::atomic_ref(block[place / 64]), std::uint64_t{1} << (place % 64))) return false;
    hash >>= kBitsOfAPlace;
  }
  return true;
}

}  // namespace

void AbsenceFilter::Free::operator()(std::uint64_t* words) const { std::free(words); }

AbsenceFilter::AbsenceFilter() : words_(MakeWords()) {}

bool AbsenceFilter::Covers(std::string_view key) {
  if (key.empty()) return false;
  const auto space = static_cast<Space>(static_cast<std::uint8_t>(key.front()));
  return std::find(kCovered.begin(), kCovered.end(), space) != kCovered.end();
}

std::uint64_t* AbsenceFilter::BlockOf(std::uint64_t hash) const {
  return words_.get() + (hash >> (kBitsOfAKey * kBitsOfAPlace)) % kBlocks * kBlockWords;
}

void AbsenceFilter::Add(std::string_view key) {
  const std::uint64_t hash = HashOf(key);
  AllPlaces(BlockOf(hash), hash, [](std::atomic_ref<std::uint64_t> word, std::uint64_t bit) {
    word.fetch_or(bit, std::memory_order_relaxed);
    return true;
  });
}

bool AbsenceFilter::CertainlyAbsent(std::string_view key) const {
  if (!learned()) return false;
  const std::uint64_t hash = HashOf(key);
  return !AllPlaces(BlockOf(hash), hash,
                    [](std::atomic_ref<std::uint64_t> word, std::uint64_t bit) {
                      return (word.load(std::memory_order_relaxed) & bit) != 0;
                    });
}

absl::Status AbsenceFilter::Learn(const Engine& engine, std::size_t keys_max) {
  if (learned()) return absl::OkStatus();
  const std::unique_ptr<Snapshot> snapshot = engine.TakeSnapshot();
  for (const Space space : kCovered) {
    const std::string first = Key(space).ToString();
    const std::string end = PrefixEnd(first);
    if (next_ >= end) continue;
    const auto cursor = snapshot->NewScan(std::max(next_, first), end);
    for (; cursor->Valid(); cursor->Next()) {
      if (keys_max-- == 0) {
        next_ = std::string(cursor->key());
        return absl::OkStatus();
      }
      Add(cursor->key());
    }
    if (const absl::Status status = cursor->status(); !status.ok()) return status;
    next_ = end;
  }
  learned_.store(true, std::memory_order_release);
  return absl::OkStatus();
}

}  // namespace tripoint::storage
