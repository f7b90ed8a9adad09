// Knows of most keys that were never stored that they were not, without a read.
//
// The committer looks up every request id, external id and name of a received notice before it
// stores it, and nearly always finds nothing: two such reads were half of what an import's step
// cost, since each asks the filter of every table. One filter over all of them asks memory once.
//
// A Bloom filter of a fixed size in blocks of 64 bytes; it never forgets, so it is made anew
// with each process. With 4 million keys one read in thirty is made for nothing, with 20 million
// two in three. Add and CertainlyAbsent: the committer's step; Learn: any thread beside them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "storage/engine.h"

namespace tripoint::storage {

class AbsenceFilter {
 public:
  AbsenceFilter();

  // Whether `key` is of a kind that is kept here.
  static bool Covers(std::string_view key);

  // Every covered key, before it is stored.
  void Add(std::string_view key);
  // False also where it is not known: before everything was learned, and for a few by chance.
  bool CertainlyAbsent(std::string_view key) const;

  // Takes up covered keys that were stored before this was made, at most `keys_max` of them: call
  // it until learned(). One caller at a time. Errors: those of a read; nothing more can be learned
  // then, and everything is looked up.
  absl::Status Learn(const Engine& engine, std::size_t keys_max);
  bool learned() const { return learned_.load(std::memory_order_acquire); }

 private:
  struct Free {
    void operator()(std::uint64_t* words) const;
  };
  std::uint64_t* BlockOf(std::uint64_t hash) const;

  // Taken by calloc: pages that nobody wrote to take no memory.
  const std::unique_ptr<std::uint64_t[], Free> words_;
  std::string next_;  // where Learn goes on
  std::atomic<bool> learned_{false};
};

}  // namespace tripoint::storage
