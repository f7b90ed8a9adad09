// Bare RocksDB with group commit: what a node's store costs at the least. Part of bare_node
// (README.md).
//
// Same engine, sync and options as storage/rocks_engine.cc, without the memtable's filter and the
// order of keys; the same number of keys and about the
// same bytes a record as the node writes (kCreateIncident and the others below), but nothing that
// decides, indexes or proves anything. Thread-safe.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tripoint::bench {

// The keys of one record. Beside them each batch has two: the journal's head and a counter.
struct Shape {
  int bodies = 0;   // keys that hold the whole record
  int indexes = 0;  // 25 bytes, no value
  int deletes = 0;  // of index keys
  int others = 0;   // 26 bytes, value of 90: request, journal entry, channel entry and such
};

// Counted on 2026-11-22 in storage/incident_store.cc, notice_store.cc, channel_store.cc and
// server/operations. incident: record; state, category, severity, gate; request, journal entry.
inline constexpr Shape kCreateIncident{1, 4, 0, 2};
// The same in a batch, with the external id of each instead of its journal entry.
inline constexpr Shape kImportIncident{1, 4, 0, 2};
// draft: record; state, kind, urgency; request, journal entry.
inline constexpr Shape kCreateNotice{1, 3, 0, 2};
// share: envelope, new version, kept version; its three index keys move and the recipient's comes;
// request, journal entry. (A sixteenth of a block of channel entries is left out.)
inline constexpr Shape kShareNotice{3, 4, 3, 2};
// share in one step, in a batch: envelope, notice; state, kind, urgency, unit; request.
inline constexpr Shape kShareAtOnce{2, 4, 0, 1};
// received: envelope; state, kind, urgency, unit; received record, reference. (Journal and
// channel: one a batch.)
inline constexpr Shape kReceiveNotice{1, 4, 0, 2};

struct Write {
  Shape shape;
  std::vector<std::string> bodies;  // one a record
  bool to_log = false;              // also appended to the log that is sent to the peer
  std::uint64_t replaces = 0;       // record whose place the last body takes; 0: none
  // On the thread that committed. `first`: number of the first record.
  std::function<void(bool ok, std::uint64_t first)> done;
};

class BareStore {
 public:
  enum class Writer {
    kThread,  // one writer thread takes what waits, up to 512, and syncs once
    kCaller,  // each calling thread writes; RocksDB groups what meets
  };

  BareStore(const std::string& folder, Writer writer);
  ~BareStore();

  void Put(Write write);
  // The record with this number, as Put stored it; empty when there is none.
  std::string Body(std::uint64_t number) const;

  // The log: bodies of writes with `to_log`, in order, from 0.
  std::uint64_t log_size() const;
  // Waits until the log is longer than `size`, at most `timeout_ms`. Returns its size.
  std::uint64_t WaitForLog(std::uint64_t size, int timeout_ms) const;
  std::vector<std::string> ReadLog(std::uint64_t first, std::size_t count_max,
                                   std::size_t bytes_max) const;
  void Stop();

 private:
  void Loop();
  void Add(const Write& write, std::uint64_t first, std::uint64_t position,
           rocksdb::WriteBatch& batch) const;
  bool Commit(rocksdb::WriteBatch& batch);

  const Writer writer_;
  std::unique_ptr<rocksdb::DB> db_;

  mutable std::mutex mutex_;
  std::condition_variable work_;
  mutable std::condition_variable log_grew_;
  std::deque<Write> queue_;
  std::uint64_t next_number_ = 1;
  std::uint64_t log_size_ = 0;  // durable; next position in the writer is ahead of it
  std::uint64_t next_position_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace tripoint::bench
