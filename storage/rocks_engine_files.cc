// See rocks_engine_files.h.
#include "storage/rocks_engine_files.h"

#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/write_batch.h>

#include <memory>

#include "proto/contract/error.h"

namespace tripoint::storage {
namespace {

std::string_view View(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// Stops at the first of the keys that are looked for.
class Finder final : public rocksdb::WriteBatch::Handler {
 public:
  Finder(std::string_view lower, std::string_view upper) : lower_(lower), upper_(upper) {}

  rocksdb::Status PutCF(std::uint32_t /*family*/, const rocksdb::Slice& key,
                        const rocksdb::Slice& /*value*/) override {
    found_ = found_ || (View(key) >= lower_ && View(key) < upper_);
    return rocksdb::Status::OK();
  }
  rocksdb::Status DeleteCF(std::uint32_t /*family*/, const rocksdb::Slice& /*key*/) override {
    return rocksdb::Status::OK();
  }
  bool Continue() override { return !found_; }
  bool found() const { return found_; }

 private:
  const std::string_view lower_;
  const std::string_view upper_;
  bool found_ = false;
};

absl::Status NotWhole(const rocksdb::Status& status) {
  return contract::Error(absl::StatusCode::kDataLoss, contract::Reason::kCorrupt,
                         "A table that was put aside is not whole.", status.ToString(),
                         "Keep the data folder as it is.");
}

}  // namespace

bool BatchHolds(std::string_view batch, std::string_view lower, std::string_view upper) {
  const rocksdb::WriteBatch read{std::string(batch)};
  Finder finder(lower, upper);
  const rocksdb::Status status = read.Iterate(&finder);
  status.PermitUncheckedError();
  return finder.found();
}

absl::StatusOr<bool> TableHolds(const std::string& path, std::string_view lower,
                                std::string_view upper) {
  rocksdb::SstFileReader reader{rocksdb::Options()};
  rocksdb::Status status = reader.Open(path);
  if (!status.ok()) return NotWhole(status);
  const std::unique_ptr<rocksdb::Iterator> iterator(reader.NewIterator(rocksdb::ReadOptions()));
  iterator->Seek(rocksdb::Slice(lower.data(), lower.size()));
  if (!iterator->status().ok()) return NotWhole(iterator->status());
  return iterator->Valid() && View(iterator->key()) < upper;
}

}  // namespace tripoint::storage
